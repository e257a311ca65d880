"""New passwords: chosen by who knows the old one, or by who reads the mail. Both end every log-in."""

from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.http import urlsafe_base64_decode

from apps.accounts.log_ins import log_out_everywhere
from apps.accounts.models import User


@transaction.atomic
def set_password(user: User, password: str) -> None:
    """Set it; sessions of pages end by themselves, since they hold a digest of the old one."""
    user.set_password(password)
    user.save(update_fields=["password"])
    log_out_everywhere(user)


def user_with_code(uid: str, token: str) -> User | None:
    """Whom a mail was sent to, if its code is still good: once, and for `PASSWORD_RESET_TIMEOUT`."""
    try:
        user = User.objects.filter(pk=urlsafe_base64_decode(uid).decode(), is_active=True).first()
    except (ValueError, ValidationError):
        return None
    return user if user is not None and default_token_generator.check_token(user, token) else None
