"""Links inside the trial: in no run is a blocked issue done before what blocks it.

Issues are worked off in the order given, each after its blockers. A blocked issue waits, while the team goes on with
others, and then takes as long as some finished issue took from its start. Issues that block each other in a circle have
no order: they are named, and done together.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from apps.ml.core.arrays import Floats
from apps.ml.core.forecasts.forecaster import WorkForecaster
from apps.ml.core.forecasts.simulation import MAX_WEEKS
from apps.ml.core.forecasts.sizes import Spread
from apps.ml.core.forecasts.units import WorkItem


@dataclass(frozen=True, slots=True)
class Link:
    """One issue has to be done before another is begun."""

    blocker: str
    blocked: str


@dataclass(frozen=True, slots=True)
class LinkedTrial:
    """When linked issues are done, in each run: weeks from the first day of the work, arrays of shape (n_runs,)."""

    #: By id, of the issues that block or are blocked.
    done: Mapping[str, Floats]
    #: When all that was asked about is done.
    all_done: Floats
    #: Issues that block each other in a circle.
    cycles: tuple[tuple[str, ...], ...]
    #: Issues that block others and are nobody's.
    without_owner: tuple[str, ...]


def linked_trial(
    forecaster: WorkForecaster,
    items: Sequence[WorkItem],
    links: Sequence[Link],
    *,
    blockers: Sequence[WorkItem] = (),
    cycle_weeks: Sequence[float] = (),
    pace: float = 1.0,
) -> LinkedTrial:
    """Play the futures of some work whose issues wait for each other.

    Parameters
    ----------
    forecaster : WorkForecaster
        The team's futures.
    items : sequence of WorkItem
        The work, in the order in which it is taken up.
    links : sequence of Link
        Which issue waits for which. A link to an issue in neither list says nothing: it is done.
    blockers : sequence of WorkItem
        Open issues outside the work that block some of it: they are done first, too.
    cycle_weeks : sequence of float
        Weeks from start to end of finished issues; one of them is what a blocked issue still takes in a run. Without
        any it takes no time of its own.
    pace : float
        As for `WorkForecaster.ask`.
    """
    asked = {item.issue_id for item in items}
    order = [*items, *(item for item in blockers if item.issue_id not in asked)]
    plan = _Plan.of([item.issue_id for item in order], links)
    own = Spread.of(cycle_weeks) if len(cycle_weeks) else None
    work, done = np.zeros(forecaster.runs.n_runs), dict[str, Floats]()
    for group in plan.groups:
        work = work + forecaster.work_of([order[at] for at in group])
        if any(plan.is_linked(at) for at in group):
            ready = forecaster.weeks_to_finish(work, pace=pace)
            for before in plan.blockers_of(group):
                waits = done[order[before].issue_id]
                ready = np.maximum(ready, waits + _own_time(own, order[group[0]], forecaster))
            done |= {order[at].issue_id: np.minimum(ready, float(MAX_WEEKS)) for at in group}
    total = forecaster.weeks_to_finish(work, pace=pace)
    return LinkedTrial(
        done=done,
        all_done=np.maximum.reduce([total, *(done[id_] for id_ in done if id_ in asked)]),
        cycles=tuple(tuple(order[at].issue_id for at in group) for group in plan.groups if len(group) > 1),
        without_owner=tuple(order[at].issue_id for at in plan.blocking() if not order[at].is_assigned),
    )


def _own_time(own: Spread | None, item: WorkItem, forecaster: WorkForecaster) -> float | Floats:
    if own is None:
        return 0.0
    return np.asarray(own.drawn(f"{item.issue_id} in work", forecaster.runs.n_runs, seed=forecaster.seed))


@dataclass(frozen=True, slots=True)
class _Plan:
    """Positions of issues, grouped where they block each other in a circle, every group after its blockers."""

    groups: tuple[tuple[int, ...], ...]
    #: (blocker, blocked) positions.
    pairs: frozenset[tuple[int, int]]

    @classmethod
    def of(cls, ids: Sequence[str], links: Sequence[Link]) -> "_Plan":
        place = {id_: at for at, id_ in enumerate(ids)}
        pairs = frozenset(
            (place[link.blocker], place[link.blocked])
            for link in links
            if link.blocker in place and link.blocked in place and link.blocker != link.blocked
        )
        return cls(tuple(_in_order(len(ids), pairs)), pairs)

    def is_linked(self, at: int) -> bool:
        return any(at in pair for pair in self.pairs)

    def blocking(self) -> list[int]:
        return sorted({blocker for blocker, _ in self.pairs})

    def blockers_of(self, group: Sequence[int]) -> list[int]:
        """Outside the group: within a circle nothing comes first."""
        return sorted({one for one, other in self.pairs if other in group and one not in group})


def _in_order(n: int, pairs: frozenset[tuple[int, int]]) -> Iterator[tuple[int, ...]]:
    """Groups of positions after their blockers, else as given (Kahn 1962)."""
    if not n:
        return
    label = _circles(n, pairs)
    members: dict[int, list[int]] = {}
    for at in range(n):
        members.setdefault(label[at], []).append(at)
    after: dict[int, set[int]] = {each: set() for each in members}
    for one, other in pairs:
        if label[one] != label[other]:
            after[label[one]].add(label[other])
    waiting = {each: sum(each in later for later in after.values()) for each in members}
    ready = [(members[each][0], each) for each, n_before in waiting.items() if not n_before]
    heapq.heapify(ready)
    while ready:
        _, group = heapq.heappop(ready)
        yield tuple(members[group])
        for later in after[group]:
            waiting[later] -= 1
            if not waiting[later]:
                heapq.heappush(ready, (members[later][0], later))


def _circles(n: int, pairs: frozenset[tuple[int, int]]) -> list[int]:
    """A label of each position, the same for those that block each other in a circle."""
    one, other = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2).T
    _, labels = connected_components(coo_array((np.ones(len(one)), (one, other)), shape=(n, n)), connection="strong")
    return [int(label) for label in labels]
