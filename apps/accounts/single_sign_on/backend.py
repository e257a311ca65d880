"""The door among the others. It asks the provider nothing unless somebody comes from there."""

import logging

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from apps.accounts.models import User

logger = logging.getLogger(__name__)


class SingleSignOn(ModelBackend):
    """Whoever the provider vouches for, under the rules of every log-in: an account that is switched off stays so.

    Sessions are ended and rights are told as for log-ins by password.
    """

    def authenticate(  # type: ignore[override] # other credentials than a password
        self, request: HttpRequest, *, nonce: str, code_verifier: str | None
    ) -> User | None:
        from apps.accounts.single_sign_on.claims import VerifiedClaims  # noqa: PLC0415 - the library, when it is needed
        from apps.accounts.single_sign_on.provider import ProviderFault  # noqa: PLC0415

        try:
            person = VerifiedClaims().person(request, nonce=nonce, code_verifier=code_verifier)
        except ProviderFault as fault:
            logger.warning("Nobody was let in by single sign-on: %s", fault)
            return None
        return person if person is not None and self.user_can_authenticate(person) else None
