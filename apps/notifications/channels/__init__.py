"""How news reach people and programs: one sender a kind. What is shown in the app needs none."""

from collections.abc import Callable
from datetime import datetime

from apps.notifications.channels.mail import send_email
from apps.notifications.channels.outcome import Outcome
from apps.notifications.channels.webhook import send_webhook
from apps.notifications.models import Channel, Delivery

SENDERS: dict[str, Callable[[Delivery, datetime], Outcome]] = {Channel.EMAIL: send_email, Channel.WEBHOOK: send_webhook}

__all__ = ["SENDERS", "Outcome"]
