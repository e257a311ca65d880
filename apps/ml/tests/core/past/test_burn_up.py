from datetime import UTC, datetime

from apps.ml.core.past.burn_up import BacklogEvent, Standing, burn_up


def day(number: int) -> datetime:
    return datetime(2026, 3, number, 12, tzinfo=UTC)


def test_a_backlog_is_told_backwards_from_today():
    events = [
        BacklogEvent(day(2), "created", 5.0),
        BacklogEvent(day(3), "done", 3.0),
        BacklogEvent(day(4), "dropped", 2.0),
        BacklogEvent(day(5), "done", 5.0),
    ]

    found = burn_up(Standing(day(6), 20.0, 30.0), events, [day(1), day(3), day(4), day(5)])

    assert [(each.done, each.scope) for each in found] == [(12, 27), (15, 32), (15, 30), (20, 30), (20, 30)]


def test_what_happened_before_the_first_day_moves_no_line():
    found = burn_up(Standing(day(6), 1.0, 2.0), [BacklogEvent(day(1), "created", 1.0)], [day(2)])

    assert [(each.at, each.done, each.scope) for each in found] == [(day(2), 1, 2), (day(6), 1, 2)]
