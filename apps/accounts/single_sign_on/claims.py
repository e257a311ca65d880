"""What a provider must have said before somebody is let in. The library leaves issuer and audience to us."""

import json
from typing import Any

import jwt
from django.conf import settings
from django.core.exceptions import SuspiciousOperation, ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, models, transaction
from django.http import HttpRequest
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from apps.accounts.models import LONGEST_NAME, User
from apps.accounts.single_sign_on.provider import BROKEN_ANSWERS, ProviderFault, answer_of, setting
from apps.common.plausible import readable

#: Clocks of two houses differ by this much at most.
LEEWAY_SECONDS = 30
#: What an ID token has (OpenID Connect Core 1.0, section 2), and the nonce that we have asked for.
NEEDED = ["iss", "sub", "aud", "exp", "iat", "nonce"]
#: As the table takes it, and RFC 5321.
LONGEST_ADDRESS = 254
#: Whatever comes from outside and is not of the shape it should have.
_MISSHAPEN = (*BROKEN_ANSWERS, jwt.PyJWTError, KeyError, TypeError, AttributeError)


def _checked(token: str, key: Any, needed: list[str]) -> dict[str, Any]:
    """The claims of a token that this provider signed, for us, and that is of now."""
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=[settings.OIDC_RP_SIGN_ALGO],
        audience=settings.OIDC_RP_CLIENT_ID,
        issuer=settings.OIDC_ISSUER,
        leeway=LEEWAY_SECONDS,
        options={"require": needed},
    )
    return claims


class VerifiedClaims(OIDCAuthenticationBackend):  # type: ignore[misc] # it has no types
    """The library's exchange of a code for a person, with all checks that the standard asks for."""

    get_settings = staticmethod(setting)

    def person(self, request: HttpRequest, *, nonce: str, code_verifier: str | None) -> User | None:
        """Who comes with this code; nobody where the claims do not let anybody in."""
        try:
            found: User | None = self.authenticate(request, nonce=nonce, code_verifier=code_verifier)
        except (SuspiciousOperation, *_MISSHAPEN) as error:
            raise ProviderFault(f"The provider's answer is not good: {type(error).__name__}.") from error
        return found

    # The library's own three questions wait and read without end.
    def get_token(self, payload: dict[str, str]) -> Any:
        """Tokens for the code that this person came with."""
        return json.loads(answer_of(self.OIDC_OP_TOKEN_ENDPOINT, form=payload)[1])

    def retrieve_matching_jwk(self, token: str) -> jwt.PyJWK:
        """The key that the token names, as the provider tells it, or the only one (section 10.1)."""
        said = jwt.get_unverified_header(token)
        keys = [
            key
            for key in json.loads(answer_of(self.OIDC_OP_JWKS_ENDPOINT)[1])["keys"]
            if key.get("use", "sig") == "sig" and key.get("alg", said["alg"]) == said["alg"]
        ]
        named = [key for key in keys if key.get("kid") == said["kid"]][:1] if "kid" in said else keys
        if len(named) == 1:
            return jwt.PyJWK(named[0])
        raise SuspiciousOperation("The provider has no such key.")

    def get_payload_data(self, token: str, key: Any) -> dict[str, Any]:
        """The ID token's claims, if it is signed by this provider, for us, and of now (section 3.1.3.7)."""
        claims = _checked(token, key, NEEDED)
        if claims.get("azp", settings.OIDC_RP_CLIENT_ID) != settings.OIDC_RP_CLIENT_ID:
            raise SuspiciousOperation("The token was made for another client.")
        return claims

    def get_userinfo(self, access_token: str, id_token: str, payload: dict[str, Any]) -> dict[str, Any]:
        """What the provider says of the person, if it is the person of the ID token (section 5.3.2)."""
        kind, body = answer_of(self.OIDC_OP_USER_ENDPOINT, bearer=access_token)
        said: dict[str, Any] = self.verify_token(body.decode()) if kind == "application/jwt" else json.loads(body)
        if said["sub"] != payload["sub"]:
            raise SuspiciousOperation("The provider speaks of somebody else.")
        return said

    def verify_token(self, token: str, **kwargs: Any) -> Any:
        """The ID token's claims; of an answer about the person that is a token itself, which has no nonce, its own."""
        if kwargs:
            return super().verify_token(token, **kwargs)
        # Signed as the ID token is: by this provider, for us (section 5.3.2 asks for both).
        return _checked(token, self.retrieve_matching_jwk(token), ["iss", "sub", "aud"])

    def verify_claims(self, claims: dict[str, Any]) -> bool:
        """Only an address that the provider has seen proven is a name here: accounts are known by it."""
        email = claims.get("email")
        # Some providers write truth as a word.
        if claims.get("email_verified") not in (True, "true") or not isinstance(email, str):
            return False
        try:
            validate_email(email)
        except ValidationError:
            return False
        return len(email) <= LONGEST_ADDRESS

    def filter_users_by_claims(self, claims: dict[str, Any]) -> models.QuerySet[User]:
        return User.objects.with_email(claims["email"])

    def create_user(self, claims: dict[str, Any]) -> User:
        """An account without a password, in no team."""
        name = claims.get("name")
        full_name = readable(name, is_line=True)[:LONGEST_NAME] if isinstance(name, str) else ""
        try:
            with transaction.atomic():
                return User.objects.create_user(claims["email"], full_name=full_name)
        except IntegrityError:
            # Made by the other one of two browser tabs; or only to the database it is an address that is there.
            if (found := User.objects.with_email(claims["email"]).first()) is None:
                raise SuspiciousOperation("Another account has an address that looks like this one.") from None
            return found

    def describe_user_by_claims(self, claims: dict[str, Any]) -> str:
        """For the log, which holds no addresses."""
        return "this address"
