"""The doors of a first start lead to pages that have something to tell."""

import pytest
from django.test import Client

from apps.accounts.tests.factories import UserFactory
from apps.projects.models import Project


def test_the_demonstration_is_replayed_as_soon_as_it_is_made(db: None, client: Client, monkeypatch: pytest.MonkeyPatch):
    sent: list[object] = []
    monkeypatch.setattr("apps.dashboard.views.start.send_trainings", len)
    monkeypatch.setattr("apps.dashboard.views.start.send_replay", lambda project_id: sent.append(project_id) or True)
    client.force_login(UserFactory())

    client.post("/projects/new/demonstration/")

    assert sent == [Project.objects.get(key="DEMO").pk]
    assert "queued" in client.get("/projects/DEMO/trust/").content.decode()
