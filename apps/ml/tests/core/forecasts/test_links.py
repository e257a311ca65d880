"""Issues that wait for each other: no run has a blocked one done before its blocker; circles and orphans are named."""

from datetime import date

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.ml.core.forecasts.forecaster import WorkForecaster
from apps.ml.core.forecasts.links import Link, linked_trial
from apps.ml.core.forecasts.units import Throughput, WorkItem

TEAM = WorkForecaster(Throughput(issues=(5.0,) * 40), unit="issues", starts_on=date(2026, 3, 2))


def items(*ids: str) -> list[WorkItem]:
    return [WorkItem(id_) for id_ in ids]


def test_without_links_all_is_done_when_the_forecast_says():
    found = linked_trial(TEAM, items(*"abcde"), [])

    assert np.array_equal(found.all_done, TEAM.weeks_to_finish(TEAM.work_of(items(*"abcde"))))
    assert (dict(found.done), found.cycles, found.without_owner) == ({}, (), ())


def test_a_blocker_further_down_comes_first():
    found = linked_trial(TEAM, items(*"abcde"), [Link("e", "a")])

    # Three others, then the blocker, then what it blocks; without own time the blocked one is done with the next issue.
    assert np.array_equal(found.done["e"], TEAM.weeks_to_finish(np.full(TEAM.runs.n_runs, 4.0)))
    assert np.array_equal(found.done["a"], found.all_done)


def test_a_chain_takes_at_least_the_time_of_its_links():
    chain = [Link("a", "b"), Link("b", "c"), Link("c", "d")]

    found = linked_trial(TEAM, items(*"abcd"), chain, cycle_weeks=[2.0])

    # One issue, and three that each take two weeks once they can be begun.
    assert np.all(found.all_done >= found.done["a"] + 6.0 - 1e-9)
    assert np.median(found.all_done) > 6.0 > np.median(TEAM.weeks_to_finish(TEAM.work_of(items(*"abcd"))))


def test_a_blocker_outside_the_work_is_done_first_too():
    alone = linked_trial(TEAM, items("a"), [])

    waits = linked_trial(TEAM, items("a"), [Link("far", "a")], blockers=items("far"))

    assert np.all(waits.all_done > alone.all_done)
    assert np.all(waits.done["a"] >= waits.done["far"])


def test_a_link_to_what_is_done_already_says_nothing():
    found = linked_trial(TEAM, items("a", "b"), [Link("gone", "a")])

    assert dict(found.done) == {}


def test_circles_are_named_and_done_together():
    found = linked_trial(TEAM, items(*"abcd"), [Link("a", "c"), Link("c", "a"), Link("c", "d")])

    assert found.cycles == (("a", "c"),)
    assert np.array_equal(found.done["a"], found.done["c"])
    assert np.all(found.done["d"] >= found.done["c"])


def test_blockers_of_nobody_are_named():
    work = [WorkItem("a", is_assigned=False), WorkItem("b"), WorkItem("c", is_assigned=False)]

    found = linked_trial(TEAM, work, [Link("a", "b"), Link("b", "c")])

    assert found.without_owner == ("a",)


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=14), st.booleans())
@settings(max_examples=25, deadline=None)
def test_in_no_run_is_a_blocked_issue_done_before_its_blocker(pairs, takes_time):
    team = WorkForecaster(
        Throughput(issues=(5.0, 2.0) * 20),
        unit="issues",
        starts_on=date(2026, 3, 2),
    )
    links = [Link(str(one), str(other)) for one, other in pairs if one != other]

    found = linked_trial(team, items(*"01234567"), links, cycle_weeks=[0.5, 2.0] if takes_time else ())

    assert all(np.all(found.done[link.blocked] >= found.done[link.blocker]) for link in links)
    assert all(np.all(found.all_done >= each) for each in found.done.values())
