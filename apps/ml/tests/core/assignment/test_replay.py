"""The past as it was, and what every method would have suggested then."""

import math
from datetime import timedelta

import pytest

from apps.ml.core.assignment.replay import (
    AssignmentReplay,
    HitRates,
    Ledger,
    hit_rates,
    random_rates,
    rank_in,
    replay,
    suggested,
    surprise_of,
)
from apps.ml.core.records import CompletedIssue, IssueFacts
from apps.ml.tests.core.assignment.teams import UNTIL


def _issue(person, *, begun, done, kind="bug", reporter=""):
    """Begun and done so many days before UNTIL."""
    facts = IssueFacts(title="", issue_type=kind, assignee=person, reporter=reporter)
    days = timedelta(days=begun), timedelta(days=done)
    return CompletedIssue(f"{person}-{begun}", facts, known_at=UNTIL - days[0], completed_at=UNTIL - days[1])


def test_history_is_what_was_known_at_the_moment():
    ledger = Ledger([_issue("ann", begun=9, done=5), _issue("ann", begun=6, done=1, kind="task")])

    then = ledger.history("ann", IssueFacts("", issue_type="bug"), UNTIL - timedelta(days=3))

    assert (then.completed, then.completed_same_type, then.open_issues) == (1, 1, 1)
    assert then.last_active_at == UNTIL - timedelta(days=5)


def test_what_happens_at_the_very_moment_is_not_known_yet():
    ledger = Ledger([_issue("ann", begun=9, done=5)])

    assert ledger.history("ann", IssueFacts("", issue_type="bug"), UNTIL - timedelta(days=5)).completed == 0
    assert ledger.given_lately(UNTIL - timedelta(days=9)) == {}


def test_candidates_were_given_something_in_the_last_120_days():
    ledger = Ledger([_issue("ann", begun=121, done=100), _issue("bob", begun=120, done=100)])

    assert ledger.given_lately(UNTIL) == {"bob": 1}


def test_equal_scores_share_their_ranks():
    assert rank_in({"a": 3, "b": 1, "c": 1}, "a") == 1
    assert rank_in({"a": 3, "b": 1, "c": 1}, "c") == 2.5


def test_hit_rates_count_who_was_no_candidate_as_a_miss():
    assert hit_rates([1, 2, 4, None]) == HitRates(top_1=0.25, top_3=0.5, mrr=(1 + 0.5 + 0.25) / 4)


def test_drawing_lots_is_computed_not_drawn():
    assert random_rates([2, None]) == HitRates(top_1=0.25, top_3=0.5, mrr=(1 + 0.5) / 2 / 2)


@pytest.mark.parametrize("rates", [hit_rates, random_rates])
def test_rates_of_nothing_do_not_exist(rates):
    with pytest.raises(ValueError, match="at least one"):
        rates([])


def test_every_method_is_asked_about_the_same_moment():
    past = [_issue("ann", begun=30, done=20), _issue("ann", begun=15, done=10), _issue("bob", begun=15, done=12)]
    asked = _issue("bob", begun=5, done=1, reporter="bob")

    found = suggested(asked, Ledger([*past, asked]), lambda facts, people: {"ann": 0.9, "bob": 0.1})

    assert found.n_candidates == 2
    assert (found.ranks["most_recent"], found.ranks["reporter"], found.ranks["probability"]) == (2, 1, 2)
    assert (found.confidence, found.was_right) == (0.9, False)
    assert surprise_of(found) == 0.5


def test_a_person_who_was_no_candidate_is_everybodys_miss():
    found = suggested(_issue("new", begun=5, done=1), Ledger([_issue("ann", begun=30, done=20)]), None)

    assert (found.ranks, found.n_candidates) == ({}, 1)
    assert surprise_of(found) == 1.0
    assert replay([found]).rates["random"].top_1 == 0.0


@pytest.mark.parametrize(
    ("formula", "learned", "better"),
    [((0.3, 0.6), (0.4, 0.5), "learned"), ((0.4, 0.5), (0.3, 0.9), "formula"), ((0.4, 0.5), (0.4, 0.6), "learned"),
     ((0.4, 0.5), (0.4, 0.5), "formula")],
)  # fmt: skip
def test_the_better_strategy_names_more_people_first_then_among_three(formula, learned, better):
    rates = {"formula": HitRates(*formula, mrr=0.5), "learned": HitRates(*learned, mrr=0.5)}

    assert AssignmentReplay(20, rates).better == better


def test_of_all_strategies_the_best_answers_and_of_equals_the_simplest():
    rates = {
        name: HitRates(top_1, 0.8, 0.5)
        for name, top_1 in {"learned": 0.5, "reporter": 0.6, "most_recent": 0.6, "formula": 0.2, "random": 0.9}.items()
    }

    assert AssignmentReplay(20, rates).better == "most_recent"


def test_without_a_measurement_the_formula_answers():
    assert AssignmentReplay(0, {}).better == "formula"


def test_a_replay_survives_being_written():
    found = AssignmentReplay(3, {"learned": HitRates(0.5, 0.75, math.pi / 4)})

    assert AssignmentReplay.from_json(found.to_json()) == found
