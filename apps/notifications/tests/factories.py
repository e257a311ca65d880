"""Rows of the outbox for tests."""

import factory

from apps.notifications.channels.signature import derived_secret, digest_of
from apps.notifications.models import Event, Webhook
from apps.notifications.services.announcing import News
from apps.projects.tests.factories import CREATED_AT, ProjectFactory

#: As `base/settings_test.py` has it.
SERVER_KEY = "test-signing-key"


class WebhookFactory(factory.django.DjangoModelFactory):
    """A webhook whose secret `secret_of` knows."""

    class Meta:
        model = Webhook

    project = factory.SubFactory(ProjectFactory)
    url = factory.Sequence(lambda n: f"https://hooks.example.com/{n}")
    salt = factory.Sequence(lambda n: f"salt {n}")
    secret_digest = factory.LazyAttribute(lambda webhook: digest_of(derived_secret(webhook.salt, key=SERVER_KEY)))
    created_at = CREATED_AT


def secret_of(webhook: Webhook) -> str:
    return derived_secret(webhook.salt, key=SERVER_KEY)


def news(about: str = "anomaly:1", severity: str = "high", **fields) -> News:
    """News of one anomaly."""
    return News(
        **{
            "event": Event.ANOMALY_DETECTED,
            "severity": severity,
            "about": about,
            "topic": f"topic of {about}",
            "sentence": "Without an assignee: 6 of 6 open issues (100%)",
            **fields,
        }
    )
