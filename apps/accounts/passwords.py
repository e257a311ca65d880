"""New passwords: chosen by who knows the old one, or by who reads the mail. Both end every log-in."""

from functools import partial

from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError as NoIdentifier
from django.db import transaction
from django.http import HttpRequest
from django.utils.http import urlsafe_base64_decode
from rest_framework.exceptions import Throttled, ValidationError

from apps.accounts.codes import password_codes
from apps.accounts.log_ins import log_out_everywhere
from apps.accounts.models import User
from apps.common.api.idempotency import with_the_answer


class NotTheirPassword(ValidationError):
    """Whoever asks does not know the present one."""

    def __init__(self) -> None:
        super().__init__({"old_password": "This is not your password."})


def change_password(request: HttpRequest, user: User, old: str, new: str) -> User:
    """Set the new one of who knows the old one; sessions of pages end by themselves, since they hold a digest of it.

    Returns
    -------
    User
        As from then on.

    Raises
    ------
    NotTheirPassword
        If the old one is another, also by the time the new one is written: of several at once one is set.
    rest_framework.exceptions.Throttled
        If too many were wrong; how long to wait is told by `apps.accounts.lock_out`, which answers in its place.
    """
    # Not `check_password`: who has stolen a token, or a session, must not guess without being counted.
    who = authenticate(request, username=user.email, password=old)
    if not isinstance(who, User):
        raise Throttled if getattr(request, "axes_locked_out", False) else NotTheirPassword
    # Before the transaction: it takes long on purpose, and a turn.
    hashed = make_password(new)
    with_the_answer(partial(_keep, who, hashed))
    return who


@transaction.atomic
def _keep(user: User, hashed: str) -> None:
    if not User.objects.filter(pk=user.pk, password=user.password).update(password=hashed):
        raise NotTheirPassword
    user.password = hashed
    log_out_everywhere(user)


def set_password_by_code(uid: str, token: str, password: str) -> User | None:
    """Set the password of whom a mail was sent to; nobody's where the code is not good: of several at once one sets it.

    The code is good for the password and the log-in of when it was made, so the first one that is written ends it.
    """
    user = user_with_code(uid, token)
    if user is None:
        return None
    # Before the lock: it takes long on purpose.
    hashed = make_password(password)
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).filter(pk=user.pk, is_active=True).first()
        if user is None or not password_codes.check_token(user, token):
            return None
        _keep(user, hashed)
    return user


def user_with_code(uid: str, token: str) -> User | None:
    """Whom a mail was sent to, if its code is still good: once, and for `PASSWORD_RESET_TIMEOUT`."""
    try:
        user = User.objects.filter(pk=urlsafe_base64_decode(uid).decode(), is_active=True).first()
    except (ValueError, NoIdentifier):
        return None
    return user if user is not None and password_codes.check_token(user, token) else None
