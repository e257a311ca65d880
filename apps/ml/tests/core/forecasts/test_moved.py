"""Why a date moved: parts that add up, and a single cause that gets (nearly) all of it."""

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.ml.core.forecasts.calendar import WorkingCalendar
from apps.ml.core.forecasts.inputs import ForecastInputs, as_json, from_json, thinned
from apps.ml.core.forecasts.moved import CAUSES, SPLIT_PERCENTS, ForecastAnswer, KeptAnswer, why_it_moved
from apps.ml.core.forecasts.sizes import Spread
from apps.ml.core.forecasts.units import Throughput, WorkItem
from apps.ml.core.forecasts.words import moved_in_words

MONDAY, TARGET = date(2026, 3, 2), date(2026, 4, 10)
#: Five issues of two points each week.
TEAM = Throughput(issues=(5.0,) * 40, points=(10.0,) * 40, sizes=(2.0,) * 200)


def items(*numbers: int, points: float | None = 2.0) -> tuple[WorkItem, ...]:
    return tuple(WorkItem(f"{number:03}", story_points=points) for number in numbers)


BEFORE = ForecastInputs(items(*range(30)), TEAM, "points", MONDAY, TARGET)


def kept(inputs: ForecastInputs) -> KeptAnswer:
    return KeptAnswer(inputs, ForecastAnswer.of(inputs.forecaster().ask(inputs.items)))


def moved(after: ForecastInputs, *, before: ForecastInputs = BEFORE, finished=()):
    return why_it_moved(kept(before), kept(after), finished=finished)


@pytest.mark.parametrize(
    ("cause", "after"),
    [
        ("scope", replace(BEFORE, items=items(*range(50)))),
        ("scope", replace(BEFORE, items=items(*range(10)))),
        ("speed", replace(BEFORE, throughput=replace(TEAM, points=(10.0,) * 28 + (4.0,) * 12))),
        ("calendar", replace(BEFORE, calendar=WorkingCalendar(frozenset(MONDAY + timedelta(n) for n in range(12))))),
        ("order", replace(BEFORE, ahead=items(*range(100, 115)))),
        ("model", replace(BEFORE, items=items(*range(30), points=None), spreads={})),
    ],
)
def test_a_single_cause_gets_at_least_nine_tenths_of_the_difference(cause, after):
    before = BEFORE
    if cause == "model":
        before = replace(after, spreads={item.issue_id: Spread.of([8.0]) for item in after.items})

    parts = moved(after, before=before).days[50]

    assert abs(parts.total) >= 5
    assert getattr(parts, cause) / parts.total >= 0.9


def test_a_week_in_which_a_team_did_what_was_expected_moves_nothing():
    finished = [item.issue_id for item in BEFORE.items[:5]]
    after = replace(BEFORE, items=BEFORE.items[5:], asked_on=MONDAY + timedelta(days=7))

    found = moved(after, finished=finished)

    assert (found.scope.finished, found.scope.removed) == (tuple(finished), ())
    assert found.days[50] is not None
    assert abs(found.days[50].total) <= 1
    assert {cause: getattr(found.days[50], cause) for cause in CAUSES if cause != "speed"} == {
        "scope": 0, "calendar": 0, "order": 0, "model": 0,
    }  # fmt: skip


def test_a_week_without_output_is_a_matter_of_speed_and_a_dropped_issue_one_of_scope():
    idle = moved(replace(BEFORE, asked_on=MONDAY + timedelta(days=7)))
    dropped = moved(replace(BEFORE, items=BEFORE.items[5:]))

    assert (idle.days[50].speed, idle.days[50].total) == (7, 7)
    assert (dropped.scope.removed, dropped.days[50].scope) == (tuple(f"{n:03}" for n in range(5)), -7)


def test_a_new_target_changes_the_chance_by_the_calendar_and_no_date():
    found = moved(replace(BEFORE, target=TARGET + timedelta(days=14)))

    assert found.days[85].total == 0
    assert found.chance.calendar == found.chance.total > 0


def test_without_a_target_or_a_date_there_are_no_parts():
    assert moved(replace(BEFORE, target=None)).chance is None
    endless = moved(replace(BEFORE, items=items(*range(5000))))
    assert endless.days[50] is None
    assert moved_in_words(endless) == "The date was 2026-04-27; now there is none within ten years."


def test_the_sentence_names_the_causes_with_their_days():
    found = moved(replace(BEFORE, items=items(*range(40))))
    days = found.days[85].total

    assert moved_in_words(found) == (
        f"The date of 85 % certainty moved by {days} days, from {found.before.answer.days[85]} to "
        f"{found.after.answer.days[85]}: scope {days} days later (10 added)."
    )
    assert moved_in_words(moved(BEFORE)).startswith("The date stands: ")


@settings(max_examples=8)
@given(
    numbers=st.tuples(*(st.integers(0, most) for most in (30, 30, 20, 10, 10, 10))),
    speed=st.floats(2.0, 20.0),
    unit=st.sampled_from(["points", "issues"]),
)
def test_the_parts_add_up_to_the_difference(numbers, speed, unit):
    n_kept, n_added, days, holidays, n_ahead, off_by = numbers
    after = ForecastInputs(
        items(*range(n_kept), *range(50, 50 + n_added)),
        replace(TEAM, points=(*TEAM.points[4:], *(speed,) * 4)),
        unit,
        MONDAY + timedelta(days=days),
        TARGET,
        WorkingCalendar(frozenset(MONDAY + timedelta(days=20 + n) for n in range(holidays))),
        ahead=items(*range(100, 100 + n_ahead)),
    )
    # Whatever the engine said then need not be what it says now.
    then, now = kept(BEFORE), kept(after)
    then = replace(
        then, answer=replace(then.answer, days={p: d + timedelta(off_by) for p, d in then.answer.days.items()})
    )

    found = why_it_moved(then, now, finished=[item.issue_id for item in BEFORE.items[n_kept:]][:days])

    for percent in SPLIT_PERCENTS:
        assert found.days[percent].total == (now.answer.days[percent] - then.answer.days[percent]).days
    assert found.chance.total == round(now.answer.chance * 1000) - round(then.answer.chance * 1000)


def test_inputs_are_kept_as_json_and_told_again_alike():
    inputs = replace(
        BEFORE,
        items=(*items(*range(10)), *items(*range(10, 20), points=None)),
        calendar=WorkingCalendar(frozenset({MONDAY})),
        spreads={f"{n:03}": Spread.of([1.0, 2.0, 8.0], [0.2, 0.5, 0.3]) for n in range(10, 20)},
    )
    again = from_json(json.loads(json.dumps(as_json(inputs))))

    assert replace(again, spreads={}) == replace(inputs, spreads={}, throughput=again.throughput)
    assert again.throughput.points == TEAM.points
    assert moved(again, before=inputs).days[50].total in (-1, 0, 1)


def test_a_thinned_distribution_keeps_its_mean():
    values = [1.0, 2.0, 3.0, 10.0, 20.0, 30.0, 31.0, 32.0]

    assert thinned(values, 4) == [1.5, 6.5, 25.0, 31.5]
    assert thinned([3.0, 1.0], 4) == [1.0, 3.0]
