"""What `./run manage check --deploy` says of the notifications' settings."""

import contextlib
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import get_connection

from apps.accounts.posting import SERVER_FAULTS, fault_in_words, sender
from apps.common.operations.slips import SETTINGS


@register(Tags.compatibility, deploy=True)
def mail_can_be_sent(**_: Any) -> list[CheckMessage]:
    if settings.EMAIL_URL:
        return []
    return [
        Warning(
            "No mail server is named: notifications are shown in the app and posted to webhooks, and nobody is mailed.",
            hint="Set EMAIL_URL=smtp+tls://user:password@host:587 and DEFAULT_FROM_EMAIL.",
            id="notifications.W001",
        )
    ]


@register(SETTINGS)
def the_sender_is_one_mailbox(**_: Any) -> list[CheckMessage]:
    """A host of other letters than English is written as name servers do, where it is no other host there."""
    try:
        sender()
    except ImproperlyConfigured as error:
        hint = "Write its host as name servers do: scrum@xn--bcher-kva.example."
        return [Error(str(error), hint=hint, id="notifications.E002")]
    return []


@register(Tags.compatibility, deploy=True)
def the_mail_server_takes_us(**_: Any) -> list[CheckMessage]:
    """It is greeted, and logged in to; no mail is sent."""
    if not settings.EMAIL_BACKEND.endswith("smtp.EmailBackend"):
        return []
    connection = get_connection()
    try:
        connection.open()
    except SERVER_FAULTS as error:
        return [
            Error(
                fault_in_words(error),
                hint="Check EMAIL_URL: host, port, user and password, and smtp+tls:// (587) or smtp+ssl:// (465).",
                id="notifications.E001",
            )
        ]
    finally:
        with contextlib.suppress(*SERVER_FAULTS):
            connection.close()
    return []
