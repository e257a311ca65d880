"""Several teams at once: strangers multiply, teams that share their bad weeks do not, and nobody is guessed."""

import numpy as np
import pytest

from apps.ml.core.forecasts.together import Contributor, chance_of_all, correlations, shared_futures
from apps.ml.core.forecasts.units import Throughput

HISTORY_WEEKS = 96


def world(rng: np.random.Generator, *, shared: float, n_teams: int = 3, weeks: int = 100) -> np.ndarray:
    """Weekly counts of teams of about eight a week, whose levels wander and whose weeks scatter partly together."""

    def log_levels(n: int) -> np.ndarray:
        return np.cumsum(rng.normal(0, 0.08, (n, weeks)), axis=1) + rng.normal(0, 0.4, (n, weeks))

    levels = np.sqrt(shared) * log_levels(1) + np.sqrt(1 - shared) * log_levels(n_teams)
    return rng.poisson(7.4 * np.exp(levels - levels[:, :HISTORY_WEEKS].mean(axis=1, keepdims=True))).astype(float)


def teams_of(weekly: np.ndarray) -> dict[str, Contributor]:
    return {
        f"team {number}": Contributor(Throughput(issues=tuple(each[:HISTORY_WEEKS])), "issues")
        for number, each in enumerate(weekly)
    }


def told(shared: float, *, n_worlds: int = 60) -> tuple[float, float]:
    """Mean chance that three teams finish what each finishes in half of its futures: together, and as a product."""
    rng = np.random.default_rng(5)
    together, product = [], []
    for _ in range(n_worlds):
        runs = shared_futures(teams_of(world(rng, shared=shared)), n_runs=400).runs
        amounts = [run.amount_within(4) for run in runs.values()]
        in_time = [amount >= np.quantile(amount, 0.5) for amount in amounts]
        together.append(chance_of_all(in_time))
        product.append(float(np.prod([each.mean() for each in in_time])))
    return float(np.mean(together)), float(np.mean(product))


def test_strangers_are_done_together_as_often_as_the_product_says():
    together, product = told(0.0)

    assert together == pytest.approx(product, abs=0.02)


def test_teams_that_share_their_shocks_are_done_together_more_often():
    together, product = told(0.9)

    # Three even chances: an eighth of strangers, a half of one and the same team.
    assert product == pytest.approx(0.125, abs=0.01)
    assert 0.2 < together < 0.45


def test_what_is_said_of_all_comes_true_as_often_under_shared_shocks():
    rng = np.random.default_rng(5)
    said, product, came = [], [], []
    for _ in range(150):
        weekly = world(rng, shared=0.9)
        runs = shared_futures(teams_of(weekly), n_runs=300).runs.values()
        amounts = [run.amount_within(4) for run in runs]
        promised = [np.floor(np.quantile(amount, 0.3)) for amount in amounts]
        in_time = [amount >= each for amount, each in zip(amounts, promised, strict=True)]
        said.append(chance_of_all(in_time))
        product.append(float(np.prod([each.mean() for each in in_time])))
        came.append(bool(np.all(weekly[:, HISTORY_WEEKS:].sum(axis=1) >= promised)))

    assert np.mean(said) == pytest.approx(np.mean(came), abs=0.1)
    assert np.mean(product) < np.mean(came) - 0.1


def test_a_team_without_history_is_named_and_the_others_are_drawn():
    teams = teams_of(world(np.random.default_rng(1), shared=0.5))
    young = Contributor(Throughput(issues=(4.0,) * 5), "issues")

    found = shared_futures({**teams, "young": young}, n_runs=200)

    assert found.without_history == ("young",)
    assert list(found.runs) == list(teams)


def test_each_team_alone_has_the_spread_that_it_has_among_others():
    weekly = world(np.random.default_rng(2), shared=0.9)
    alone = shared_futures({"team 0": teams_of(weekly)["team 0"]}).runs["team 0"].amount_within(4)

    among = shared_futures(teams_of(weekly)).runs["team 0"].amount_within(4)

    assert np.quantile(among, [0.15, 0.5, 0.85]) == pytest.approx(np.quantile(alone, [0.15, 0.5, 0.85]), rel=0.05)


def test_correlations_are_shrunk_to_those_of_strangers_and_fit_together():
    same = np.random.default_rng(3).normal(size=24)

    found = correlations([same, same, -same, np.zeros(24), same[:1]])

    # 24 overlapping forecasts are worth six, as much as the prior: a half.
    assert found[0, 1] == pytest.approx(0.5)
    assert found[0, 2] == pytest.approx(-0.5)
    assert found[0, 3] == found[0, 4] == 0.0
    assert np.linalg.eigvalsh(found).min() > -1e-9


def test_nobody_is_certain_of_all_and_no_team_has_nothing_to_do():
    assert chance_of_all([np.ones(10, dtype=bool)]) == 0.99
    assert chance_of_all([np.array([True, False]), np.array([True, True])]) == 0.5
    assert chance_of_all([]) == 1.0
