"""Issues that wait for each other: no run has a blocked one done before its blocker; circles and orphans are named."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.ml.core.forecasts import drops as drops_module
from apps.ml.core.forecasts import links as links_module
from apps.ml.core.forecasts.drops import path_to, single_drops
from apps.ml.core.forecasts.fan import done_by_day
from apps.ml.core.forecasts.forecaster import WorkForecaster
from apps.ml.core.forecasts.links import Link, LinkedWork, linked_trial
from apps.ml.core.forecasts.played.crossings import Crossings
from apps.ml.core.forecasts.units import Throughput, WorkItem
from apps.ml.core.forecasts.words import forecast_in_words
from tests.test_text_growth import FACTOR, LIMIT, seconds

TEAM = WorkForecaster(Throughput(issues=(5.0,) * 40), unit="issues", starts_on=date(2026, 3, 2))


def items(*ids: str) -> list[WorkItem]:
    return [WorkItem(id_) for id_ in ids]


def linked(*pairs: str, **more) -> LinkedWork:
    """'ab' for: a blocks b."""
    return LinkedWork(tuple(Link(*pair) for pair in pairs), **more)


def test_without_links_nothing_is_played():
    assert linked_trial(TEAM, items(*"abcde"), LinkedWork()) is None
    assert TEAM.ask(items(*"abcde")).waiting is None


def test_a_blocker_further_down_comes_first():
    found = linked_trial(TEAM, items(*"abcde"), linked("ea"))

    # Three others, then the blocker, then what it blocks; without own time the blocked one is done with the next issue.
    assert np.array_equal(found.done["e"], TEAM.weeks_to_finish(np.full(TEAM.runs.n_runs, 4.0)))
    assert np.array_equal(found.done["a"], found.all_done)


def test_what_is_taken_up_first_is_done_first_whatever_the_order_of_the_list():
    as_listed = linked_trial(TEAM, items(*"abcde"), linked("ea"))

    urgent = linked_trial(TEAM, items(*"abcde"), linked("ea", order={"e": 0, "a": 1}))

    assert np.all(urgent.done["e"] < as_listed.done["e"])


def test_a_chain_takes_at_least_the_time_of_its_links():
    found = linked_trial(TEAM, items(*"abcd"), linked("ab", "bc", "cd", cycle_weeks=(2.0,)))

    # One issue, and three that each take two weeks once they can be begun.
    assert np.all(found.all_done >= found.done["a"] + 6.0 - 1e-9)
    assert np.median(found.all_done) > 6.0 > np.median(TEAM.weeks_to_finish(TEAM.work_of(items(*"abcd"))))


def test_a_blocker_outside_the_work_is_done_first_too_and_so_is_what_that_waits_for():
    alone = TEAM.weeks_to_finish(TEAM.work_of(items("a")))

    waits = linked_trial(TEAM, items("a"), linked("fa", "gf", blockers=tuple(items("f", "g", "h"))))

    # Three issues: 'h' blocks nothing of it.
    assert np.array_equal(waits.all_done, TEAM.weeks_to_finish(np.full(TEAM.runs.n_runs, 3.0)))
    assert np.all(waits.all_done > alone)
    assert np.all(waits.done["a"] >= waits.done["f"])
    assert waits.waiting == ("a",)


def test_a_blocker_in_progress_adds_no_work_and_is_waited_for():
    team = WorkForecaster(Throughput(issues=(5.0,) * 40), "issues", date(2026, 3, 2), ahead=items("f"))

    found = team.trial(items("a"))
    held = WorkForecaster(
        Throughput(issues=(5.0,) * 40), "issues", date(2026, 3, 2), ahead=items("f"),
        linked=linked("fa", blockers=tuple(items("f"))),
    ).trial(items("a"))  # fmt: skip

    assert found is None
    assert np.all(held.done["f"] > 0)
    assert np.array_equal(held.all_done, team.weeks_to_finish(team.work_of(items("a"))))


def test_a_blocker_of_another_project_takes_as_long_as_an_issue_does_and_no_work_of_the_team():
    found = linked_trial(TEAM, items("a"), linked("xa", elsewhere=frozenset("x"), cycle_weeks=(3.0,)))

    assert np.all(found.done["x"] == 3.0)
    assert np.all(found.all_done >= 6.0)
    assert (found.elsewhere, found.without_owner) == (1, ())


def test_a_link_to_what_is_done_already_says_nothing():
    assert linked_trial(TEAM, items("a", "b"), linked("xa")) is None


def test_circles_are_named_and_done_together():
    found = linked_trial(TEAM, items(*"abcd"), linked("ac", "ca", "cd"))

    assert found.cycles == (("a", "c"),)
    assert np.array_equal(found.done["a"], found.done["c"])
    assert np.all(found.done["d"] >= found.done["c"])


def test_blockers_of_nobody_are_named():
    work = [WorkItem("a", is_assigned=False), WorkItem("b"), WorkItem("c", is_assigned=False)]

    found = linked_trial(TEAM, work, linked("ab", "bc"))

    assert found.without_owner == ("a",)


def forecaster(links: LinkedWork, last_day: date | None = None) -> WorkForecaster:
    past = Throughput(issues=(5.0, 2.0) * 20)
    return WorkForecaster(past, "issues", date(2026, 3, 2), last_day, linked=links)


def test_the_dates_and_the_chance_of_a_forecast_follow_the_links():
    chain, by = linked("ab", "bc", cycle_weeks=(1.0,)), date(2026, 3, 13)

    free, held = forecaster(LinkedWork(), by).ask(items(*"abc")), forecaster(chain, by).ask(items(*"abc"))

    assert held.probability_in_time < free.probability_in_time
    assert held.promised.day > free.promised.day
    # Two issues take a week each after the first one.
    assert held.waiting.later_days == pytest.approx(held.typical.working_days - free.typical.working_days, abs=1)


def test_less_work_never_lowers_the_chance_and_a_sprint_delivers_no_issue_that_is_held_up():
    team, work = forecaster(linked("ab", cycle_weeks=(1.0, 4.0)), date(2026, 3, 13)), items(*"abc")

    drops = {drop.issue_id: drop.probability_after for drop in single_drops(team, work)}

    assert drops["b"] > drops["c"] >= team.ask(work).probability_in_time
    shares = team.shares_done(work)
    late = team.trial(work).done["b"] > 2.0
    assert np.all(shares[late] <= 2 / 3 + 1e-9)
    assert 0 < late.mean() < 1


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=14), st.booleans())
@settings(max_examples=25, deadline=None)
def test_in_no_run_is_a_blocked_issue_done_before_its_blocker(pairs, takes_time):
    links = tuple(Link(str(one), str(other)) for one, other in pairs if one != other)
    team = forecaster(LinkedWork(links, cycle_weeks=(0.5, 2.0) if takes_time else ()))

    found = team.trial(items(*"01234567"))

    if found is None:
        assert not links
        return
    assert all(np.all(found.done[link.blocked] >= found.done[link.blocker]) for link in links)
    assert all(np.all(found.all_done >= each) for each in found.done.values())


def a_chain(n: int, **more) -> tuple[list[WorkItem], LinkedWork]:
    ids = [f"{each:05}" for each in range(n)]
    return items(*ids), LinkedWork(tuple(map(Link, ids, ids[1:])), **more)


def test_beyond_a_bound_the_rest_of_a_chain_is_done_with_all_the_work_and_the_words_say_so(monkeypatch):
    work, chain = a_chain(8, cycle_weeks=(2.0,))
    team = forecaster(chain)
    whole, free = team.trial(work), team.weeks_to_finish(team.work_of(work))
    in_words = forecast_in_words(team.ask(work))
    monkeypatch.setattr(links_module, "MAX_FOLLOWED", 5)

    found, told = forecaster(chain).trial(work), forecaster(chain).ask(work)

    assert found.done.keys() == {item.issue_id for item in work[:5]}
    assert all(np.array_equal(found.done[id_], whole.done[id_]) for id_ in found.done)
    assert found.not_followed == {item.issue_id for item in work[5:]}
    assert np.array_equal(found.all_done, np.maximum(free, found.done[work[4].issue_id]))
    assert (told.waiting.not_followed, len(told.waiting.issues)) == (3, 7)
    assert "The links of 3 issues beyond the first" in forecast_in_words(told)
    assert (whole.not_followed, "beyond" in in_words) == (frozenset(), False)
    # All that is not followed counts as undone until all the work is done.
    undone = found.undone(work, team.size_of)
    assert np.all(undone(1e9) == 0)
    assert np.all(undone(float(found.done[work[4].issue_id].min()) - 1e-6) >= 3)


def test_a_circle_too_large_to_be_followed_holds_up_only_what_waits_for_it(monkeypatch):
    monkeypatch.setattr(links_module, "MAX_FOLLOWED", 3)

    found = linked_trial(TEAM, items(*"abcdefg"), linked("ab", "bc", "cd", "da", "de", "fg"))

    assert found.not_followed == set("abcde")
    assert found.done.keys() == set("fg")


def test_dates_and_their_picture_play_the_same_links_once(amounts):
    work, chain = a_chain(4)
    team = forecaster(chain)

    team.ask(work)
    assert len(amounts) == 5
    done_by_day(team, work, [date(2026, 3, 9)])

    # By when all is done is asked again.
    assert len(amounts) == 6


def test_what_to_take_out_plays_only_what_differs(amounts):
    """Of a chain only the end is nobody's blocker; without another issue all wait as before."""
    work, chain = a_chain(6, cycle_weeks=(1.0,), blockers=tuple(items(*(f"{each:05}" for each in range(6)))))
    team = forecaster(chain, date(2026, 3, 6))
    team.ask(work)
    amounts.clear()

    single_drops(team, work)

    # All the work of each plan, and that end once more.
    assert len(amounts) <= 1 + len(work) + 1


@pytest.fixture
def amounts(monkeypatch):
    """Amounts for which the week was looked for in the runs, one after the other."""
    asked = []
    monkeypatch.setattr(Crossings, "weeks", lambda self, work: asked.append(work) or _weeks(self, work))
    return asked


_weeks = Crossings.weeks


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=10),
    st.lists(st.tuples(st.sets(st.integers(0, 7), min_size=1), st.sampled_from([1.0, 0.5])), max_size=6),
)
@settings(max_examples=25, deadline=None)
def test_plays_that_share_a_beginning_say_the_same_to_the_last_bit(pairs, plans):
    links = tuple(Link(str(one), str(other)) for one, other in pairs if one != other)
    waiting = LinkedWork(links, blockers=tuple(items(*"01234567")), cycle_weeks=(0.5, 2.0))
    shared = forecaster(waiting)

    for numbers, pace in plans:
        work = items(*map(str, sorted(numbers)))
        one, other = shared.trial(work, pace=pace), forecaster(waiting).trial(work, pace=pace)
        assert (one is None) == (other is None)
        if one and other:
            assert np.array_equal(one.all_done, other.all_done)
            assert one.done.keys() == other.done.keys()
            assert all(np.array_equal(one.done[id_], other.done[id_]) for id_ in one.done)


def test_of_many_linked_issues_the_first_drops_are_tried(monkeypatch):
    work, chain = a_chain(6, cycle_weeks=(1.0,))
    team = forecaster(chain, date(2026, 3, 6))
    every, path = single_drops(team, work), path_to(0.99, team, work)
    monkeypatch.setattr(drops_module, "MAX_PLAYED", 60)

    assert {drop.issue_id for drop in single_drops(team, work)} == {item.issue_id for item in work[:2]}
    assert all(drop in every for drop in single_drops(team, work))
    assert path_to(0.99, team, work) == path[:2]
    assert len(single_drops(forecaster(LinkedWork(), date(2026, 3, 6)), work)) == 6


def test_a_chain_sixteen_times_as_long_takes_no_256_times_as_long():
    """Both longer than what is followed, so that what grows is the plan and the work."""

    def ask(n: int) -> None:
        work, chain = a_chain(n, cycle_weeks=(1.0,))
        forecaster(chain).ask(work)

    assert seconds(ask, 300 * FACTOR) / seconds(ask, 300) < LIMIT


def test_all_blocking_all_is_asked_in_time_with_the_number_of_links():
    def ask(n: int) -> None:
        ids = [f"{each:05}" for each in range(n)]
        every = tuple(Link(one, other) for at, one in enumerate(ids) for other in ids[at + 1 :])
        forecaster(LinkedWork(every)).ask(items(*ids))

    # Four times the issues are sixteen times the links.
    assert seconds(ask, 4 * 64) / seconds(ask, 64) < LIMIT
