"""A project with its people, real receivers, and what a worker does once."""

import random
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from apps.notifications.services.sending import send_due
from apps.projects.tests.conftest import as_, lead, people, project, url
from tests.receivers import MailServer, WebhookReceiver, mail_server, webhook_receiver

__all__ = ["as_", "lead", "people", "project", "url"]


@pytest.fixture
def receiver(settings) -> Iterator[WebhookReceiver]:
    """A real HTTP server, which the operator allows."""
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.1/32"]
    with webhook_receiver() as found:
        yield found


@pytest.fixture
def mails(settings) -> Iterator[MailServer]:
    """A real SMTP server, which the settings name."""
    with mail_server() as found:
        settings.EMAIL_URL = f"smtp://127.0.0.1:{found.port}"
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", found.port
        settings.DEFAULT_FROM_EMAIL = "Scrum ML <ml@example.com>"
        yield found


@pytest.fixture
def work() -> Callable[[datetime], int]:
    """A worker's run at a time."""
    return lambda now: send_due(rng=random.Random(0), clock=lambda: now)
