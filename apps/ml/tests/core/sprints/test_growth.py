"""What came into past sprints and left them, as a share of what was left."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from apps.ml.core.forecasts.inflow import drawn_growth
from apps.ml.core.past.sprints import SprintTimeline
from apps.ml.core.past.velocity import SprintWindow
from apps.ml.core.sprints.growth import MAX_GROWTH, later_growth
from apps.projects.history.issue_past import FieldChange, IssuePast

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
END = START + timedelta(days=10)


def issue(name: str, *, entered: int | None = None, left: int | None = None, done: int | None = None) -> IssuePast:
    """Of two points, in sprint 's' from the first day on, unless a day says otherwise."""
    changes = [("sprint", "", "s", entered), ("sprint", "s", "", left), ("status", "to_do", "done", done)]
    return IssuePast(
        issue_id=name,
        created_at=START - timedelta(days=9),
        sprint_id="" if left is not None else "s",
        category="to_do" if done is None else "done",
        story_points=2.0,
        resolved_at=None if done is None else START + timedelta(days=done),
        changes=tuple(
            FieldChange(field, old, new, START + timedelta(days=day))
            for field, old, new, day in sorted(changes, key=lambda change: change[3] or 0)
            if day is not None
        ),
    )


def sprint(*issues: IssuePast, **options) -> SprintTimeline:
    window = SprintWindow("s", started_at=START, ended_at=END)
    return SprintTimeline(**({"window": window, "planning_ended_at": START, "issues": issues} | options))


#: Two of four are done on day 4; one comes in on day 2 and one on day 8, one leaves on day 9.
LIVELY = sprint(
    issue("a", done=4), issue("b", done=4), issue("c", done=9), issue("d", left=9), issue("e", entered=2),
    issue("f", entered=8),
)  # fmt: skip


@pytest.mark.parametrize(
    ("elapsed_ratio", "unit", "growth"),
    [
        (0.0, "issues", 1 / 4),  # of four, two come and one goes
        (0.0, "points", 1 / 4),
        (0.5, "points", 0 / 3),  # of three left, one comes and one goes
        (0.85, "hours", -1 / 4),  # of four left, one goes
    ],
)
def test_growth_is_what_came_later_of_what_was_left(elapsed_ratio, unit, growth):
    assert later_growth([LIVELY] * 5, elapsed_ratio=elapsed_ratio, unit=unit) == pytest.approx((growth,) * 5)


def test_fewer_than_five_sprints_tell_nothing():
    assert later_growth([LIVELY] * 4, elapsed_ratio=0.0, unit="issues") == ()


@pytest.mark.parametrize(
    "past",
    [
        sprint(issue("a"), planning_ended_at=None),
        sprint(issue("a", done=1), window=SprintWindow("s", started_at=START)),
        sprint(issue("a")),  # nothing was ever recorded of it
        sprint(issue("a", done=1), issue("b", entered=8)),  # nothing was left after half of the time
        sprint(),
    ],
)
def test_sprints_that_cannot_tell_are_left_out(past):
    assert later_growth([LIVELY] * 4 + [past], elapsed_ratio=0.5, unit="issues") == ()


def test_what_is_left_at_most_doubles_and_at_most_goes():
    swamped = sprint(issue("a"), *(issue(str(number), entered=5) for number in range(9)))
    emptied = sprint(issue("a", left=5), issue("b", entered=6, left=7))

    assert later_growth([swamped] * 5, elapsed_ratio=0.1, unit="issues") == (MAX_GROWTH,) * 5
    assert later_growth([emptied] * 5, elapsed_ratio=0.1, unit="issues") == (-1.0,) * 5


def test_each_run_has_one_of_the_shares():
    drawn = drawn_growth([0.0, 0.5], 1_000, seed=1)

    assert set(np.unique(drawn)) == {0.0, 0.5}
    assert np.array_equal(drawn, drawn_growth([0.0, 0.5], 1_000, seed=1))
    assert drawn_growth([], 1_000, seed=1) == 0.0
