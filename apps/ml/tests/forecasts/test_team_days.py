"""Figures count the days of the team: velocity, burndown, weeks, calendars and what is overdue."""

from datetime import UTC, date, datetime

import pytest

from apps.ml.core.sprints.burndown import burndown
from apps.ml.selectors.calendars import working_calendar
from apps.ml.selectors.forecasts import created_by_week, throughput
from apps.ml.selectors.projects import project_counts
from apps.ml.selectors.sprints import completed_sprints, sprint_past, sprint_plan
from apps.projects.models import Sprint
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory

pytestmark = pytest.mark.django_db
#: Seven hours behind: the 14th of September ends at 07:00 of the 15th in UTC.
ZONE = "Etc/GMT+7"
EVENING = datetime(2026, 9, 15, 3, 30, tzinfo=UTC)


@pytest.fixture
def west():
    return ProjectFactory(time_zone=ZONE)


@pytest.fixture
def sprint(west):
    """The 1st to the 14th of September; 5 points on the 8th, 8 and 3 at 20:30 of the last evening."""
    sprint = SprintFactory(
        project=west, status="completed", source="csv", start_date=date(2026, 9, 1), end_date=date(2026, 9, 14)
    )
    for points, end in ((5, datetime(2026, 9, 8, 17, tzinfo=UTC)), (8, EVENING), (3, EVENING)):
        IssueFactory(
            project=west, sprint=sprint, story_points=points, completed=True, resolved_at=end,
            created_at=datetime(2026, 8, 20, tzinfo=UTC),
        )  # fmt: skip
    return Sprint.objects.select_related("project", "snapshot").get(pk=sprint.pk)


def test_what_was_finished_on_the_last_evening_is_in_velocity_and_burndown(sprint):
    now = datetime(2026, 11, 28, tzinfo=UTC)

    (record,) = completed_sprints(sprint.project_id, now=now)
    drawn = burndown(sprint_past(sprint, now=now), now=now)

    # 1 to 14 September 2026 begin on a Tuesday: ten days from Monday to Friday.
    assert (record.delivered_points, record.working_days) == (16.0, 10)
    assert [drawn.days[0].day, drawn.days[-1].day] == [date(2026, 9, 1), date(2026, 9, 14)]
    assert [day.done.points for day in drawn.days] == [0.0] * 7 + [5.0] * 6 + [16.0]


def test_weeks_end_at_the_midnight_of_the_team(sprint):
    # 05:00 of the 15th in UTC is 22:00 of the 14th: the two of that evening were finished today.
    late, next_day = datetime(2026, 9, 15, 5, tzinfo=UTC), datetime(2026, 9, 15, 8, tzinfo=UTC)

    assert throughput(sprint.project_id, now=late).issues[-1] == 1.0
    assert throughput(sprint.project_id, now=next_day).issues[-1] == 3.0
    assert created_by_week(sprint.project_id, now=datetime(2026, 8, 27, 6, tzinfo=UTC))[-1] == 3.0
    assert created_by_week(sprint.project_id, now=datetime(2026, 8, 27, 7, tzinfo=UTC)) == (3.0, 0.0)


def test_today_is_the_teams_in_calendars_plans_and_what_is_overdue(west):
    running = SprintFactory(project=west, active=True, start_date=date(2026, 9, 8), end_date=date(2026, 9, 14))
    IssueFactory(project=west, due_date=date(2026, 9, 14))
    running = Sprint.objects.select_related("project").get(pk=running.pk)
    plan = sprint_plan(running, issue_ids=(), team_capacity_hours=None, now=EVENING)

    assert working_calendar(west.pk, now=EVENING).day_of(EVENING) == date(2026, 9, 14)
    assert (plan.resumes_on, plan.elapsed_ratio) == (date(2026, 9, 14), 1.0)
    assert project_counts(west.pk, now=EVENING).overdue == 0
    assert project_counts(west.pk, now=datetime(2026, 9, 15, 7, tzinfo=UTC)).overdue == 1


def test_holidays_of_the_team_are_no_working_days(west):
    # Thursday 24 to Thursday 31 December 2026: six days from Monday to Friday, Christmas Day is a Friday.
    last_days, now = (date(2026, 12, 24), date(2026, 12, 31)), datetime(2026, 12, 1, tzinfo=UTC)
    assert working_calendar(west.pk, now=now).working_days(*last_days) == 6.0

    west.holiday_country = "DE"
    west.save()

    assert working_calendar(west.pk, now=now).working_days(*last_days) == 5.0
