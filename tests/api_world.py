"""A team with everything that the API shows: history, models, anomalies, news, webhooks; and their addresses."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from django.utils import timezone
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator

from apps.access.invitations import invite
from apps.access.keys import create_key
from apps.access.models import ApiKey, Invitation
from apps.accounts.models import User
from apps.importers.connections import connect
from apps.importers.models import Connection, ImportRun, ImportTouch
from apps.importers.sources.registry import place_of
from apps.ml.models import AnomalyDetection, KeptForecast, MLModel, ModelType, PredictionAggregate, TrainingRun
from apps.ml.services import AnomalyDetectionService, ModelTrainer
from apps.ml.services.forecasts.keeping import keep_due_forecasts
from apps.ml.services.models.registry import activate
from apps.ml.tests.factories import PredictionHistoryFactory, TrainingRunFactory
from apps.ml.tests.teams import learnable_team
from apps.notifications.channels.signature import derived_secret, digest_of
from apps.notifications.models import Attempt, Delivery, Webhook
from apps.notifications.tests.factories import WebhookFactory
from apps.projects.demo import story
from apps.projects.links.services import link_issues
from apps.projects.models import DayOff, Issue, IssueLink, IssueType, Project, Sprint, TeamMember, WorkflowStatus
from apps.projects.services import update_issue
from apps.projects.tests.factories import DayOffFactory, IssueFactory, SprintFactory, TeamMemberFactory
from conftest import NOW
from tests.made_once import rows_of_a_file


@dataclass
class World:
    """A team of half a year (`project`), and one (`learned`) whose effort model is trained; one person leads both."""

    lead: User
    project: Project
    learned: Project
    issue: Issue
    link: IssueLink
    unused_type: IssueType
    unused_status: WorkflowStatus
    closed: Sprint
    running: Sprint
    planned: Sprint
    member: TeamMember
    day_off: DayOff
    webhook: Webhook
    told: Delivery
    anomaly: AnomalyDetection
    earlier_model: MLModel
    model: MLModel
    job: TrainingRun
    connection: Connection
    imported: ImportRun
    key: ApiKey
    invited: Invitation
    received: Invitation
    kept: KeptForecast

    def ids(self) -> dict[str, Any]:
        """What stands in the addresses, by the names that the document gives to it."""
        return {
            "project_id": self.project.id,
            "issue_id": self.issue.id,
            "link_id": self.link.id,
            "issue_type_id": self.unused_type.id,
            "status_id": self.unused_status.id,
            "sprint_id": self.running.id,
            "user_id": self.member.user_id,
            "day_off_id": self.day_off.id,
            "day": "2026-12-25",
            "webhook_id": self.webhook.id,
            "notification_id": self.told.id,
            "anomaly_id": self.anomaly.id,
            "model_id": self.model.id,
            "job_id": self.job.id,
            "connection_id": self.connection.id,
            "import_id": self.imported.id,
            "key_id": self.key.id,
            "invitation_id": self.invited.id,
            "forecast_id": self.kept.id,
        }


@cache
def the_schema() -> dict[str, Any]:
    """The OpenAPI document as it is served; half a second, so that no file asks for it while it is loaded."""
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document


def operations() -> list[str]:
    """What `test_every_answer.py` finds in that document, by the URL configuration."""
    found = EndpointEnumerator().get_api_endpoints()  # type: ignore[no-untyped-call]
    return [f"{method} {path}" for path, _, method, _ in found if path.startswith("/api/v1/")]


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Made once for a file; each test works in a transaction of its own inside this one. The clock stands."""
    with pytest.MonkeyPatch.context() as patch, rows_of_a_file(django_db_blocker):
        patch.setattr(timezone, "now", lambda: NOW)
        yield made(NOW)


def made(now: datetime) -> World:
    project = _demonstration(now)
    project.holiday_country = "DE"
    project.save()
    lead = TeamMemberFactory(project=project, role="lead", user__full_name="Lea Lead").user
    webhook = _webhook(project)
    AnomalyDetectionService().detect_project_anomalies(project.id, now=now)
    Attempt.objects.create(
        delivery=webhook.deliveries.first(), number=1, started_at=now, duration_ms=12, status_code=200, excerpt="ok"
    )
    trainer = ModelTrainer()
    for kind in (ModelType.STORY_POINTS, ModelType.TASK_ASSIGNMENT):
        trainer.train(kind, project.id, now=now)
    learned, elsewhere = learnable_team(until=now), TeamMemberFactory(role="lead")
    TeamMemberFactory(project=learned, user=lead, role="lead")
    earlier, later = (trainer.train_effort_prediction_model(learned.id, now=now) for _ in range(2))
    activate(later, now=now)
    _scored(project, now)
    connection = connect(project, place_of("github", "", "acme/shop"), "a token", by=lead, now=now)
    issue = _changed_issue(project, now)
    return World(
        lead=lead,
        project=project,
        learned=learned,
        issue=issue,
        link=link_issues(IssueFactory(project=project, created_at=now), issue, now=now),
        unused_type=project.issue_types.create(name="spike"),
        unused_status=project.statuses.create(name="Blocked", category="in_progress", position=9),
        closed=project.sprints.filter(status="completed").last(),
        running=project.sprints.get(status="active"),
        planned=_planned(project, now),
        member=TeamMemberFactory(project=project, user__full_name="Mo Member"),
        day_off=DayOffFactory(project=project, day=now.date() + timedelta(days=1)),
        webhook=webhook,
        told=Delivery.objects.filter(user=lead).first(),
        anomaly=AnomalyDetection.objects.filter(project=project).first(),
        earlier_model=earlier,
        model=later,
        job=TrainingRunFactory(project=learned, state="succeeded", model=later, finished_at=now),
        connection=connection,
        imported=_imported(connection, now),
        key=create_key(lead, name="CI", scopes=["read"], project=project, days=30, now=now)[0],
        invited=invite(project, email="somebody@example.com", role="viewer", by=lead, now=now),
        received=invite(elsewhere.project, email=lead.email, role="member", by=elsewhere.user, now=now),
        kept=_kept(project, now),
    )


def _demonstration(now: datetime) -> Project:
    """Half a year of it: what is asked, counted and deleted hundreds of times has a fourth of the rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(story, "COMPLETED_SPRINTS", 13)
        return story.seed_demo_team(now=now)[0]


def _kept(project: Project, now: datetime) -> KeptForecast:
    keep_due_forecasts(project, now=now)
    return KeptForecast.objects.get(project=project, occasion="day")


def _imported(connection: Connection, now: datetime) -> ImportRun:
    """One that made an issue, which can be taken back."""
    run = ImportRun.objects.create(
        project=connection.project, connection=connection, source=connection.source, status=ImportRun.Status.COMPLETED,
        created_at=now, started_at=now, finished_at=now, report={"created": 1},
    )  # fmt: skip
    made = IssueFactory(project=connection.project, title="Made by an import")
    ImportTouch.objects.create(run=run, issue=made)
    return run


def _webhook(project: Project) -> Webhook:
    salt = "one salt"
    secret = derived_secret(salt, key="test-signing-key")
    return WebhookFactory(project=project, salt=salt, secret_digest=digest_of(secret))


def _changed_issue(project: Project, now: datetime) -> Issue:
    issue = IssueFactory(project=project, title="Change the export of the invoice", type_name="bug", created_at=now)
    return update_issue(issue, by=None, now=now, priority=2, story_points=3)


def _planned(project: Project, now: datetime) -> Sprint:
    sprint = SprintFactory(project=project, name="The next but one", start_date=now.date() + timedelta(days=20))
    IssueFactory.create_batch(4, project=project, sprint=sprint, type_name="bug", story_points=3)
    return sprint


def _scored(project: Project, now: datetime) -> None:
    """Enough outcomes for every figure of the scorecard, intervals and what was removed for age included."""
    for n in range(40):
        PredictionHistoryFactory(
            project=project,
            prediction_type=ModelType.EFFORT_PREDICTION,
            created_at=now - timedelta(days=3),
            predicted_value=4.0,
            actual_value=3.0 + n % 4,
            details={"baseline_hours": 5.0, "estimated_hours": 4.5},
        )
    PredictionAggregate.objects.create(
        project=project,
        prediction_type=ModelType.EFFORT_PREDICTION,
        method="ml_model",
        month=now.date().replace(day=1),
        n=3,
        sum_absolute_error=6.0,
    )
