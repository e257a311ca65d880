"""The doors of a first start lead to pages that have something to tell."""

import pytest
from django.test import Client

from apps.accounts.tests.factories import UserFactory
from apps.projects import leads
from apps.projects.models import Project


def test_the_demonstration_is_replayed_as_soon_as_it_is_made(db: None, client: Client, monkeypatch: pytest.MonkeyPatch):
    sent: list[object] = []
    monkeypatch.setattr("apps.dashboard.views.start.send_trainings", len)
    monkeypatch.setattr("apps.dashboard.views.start.send_replay", lambda project_id: sent.append(project_id) or True)
    client.force_login(UserFactory())

    client.post("/projects/new/demonstration/")

    assert sent == [Project.objects.get(key="DEMO").pk]
    assert "queued" in client.get("/projects/DEMO/trust/").content.decode()


def test_the_page_says_that_somebody_has_made_too_many_projects(
    db: None, client: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(leads, "MOST_PROJECTS", 1)
    client.force_login(UserFactory())
    client.post("/projects/new/", {"key": "ONE", "name": "One"})

    told = client.post("/projects/new/", {"key": "TWO", "name": "Two"}, follow=True).content.decode()

    assert "You have made a hundred projects" in told
    assert list(Project.objects.values_list("key", flat=True)) == ["ONE"]
