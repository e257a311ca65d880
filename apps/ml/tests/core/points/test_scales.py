"""Distributions over a team's scale."""

import numpy as np
import pytest

from apps.ml.core.points.scales import (
    MAX_THRESHOLDS,
    expected,
    mass_between,
    medians,
    probabilities,
    proper,
    scale_of,
    shortest_ranges,
    snapped,
    step_range,
)


def equal(n: int) -> np.ndarray:
    return np.ones(n)


def test_the_grid_is_every_value_seen_and_the_steps_those_in_use() -> None:
    points = np.array([1.0] * 150 + [2.0] * 149 + [7.0])

    scale = scale_of(points, equal(300))

    assert scale.grid.tolist() == [1.0, 2.0, 7.0]
    assert scale.steps.tolist() == [1.0, 2.0]


def test_the_value_used_most_is_a_step_however_many_values_there_are() -> None:
    points = np.concatenate([np.arange(400.0), [7.0]])

    assert scale_of(points, equal(401)).steps.tolist() == [7.0]


def test_with_few_values_thresholds_and_grid_are_the_same() -> None:
    scale = scale_of(np.array([1.0, 2.0, 3.0, 5.0]), equal(4))
    survival = np.array([[0.9, 0.4, 0.1]])

    assert np.allclose(scale.survival(survival), survival)


def test_with_many_values_the_marginal_survives_the_detour_over_few_thresholds() -> None:
    rng = np.random.default_rng(0)
    points = rng.choice(np.arange(1.0, 80.0), size=4000, p=np.linspace(2.0, 0.5, 79) / np.linspace(2.0, 0.5, 79).sum())
    scale = scale_of(points, equal(4000))

    at_thresholds = (points[:, None] > scale.thresholds).mean(axis=0)

    assert len(scale.thresholds) <= MAX_THRESHOLDS < len(scale.grid)
    assert np.allclose(scale.survival(at_thresholds), (points[:, None] > scale.grid[:-1]).mean(axis=0))


def test_proper_survival_lies_between_zero_and_one_and_never_rises() -> None:
    rng = np.random.default_rng(1)

    survival = proper(rng.normal(0.5, 0.7, size=(200, 6)))

    assert survival.min() >= 0.0
    assert survival.max() <= 1.0
    assert (np.diff(survival, axis=1) <= 0.0).all()


def test_probabilities_sum_to_one_and_give_the_expected_value() -> None:
    grid, survival = np.array([1.0, 2.0, 5.0]), np.array([[0.75, 0.25]])

    chances = probabilities(survival)

    assert chances.tolist() == [[0.25, 0.5, 0.25]]
    assert expected(survival, grid)[0] == pytest.approx(0.25 * 1 + 0.5 * 2 + 0.25 * 5)


def test_the_median_is_the_first_value_that_half_do_not_exceed() -> None:
    scale = scale_of(np.array([1.0, 2.0, 5.0]), equal(3))

    assert medians(np.array([[0.5, 0.2], [0.51, 0.2], [0.9, 0.6]]), scale).tolist() == [1.0, 2.0, 5.0]


def test_snapping_takes_the_nearest_step_and_the_lower_of_two() -> None:
    assert snapped(np.array([0.0, 1.4, 2.5, 4.1, 99.0]), np.array([1.0, 2.0, 3.0, 5.0])).tolist() == [1, 1, 2, 5, 5]


def test_one_step_reaches_the_neighbours_and_stops_at_the_ends() -> None:
    low, high = step_range(np.array([1.0, 3.0, 8.0]), np.array([1.0, 2.0, 3.0, 5.0, 8.0]))

    assert low.tolist() == [1.0, 2.0, 5.0]
    assert high.tolist() == [2.0, 5.0, 8.0]


def test_mass_between_counts_both_ends() -> None:
    chances = np.array([[0.1, 0.2, 0.3, 0.4]])

    mass = mass_between(chances, np.array([1.0, 2.0, 3.0, 5.0]), np.array([2.0]), np.array([3.0]))

    assert mass[0] == pytest.approx(0.5)


def test_the_shortest_range_prefers_narrow_then_likely() -> None:
    grid = np.array([1.0, 2.0, 3.0, 13.0])
    chances = np.array([[0.3, 0.3, 0.35, 0.05], [0.1, 0.0, 0.0, 0.9]])

    low, high = shortest_ranges(chances, grid, 0.6)

    assert (low[0], high[0]) == (2.0, 3.0)
    assert (low[1], high[1]) == (13.0, 13.0)


@pytest.mark.parametrize("mass", [0.5, 0.8, 0.95])
def test_every_shortest_range_holds_its_mass(mass: float) -> None:
    rng = np.random.default_rng(2)
    grid, chances = np.array([1.0, 2.0, 3.0, 5.0, 8.0, 13.0]), rng.dirichlet(np.ones(6), size=300)

    low, high = shortest_ranges(chances, grid, mass)

    assert (mass_between(chances, grid, low, high) >= mass - 1e-8).all()


def test_the_shortest_ranges_of_many_rows_are_those_of_each_row_alone() -> None:
    rng = np.random.default_rng(3)
    grid, chances = np.arange(1.0, 41.0), rng.dirichlet(np.full(40, 0.3), size=500)

    low, high = shortest_ranges(chances, grid, 0.8)
    alone = [shortest_ranges(row[None, :], grid, 0.8) for row in chances]

    assert low.tolist() == [each[0][0] for each in alone]
    assert high.tolist() == [each[1][0] for each in alone]
