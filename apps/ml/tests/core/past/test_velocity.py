"""What completed sprints delivered, as of their end."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from apps.ml.core.past.velocity import (
    SprintRecord,
    SprintWindow,
    average_velocity,
    counts_in_points,
    daily_velocity,
    sprint_record,
    working_days_between,
)
from apps.projects.history.issue_past import FieldChange, IssuePast, value_as_of
from apps.projects.history.sprint_books import report_of, standings_at

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
END = datetime(2026, 1, 16, 17, tzinfo=UTC)
WINDOW = SprintWindow("s1", "Sprint 1", START, END)
DONE = IssuePast(
    "a",
    START - timedelta(days=9),
    "s1",
    "done",
    story_points=5.0,
    resolved_at=START + timedelta(days=2),
    assignee="ann",
)
LATER = END + timedelta(days=1)


def delivered(window: SprintWindow, *issues: IssuePast) -> SprintRecord:
    start, end = window.started_at or LATER, window.ended_at or LATER
    standings = standings_at(window.sprint_id, start, issues, end)
    report = report_of(standings, began_at=window.started_at, ended_at=window.ended_at)
    return sprint_record(window, report.completed)


def test_a_sprint_delivers_the_points_and_people_of_what_was_finished_in_it():
    other = replace(DONE, issue_id="b", story_points=None, actual_hours=6.0, assignee="bob")
    unfinished = replace(DONE, issue_id="c", category="to_do", resolved_at=None)

    record = delivered(WINDOW, DONE, other, unfinished)

    assert (record.delivered_points, record.delivered_issues, record.pointed_issues) == (5.0, 2, 1)
    assert (record.recorded_hours, record.hours_issues, record.hours_points) == (6.0, 1, 0.0)
    assert (record.people, record.working_days) == (2, 10)


@pytest.mark.parametrize("resolved_at", [START - timedelta(seconds=1), END + timedelta(seconds=1)])
def test_work_finished_outside_of_the_sprint_is_not_its_delivery(resolved_at):
    assert delivered(WINDOW, replace(DONE, resolved_at=resolved_at)).delivered_issues == 0


def test_moving_a_finished_issue_away_later_changes_no_past_velocity():
    moved = replace(DONE, sprint_id="s2", changes=(FieldChange("sprint", "s1", "s2", LATER),))

    one = delivered(WINDOW, moved)
    two = delivered(SprintWindow("s2", "", LATER, LATER + timedelta(days=10)), moved)

    assert (one.delivered_points, two.delivered_points) == (5.0, 0.0)


def test_pointing_an_issue_anew_later_changes_no_past_velocity():
    edited = replace(DONE, story_points=40.0, changes=(FieldChange("story_points", "5", "40", LATER),))

    assert delivered(WINDOW, edited).delivered_points == 5.0


def test_points_given_only_later_were_not_there():
    pointed_later = replace(DONE, changes=(FieldChange("story_points", "", "5", LATER),))

    assert pointed_later.points_at(END) is None


def test_opening_a_finished_issue_again_later_changes_no_past_velocity():
    ended = FieldChange("status", "in_progress", "done", START + timedelta(days=2))
    opened = FieldChange("status", "done", "in_progress", LATER)

    assert delivered(WINDOW, replace(DONE, category="in_progress", resolved_at=None, changes=(ended, opened))) == (
        delivered(WINDOW, DONE)
    )


def test_giving_a_finished_issue_to_somebody_else_later_changes_no_past_velocity():
    ann, bob = DONE, replace(DONE, issue_id="b", assignee="bob")
    given = replace(bob, assignee="ann", changes=(FieldChange("assignee", "bob", "ann", LATER),))

    assert delivered(WINDOW, ann, given).people == 2


def test_the_value_at_a_moment_is_what_the_first_later_change_replaced():
    changes = (FieldChange("sprint", "", "s1", START), FieldChange("sprint", "s1", "s2", LATER))

    assert value_as_of("s2", "sprint", changes, START - timedelta(days=1)) == ""
    assert value_as_of("s2", "sprint", changes, START) == "s1"
    assert value_as_of("s2", "sprint", changes, LATER) == "s2"


def test_without_times_a_finished_issue_counts_where_it_is():
    undated = SprintWindow("s1")

    record = delivered(undated, DONE)

    assert (record.delivered_points, record.working_days) == (5.0, None)


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        (date(2026, 1, 5), date(2026, 1, 5), 1),
        (date(2026, 1, 5), date(2026, 1, 18), 10),
        (date(2026, 1, 3), date(2026, 1, 4), 1),
    ],
)
def test_working_days_are_monday_to_friday_and_never_none(first, last, days):
    assert working_days_between(first, last) == days


def test_average_velocity_counts_sprints_that_delivered_nothing():
    assert average_velocity([_record(0), _record(10), _record(20)]) == 10.0


def test_average_velocity_of_no_sprint_is_unknown():
    assert average_velocity([]) is None


def test_velocity_looks_at_the_last_eight_sprints():
    assert average_velocity([_record(1000)] + [_record(10)] * 8) == 10.0


def test_daily_velocity_leaves_out_sprints_without_dates():
    assert daily_velocity([_record(20), _record(500, working_days=None)]) == 2.0


def test_work_counts_in_points_where_half_of_it_has_points():
    assert counts_in_points(2, 4)
    assert not counts_in_points(1, 4)
    assert not counts_in_points(0, 0)


def _record(points: float, working_days: int | None = 10) -> SprintRecord:
    return SprintRecord("s", "", working_days, float(points), 1)
