"""What taking issues out would change: each alone, and in turn until the chance is good enough."""

from collections.abc import Sequence
from dataclasses import dataclass

from apps.ml.core.arrays import Floats
from apps.ml.core.forecasts.forecaster import WorkForecaster
from apps.ml.core.forecasts.links import LinkedTrial
from apps.ml.core.forecasts.units import WorkItem

#: The chance that counts as a plan one can promise: the usual service level of throughput forecasts.
TARGET_PROBABILITY = 0.85
#: Where issues wait for others, each drop is played anew with all that is left: so many issues in all, each some tenth
#: of a millisecond of processor time, and one whose links are followed as long as so many more. In a plan of up to 31
#: every drop is tried, whatever waits.
MAX_PLAYED, MORE_FOR_LINKS = 5_000, 4


@dataclass(frozen=True, slots=True)
class Drop:
    """An issue that could be taken out, and what that would change."""

    issue_id: str
    probability_after: float


def single_drops(forecaster: WorkForecaster, items: Sequence[WorkItem], *, pace: float = 1.0) -> list[Drop]:
    """What taking out each issue alone would change, the most helpful first; ties keep the order given.

    Empty where no day is to be reached. Of many issues that wait for others only the first are tried.
    """
    work, trial = forecaster.work_of(items), _trial(forecaster, items, pace)
    alone = []
    for at, item in enumerate(items[: _tried(items, trial)]):
        rest = [*items[:at], *items[at + 1 :]] if trial else None
        left = work - forecaster.size_of(item)
        alone.append((item, _chance(forecaster, left, rest, n_issues=len(items) - 1, pace=pace)))
    drops = [Drop(item.issue_id, probability) for item, probability in alone if probability is not None]
    return sorted(drops, key=lambda drop: -drop.probability_after)


def path_to(
    target: float, forecaster: WorkForecaster, items: Sequence[WorkItem], *, pace: float = 1.0
) -> tuple[Drop, ...]:
    """Which issues to take out, one after another, until the chance reaches a target.

    `items` come in the order in which they may go. Empty where the target is reached already, or where no day is to be
    reached; all issues where only an empty plan reaches it, or the first ones that are tried.
    """
    path: list[Drop] = []
    work, trial = forecaster.work_of(items), _trial(forecaster, items, pace)
    probability = _chance(forecaster, work, items if trial else None, n_issues=len(items), pace=pace)
    for n_gone, item in enumerate(items[: _tried(items, trial)], start=1):
        if probability is None or probability >= target:
            break
        work = work - forecaster.size_of(item)
        rest = items[n_gone:] if trial else None
        probability = _chance(forecaster, work, rest, n_issues=len(items) - n_gone, pace=pace)
        path.append(Drop(item.issue_id, 1.0 if probability is None else probability))
    return tuple(path)


def _trial(forecaster: WorkForecaster, items: Sequence[WorkItem], pace: float) -> LinkedTrial | None:
    """How it goes where some of them wait for others. Where none does, none of fewer does either."""
    return forecaster.trial(items, pace=pace) if forecaster.last_day else None


def _tried(items: Sequence[WorkItem], trial: LinkedTrial | None) -> int:
    """How many drops are tried."""
    return max(1, MAX_PLAYED // (trial.n_played + MORE_FOR_LINKS * len(trial.done))) if trial else len(items)


def _chance(
    forecaster: WorkForecaster, work: Floats, waiting: Sequence[WorkItem] | None, *, n_issues: int, pace: float
) -> float | None:
    """That so many issues of this size in all are done in time; they are named where some wait for others."""
    ends = forecaster.ends(waiting, pace=pace) if waiting else None
    return forecaster.probability(work, n_issues=n_issues, pace=pace, ends=ends)
