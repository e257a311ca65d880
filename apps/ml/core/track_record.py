"""How often a team's own past forecasts were kept: the engine asked again in each of the past weeks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from apps.common.exceptions import NotEnoughData
from apps.ml.core.forecasting import PERCENTILES, SEED, Floats, Forecast, quantiles

#: The latest weeks that are asked: neighbours share most of their weeks, so more would hardly say more.
MAX_FORECASTS = 40
#: Four weeks of work at the pace of the last twelve: the question of the public benchmark.
WORK_WEEKS, PACE_WEEKS = 4, 12
#: Runs of a replayed forecast: its 95th percentile stands on 25, and forty of them take a few hundredths of a second.
N_RUNS = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """Promises of one percentile whose week has come."""

    percent: int
    due: int
    kept: int


def track_record(weekly: Sequence[float], *, seed: int = SEED) -> tuple[Kept, ...]:
    """Ask the engine in each past week when four weeks of work will be done, and look whether it was.

    Parameters
    ----------
    weekly : sequence of float
        Output of each past week, oldest first.

    Returns
    -------
    tuple of Kept
        One for each of `PERCENTILES`. A promise is due in the whole week it names; those not yet due are left out.
    """
    output = np.asarray(weekly, dtype=np.float64)
    promises = [promise for origin in _origins(len(output)) for promise in _promises(output, origin, seed)]
    return tuple(
        _kept(percent, [kept for promised, kept in promises if promised == percent]) for percent in PERCENTILES
    )


def _kept(percent: int, promises: Sequence[bool]) -> Kept:
    return Kept(percent=percent, due=len(promises), kept=sum(promises))


def _origins(n_weeks: int) -> range:
    return range(max(n_weeks - MAX_FORECASTS, PACE_WEEKS), n_weeks)


def _promises(output: Floats, origin: int, seed: int) -> list[tuple[int, bool]]:
    """Percentile and whether it was kept, of the promises of one week that are due by now."""
    past, future = output[:origin], output[origin:]
    work = WORK_WEEKS * float(past[-PACE_WEEKS:].mean())
    if work <= 0:
        return []
    try:
        weeks = quantiles(Forecast(past.tolist(), n_runs=N_RUNS, seed=seed).weeks_to_finish(work))
    except NotEnoughData:
        return []
    due = {percent: int(np.ceil(promised)) for percent, promised in weeks.items()}
    # What was summed in another order may differ in its last digit.
    return [(p, bool(future[:week].sum() >= work - 1e-9)) for p, week in due.items() if week <= len(future)]
