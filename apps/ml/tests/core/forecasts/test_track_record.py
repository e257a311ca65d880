"""A team's own track record: promises that are due, by what was known when they were made."""

import numpy as np

from apps.ml.core.forecasts.track_record import MAX_FORECASTS, PromiseRecord, track_record


def test_a_team_without_history_has_no_record():
    assert track_record([]) == tuple(PromiseRecord(percent, due=0, kept=0) for percent in (50, 70, 85, 95))


def test_a_steady_team_keeps_what_is_likely():
    record = {kept.percent: kept for kept in track_record(np.random.default_rng(0).poisson(8, 90).astype(float))}

    assert record[85].due > 30
    assert record[85].kept / record[85].due >= 0.8
    assert record[50].kept < record[50].due


def test_a_team_that_stops_breaks_its_promises():
    (*_, sure) = track_record([8.0] * 60 + [0.0] * 20)

    assert sure.kept < sure.due


def test_only_promises_whose_week_has_come_count():
    first, *_, last = track_record([5.0] * 60)

    assert last.due < first.due < MAX_FORECASTS


def test_a_week_of_bulk_closing_breaks_no_earlier_promise():
    weekly = [5.0] * 60

    before, after = track_record(weekly), track_record([*weekly, 1000.0])

    assert all(late.due - late.kept <= early.due - early.kept for early, late in zip(before, after, strict=True))
