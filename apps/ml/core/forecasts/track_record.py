"""How often a team's own past forecasts were kept: the engine asked again in each of the past weeks."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from apps.common.exceptions import NotEnoughData
from apps.ml.core.forecasts.replay import PACE_WEEKS, Question, promised_weeks, questions
from apps.ml.core.forecasts.simulation import PERCENTILES, SEED

#: The latest weeks that are asked: neighbours share most of their weeks, so more would hardly say more.
MAX_FORECASTS = 40
#: Runs of a replayed forecast: its 95th percentile stands on 25, and forty of them take a few hundredths of a second.
N_RUNS = 500


@dataclass(frozen=True, slots=True)
class PromiseRecord:
    """Promises of one percentile whose week has come."""

    percent: int
    due: int
    kept: int


def track_record(weekly: Sequence[float], *, seed: int = SEED) -> tuple[PromiseRecord, ...]:
    """Ask the engine in each past week when four weeks of work will be done, and look whether it was.

    Parameters
    ----------
    weekly : sequence of float
        Output of each past week, oldest first.

    Returns
    -------
    tuple of PromiseRecord
        One for each of `PERCENTILES`. A promise is due in the whole week it names; those not yet due are left out.
    """
    return _track_record(tuple(weekly), seed)


#: Pasts of which it is known: past weeks change at midnight.
_PASTS_KEPT = 64


@lru_cache(maxsize=_PASTS_KEPT)
def _track_record(weekly: tuple[float, ...], seed: int) -> tuple[PromiseRecord, ...]:
    origins = range(max(len(weekly) - MAX_FORECASTS, PACE_WEEKS), len(weekly))
    promises = [promise for question in questions(weekly, origins) for promise in _promises(question, seed)]
    return tuple(
        _kept(percent, [kept for promised, kept in promises if promised == percent]) for percent in PERCENTILES
    )


def _kept(percent: int, promises: Sequence[bool]) -> PromiseRecord:
    return PromiseRecord(percent=percent, due=len(promises), kept=sum(promises))


def _promises(question: Question, seed: int) -> list[tuple[int, bool]]:
    """Percentile and whether it was kept, of the promises of one week that are due by now."""
    try:
        promised = promised_weeks(question, N_RUNS, seed)
    except NotEnoughData:
        return []
    kept = {percent: question.is_kept(weeks) for percent, weeks in promised.items()}
    return [(percent, was_kept) for percent, was_kept in kept.items() if was_kept is not None]
