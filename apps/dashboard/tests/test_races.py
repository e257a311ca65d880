"""Pages pressed by several at once, on a database that has two writers: one wins, the others are told so."""

import pytest
from django.db import connection
from django.test import Client

from apps.accounts.tests.factories import UserFactory
from apps.dashboard.models import ShareLink
from apps.dashboard.services import sharing
from apps.projects.models import Project
from apps.projects.tests.factories import TeamMemberFactory
from tests.at_once import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer; the PostgreSQL run has these"),
]
ASKING = 6


def logged_in(user) -> Client:
    """A browser: what fails is an answer to it, never an exception."""
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def pressed(client: Client):
    """The answer; whom the database lets wait too long, on a busy machine, is told to come again, and does."""
    while (answer := client.post("/projects/new/demonstration/")).status_code == 503:
        pass
    return answer


def test_the_demonstration_asked_for_at_once_is_made_once_and_led_by_one_who_asked(monkeypatch):
    # Its trainings are the workers'.
    monkeypatch.setattr("celery.app.task.Task.apply_async", lambda *_, **__: None)
    clients = [logged_in(UserFactory()) for _ in range(ASKING)]

    answers = at_once(*[lambda each=each: pressed(each) for each in clients])

    assert sorted(answer["Location"] for answer in answers) == ["/projects/"] * (ASKING - 1) + ["/projects/DEMO/"]
    asked = [client.session["_auth_user_id"] for client in clients]
    assert Project.objects.get().team.filter(user__in=asked).count() == 1


@pytest.mark.parametrize("attempt", range(3))
def test_no_more_links_are_open_than_may_be_however_many_are_made_at_once(attempt, monkeypatch):
    monkeypatch.setattr(sharing, "MOST_LINKS", 2)
    lead = TeamMemberFactory(role="lead")
    clients = [logged_in(lead.user) for _ in range(ASKING)]
    made = {"what": "project", "days": "90"}

    answers = at_once(
        *[lambda each=each: each.post(f"/projects/{lead.project.key}/share/new/", made) for each in clients]
    )

    assert {answer.status_code for answer in answers} == {302}
    assert ShareLink.objects.filter(project=lead.project).count() == 2
