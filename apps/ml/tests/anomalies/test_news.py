"""Who leads a project is told what was found in it: once, worse again when it is, and nothing of false alarms."""

import contextlib
import json
import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from apps.common.models import Severity
from apps.ml import tasks
from apps.ml.core.findings import SEVERITIES
from apps.ml.models import AnomalyDetection
from apps.ml.services import anomaly_service
from apps.ml.services.anomalies.review import dismiss_anomaly, resolve_anomaly
from apps.ml.services.anomaly_service import AnomalyDetectionService
from apps.notifications.models import Delivery, Notification
from apps.notifications.services.announcing import COOLDOWN
from apps.notifications.tests.factories import WebhookFactory
from apps.projects.models import Issue, Project
from apps.projects.services import delete_project
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory
from apps.projects.tests.test_races import at_once

pytestmark = pytest.mark.django_db
UNASSIGNED = "anomaly:unassigned_issues"


@pytest.fixture
def project(now):
    """Six open issues, none with an assignee: two anomalies, both critical."""
    project = ProjectFactory()
    IssueFactory.create_batch(6, project=project, created_at=now)
    return project


@pytest.fixture
def lead(project):
    return TeamMemberFactory(project=project, role="lead").user


def look(project, now) -> None:
    AnomalyDetectionService().detect_project_anomalies(project.id, now=now)


def said(topic: str = UNASSIGNED) -> list[tuple[str, str]]:
    return list(Notification.objects.filter(topic=topic).order_by("created_at").values_list("event", "severity"))


def anomaly() -> AnomalyDetection:
    return AnomalyDetection.objects.get(anomaly_type="unassigned_issues", status="detected")


def assign(project, count: int) -> None:
    """So many of the open issues have somebody; the others have nobody."""
    someone = TeamMemberFactory(project=project).user
    Issue.objects.filter(project=project).update(assignee=None)
    Issue.objects.filter(id__in=project.issues.values("id")[:count]).update(assignee=someone)


# --- Anomalies ----------------------------------------------------------------------------------------------------
def test_a_lead_is_told_what_was_found_with_its_numbers_and_where_it_is(project, lead, now):
    look(project, now)

    row = Notification.objects.get(topic=UNASSIGNED)
    assert (row.event, row.severity) == ("anomaly_detected", "critical")
    assert row.subject == f"[{project.key}] critical: Without an assignee: 6 of 6 open issues (100%)"
    assert row.data == {
        "anomaly_id": str(anomaly().id),
        "kind": "unassigned_issues",
        "metric": "unassigned_issues_percent",
        "expected": 30.0,
        "actual": 100.0,
    }
    assert Delivery.objects.filter(user=lead, channel="in_app").count() == 2


def test_what_stays_is_said_once(project, lead, now):
    for hours in range(0, 72, 6):
        look(project, now + timedelta(hours=hours))

    assert said() == [("anomaly_detected", "critical")]


def test_what_becomes_worse_is_said_again_and_what_becomes_milder_is_not(project, lead, now):
    for hours, assigned in enumerate([4, 3, 4, 0, 3]):  # 33 %, 50 %, 33 %, 100 %, 50 % without an assignee
        assign(project, assigned)
        look(project, now + timedelta(hours=6 * hours))

    assert said() == [
        ("anomaly_detected", "low"),
        ("anomaly_worsened", "medium"),
        ("anomaly_worsened", "critical"),
    ]


def test_resolved_and_back_within_a_day_is_silent_and_still_there_after_it_is_said(project, lead, now):
    look(project, now)
    resolve_anomaly(anomaly(), by=lead, now=now)

    for hours in (6, 12, 18, 24):
        look(project, now + timedelta(hours=hours))
    assert len(said()) == 1

    look(project, now + COOLDOWN + timedelta(hours=6))
    assert said() == [("anomaly_detected", "critical")] * 2


def test_a_false_alarm_is_taken_back_where_it_waits_and_stays_silent_for_four_weeks(project, lead, now):
    WebhookFactory(project=project)
    look(project, now)

    dismiss_anomaly(anomaly(), by=lead, now=now)
    look(project, now + timedelta(days=27))

    assert len(said()) == 1
    states = Delivery.objects.filter(channel="webhook").order_by("notification__topic").values_list("state", flat=True)
    assert list(states) == ["waiting", "dropped"]
    look(project, now + timedelta(days=29))
    assert len(said()) == 2


def test_an_anomaly_is_not_stored_if_it_cannot_be_announced(project, lead, now, monkeypatch):
    def refuse(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(anomaly_service, "announce", refuse)

    with pytest.raises(ZeroDivisionError):
        look(project, now)
    assert not AnomalyDetection.objects.exists()


def test_the_task_of_a_project_finds_announces_and_sends(project, receiver):
    WebhookFactory(project=project, url=receiver.url)

    tasks.detect_anomalies.delay()

    told = {json.loads(posted.body)["data"]["anomaly_id"] for posted in receiver.received}
    assert told == {str(found) for found in AnomalyDetection.objects.values_list("id", flat=True)} != set()
    assert len(receiver.received) == len(told)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer; the PostgreSQL run has this")
@pytest.mark.django_db(transaction=True)
def test_processes_that_find_the_same_at_once_announce_it_once(project, lead, now):
    at_once(*[lambda: look(project, now)] * 4)

    assert AnomalyDetection.objects.count() == Notification.objects.count() == Delivery.objects.count() == 2


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer; the PostgreSQL run has this")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_a_project_that_is_deleted_while_it_is_looked_at_is_gone_or_was_looked_at(project, lead, now, attempt):
    look(project, now)

    def look_again() -> None:
        with contextlib.suppress(Project.DoesNotExist):
            look(project, now)

    at_once(look_again, lambda: delete_project(Project.objects.get(pk=project.pk)))

    assert not Notification.objects.exists()


def test_old_notifications_go_with_the_old_history_every_night(project, lead, now):
    look(project, now - timedelta(days=400))

    tasks.remove_old_history.delay()

    assert not Notification.objects.exists()


def test_severities_are_the_same_everywhere():
    assert list(SEVERITIES) == Severity.values


# --- Sprints ------------------------------------------------------------------------------------------------------
@pytest.fixture
def sprint(now):
    """Half of its time is gone and a quarter is done; its name is one that somebody made to hurt."""
    project = ProjectFactory()
    TeamMemberFactory(project=project, role="lead")
    start = now.date() - timedelta(days=6)
    sprint = SprintFactory(project=project, start_date=start, active=True, name="Sprint\r\nBcc: x@example.com")
    someone = TeamMemberFactory(project=project).user
    fields = {"project": project, "sprint": sprint, "story_points": 5, "assignee": someone}
    IssueFactory.create_batch(3, **fields)
    IssueFactory(**fields, completed=True)
    return sprint


def test_an_urgent_risk_of_a_sprint_is_said_once_for_each_severity(sprint, now):
    service = AnomalyDetectionService()

    said_first = service.watch_sprints(sprint.project, now=now)
    assert service.watch_sprints(sprint.project, now=now + timedelta(hours=2)) == 0

    assert said_first == Notification.objects.count() >= 1
    row = Notification.objects.get(data__kind="burndown_velocity")
    assert (row.event, row.severity) == ("sprint_at_risk", "high")
    assert "high: Sprint Bcc: x@example.com: Sprint is 25% behind" in row.subject
    service.watch_sprints(sprint.project, now=now + timedelta(days=3))
    assert set(Notification.objects.filter(data__kind="burndown_velocity").values_list("event", "severity")) == {
        ("sprint_at_risk", "high"),
        ("sprint_at_risk", "critical"),
    }


def test_mild_risks_and_sprints_that_do_not_run_are_not_announced(sprint, now):
    service = AnomalyDetectionService()
    mild = [{**risk, "severity": "medium"} for risk in service.detect_sprint_risks(sprint.id, now=now)]
    service._judged = lambda *_, **__: {"risks": mild}

    assert (len(mild) > 0, service.watch_sprints(sprint.project, now=now)) == (True, 0)

    sprint.status = "completed"
    sprint.save()
    assert AnomalyDetectionService().watch_sprints(sprint.project, now=now) == 0


def test_the_round_of_every_morning_announces(sprint):
    tasks.watch_sprints.delay()

    assert Notification.objects.filter(event="sprint_at_risk").exists()


def test_the_command_looks_at_once_and_says_what_it_found_and_told(sprint):
    told, key = StringIO(), sprint.project.key

    call_command("detect_anomalies", project=key.lower(), stdout=told)
    call_command("detect_anomalies", stdout=told)

    first, second = (line for line in told.getvalue().splitlines() if line.startswith(f"{key}  anomalies: "))
    assert re.search(r"new urgent risks of running sprints: [1-9]\d*\.$", first)
    assert second.endswith("running sprints: 0.")
    assert Notification.objects.filter(event="sprint_at_risk").exists()
