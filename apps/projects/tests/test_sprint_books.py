from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from apps.projects.history.issue_past import FieldChange, IssuePast, Timeline, value_as_of
from apps.projects.history.sprint_books import Amount, scope_at, scopes_at, standings_at

START = datetime(2026, 2, 2, 9, tzinfo=UTC)
BEFORE = START - timedelta(days=10)
END = START + timedelta(days=14)
PLANNED = IssuePast("a", BEFORE, sprint_id="s", story_points=5.0)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def moved(at: datetime, old: str, new: str, field: str = "sprint") -> FieldChange:
    return FieldChange(field, old, new, at)


def test_what_was_in_the_sprint_when_planning_ended_is_committed() -> None:
    entered = replace(PLANNED, changes=(moved(START, "", "s"),))

    assert scope_at("s", START, [entered], day(1)).committed == Amount(1, 5.0)


def test_an_issue_created_long_ago_that_enters_a_running_sprint_was_added() -> None:
    late = replace(PLANNED, changes=(moved(day(3), "", "s"),))

    before, after = scopes_at("s", START, [late], [day(2), day(4)])

    assert (before.committed, before.added, before.total) == (Amount(), Amount(), Amount())
    assert (after.committed, after.added, after.total) == (Amount(), Amount(1, 5.0), Amount(1, 5.0))


def test_an_issue_created_inside_a_running_sprint_was_added() -> None:
    born = replace(PLANNED, created_at=day(2))

    assert scope_at("s", START, [born], day(1)).total == Amount()
    assert scope_at("s", START, [born], day(3)).added == Amount(1, 5.0)


def test_what_left_is_removed_with_the_size_it_then_had() -> None:
    left = replace(
        PLANNED,
        sprint_id="",
        story_points=8.0,
        changes=(moved(day(4), "s", ""), moved(day(5), "5", "8", "story_points")),
    )

    scope = scope_at("s", START, [left], day(6))

    assert (scope.committed, scope.removed, scope.total) == (Amount(1, 5.0), Amount(1, 5.0), Amount())


def test_what_left_before_the_start_was_neither_committed_nor_removed() -> None:
    early = replace(PLANNED, sprint_id="", changes=(moved(day(-1), "s", ""),))

    assert standings_at("s", START, [early], day(6)) == []


def test_what_came_and_went_counts_once_on_each_side() -> None:
    changes = (moved(day(1), "", "s"), moved(day(2), "s", ""), moved(day(3), "", "s"), moved(day(4), "s", "t"))
    guest = replace(PLANNED, sprint_id="t", changes=changes)

    scope = scope_at("s", START, [guest], day(5))

    assert (scope.added, scope.removed, scope.total) == (Amount(1, 5.0), Amount(1, 5.0), Amount())


def test_what_left_and_came_back_was_never_gone() -> None:
    back = replace(PLANNED, changes=(moved(day(1), "s", ""), moved(day(2), "", "s")))

    during, after = scopes_at("s", START, [back], [day(1.5), day(3)])

    assert (during.removed, after.removed, after.committed) == (Amount(1, 5.0), Amount(), Amount(1, 5.0))


def test_the_moves_that_close_a_sprint_leave_what_they_found() -> None:
    carried = replace(PLANNED, sprint_id="t", changes=(moved(END, "s", "t"),))

    scope = scope_at("s", START, [carried], END)

    assert (scope.to_do, scope.removed) == (Amount(1, 5.0), Amount())
    assert scope_at("t", END, [carried], END).committed == Amount(1, 5.0)


def test_work_is_told_apart_by_what_its_status_meant_at_the_moment() -> None:
    steps = (moved(day(1), "to_do", "in_progress", "status"), moved(day(3), "in_progress", "done", "status"))
    done = replace(PLANNED, category="done", resolved_at=day(3), changes=steps)

    first, second, third = scopes_at("s", START, [done], [day(0.5), day(2), day(3)])

    assert (first.to_do, second.in_progress, third.done) == (Amount(1, 5.0),) * 3
    assert (second.remaining, third.remaining) == (Amount(1, 5.0), Amount())


def test_work_that_was_opened_again_later_was_done_before() -> None:
    steps = (moved(day(3), "in_progress", "done", "status"), moved(day(20), "done", "in_progress", "status"))
    opened = replace(PLANNED, category="in_progress", changes=steps)

    assert scope_at("s", START, [opened], END).done == Amount(1, 5.0)
    assert opened.finished_at(END) == day(3)
    assert opened.finished_at(day(21)) is None


def test_the_end_that_a_source_gave_survives_a_second_end() -> None:
    changes = (moved(day(20), "done", "to_do", "status"), moved(day(20), str(day(2)), "", "resolved_at"))
    twice = replace(
        PLANNED, category="done", resolved_at=day(22), changes=(*changes, moved(day(22), "to_do", "done", "status"))
    )

    assert twice.finished_at(END) == day(2)
    assert twice.finished_at(day(23)) == day(22)


def test_without_recorded_statuses_the_times_tell() -> None:
    imported = replace(PLANNED, category="done", started_at=day(2), resolved_at=day(4))

    assert [imported.category_at(day(number)) for number in (1, 3, 5)] == ["to_do", "in_progress", "done"]


def test_committed_work_that_was_found_larger_is_told_apart_from_added_work() -> None:
    grown = replace(PLANNED, story_points=8.0, changes=(moved(day(2), "5", "8", "story_points"),))

    scope = scope_at("s", START, [grown], day(3))

    assert (scope.committed.points, scope.added.points, scope.total.points) == (5.0, 0.0, 8.0)


def test_an_issue_without_points_adds_none() -> None:
    assert scope_at("s", START, [replace(PLANNED, story_points=None)], day(1)).committed == Amount(1, 0.0)


def test_before_planning_ends_everything_in_is_committed() -> None:
    scope = scope_at("s", START, [PLANNED], day(-2))

    assert (scope.committed, scope.added, scope.removed) == (Amount(1, 5.0), Amount(), Amount())


@pytest.mark.parametrize("number", [-3, 0, 1, 2.5, 9])
def test_a_timeline_agrees_with_the_plain_reading(number: float) -> None:
    changes = (moved(day(0), "", "s"), moved(day(2), "s", "t"), moved(day(1), "a", "b", "assignee"))

    assert Timeline.of("t", "sprint", changes).at(day(number)) == value_as_of("t", "sprint", changes, day(number))


def test_an_issue_as_of_a_moment_answers_alike_about_everything_before() -> None:
    changes = (
        moved(day(3), "to_do", "done", "status"),
        moved(day(9), "s", "t"),
        moved(day(9), "done", "to_do", "status"),
    )
    known = replace(PLANNED, sprint_id="t", changes=changes)

    earlier = known.as_of(day(5))

    assert (earlier.sprint_id, earlier.category, earlier.resolved_at) == ("s", "done", day(3))
    assert scope_at("s", START, [earlier], day(4)) == scope_at("s", START, [known], day(4))
