"""What `./run manage check` says of the notifications' settings."""

import ipaddress
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register


@register(Tags.compatibility)
def allowed_networks_are_networks(**_: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for network in settings.WEBHOOK_ALLOWED_NETWORKS:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            hint = f"{error}. Write it as 10.1.0.0/16."
            found.append(Error("WEBHOOK_ALLOWED_NETWORKS has no network there.", hint=hint, id="notifications.E001"))
    return found


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
