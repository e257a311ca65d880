"""What `./run manage check --deploy` says of the notifications' settings."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register


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
