"""Anomalies are found in the database and kept once; sprint risks are answers of the moment."""

from datetime import UTC, date, datetime, timedelta

import pytest

from apps.ml.core.sprints.state import SprintState
from apps.ml.models import AnomalyDetection, PredictionHistory
from apps.ml.selectors.anomalies import project_snapshot
from apps.ml.selectors.calendars import working_calendar
from apps.ml.selectors.sprints import sprint_past, sprint_state
from apps.ml.services import anomaly_service
from apps.ml.services.anomaly_service import AnomalyDetectionService
from apps.projects.models import IssueChange, Sprint
from apps.projects.services import update_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory()


@pytest.fixture
def running(project, now):
    """Half of its 14 days are gone by the `now` fixture."""
    return SprintFactory(project=project, start_date=now.date() - timedelta(days=6), active=True)


# --- Anomalies of a project ---------------------------------------------------------------------------------------
def test_an_anomaly_is_stored_with_its_evidence(project, now):
    IssueFactory.create_batch(6, project=project, created_at=now)

    rows = AnomalyDetectionService().detect_project_anomalies(project.id, now=now)

    assert [row.anomaly_type for row in rows] == ["unassigned_issues", "status_bottleneck"]
    stored = AnomalyDetection.objects.get(project=project, anomaly_type="unassigned_issues")
    assert (stored.severity, stored.status, stored.detected_at) == ("critical", "detected", now)
    assert stored.description == "Without an assignee: 6 of 6 open issues (100%)"
    assert (stored.affected_metric, stored.expected_value, stored.actual_value) == (
        "unassigned_issues_percent",
        30,
        100,
    )
    assert (stored.evidence["count"], len(stored.mitigation_suggestions)) == (6, 1)


def test_finding_it_again_changes_the_open_row_and_adds_none(project, now):
    IssueFactory.create_batch(6, project=project, created_at=now)
    first, _ = AnomalyDetectionService().detect_project_anomalies(project.id, now=now)
    AnomalyDetection.objects.filter(pk=first.pk).update(status="investigating", notes="Looking into it.")
    IssueFactory(project=project, created_at=now)

    again, _ = AnomalyDetectionService().detect_project_anomalies(project.id, now=now + timedelta(hours=6))

    assert (again.pk, again.status, again.notes, again.detected_at) == (
        first.pk,
        "investigating",
        "Looking into it.",
        now,
    )
    assert "7 of 7" in again.description
    assert AnomalyDetection.objects.filter(anomaly_type="unassigned_issues").count() == 1


def test_after_it_was_resolved_the_next_finding_is_a_new_one(project, now):
    IssueFactory.create_batch(6, project=project, created_at=now)
    first, _ = AnomalyDetectionService().detect_project_anomalies(project.id, now=now)
    AnomalyDetection.objects.filter(pk=first.pk).update(status="resolved", resolved_at=now)

    again, _ = AnomalyDetectionService().detect_project_anomalies(project.id, now=now)

    assert again.pk != first.pk


def test_two_processes_that_find_the_same_at_once_keep_one_row(project, now, monkeypatch):
    IssueFactory.create_batch(6, project=project, created_at=now)
    AnomalyDetectionService().detect_project_anomalies(project.id, now=now)
    real, calls = anomaly_service._open_rows, []

    def blind_at_first(*args):
        calls.append(args)
        return real(*args).none() if len(calls) == 1 else real(*args)

    monkeypatch.setattr(anomaly_service, "_open_rows", blind_at_first)

    rows = AnomalyDetectionService().detect_project_anomalies(project.id, now=now)

    assert AnomalyDetection.objects.count() == len(rows) == 2


def test_a_sprint_at_nothing_after_four_good_ones_is_found(project, now):
    for n, points in enumerate((20, 20, 20, 20, 0)):
        _finished_sprint(project, date(2025, 12, 1) + timedelta(days=14 * n), points)

    rows = AnomalyDetectionService().detect_project_anomalies(project.id, now=now)

    (drop,) = [row for row in rows if row.anomaly_type == "velocity_drop"]
    assert (drop.severity, drop.expected_value, drop.actual_value) == ("critical", 20.0, 0.0)


def test_the_seeds_thresholds_are_used_where_asked_for(project, now, settings):
    for days, count in ((0, 9), (8, 4), (15, 4), (22, 4), (29, 1)):
        IssueFactory.create_batch(count, project=project, completed=True, created_at=now - timedelta(days=days))

    measured = AnomalyDetectionService().detect_project_anomalies(project.id, now=now)
    settings.ML_SEED_ANOMALY_RULES = True
    (spike,) = AnomalyDetectionService().detect_project_anomalies(project.id, now=now)

    assert measured == []
    assert (spike.anomaly_type, spike.expected_value, spike.actual_value) == ("creation_spike", 4.0, 9.0)


def test_an_empty_project_has_no_anomalies(project, now):
    assert AnomalyDetectionService().detect_project_anomalies(project.id, now=now) == []


def test_finished_work_is_never_stale(project, now):
    IssueFactory.create_batch(9, project=project, completed=True, created_at=now - timedelta(days=400))

    assert AnomalyDetectionService().detect_project_anomalies(project.id, now=now) == []


def test_any_recorded_change_makes_an_old_issue_fresh(project, now):
    old = IssueFactory(project=project, created_at=now - timedelta(days=200))
    update_issue(old, by=None, now=now - timedelta(days=2), story_points=3)

    (issue,) = project_snapshot(project.id, now=now).open_issues

    assert issue.last_change_at == now - timedelta(days=2)


def test_changes_from_one_person_to_another_are_handovers(project, now):
    ann, bob = (TeamMemberFactory(project=project).user for _ in range(2))
    issue = IssueFactory(project=project, created_at=now - timedelta(days=60))
    for days, person in ((40, ann), (9, bob), (8, ann), (7, None), (6, bob)):
        update_issue(issue, by=None, now=now - timedelta(days=days), assignee=person)

    (found,) = project_snapshot(project.id, now=now).open_issues

    assert found.handovers == 2


def test_cycle_times_are_of_finished_issues_by_when_they_ended(project, now):
    for end, days in ((1, 3), (27, 5), (29, 7), (300, 9)):
        resolved = now - timedelta(days=end)
        IssueFactory(
            project=project,
            completed=True,
            created_at=resolved - timedelta(days=30),
            started_at=resolved - timedelta(days=days),
            resolved_at=resolved,
        )

    snapshot = project_snapshot(project.id, now=now)

    assert sorted(snapshot.recent_cycle_days) == [3.0, 5.0]
    assert snapshot.past_cycle_days == (7.0,)


def test_created_issues_are_counted_in_whole_weeks_since_the_first(project, now):
    for days in (0, 1, 6, 8, 22):
        IssueFactory(project=project, created_at=now - timedelta(days=days))

    assert project_snapshot(project.id, now=now).created_per_week == (0, 1, 3)


def test_the_queries_do_not_grow_with_the_project(project, now, django_assert_num_queries):
    IssueFactory.create_batch(3, project=project)
    _finished_sprint(project, date(2026, 1, 5), 5)
    with django_assert_num_queries(12):
        project_snapshot(project.id, now=now)

    IssueFactory.create_batch(30, project=project)
    _finished_sprint(project, date(2026, 1, 19), 5)

    with django_assert_num_queries(12):
        project_snapshot(project.id, now=now)


# --- Risks of a sprint --------------------------------------------------------------------------------------------
def test_half_the_time_gone_and_a_quarter_done_is_a_risk(project, running, now):
    assignee = UserFactory()
    _issues(project, running, 3, assignee=assignee)
    _issues(project, running, 1, assignee=assignee, completed=True)

    (risk,) = AnomalyDetectionService().detect_sprint_risks(running.id, now=now)

    assert risk["risk_type"] == "burndown_velocity"
    assert (risk["expected_completion"], risk["actual_completion"], risk["severity"]) == (50.0, 25.0, "high")
    assert risk["description"] == "Sprint is 25% behind expected progress"
    assert "Consider reducing sprint scope" in risk["mitigation_suggestions"]


@pytest.mark.parametrize("status", [Sprint.Status.PLANNED, Sprint.Status.COMPLETED])
def test_a_sprint_that_is_not_running_has_no_risks(project, running, now, status):
    _issues(project, running, 4)
    Sprint.objects.filter(pk=running.pk).update(status=status)

    assert AnomalyDetectionService().detect_sprint_risks(running.id, now=now) == []


def test_scope_is_added_when_it_enters_the_sprint_not_when_it_was_created(project, running, now):
    early, late = _issues(project, running, 1)[0], IssueFactory(project=project, story_points=5)
    update_issue(late, by=None, now=now - timedelta(days=1), sprint=running)

    entered = {issue.issue_id: issue.entered_at for issue in _state(running, now).issues}

    assert entered[str(late.id)] == now - timedelta(days=1)
    assert entered[str(early.id)] == early.created_at


def test_where_only_the_day_of_the_start_is_known_planning_lasts_until_its_end(project, running, now):
    Sprint.objects.filter(pk=running.pk).update(started_at=None)
    running.refresh_from_db()

    assert _state(running, now).started_at.date() == running.start_date
    assert _state(running, now).started_at.hour == 23


def test_only_a_change_of_status_is_progress(project, running, now):
    issue = _issues(project, running, 1, in_progress=True)[0]
    _change(issue, "status", at=now - timedelta(days=20), old="To do", new="In progress")
    _change(issue, "assignee", at=now - timedelta(days=1))

    (state,) = _state(running, now).issues

    assert state.moved_at == now - timedelta(days=20)


def test_risks_are_recorded_and_never_stored_as_anomalies(project, running, now):
    _issues(project, running, 4)
    user = UserFactory()

    risks = AnomalyDetectionService().detect_sprint_risks(running.id, user=user, now=now)

    row = PredictionHistory.objects.get(prediction_type="sprint_risk")
    assert (row.sprint, row.requested_by, len(row.details["risks"])) == (running, user, len(risks))
    assert [risk["kind"] for risk in row.details["risks"]] == [risk["risk_type"] for risk in risks]
    assert not AnomalyDetection.objects.exists()


def _state(sprint, now) -> SprintState:
    calendar = working_calendar(sprint.project_id, now=now)
    return sprint_state(sprint, sprint_past(sprint, now=now), now=now, calendar=calendar)


def _issues(project, sprint, n, **fields):
    return IssueFactory.create_batch(n, project=project, sprint=sprint, story_points=5, **fields)


def _change(issue, field, *, at, old="a", new="b"):
    IssueChange.objects.create(issue=issue, field=field, old_value=old, new_value=new, changed_at=at)


def _finished_sprint(project, start: date, points: int) -> None:
    sprint = SprintFactory(project=project, start_date=start, completed=True)
    finished = datetime(start.year, start.month, start.day, 12, tzinfo=UTC) + timedelta(days=3)
    if points:
        IssueFactory(
            project=project,
            sprint=sprint,
            story_points=points,
            completed=True,
            resolved_at=finished,
            created_at=finished,
        )
