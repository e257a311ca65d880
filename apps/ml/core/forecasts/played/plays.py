"""Linked issues played in a team's runs, one step after the other; plays that begin alike share their beginning.

What to take out of a plan plays it once for each issue, and most of these plays differ late or not at all: a step is
played anew from the first on that differs, and gives the same to the last bit.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.forecasts.simulation import MAX_WEEKS, Forecast
from apps.ml.core.forecasts.sizes import Spread
from apps.ml.core.forecasts.units import WorkItem

#: Plays that are kept, of those asked last: at the present pace and, after a lasting change, at the former one. Each
#: holds two arrays an issue that is followed, 24 MB at most.
MOST_KEPT = 2

#: Issues of a circle, or one.
Group = tuple[WorkItem, ...]


class Futures(Protocol):
    """A team's runs, as a forecaster has them."""

    runs: Forecast
    seed: int

    def work_of(self, items: Sequence[WorkItem]) -> Floats:
        """Size of the work in each run."""

    def weeks_with(self, *, pace: float = 1.0) -> Callable[[Floats], Floats]:
        """Weeks until so much is done besides what comes first, in each run; asked of works that rise."""

    def alike(self, pace: float) -> Hashable:
        """What plays of the same runs and links have to have in common to share anything."""


@dataclass(frozen=True, slots=True)
class PlayStep:
    """A group whose links are followed."""

    group: Group
    #: What adds to the work since the step before: groups without those issues that come first anyway.
    added: tuple[Group, ...]
    #: Steps that come before this one, by their numbers.
    before: frozenset[int]
    is_elsewhere: bool


@dataclass(slots=True)
class Play:
    """How far one went: the work until each step, and when that step is done, in each run."""

    steps: list[PlayStep] = field(default_factory=list)
    works: list[Floats] = field(default_factory=list)
    ends: list[Floats] = field(default_factory=list)

    def beginning(self, steps: Sequence[PlayStep]) -> "Play":
        """As much of it as these steps have in common with it."""
        n = 0
        while n < min(len(steps), len(self.steps)) and steps[n] == self.steps[n]:
            n += 1
        return Play(self.steps[:n], self.works[:n], self.ends[:n])


class Plays:
    """The latest plays of one team's runs."""

    def __init__(self) -> None:
        self._latest: dict[Hashable, Play] = {}

    def play(
        self, futures: Futures, steps: Sequence[PlayStep], rest: Iterable[Group], *, own: Spread | None, pace: float
    ) -> tuple[list[Floats], Floats]:
        """When each step is done, and all the work with what follows them, in each run: weeks of shape (n_runs,)."""
        alike, weeks_with = futures.alike(pace), futures.weeks_with(pace=pace)
        latest_one = self._latest.pop(alike, Play())
        known = latest_one.beginning(steps)
        work = known.works[-1] if known.works else np.zeros(futures.runs.n_runs)
        for step in steps[len(known.steps) :]:
            for group in step.added:
                work = work + futures.work_of(group)
            ready = np.zeros(len(work)) if step.is_elsewhere else weeks_with(work)
            known.ends.append(_end_of(step, known.ends, ready, own, futures))
            known.works.append(work)
            known.steps.append(step)
        # One that goes further alike stays: the next may go further, too.
        self._latest[alike] = known if known.steps != latest_one.steps[: len(steps)] else latest_one
        for old in list(self._latest)[:-MOST_KEPT]:
            del self._latest[old]
        for group in rest:
            work = work + futures.work_of(group)
        return known.ends, weeks_with(work)


def _end_of(step: PlayStep, ends: Sequence[Floats], ready: Floats, own: Spread | None, futures: Futures) -> Floats:
    """When it is done: `ready` by the work of the whole team, or later by what it waits for."""
    if step.before or step.is_elsewhere:
        begun = latest(np.zeros(len(ready)), (ends[each] for each in step.before))
        ready = np.maximum(ready, begun + _time(own, step.group[0], futures))
    return np.minimum(ready, float(MAX_WEEKS))


def latest(first: Floats, others: Iterable[Floats]) -> Floats:
    """The latest of some ends in each run."""
    found = first.copy()
    for other in others:
        np.maximum(found, other, out=found)
    return found


def _time(own: Spread | None, item: WorkItem, futures: Futures) -> float | Floats:
    """What an issue takes once nothing holds it up any more."""
    if own is None:
        return 0.0
    return np.asarray(own.drawn(f"{item.issue_id} in work", futures.runs.n_runs, seed=futures.seed))
