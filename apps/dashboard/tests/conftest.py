"""A demonstration team, made once for a file of tests, and somebody who leads it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.dashboard import memory
from apps.ml.services import AnomalyDetectionService
from apps.ml.tests.factories import MLModelFactory
from apps.projects.demo.story import seed_demo_team
from apps.projects.models import Project, Sprint
from apps.projects.tests.factories import TeamMemberFactory
from conftest import NOW
from tests.made_once import rows_of_a_file


@dataclass
class Team:
    """A project of two years with a running sprint, something unusual, and a model that is trusted."""

    project: Project
    lead: User
    running: Sprint
    closed: Sprint


@pytest.fixture(scope="module")
def demo(django_db_setup: None, django_db_blocker: Any) -> Iterator[Team]:
    """Made once for a file; each test works in a transaction of its own inside this one. The clock stands."""
    with pytest.MonkeyPatch.context() as patch, rows_of_a_file(django_db_blocker):
        patch.setattr(timezone, "now", lambda: NOW)
        project, _ = seed_demo_team(now=NOW)
        AnomalyDetectionService().detect_project_anomalies(project.id, now=NOW)
        metrics = {"beats_baseline": True, "baseline_mae": 5.0}
        MLModelFactory(project=project, is_active=True, status="active", mae=4.0, metrics=metrics)
        yield Team(
            project=project,
            lead=TeamMemberFactory(project=project, role="lead", user__full_name="Lea Lead").user,
            running=project.sprints.get(status="active"),
            closed=project.sprints.filter(status="completed").order_by("end_date").last(),
        )


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """Every test starts as a new process would."""
    memory.forget()


@pytest.fixture
def lead(demo: Team, db: None, client: Client) -> Client:
    """The lead's browser."""
    client.force_login(demo.lead)
    return client
