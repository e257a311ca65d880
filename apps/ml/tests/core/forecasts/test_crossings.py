"""Many amounts asked of the same runs are met when each alone would be, to the last bit."""

import numpy as np
import pytest

from apps.ml.core.forecasts.inflow import Inflow
from apps.ml.core.forecasts.played.crossings import MAX_PARTS, Crossings
from apps.ml.core.forecasts.simulation import MAX_WEEKS, Forecast

N_RUNS = 1_000


def team(speed: float) -> Forecast:
    return Forecast(np.random.default_rng(1).poisson(speed, 60).tolist(), n_runs=N_RUNS)


def coming_in(speed: float, share: float) -> Inflow | None:
    weekly = np.random.default_rng(2).poisson(speed * share, 60).tolist()
    return Inflow(weekly, issue_size=1.0, n_runs=N_RUNS) if share else None


@pytest.mark.parametrize("speed", [0.5, 3.0, 30.0])
@pytest.mark.parametrize("share", [0.0, 0.9, 1.3])
def test_rising_amounts_are_met_when_each_alone_would_be(speed, share):
    rng, work = np.random.default_rng(3), np.zeros(N_RUNS)
    many = Crossings(team(speed), coming_in(speed, share))
    runs, inflow = team(speed), coming_in(speed, share)

    for step in range(6 * MAX_PARTS):
        # Runs with nothing to do, small steps and wide ones.
        work = work + rng.gamma(1.0, size=N_RUNS) * (rng.random(N_RUNS) < 0.8) * (40 if step % 30 == 29 else 1)
        assert np.array_equal(many.weeks(work), runs.weeks_to_finish(work, inflow=inflow))

    assert np.any(many.weeks(work * 1e6) == MAX_WEEKS)


def test_asked_of_less_it_begins_anew():
    many, runs = Crossings(team(3.0)), team(3.0)

    for work in (500.0, 5.0, 0.0, -1.0, 7.0):
        assert np.array_equal(many.weeks(work), runs.weeks_to_finish(work))


def test_many_amounts_look_through_each_week_of_a_run_once(monkeypatch):
    many, entered = Crossings(team(3.0)), []
    enter = Crossings._enter
    monkeypatch.setattr(
        Crossings, "_enter", lambda self, runs, number: entered.extend(runs * 100 + number) or enter(self, runs, number)
    )

    for work in range(1, 200):
        many.weeks(float(work))

    assert len(entered) == len(set(entered))
