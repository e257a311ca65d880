"""What the provider says of itself: its addresses, read from the issuer (OpenID Connect Discovery 1.0)."""

import json
import time
from typing import Any

import requests
from django.conf import settings
from mozilla_django_oidc.utils import import_from_settings
from urllib3.exceptions import HTTPError

from apps.common.exceptions import ApplicationError
from apps.common.operations.slips import slip_in_url

#: Addresses change once in years; a provider that moves is found within the hour.
KEPT_SECONDS = 3600
#: Read as it comes, an answer fails with the errors of urllib3 too; too deep a one is no ValueError.
BROKEN_ANSWERS = (requests.RequestException, HTTPError, ValueError, RecursionError)
#: Many times what any provider says.
MOST_BYTES = 256 * 1024
#: Of the library's settings, those that the provider tells.
TOLD = {
    "OIDC_OP_AUTHORIZATION_ENDPOINT": "authorization_endpoint",
    "OIDC_OP_TOKEN_ENDPOINT": "token_endpoint",
    "OIDC_OP_USER_ENDPOINT": "userinfo_endpoint",
    "OIDC_OP_JWKS_ENDPOINT": "jwks_uri",
}
#: And those that are not for anybody to choose.
FIXED: dict[str, Any] = {
    "OIDC_USE_NONCE": True,
    "OIDC_USE_PKCE": True,
    "OIDC_RP_SCOPES": "openid email profile",
    "OIDC_AUTHENTICATION_CALLBACK_URL": "dashboard:single-sign-on-back",
    "OIDC_TIMEOUT": 10,
}
_kept: dict[str, tuple[float, dict[str, str]]] = {}


class ProviderFault(ApplicationError):
    """The provider does not answer, or not as a provider does."""


def setting(name: str, *default: Any) -> Any:
    """A setting as the library asks for it."""
    if name in TOLD:
        return addresses()[TOLD[name]]
    return FIXED[name] if name in FIXED else import_from_settings(name, *default)


def addresses() -> dict[str, str]:
    """The provider's addresses; asked for once an hour."""
    issuer = settings.OIDC_ISSUER
    read_at, found = _kept.get(issuer, (0.0, {}))
    if not found or time.monotonic() - read_at > KEPT_SECONDS:
        found = _read(issuer)
        _kept[issuer] = time.monotonic(), found
    return found


def _read(issuer: str) -> dict[str, str]:
    place = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    try:
        answer = requests.get(place, timeout=FIXED["OIDC_TIMEOUT"], allow_redirects=False, stream=True)
        answer.raise_for_status()
        said = json.loads(answer.raw.read(MOST_BYTES, decode_content=True))
    except BROKEN_ANSWERS as error:
        raise ProviderFault(f"The provider does not say where it is: {type(error).__name__}.") from error
    # Otherwise another provider could speak for it (section 4.3).
    if not isinstance(said, dict) or said.get("issuer") != issuer:
        raise ProviderFault("The provider names another issuer than OIDC_ISSUER; they are equal to the letter.")
    schemes = ("https",) if issuer.startswith("https:") else ("https", "http")
    for name in TOLD.values():
        if slip := slip_in_url(str(said.get(name, "")), schemes=schemes):
            raise ProviderFault(f"The provider's {name} {slip}.")
    return {name: said[name] for name in TOLD.values()}
