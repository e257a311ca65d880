"""Mails about an account. Every word is ours: nothing that somebody typed stands in them, no name and no project."""

import logging
from enum import StrEnum

from django.conf import settings
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from apps.accounts.codes import password_codes
from apps.accounts.models import User
from apps.accounts.posting import SERVER_FAULTS, Unreachable, fault_in_words, hand_over, message_to
from apps.common.operations.metrics import DELIVERIES

logger = logging.getLogger(__name__)


class MailKind(StrEnum):
    """What the mail is about."""

    INVITED = "invited"
    RESET = "reset"


_INVITED = """Somebody has invited you to a project on Scrum ML.

To see who, and to accept or decline, log in{place}. Nothing happens unless you accept.
"""
_RESET = """Somebody, probably you, has asked to set a new password for your account on Scrum ML.

{how}

The code works once, and for {hours} hours. If it was not you, do nothing: your password stays as it is.
"""


def send_mail_to(kind: MailKind, email: str) -> None:
    """Write to the person with this address who can log in; to nobody else, or anybody could make us write to all."""
    user = User.objects.with_email(email).filter(is_active=True).first()
    if user is None or not (user.has_usable_password() or (settings.OIDC_ISSUER and kind == MailKind.INVITED)):
        return
    if kind == MailKind.RESET:
        subject, text = "A new password for Scrum ML", _reset_text(user)
    else:
        place = f" at {settings.PUBLIC_URL}/" if settings.PUBLIC_URL else ""
        subject, text = "An invitation on Scrum ML", _INVITED.format(place=place)
    try:
        hand_over(message_to(user.email, subject=subject, body=text))
    except Unreachable as error:
        mail_failed(kind, user, error.message)
    except SERVER_FAULTS as error:
        mail_failed(kind, user, fault_in_words(error))


def mail_failed(kind: MailKind, user: User, reason: str) -> None:
    """Count and log it. It is not tried again: whoever waits asks again; a code is best sent when somebody waits."""
    DELIVERIES.labels(channel="email", result="failed").inc()
    logger.warning("Mail failed kind=%s user=%s reason=%s", kind, user.pk, reason)


def _reset_text(user: User) -> str:
    uid, token = urlsafe_base64_encode(force_bytes(user.pk)), password_codes.make_token(user)
    # Never from the request: its host is what a client typed.
    place = settings.PUBLIC_URL
    how = f"Open {place}/password/{uid}/{token}/" if place else f"The code is {uid}.{token}"
    return _RESET.format(how=how, hours=settings.PASSWORD_RESET_TIMEOUT // 3600)
