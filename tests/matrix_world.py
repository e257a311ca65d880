"""A team in which every address of the API leads to something, and everybody who could ask for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.access.invitations import invite
from apps.access.keys import create_key
from apps.accounts.models import User
from apps.accounts.scopes import Scope
from apps.accounts.tests.factories import UserFactory
from apps.importers.connections import connect
from apps.importers.models import ImportRun
from apps.importers.sources.registry import place_of
from apps.ml.models import KeptForecast
from apps.ml.tests.factories import AnomalyDetectionFactory, MLModelFactory, TrainingRunFactory
from apps.notifications.channels.signature import derived_secret, digest_of
from apps.notifications.models import Channel, Delivery, Notification
from apps.notifications.tests.factories import SERVER_KEY, WebhookFactory
from apps.projects.links.services import link_issues
from apps.projects.models import Project
from apps.projects.tests.factories import DayOffFactory, IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory
from conftest import NOW
from tests.made_once import rows_of_a_file

ROLES = ("viewer", "member", "lead")
KEYS = tuple(f"key to {scope}" for scope in Scope.values)
#: Everybody who asks: people by what they are, programs by what their key (the lead's) is for.
CALLERS = ("nobody", "stranger", "staff", *ROLES, "administrator", *KEYS, "key of another project")


@dataclass
class MatrixWorld:
    """`ids` stand in addresses and bodies; `foreign` are the same things of another project."""

    people: dict[str, User]
    keys: dict[str, str]
    ids: dict[str, Any]
    foreign: dict[str, Any]

    def client(self, caller: str) -> APIClient:
        client = APIClient()
        if caller in self.keys:
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {self.keys[caller]}")
        elif caller in self.people:
            client.force_authenticate(self.people[caller])
        return client


@pytest.fixture(scope="module")
def matrix(django_db_setup: None, django_db_blocker: Any) -> Iterator[MatrixWorld]:
    """Made once for a file; each test works in a transaction of its own inside this one. The clock stands."""
    with pytest.MonkeyPatch.context() as patch, rows_of_a_file(django_db_blocker):
        patch.setattr(timezone, "now", lambda: NOW)
        yield _made()


def _made() -> MatrixWorld:
    project, other = ProjectFactory(key="OWN"), ProjectFactory(key="OTHER")
    people = {role: TeamMemberFactory(project=project, role=role).user for role in ROLES}
    people |= {"stranger": TeamMemberFactory(project=other, role="lead").user}
    people |= {"staff": UserFactory(is_staff=True), "administrator": UserFactory(is_superuser=True)}
    lead = people["lead"]
    TeamMemberFactory(project=other, user=lead, role="lead")
    keys = {f"key to {scope}": _key(lead, [scope], None) for scope in Scope.values}
    keys["key of another project"] = _key(lead, list(Scope.values), other)
    return MatrixWorld(people, keys, _ids_of(project, lead), _ids_of(other, people["stranger"]))


def _key(user: User, scopes: list[str], project: Project | None) -> str:
    return create_key(user, name="CI", scopes=scopes, project=project, days=30, now=NOW)[1]


def _ids_of(project: Project, lead: User) -> dict[str, Any]:
    """One of everything in a project; what belongs to a person belongs to `lead`."""
    salt = f"salt of {project.key}"
    webhook = WebhookFactory(project=project, salt=salt, secret_digest=digest_of(derived_secret(salt, key=SERVER_KEY)))
    connection = connect(project, place_of("github", "", f"acme/{project.key}"), "token", by=lead, now=NOW)
    run = ImportRun.objects.create(
        project=project, connection=connection, source="github", status="completed", created_at=NOW, finished_at=NOW
    )
    news = Notification.objects.create(
        project=project, event="anomaly.detected", severity="high", subject="News", created_at=NOW
    )
    told = Delivery.objects.create(notification=news, user=lead, channel=Channel.IN_APP, created_at=NOW)
    sprint = SprintFactory(project=project, active=True, start_date=NOW.date() - timedelta(days=3))
    issue, elsewhere = IssueFactory(project=project, sprint=sprint), TeamMemberFactory(role="lead")
    return {
        "project_id": project.id,
        "issue_id": issue.id,
        "link_id": link_issues(issue, IssueFactory(project=project), now=NOW).id,
        "sprint_id": sprint.id,
        "user_id": TeamMemberFactory(project=project).user_id,
        "day": "2026-05-01",
        "day_off_id": DayOffFactory(project=project).id,
        "issue_type_id": project.issue_types.create(name="spike").id,
        "status_id": project.statuses.create(name="Blocked", category="in_progress", position=9).id,
        "webhook_id": webhook.id,
        "anomaly_id": AnomalyDetectionFactory(project=project).id,
        "model_id": MLModelFactory(project=project).id,
        "job_id": TrainingRunFactory(project=project).id,
        "connection_id": connection.id,
        "import_id": run.id,
        "notification_id": told.id,
        "forecast_id": KeptForecast.objects.create(project=project, day=NOW.date(), made_at=NOW).id,
        "model_type": "effort_prediction",
        "key_id": _own_key_id(lead),
        "invitation_id": invite(project, email="somebody@example.com", role="viewer", by=lead, now=NOW).id,
        "received_id": invite(elsewhere.project, email=lead.email, role="viewer", by=elsewhere.user, now=NOW).id,
    }


def _own_key_id(user: User) -> Any:
    return create_key(user, name="old", scopes=["read"], project=None, days=1, now=NOW)[0].id
