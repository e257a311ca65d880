"""Sending an e-mail: plain text, with a Message-ID that a repeated one shares."""

import smtplib
from datetime import datetime
from email.utils import format_datetime, parseaddr

from django.core.mail import EmailMessage  # noqa: TID251 - made by `message_to`

from apps.accounts.posting import SERVER_FAULTS, Unreachable, fault_in_words, hand_over, message_to, sender
from apps.notifications.channels.outcome import Outcome, excerpt_of
from apps.notifications.models import Delivery

#: SMTP's codes from here on are refusals that stay (RFC 5321, 4.2.1).
FIRST_FINAL_CODE = 500


def send_email(delivery: Delivery, now: datetime) -> Outcome:
    """Hand a delivery to the mail server; accepted there means delivered here. Its date is the news', not `now`."""
    try:
        message = message_of(delivery)
    except Unreachable as error:
        return Outcome(is_delivered=False, error=error.message, is_final=True)
    try:
        hand_over(message)
    except smtplib.SMTPRecipientsRefused as error:
        return _refused(*next(iter(error.recipients.values())))
    except smtplib.SMTPDataError as error:
        return _refused(error.smtp_code, error.smtp_error)
    except smtplib.SMTPResponseException as error:
        # It refuses us, our name or our sender, which a setting repairs: the mail is not at fault and keeps.
        return _unusable(fault_in_words(error), error.smtp_code)
    except SERVER_FAULTS as error:
        return _unusable(fault_in_words(error))
    return Outcome(is_delivered=True)


def message_of(delivery: Delivery) -> EmailMessage:
    """The same message for the same delivery, down to date and Message-ID; raises `Unreachable`."""
    notification, user = delivery.notification, delivery.user
    assert user is not None  # noqa: S101 - for the type checker; a constraint of the table
    domain = parseaddr(sender())[1].rpartition("@")[2] or "localhost"
    return message_to(
        user.email,
        subject=notification.subject,
        body=notification.body,
        headers={
            "Message-ID": f"<{delivery.id}@{domain}>",
            "Date": format_datetime(notification.created_at),
            # Out-of-office replies to a program help nobody (RFC 3834).
            "Auto-Submitted": "auto-generated",
        },
    )


def _refused(code: int, text: bytes | str) -> Outcome:
    """This mail, to this person."""
    return Outcome(
        is_delivered=False,
        status_code=_told(code),
        error=f"The mail server answered {code}.",
        excerpt=excerpt_of(text if isinstance(text, bytes) else text.encode(errors="replace")),
        is_final=code >= FIRST_FINAL_CODE,
    )


def _unusable(error: str, code: int | None = None) -> Outcome:
    return Outcome(is_delivered=False, status_code=_told(code), error=error, is_way_blocked=True)


def _told(code: int | None) -> int | None:
    """None for what is no code: what the library makes of a line without one (-1), or with a sign before it."""
    return code if code is not None and code > 0 else None
