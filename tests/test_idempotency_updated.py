"""`Idempotency-Key` across the update from versions that kept a mere digest of what was asked."""

import hashlib
import json

import pytest
from rest_framework.test import APIClient

from apps.common.api.idempotency import HEADER, REPLAYED
from apps.common.models import FirstAnswer
from apps.projects.tests.factories import TeamMemberFactory

pytestmark = pytest.mark.django_db


def test_what_was_answered_before_the_update_is_answered_the_same(now):
    lead, sent = TeamMemberFactory(role="lead"), {"name": "CI", "scopes": ["read"]}
    client = APIClient()
    client.force_authenticate(lead.user)
    first = client.post("/api/v1/auth/keys/", sent, headers={HEADER: "mine"})
    digest = hashlib.sha256(json.dumps(["/api/v1/auth/keys/", sent], sort_keys=True).encode()).hexdigest()
    FirstAnswer.objects.update(question=digest)

    again = client.post("/api/v1/auth/keys/", sent, headers={HEADER: "mine"})

    assert (again.status_code, again.content, again[REPLAYED]) == (201, first.content, "true")
    other = client.post("/api/v1/auth/keys/", sent | {"name": "CD"}, headers={HEADER: "mine"})
    assert other.status_code == 422
