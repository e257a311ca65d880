"""Sprint duration from the database: the history of a team becomes an estimate that is recorded."""

from datetime import UTC, date, datetime, timedelta

import pytest

from apps.common.exceptions import NotEnoughData
from apps.ml.models import PredictionHistory
from apps.ml.selectors.sprints import completed_sprints
from apps.ml.services.sprints.duration import SprintDurationService
from apps.projects.models import Issue, Sprint
from apps.projects.services import close_sprint, start_sprint, update_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, UserFactory
from conftest import ENTERING

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory()


@pytest.fixture
def past(project):
    """Four fortnights before the `now` fixture, 20 points in each."""
    return [_finished_sprint(project, date(2026, 1, 5) + timedelta(days=14 * n)) for n in range(4)]


@pytest.fixture
def sprint(project):
    """The fortnight that begins with the `now` fixture, with 20 points."""
    sprint = SprintFactory(project=project, start_date=date(2026, 3, 2))
    IssueFactory.create_batch(4, project=project, sprint=sprint, story_points=5)
    return sprint


def test_past_sprints_are_read_as_of_their_end(project, past, now):
    records = completed_sprints(project.id, now=now)

    assert [record.delivered_points for record in records] == [20.0] * 4
    assert [record.working_days for record in records] == [10] * 4
    assert [record.sprint_id for record in records] == [str(sprint.id) for sprint in past]


def test_a_sprint_run_through_the_services_delivers_what_was_done_in_it(project, now):
    lead = UserFactory()
    sprint, following = SprintFactory(project=project), SprintFactory(project=project)
    done, unfinished = IssueFactory.create_batch(2, project=project, sprint=sprint, story_points=3)
    start_sprint(sprint, now=now - timedelta(days=14))
    update_issue(done, by=lead, now=now - timedelta(days=4), status=project.statuses.get(name="Done"))
    close_sprint(sprint, by=lead, now=now - timedelta(days=1), move_to=following)

    update_issue(unfinished, by=lead, now=now, status=project.statuses.get(name="Done"))
    update_issue(done, by=lead, now=now, sprint=following, story_points=100)

    (record,) = completed_sprints(project.id, now=now)
    assert (record.delivered_points, record.delivered_issues) == (3.0, 1)


def test_a_sprint_entered_after_the_fact_ran_when_its_dates_say(project, now):
    sprint = SprintFactory(project=project, start_date=date(2026, 1, 5), end_date=date(2026, 1, 16))
    resolved = datetime(2026, 1, 9, tzinfo=UTC)
    IssueFactory(
        project=project, sprint=sprint, story_points=8, completed=True, created_at=resolved, resolved_at=resolved
    )
    start_sprint(sprint, now=now)
    close_sprint(sprint, by=UserFactory(), now=now)

    (record,) = completed_sprints(project.id, now=now)

    assert (record.delivered_points, record.working_days) == (8.0, 10)


def test_a_sprint_without_dates_delivered_what_is_finished_in_it(project, past, now):
    undated = SprintFactory(project=project, status=Sprint.Status.COMPLETED, start_date=None, end_date=None)
    IssueFactory(project=project, sprint=undated, story_points=8, completed=True)

    first, *others = completed_sprints(project.id, now=now)

    assert (first.delivered_points, first.working_days) == (8.0, None)
    assert [record.delivered_points for record in others] == [20.0] * 4


def test_a_sprint_that_ends_today_counts(project, now):
    SprintFactory(project=project, status=Sprint.Status.COMPLETED, end_date=now.date())

    assert len(completed_sprints(project.id, now=now)) == 1


def test_a_usual_plan_takes_a_usual_sprint(sprint, past, now):
    answer = SprintDurationService().estimate_sprint_duration(sprint.id, now=now)

    assert (answer["estimated_days"], answer["planned_days"]) == (12, 14)
    assert (answer["average_velocity"], answer["total_story_points"]) == (20.0, 20.0)
    assert (answer["method"], answer["planned_issue_count"]) == ("velocity_based", 4)


def test_only_the_planned_issues_count_when_some_are_named(sprint, past, now):
    one = Issue.objects.filter(sprint=sprint)[0]

    answer = SprintDurationService().estimate_sprint_duration(sprint.id, [one.id], now=now)

    assert (answer["total_story_points"], answer["estimated_working_days"]) == (5.0, 2.5)


def test_finished_issues_are_no_work_any_more(sprint, past, now):
    IssueFactory(project=sprint.project, sprint=sprint, story_points=50, completed=True)

    answer = SprintDurationService().estimate_sprint_duration(sprint.id, now=now)

    assert answer["total_story_points"] == 20.0


@pytest.mark.parametrize("hours", [200.0, 100.0, 30.0])
def test_halving_the_capacity_never_shortens_the_estimate(sprint, past, now, hours):
    service = SprintDurationService()

    whole = service.estimate_sprint_duration(sprint.id, team_capacity_hours=hours, now=now)
    half = service.estimate_sprint_duration(sprint.id, team_capacity_hours=hours / 2, now=now)

    assert half["estimated_days"] >= whole["estimated_days"]
    assert half["capacity_basis"] == "recorded_hours"


def test_what_is_left_of_a_running_sprint_starts_today(sprint, past, now):
    Sprint.objects.filter(pk=sprint.pk).update(status=Sprint.Status.ACTIVE, started_at=now)

    answer = SprintDurationService().estimate_sprint_duration(sprint.id, now=now + timedelta(days=7))

    assert answer["estimated_finish_date"] == "2026-03-20"
    assert answer["estimated_days"] == 19


def test_sprints_that_end_later_are_not_known_yet(sprint, past, now):
    with pytest.raises(NotEnoughData) as error:
        SprintDurationService().estimate_sprint_duration(sprint.id, now=now - timedelta(days=30))

    assert (error.value.have, error.value.needed) == (2, 3)


def test_other_teams_sprints_tell_nothing(past, now):
    stranger = SprintFactory()

    with pytest.raises(NotEnoughData) as error:
        SprintDurationService().estimate_sprint_duration(stranger.id, now=now)

    assert error.value.have == 0


def test_the_answer_is_recorded(sprint, past, now):
    user = UserFactory()

    answer = SprintDurationService().estimate_sprint_duration(sprint.id, team_capacity_hours=40.0, user=user, now=now)

    row = PredictionHistory.objects.get(pk=answer["prediction_id"])
    assert (row.prediction_type, row.sprint, row.requested_by) == ("sprint_duration", sprint, user)
    assert (row.predicted_value, row.confidence) == (answer["estimated_days"], answer["confidence"])
    assert row.input == {"planned_issues": [], "team_capacity_hours": 40.0}


def test_the_queries_do_not_grow_with_the_history(sprint, past, now, django_assert_num_queries):
    for n in range(5):
        _finished_sprint(sprint.project, date(2025, 6, 2) + timedelta(days=14 * n))

    with django_assert_num_queries(31 + ENTERING):
        SprintDurationService().estimate_sprint_duration(sprint.id, now=now)


def _finished_sprint(project, start: date) -> Sprint:
    sprint = SprintFactory(project=project, start_date=start, end_date=start + timedelta(days=11), completed=True)
    finished = datetime(start.year, start.month, start.day, 12, tzinfo=UTC) + timedelta(days=3)
    for _ in range(4):
        IssueFactory(
            project=project, sprint=sprint, story_points=5, completed=True, resolved_at=finished, created_at=finished
        )
    return sprint
