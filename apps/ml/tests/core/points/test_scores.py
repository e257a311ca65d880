"""Scores against figures worked out by hand."""

import numpy as np
import pytest

from apps.ml.core.evaluation.metrics import grouped_calibration_error
from apps.ml.core.points import scores
from apps.ml.core.points.calibration import SHARPNESSES, calibrated, one_step, sharpened
from apps.ml.core.points.scales import Scale, medians, proper, scale_of

GRID = np.array([1.0, 2.0, 5.0])


def test_the_log_loss_is_the_surprise_at_what_happened() -> None:
    losses = scores.log_losses(np.array([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]]), GRID, np.array([2.0, 5.0]))

    assert losses == pytest.approx([np.log(4.0), -np.log(scores.SMALLEST_PROBABILITY)])


def test_an_outcome_off_the_grid_counts_as_its_nearest_value() -> None:
    chances = np.array([[0.2, 0.3, 0.5]])

    assert scores.log_losses(chances, GRID, np.array([40.0])) == pytest.approx([-np.log(0.5)])


def test_the_ranked_score_of_a_certain_answer_is_its_absolute_error() -> None:
    certain = np.array([[0.0, 1.0, 0.0]])

    for points, error in ((1.0, 1.0), (2.0, 0.0), (5.0, 3.0), (9.0, 7.0)):
        assert scores.ranked_scores(certain, GRID, np.array([points])) == pytest.approx([error])


def test_the_ranked_score_of_half_and_half_is_a_quarter_of_the_gap() -> None:
    assert scores.ranked_scores(np.array([[0.5, 0.0, 0.5]]), GRID, np.array([1.0])) == pytest.approx([0.25 * 4.0])


def test_standardised_accuracy_is_zero_for_the_expected_error_of_guessing() -> None:
    points, reference = np.array([1.0, 3.0]), np.array([1.0, 2.0, 5.0])
    guessing = np.abs(points[:, None] - reference).mean()

    assert scores.standardised_accuracy(guessing, points, reference) == pytest.approx(0.0)
    assert scores.standardised_accuracy(0.0, points, reference) == 100.0


def test_an_overconfident_record_flattens_the_distribution_and_widens_the_range() -> None:
    rng = np.random.default_rng(0)
    points = rng.choice([1.0, 2.0, 3.0, 5.0, 8.0], size=400)
    scale = scale_of(points, np.ones(400))
    too_sure_of_two = np.tile([0.95, 0.05, 0.03, 0.02], (400, 1))

    learned = calibrated(too_sure_of_two, points, scale, np.array([0.8, 0.6, 0.4, 0.2]), level=0.8)

    assert learned.sharpness == SHARPNESSES[0]
    assert learned.range_mass > 0.9


def test_an_honest_record_leaves_the_distribution_as_it_is() -> None:
    raw, points, scale, marginal = _honest(3000)

    learned = calibrated(raw, points, scale, marginal, level=0.8, usual_sharpness=1.0)

    assert learned.sharpness == pytest.approx(1.0, abs=0.1)
    assert learned.range_mass >= 0.8
    assert learned.record_coverage == pytest.approx(0.85, abs=0.04)


def test_a_flattened_record_is_sharpened_until_its_confidence_is_met() -> None:
    raw, points, scale, marginal = _honest(3000)
    flattened = sharpened(raw, 1.0 / 1.5)

    learned = calibrated(flattened, points, scale, marginal, level=0.8)
    stated, hit = one_step(learned.calibrated(flattened, marginal), points, scale)

    assert learned.sharpness == pytest.approx(1.5, abs=0.15)
    before, hit_before = one_step(flattened, points, scale)
    assert grouped_calibration_error(hit, stated) < 0.04 < grouped_calibration_error(hit_before, before)


@pytest.mark.parametrize("sharpness", [SHARPNESSES[0], 1.0, SHARPNESSES[-1]])
def test_sharpening_keeps_every_median_and_every_row_proper(sharpness: float) -> None:
    raw, _, scale, _ = _honest(500)

    narrowed = sharpened(raw, sharpness)

    assert medians(narrowed, scale).tolist() == medians(raw, scale).tolist()
    assert (np.diff(narrowed, axis=1) <= 0.0).all()
    assert sharpened(np.array([[1.0, 0.5, 0.0]]), sharpness).tolist() == [[1.0, 0.5, 0.0]]


def _honest(n: int) -> tuple[np.ndarray, np.ndarray, Scale, np.ndarray]:
    """Random distributions, an outcome of each, their scale and their marginal."""
    rng = np.random.default_rng(1)
    grid = np.array([1.0, 2.0, 3.0, 5.0, 8.0])
    chances = rng.dirichlet(np.ones(5), size=n)
    points = np.array([rng.choice(grid, p=row) for row in chances])
    survival = proper(1.0 - np.cumsum(chances, axis=1)[:, :-1])
    return survival, points, scale_of(points, np.ones(n)), survival.mean(axis=0)
