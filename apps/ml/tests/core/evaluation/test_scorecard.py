"""The scorecard's figures, by hand, and its intervals, by simulation."""

import math
import re

import numpy as np
import pytest

from apps.ml.core.evaluation.scorecard import INTERVAL_LEVEL, ScoredPredictions, Skill, score, skill, team_score
from apps.ml.core.evaluation.words import in_words, verdict


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def four():
    """Four outcomes; the team had estimated three of them, and the baseline always says 4 hours."""
    return ScoredPredictions.of(
        actual=[4.0, 8.0, 2.0, 10.0],
        predicted=[5.0, 6.0, 2.0, 30.0],
        low=[2.0, 7.0, 1.0, 15.0],
        high=[9.0, 9.0, 4.0, 40.0],
        level=[0.8, 0.8, 0.8, 0.6],
        confidence=[0.6, 0.8, 0.9, 0.5],
        near_low=[2.5, 3.0, 1.0, 15.0],
        near_high=[10.0, 12.0, 4.0, 60.0],
        baseline=[4.0, 4.0, 4.0, 4.0],
        team=[3.0, math.nan, 2.0, 13.0],
    )


def test_errors_equal_the_arithmetic_by_hand(four, rng):
    found = score(four, rng=rng)

    # |5-4| = 1, |6-8| = 2, |2-2| = 0, |30-10| = 20.
    assert found.n == 4
    assert found.mean_absolute_error == pytest.approx((1 + 2 + 0 + 20) / 4)
    assert found.root_mean_squared_error == pytest.approx(math.sqrt((1 + 4 + 0 + 400) / 4))
    assert found.median_absolute_error == pytest.approx((1 + 2) / 2)
    # +1, -2, 0, +20: too much was promised.
    assert found.bias == pytest.approx((1 - 2 + 0 + 20) / 4)
    # Ratios 5/4, 6/8, 1, 3; their product is 2.8125.
    assert found.bias_factor == pytest.approx(2.8125**0.25)
    assert found.mean_absolute_log_ratio == pytest.approx((math.log(5 / 4) + math.log(8 / 6) + 0 + math.log(3)) / 4)


def test_coverage_stands_beside_what_was_promised(four, rng):
    found = score(four, rng=rng).ranges

    # 4 in 2..9, 8 in 7..9 and 2 in 1..4; 10 is not in 15..40.
    assert found.coverage == pytest.approx(3 / 4)
    assert found.nominal == pytest.approx((0.8 + 0.8 + 0.8 + 0.6) / 4)


def test_confidence_is_scored_as_a_probability(four, rng):
    found = score(four, rng=rng).confidence

    # The first three are near enough, the last (10 against 15..60) is not.
    assert found.came_true == pytest.approx(3 / 4)
    assert found.promised == pytest.approx((0.6 + 0.8 + 0.9 + 0.5) / 4)
    assert found.brier == pytest.approx((0.4**2 + 0.2**2 + 0.1**2 + 0.5**2) / 4)
    # Each has a bin of its own: the gaps are 0.4, 0.2, 0.1 and 0.5.
    assert found.ece == pytest.approx((0.4 + 0.2 + 0.1 + 0.5) / 4)


def test_skill_is_one_minus_the_ratio_of_errors_on_common_outcomes(four, rng):
    found = score(four, rng=rng)

    # The baseline is off by 0, 4, 2 and 6: 12 in all, against 23.
    assert found.against_baseline.value == pytest.approx(1 - 23 / 12)
    assert found.against_baseline.reference_error == pytest.approx(3)
    # The team is off by 1, 0 and 3: 4 in all; on the same three the predictions by 1, 0 and 20.
    assert found.against_team.n == 3
    assert found.against_team.value == pytest.approx(1 - 21 / 4)
    assert found.against_team.mean_absolute_error == pytest.approx(7)


def test_the_teams_own_estimates_get_the_same_figures(four, rng):
    found = team_score(four, rng=rng)

    assert found.n == 3
    assert found.mean_absolute_error == pytest.approx(4 / 3)
    assert found.bias == pytest.approx((-1 + 0 + 3) / 3)
    # On the three estimated outcomes the baseline is off by 0, 2 and 6.
    assert found.against_baseline.value == pytest.approx(1 - 4 / 8)
    assert found.ranges is None
    assert found.confidence is None


def test_what_was_not_recorded_is_not_scored(rng):
    bare = ScoredPredictions.of(actual=[4.0, 8.0], predicted=[5.0, 6.0])

    found = score(bare, rng=rng)

    assert (found.ranges, found.confidence, found.against_baseline, found.against_team) == (None, None, None, None)
    assert team_score(bare, rng=rng) is None


def test_a_truth_exactly_twice_the_prediction_is_within_a_factor_of_two_despite_rounding(rng):
    found = score(
        ScoredPredictions.of(
            actual=[0.1 + 0.2], predicted=[0.15], confidence=[0.5], near_low=[0.15 / 2], near_high=[0.15 * 2]
        ),
        rng=rng,
    )

    assert 0.1 + 0.2 > 0.15 * 2
    assert found.confidence.came_true == 1


def test_points_of_zero_have_no_ratio_and_are_left_out_of_the_factor(rng):
    found = score(ScoredPredictions.of(actual=[2.0, 4.0], predicted=[0.0, 8.0]), rng=rng)

    assert found.n_log == 1
    assert found.bias_factor == pytest.approx(2)
    assert found.mean_absolute_error == pytest.approx(3)


def test_nothing_scored_is_no_score(rng):
    with pytest.raises(ValueError, match="Nothing has been scored"):
        score(ScoredPredictions.of(actual=[], predicted=[]), rng=rng)


def test_numbers_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match="one number of each sort"):
        ScoredPredictions.of(actual=[1.0, 2.0], predicted=[1.0, 2.0], low=[1.0])
    with pytest.raises(ValueError, match="has a truth"):
        ScoredPredictions.of(actual=[math.nan], predicted=[1.0])


def test_a_reference_that_never_erred_cannot_be_compared_with(rng):
    assert skill(np.array([1.0, 2.0]), np.array([0.0, 0.0]), rng=rng) is None


def test_below_twenty_outcomes_no_interval_is_claimed(rng):
    errors = np.linspace(1, 2, 20)

    assert skill(errors[:19], errors[:19] + 1, rng=rng).low is None
    assert skill(errors, errors + 1, rng=rng).low is not None


def test_the_same_outcomes_give_the_same_interval():
    errors, others = np.random.default_rng(1).exponential(size=(2, 60))

    first, second = (skill(errors, others, rng=np.random.default_rng(0)) for _ in range(2))

    assert first == second


def test_many_outcomes_are_resampled_in_bounded_pieces(rng):
    errors, others = rng.exponential(size=(2, 5_000))

    found = skill(errors, others * 2, rng=rng)

    # The ratio of two means of 5,000 exponentials: a standard error of about 0.5 x sqrt(2 / 5000) = 0.01.
    assert found.low < 0.5 < found.high
    assert found.high - found.low == pytest.approx(4 * 0.01, abs=0.012)


def test_the_interval_holds_the_true_skill_as_often_as_it_says():
    world = np.random.default_rng(3)
    held, n_worlds = 0, 200
    for _ in range(n_worlds):
        # Absolute errors with means 0.8 and 1, correlated as they are when hard issues are hard for both.
        shared = world.exponential(size=80)
        own, other = 0.8 * (shared + world.exponential(size=80)) / 2, (shared + world.exponential(size=80)) / 2
        found = skill(own, other, rng=world)
        held += found.low <= 0.2 <= found.high

    # Binomial noise of 200 worlds is 1.5 points; the percentile bootstrap of a ratio is a point or two too narrow.
    assert held / n_worlds == pytest.approx(INTERVAL_LEVEL, abs=0.045)


def test_a_difference_beyond_chance_is_told_with_its_interval(rng):
    actual = np.full(214, 10.0)
    errors = np.tile([1.9, 5.9], 107)

    found = score(ScoredPredictions.of(actual=actual, predicted=actual + errors, baseline=actual + 5.2), rng=rng)
    sentence = verdict(found, unit="h")

    # The standard error of the mean is 2 h / sqrt(214) = 0.14 h, of the skill 0.026: 25 % give or take 5.
    assert sentence == (
        "Over 214 outcomes the predictions were off by 3.9 h on average, the naive baseline by 5.2 h: "
        "25 % better (95 % interval 20 to 30 %)."
    )


def test_a_difference_within_chance_is_called_so(rng):
    errors, others = rng.exponential(size=(2, 30))
    actual = np.full(30, 5.0)

    found = score(ScoredPredictions.of(actual=actual, predicted=actual + errors, baseline=actual + others), rng=rng)

    assert re.search(
        r"no clear difference \(.* %? ?(better|worse), which may be chance: 95 % interval", verdict(found, unit="h")
    )


def test_a_worse_record_is_told_as_plainly():
    told = Skill(value=-0.3, low=-0.5, high=-0.1, n=50, mean_absolute_error=6.5, reference_error=5.0)

    assert told.is_told_apart
    assert in_words(told) == "30 % worse (95 % interval 10 to 50 %)"


@pytest.mark.parametrize(
    ("n", "held", "said"),
    [
        (28, 17, "held 61 % of 28 outcomes: fewer than promised."),
        (50, 49, "held 98 % of 50 outcomes: more than promised."),
        (25, 20, "held 80 % of 25 outcomes: as promised."),
        (28, 20, "held 71 % of 28 outcomes: what was promised, give or take chance."),
    ],
)
def test_the_verdict_judges_whether_ranges_held_what_they_promised(n, held, said, rng):
    actual = np.where(np.arange(n) < held, 5.0, 20.0)
    ranged = ScoredPredictions.of(
        actual=actual, predicted=np.full(n, 5.0), low=np.full(n, 4.0), high=np.full(n, 6.0), level=np.full(n, 0.8)
    )

    assert f"The 80 % ranges {said}" in verdict(score(ranged, rng=rng), unit="h")


def test_the_verdict_names_ranges_and_the_team(four, rng):
    sentence = verdict(score(four, rng=rng), unit="h")

    assert "The 75 % ranges held 75 % of 4 outcomes, too few to tell whether they hold what they promise." in sentence
    assert "Where the team had estimated (3 outcomes), the predictions were off by 7.0 h, the team by 1.3 h" in sentence
    assert "too few outcomes to tell" in sentence
