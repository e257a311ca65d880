"""Ranges of young teams: what their own last outcomes tell."""

from dataclasses import replace

import numpy as np
import pytest

from apps.ml.core.effort import EffortModel
from apps.ml.core.effort.ranges.own_outcomes import (
    head_share,
    last_outcomes,
    missed_by_strangers,
    mixed,
    own_errors,
    spread_of,
    strangers_share,
)
from apps.ml.core.effort.training import train_effort_model
from apps.ml.core.intervals import ErrorPool
from apps.ml.core.records import IssueFacts
from apps.ml.core.similarity import token_set
from apps.ml.tests.core.effort.factories import NOW, team


def blind(issue):
    return replace(issue.facts, estimated_hours=None)


def errors_of(history, facts, *, centre=0.0, used_estimate=False, **unknown):
    outcomes = last_outcomes(history)
    similarity = outcomes.index.similarities(token_set(facts))
    return own_errors(outcomes, similarity, facts, centre=centre, used_estimate=used_estimate, **unknown)


def test_without_an_outcome_nothing_is_told():
    assert last_outcomes([]) is None
    assert errors_of(team(5, estimates=None), team(1)[0].facts, used_estimate=True) is None


def test_an_outcome_near_the_issue_counts_more():
    history = team(40, learnable=False)
    twin = replace(history[0], facts=IssueFacts(title="rotate certificates"), actual_hours=1_000.0)
    errors = errors_of([*history, twin], twin.facts)

    assert errors.weights[errors.values.argmax()] > 10 / 41


def test_ratios_to_estimates_of_another_size_count_less():
    small = [replace(issue, actual_hours=1.0, facts=replace(issue.facts, estimated_hours=1.0)) for issue in team(160)]
    large = [
        replace(issue, actual_hours=500.0, facts=replace(issue.facts, estimated_hours=100.0)) for issue in team(40)
    ]

    def typical_ratio(size):
        facts = replace(small[0].facts, estimated_hours=size)
        return np.exp(errors_of([*small, *large], facts, centre=np.log(size), used_estimate=True).quantile(0.5))

    assert typical_ratio(1.0) == pytest.approx(1.0, abs=0.1)
    assert typical_ratio(100.0) > 4.0


def test_few_outcomes_that_agree_promise_little():
    few, many = ([replace(issue, actual_hours=3.0) for issue in team(size)] for size in (3, 300))
    facts, centre = IssueFacts(title="fix login"), np.log(3.0)

    narrow, wide = (np.ptp(errors_of(history, facts, centre=centre).band(0.8)) for history in (many, few))

    assert narrow < 0.2
    assert wide > 1.5


def test_what_strangers_were_off_by_is_expected_of_a_team_hardly_known():
    history, facts = [replace(issue, actual_hours=3.0) for issue in team(10)], IssueFacts(title="fix login")

    # (10 * 0 + 10 * s ** 2) / 20: the normal part stands for s / sqrt(2), of 40 in 50 of the weight.
    spreads = [errors_of(history, facts, centre=np.log(3.0), unknown_spread=spread).spread for spread in (0.5, 2.0)]

    assert spreads[1] == pytest.approx(4.0 * spreads[0])
    assert spreads[0] == pytest.approx((0.8 * 0.5**2 / 2) ** 0.5, rel=0.05)


def test_a_spread_of_nothing_known_is_that_of_an_unknown_team():
    assert spread_of(np.zeros(0), 1.4) == pytest.approx(1.4)
    # (10 * 1.4 ** 2 + 30 * 0.7 ** 2) / 40 = 0.8575
    assert spread_of(np.full(30, 0.7), 1.4) == pytest.approx(0.8575**0.5)


def test_the_head_that_learned_from_the_team_has_more_to_say_the_more_it_learned():
    assert [head_share(n) for n in (0, 200, 400, 800, 1_200)] == [0.0, 0.2, 0.5, 0.8, 0.9]


def test_a_head_that_learned_from_strangers_has_less_to_say_the_more_the_team_has_finished():
    assert [strangers_share(n) for n in (0, 20, 180)] == [1.0, 0.5, 0.1]
    assert [missed_by_strangers(n) for n in (0, 20, 180)] == pytest.approx([0.06, 0.03, 0.006])


def test_a_mixture_weighs_both_by_their_shares():
    both = mixed(ErrorPool.of([0.0], size=200.0), ErrorPool.of([1.0, 2.0]), share=0.5)

    assert both.values.tolist() == [0.0, 1.0, 2.0]
    assert both.weights.tolist() == pytest.approx([0.5, 0.25, 0.25])
    assert both.effective_size == 200.0


def told_and_true(n_known, **kind):
    """What models of six young teams say of the next 100 issues: ranges that hold, confidence, what came true."""
    cuts = []
    for seed in range(6):
        issues = team(n_known + 100, seed=seed, **kind)
        model = EffortModel.from_bytes(train_effort_model(issues[:n_known], now=NOW).serving)
        cuts += [(model.estimate(blind(issue)), issue.actual_hours) for issue in issues[n_known:]]
    held = np.mean([one.interval.low <= hours <= one.interval.high for one, hours in cuts])
    hits = np.mean([abs(np.log(hours / one.predicted_hours)) <= np.log(2) for one, hours in cuts])
    return held, np.mean([one.confidence for one, _ in cuts]), hits


@pytest.mark.slow
@pytest.mark.parametrize("n_known", [50, 200])
def test_ranges_and_confidence_of_young_teams_come_true(n_known):
    held, said, true = told_and_true(n_known, learnable=False)

    assert 0.77 <= held <= 0.88
    assert said == pytest.approx(true, abs=0.06)


@pytest.mark.slow
@pytest.mark.parametrize("n_known", [50, 100])
def test_a_young_team_that_can_be_predicted_is_promised_no_more_than_comes_true(n_known):
    held, said, true = told_and_true(n_known, noise=0.4)

    assert held >= 0.8
    assert said <= true + 0.03


def test_a_head_that_predicts_well_earns_its_say():
    head = train_effort_model(team(200, seed=1, noise=0.4), now=NOW).metrics.plain
    noise = train_effort_model(team(200, seed=1, learnable=False), now=NOW).metrics.plain

    assert head.head_share >= 0.5
    assert noise.head_share == head_share(200)


def slow(issues, factor):
    return [replace(issue, actual_hours=issue.actual_hours * factor) for issue in issues]


@pytest.fixture(scope="module")
def global_model():
    return EffortModel.from_bytes(train_effort_model(team(400, seed=1), now=NOW, scope="global").serving)


def test_a_global_model_is_moved_to_the_team_that_asks(global_model):
    theirs = slow(team(160, seed=9), 6.0)
    record = global_model.record_of(theirs[:60])

    alone = [global_model.estimate(blind(issue)) for issue in theirs[60:]]
    told = [global_model.estimate(blind(issue), team=record) for issue in theirs[60:]]
    hours = np.array([issue.actual_hours for issue in theirs[60:]])

    assert _holds(alone, hours) < 0.3
    assert 0.74 <= _holds(told, hours) <= 0.92
    assert np.median([one.predicted_hours for one in told]) > 3 * np.median([one.predicted_hours for one in alone])
    for one in told:
        assert sum(part.effect for part in one.contributions) == pytest.approx(one.predicted_hours)
        assert "what your own finished issues took" in {part.name for part in one.contributions}


def _holds(estimates, hours):
    return np.mean([one.interval.low <= h <= one.interval.high for one, h in zip(estimates, hours, strict=True)])


def test_a_team_without_an_outcome_gets_what_the_global_model_says(global_model):
    facts = IssueFacts(title="fix login page", issue_type="bug")

    assert global_model.record_of([]) is None
    assert global_model.estimate(facts, team=None) == global_model.estimate(facts)


def test_the_hours_that_may_be_are_those_of_the_range(global_model):
    theirs = team(60, seed=9)
    record, facts = global_model.record_of(theirs), blind(theirs[0])

    hours, weights = global_model.hours(facts, team=record)

    estimate = global_model.estimate(facts, team=record)
    inside = (hours >= estimate.interval.low) & (hours <= estimate.interval.high)
    assert weights.sum() == pytest.approx(1.0)
    assert weights[inside].sum() == pytest.approx(0.8, abs=0.06)
