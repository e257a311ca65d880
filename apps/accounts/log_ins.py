"""Log-ins over the API: tokens that end with log-out, with a new password, and when one of them was stolen.

Every token names its log-in. A refresh token is exchanged for the next one and then worthless: whoever sends it again
has a copy, or somebody else has, and the log-in ends for both (RFC 9700, section 4.14.2).
"""

import logging
import time
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token
from rest_framework_simplejwt.utils import get_md5_hash_password

from apps.accounts.models import LogIn, User
from apps.common.lately import Lately

logger = logging.getLogger(__name__)

#: The claim that names the log-in.
CLAIM = "log_in"


class LogInEnded(AuthenticationFailed):
    """Nothing comes in with tokens of this log-in any more."""

    default_detail = "This log-in has ended: log in again."
    default_code = "log_in_ended"


class TokenReused(LogInEnded):
    """A refresh token came twice."""

    default_code = "token_reused"


class _Undated:
    """Without the moment in which it was made: `exp` and the log-in decide, and one that is yet to come is refused.

    Clocks of two machines differ, and one that was ahead is set back.
    """

    def set_iat(self, claim: str = "iat", at_time: datetime | None = None) -> None:
        """Say nothing."""


class _Access(_Undated, AccessToken):
    """What opens a door."""


class _Refresh(_Undated, RefreshToken):  # type: ignore[misc]  # so are the two of the library's own
    """What gives the next two."""

    access_token_class = _Access


@transaction.atomic
def log_in(user: User, *, now: datetime) -> RefreshToken:
    """Open a log-in; its token gives access tokens. Those of the person that nobody can renew any more go."""
    # Its password was looked at a while ago: an account that was switched off meanwhile has no log-ins.
    as_looked_at = User.objects.filter(pk=user.pk, is_active=True, switched_off_at=user.switched_off_at)
    if as_looked_at.select_for_update(no_key=True).first() is None:
        raise LogInEnded("This account was switched off.")
    LogIn.objects.filter(user=user, renewed_at__lt=now - api_settings.REFRESH_TOKEN_LIFETIME).delete()
    token = _Refresh.for_user(user)
    opened = LogIn.objects.create(user=user, current_token=token["jti"], opened_at=now, renewed_at=now)
    token[CLAIM] = str(opened.pk)
    return token


def renew(token: RefreshToken, *, now: datetime) -> RefreshToken:
    """Exchange a refresh token for the next one of its log-in."""
    opened = _log_in_of(token)
    renewed = _Refresh.for_user(opened.user)
    renewed[CLAIM] = str(opened.pk)
    # One of two that come at once wins: the other holds a copy.
    mine = LogIn.objects.filter(pk=opened.pk, current_token=token["jti"])
    # PostgreSQL takes no NUL in a question; no token of ours has one.
    is_ours = "\0" not in str(token["jti"])
    if not (is_ours and mine.update(current_token=renewed["jti"], renewed_at=now)):
        with transaction.atomic():
            opened.delete()
        logger.warning("A refresh token was used twice, its log-in has ended user=%s", opened.user_id)
        raise TokenReused
    return renewed


def log_out(token: Token) -> None:
    """End the log-in of a token."""
    _log_in_of(token).delete()


def log_out_everywhere(user: User) -> None:
    """End all log-ins of a person over the API."""
    LogIn.objects.filter(user=user).delete()


#: Tokens that were looked up within the last seconds, with their persons.
_LATELY: Lately[User, Token] = Lately(LogIn, User)


class LogInAuthentication(JWTAuthentication):
    """Access tokens, as long as their log-in lasts. One query, and none for some seconds after it."""

    def authenticate(self, request: Request) -> tuple[Any, Token] | None:
        header = self.get_header(request)
        text = None if header is None else self.get_raw_token(header)
        if text is None:
            return None
        known = _LATELY.get(text)
        if known is None or known[1]["exp"] <= time.time():
            since = _LATELY.n_forgotten
            token = self.get_validated_token(text)
            known = self.get_user(token), token
            _LATELY.put(text, *known, since=since)
        return known

    def get_validated_token(self, raw_token: bytes) -> Token:
        """A token that is ours; claims of a shape that none of ours has are no reason to fail."""
        try:
            return super().get_validated_token(raw_token)
        except (TypeError, ValueError, OverflowError, OSError) as error:
            raise InvalidToken({"detail": "The claims of this token are not ours.", "messages": []}) from error

    def get_user(self, validated_token: Token) -> Any:
        return _log_in_of(validated_token).user


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document describes it."""

    target_class = "apps.accounts.log_ins.LogInAuthentication"
    name = "jwtAuth"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


def access_token(user: User, *, now: datetime) -> str:
    """A token for a program that starts the service for itself, such as a benchmark."""
    return str(log_in(user, now=now).access_token)


def _log_in_of(token: Token) -> LogIn:
    """The log-in, if it lasts and its person may still come in with the password of then."""
    claimed = _uuid(token.get(CLAIM))
    opened = LogIn.objects.select_related("user").filter(pk=claimed).first() if claimed else None
    if opened is None or str(opened.user_id) != token.get(api_settings.USER_ID_CLAIM):
        raise LogInEnded
    if not opened.user.is_active:
        raise LogInEnded("This account is switched off.")
    if token.get(api_settings.REVOKE_TOKEN_CLAIM) != get_md5_hash_password(opened.user.password):
        raise LogInEnded("The password has been changed: log in again.")
    return opened


def _uuid(claim: object) -> UUID | None:
    try:
        return UUID(claim) if isinstance(claim, str) else None
    except ValueError:
        return None
