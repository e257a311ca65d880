"""A burndown by day: as the history stood, in one pass."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from apps.ml.core.past.sprints import SprintTimeline
from apps.ml.core.past.velocity import SprintWindow
from apps.ml.core.sprints.burndown import MAX_DAYS, burndown
from apps.projects.history.issue_past import FieldChange, IssuePast
from apps.projects.history.sprint_books import Amount, scope_at

START = datetime(2026, 2, 2, 9, tzinfo=UTC)
ISSUE = IssuePast("a", START - timedelta(days=9), sprint_id="s", story_points=5.0)
FINISHED = replace(
    ISSUE,
    category="done",
    resolved_at=START + timedelta(days=1),
    changes=(FieldChange("status", "to_do", "done", START + timedelta(days=1)),),
)
LATE = replace(ISSUE, issue_id="b", story_points=3.0, created_at=START + timedelta(days=2))
SPRINT = SprintTimeline(
    window=SprintWindow("s", "Sprint", START),
    planning_ended_at=START,
    first_day=START.date(),
    last_day=date(2026, 2, 11),
    issues=(FINISHED, LATE),
)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def test_each_day_shows_what_was_in_what_was_left_and_what_was_done():
    drawn = burndown(SPRINT, now=day(2))

    assert [one.day for one in drawn.days] == [date(2026, 2, 2), date(2026, 2, 3), date(2026, 2, 4)]
    assert [one.remaining.points for one in drawn.days] == [5.0, 0.0, 3.0]
    assert [one.scope.issues for one in drawn.days] == [1, 1, 2]
    assert [one.done for one in drawn.days] == [Amount(), Amount(1, 5.0), Amount(1, 5.0)]


def test_every_day_is_the_scope_as_of_its_end():
    drawn = burndown(SPRINT, now=day(5))

    for shown in drawn.days[:-1]:
        end = datetime.combine(shown.day, datetime.max.time(), tzinfo=UTC)
        assert shown.remaining == scope_at("s", START, SPRINT.issues, end).remaining


def test_the_straight_line_falls_from_the_commitment_to_nothing_on_the_last_day():
    ideal = burndown(SPRINT, now=day(2)).ideal

    assert (len(ideal), ideal[0].points, ideal[-1].points) == (10, 4.5, 0.0)
    assert ideal[4].issues == 0.5


@pytest.mark.parametrize("closed", [3, 20])
def test_the_days_end_with_the_closing(closed):
    ended = replace(SPRINT, window=replace(SPRINT.window, ended_at=day(closed)))

    assert burndown(ended, now=day(90)).days[-1].day == day(closed).date()


def test_later_changes_move_no_day_of_the_past():
    changes = (
        *FINISHED.changes, FieldChange("sprint", "s", "", day(6)), FieldChange("status", "done", "to_do", day(6)),
        FieldChange("story_points", "5", "50", day(6)),
    )  # fmt: skip
    moved = replace(FINISHED, sprint_id="", category="to_do", story_points=50.0, resolved_at=None, changes=changes)

    later = burndown(replace(SPRINT, issues=(moved, LATE)), now=day(9))

    assert later.days[:4] == burndown(SPRINT, now=day(9)).days[:4]
    assert later.days[7].scope == Amount(1, 3.0)


def test_a_sprint_without_a_start_has_no_days():
    drawn = burndown(SprintTimeline(window=SprintWindow("s"), issues=(ISSUE,)), now=day(2))

    assert (drawn.start, drawn.days, drawn.ideal) == (None, (), ())


def test_a_sprint_that_begins_later_has_no_days_yet():
    drawn = burndown(SPRINT, now=day(-3))

    assert (drawn.days, len(drawn.ideal)) == ((), 10)


def test_of_a_sprint_that_was_never_closed_the_latest_days_are_shown():
    drawn = burndown(SPRINT, now=day(1000))

    assert (len(drawn.days), drawn.days_left_out, drawn.days[-1].day) == (MAX_DAYS, 1001 - MAX_DAYS, day(1000).date())
