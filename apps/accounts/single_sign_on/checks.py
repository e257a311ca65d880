"""What `./run manage check --deploy` says of single sign-on: whether the provider answers, as itself."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.compatibility, deploy=True)
def the_provider_answers(**_: Any) -> list[CheckMessage]:
    if not settings.OIDC_ISSUER:
        return []
    from apps.accounts.single_sign_on.provider import ProviderFault, addresses  # noqa: PLC0415 - loads the library

    try:
        addresses()
    except ProviderFault as fault:
        return [Error(f"Single sign-on leads nowhere. {fault}", hint="Check OIDC_ISSUER.", id="accounts.E001")]
    return []
