"""New passwords: chosen by who knows the old one, or by who reads the mail. Both end every log-in."""

from functools import partial

from django.contrib.auth.hashers import make_password
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.http import urlsafe_base64_decode

from apps.accounts.log_ins import log_out_everywhere
from apps.accounts.models import User
from apps.common.api.idempotency import with_the_answer


def set_password(user: User, password: str) -> None:
    """Set it; sessions of pages end by themselves, since they hold a digest of the old one."""
    # Before the transaction: it takes long on purpose, and a turn.
    hashed = make_password(password)
    with_the_answer(partial(_keep, user, hashed))


@transaction.atomic
def _keep(user: User, hashed: str) -> None:
    user.password = hashed
    user.save(update_fields=["password"])
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
        if user is None or not default_token_generator.check_token(user, token):
            return None
        _keep(user, hashed)
    return user


def user_with_code(uid: str, token: str) -> User | None:
    """Whom a mail was sent to, if its code is still good: once, and for `PASSWORD_RESET_TIMEOUT`."""
    try:
        user = User.objects.filter(pk=urlsafe_base64_decode(uid).decode(), is_active=True).first()
    except (ValueError, ValidationError):
        return None
    return user if user is not None and default_token_generator.check_token(user, token) else None
