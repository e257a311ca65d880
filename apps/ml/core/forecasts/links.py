"""Links inside the trial: in no run is a blocked issue done before what blocks it.

Issues are worked off in the order given, each after its blockers. A blocked issue waits, while the team goes on with
others, and then takes as long as some finished issue took from its start. Issues that block each other in a circle have
no order: they are named, and done together. Of very many linked issues the first are followed, and the rest is done
with all the work.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.forecasts.played.plays import Futures, Group, Plays, PlayStep, latest
from apps.ml.core.forecasts.sizes import Spread
from apps.ml.core.forecasts.units import WorkItem

#: Linked issues that are followed one by one: more than half a year's work of a team of five a week. Each costs some
#: milliseconds of processor time and 160 kB, and a what-if plays them up to eight times.
MAX_FOLLOWED = 150


@dataclass(frozen=True, slots=True)
class Link:
    """One issue has to be done before another is begun."""

    blocker: str
    blocked: str


@dataclass(frozen=True, slots=True)
class LinkedWork:
    """What a project's open issues wait for."""

    links: tuple[Link, ...] = ()
    #: Open issues of the project that block others; those outside the work are done first, too.
    blockers: tuple[WorkItem, ...] = ()
    #: Open issues of other projects: nothing is known of them but that they take as long as an issue does.
    elsewhere: frozenset[str] = frozenset()
    #: Weeks from start to end of finished issues; one of them is what a blocked issue still takes in a run. Without
    #: any it takes no time of its own.
    cycle_weeks: tuple[float, ...] = ()
    #: Ids in the order in which work is taken up; others follow as they are given.
    order: Mapping[str, int] = field(default_factory=dict)

    def in_order(self, items: Sequence[WorkItem]) -> tuple[WorkItem, ...]:
        """Work in the order in which it is taken up."""
        return tuple(sorted(items, key=lambda item: self.order.get(item.issue_id, len(self.order))))

    def about(self, items: Collection[str]) -> "tuple[tuple[Link, ...], frozenset[str]]":
        """The links that some issues wait for, one by one and through others, and all that they wait for."""
        before: dict[str, list[Link]] = {}
        for link in self.links:
            before.setdefault(link.blocked, []).append(link)
        found, seen, waiting = list[Link](), set(items), list(items)
        while waiting:
            for link in before.get(waiting.pop(), ()):
                found.append(link)
                if link.blocker not in seen:
                    seen.add(link.blocker)
                    waiting.append(link.blocker)
        return tuple(found), frozenset(seen) - frozenset(items)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What of some work waits for other issues."""

    #: Ids of those that wait.
    issues: tuple[str, ...]
    #: Issues that block each other in a circle.
    cycles: tuple[tuple[str, ...], ...]
    #: Issues that block others and are nobody's.
    without_owner: tuple[str, ...]
    #: Blockers of other projects, of which nothing but that is known.
    elsewhere: int
    #: By how many days of the whole team the links make the end later, in the middle of the runs.
    later_days: int
    #: Issues beyond the first `MAX_FOLLOWED` linked ones: for each it is only known that all the work is done by then.
    not_followed: int = 0


@dataclass(frozen=True, slots=True)
class LinkedTrial:
    """When linked issues are done, in each run: weeks from the first day of the work, arrays of shape (n_runs,)."""

    #: By id, of the issues that block or are blocked and are followed.
    done: Mapping[str, Floats]
    #: Ids of the other ones: when each is done nobody asked; all are by when all the work is.
    not_followed: frozenset[str]
    #: When all that was asked about is done.
    all_done: Floats
    #: Issues asked about that wait for another.
    waiting: tuple[str, ...]
    #: Issues that block each other in a circle.
    cycles: tuple[tuple[str, ...], ...]
    #: Issues that block others and are nobody's.
    without_owner: tuple[str, ...]
    #: How many of what blocks them are issues of other projects.
    elsewhere: int
    #: Issues that were played: those asked about, and what they wait for.
    n_played: int

    def undone(
        self, items: Sequence[WorkItem], size_of: Callable[[WorkItem], float | Floats]
    ) -> Callable[[float], Floats]:
        """Size of the linked ones of these issues that so many weeks leave undone, in each run."""
        followed = [(self.done[each.issue_id], size_of(each)) for each in items if each.issue_id in self.done]
        rest = np.zeros(len(self.all_done))
        for item in items:
            if item.issue_id in self.not_followed:
                rest += size_of(item)
        parts = [*followed, (self.all_done, rest)] if self.not_followed else followed

        def after(limit: float) -> Floats:
            total = np.zeros(len(self.all_done))
            for done, size in parts:
                np.add(total, size, out=total, where=done > limit)
            return total

        return after

    def told(self, free: Floats, *, days_per_week: float) -> Waiting:
        """What waits, beside the same work without links, which is done after `free` weeks in each run."""
        later = float(np.median(self.all_done)) - float(np.median(free))
        days = round(later * days_per_week)
        return Waiting(
            self.waiting,
            self.cycles,
            self.without_owner,
            self.elsewhere,
            later_days=days,
            not_followed=len(self.not_followed),
        )


def linked_trial(
    futures: Futures,
    items: Sequence[WorkItem],
    linked: LinkedWork,
    *,
    ahead: Collection[str] = (),
    pace: float = 1.0,
    plays: Plays | None = None,
) -> LinkedTrial | None:
    """Play the futures of some work whose issues wait for each other; None where none of it waits.

    Parameters
    ----------
    futures : Futures
        The team's futures.
    items : sequence of WorkItem
        The work.
    linked : LinkedWork
        Which issue waits for which. A link to an issue that is not open says nothing.
    ahead : collection of str
        Ids of issues that come first in all these futures: they add no work.
    pace : float
        As for `WorkForecaster.ask`.
    plays : Plays or None
        What was played of the same runs and links before.
    """
    asked = {item.issue_id for item in items}
    links, others = linked.about(asked)
    if not links:
        return None
    known = {item.issue_id: item for item in linked.blockers} | {id_: WorkItem(id_) for id_ in linked.elsewhere}
    order = [*linked.in_order(items), *linked.in_order([known[id_] for id_ in sorted(others) if id_ in known])]
    plan = _Plan.of([item.issue_id for item in order], links)
    if not plan.pairs:
        return None
    steps, rest = _steps(order, plan, linked.elsewhere, ahead)
    own = Spread.of(linked.cycle_weeks) if linked.cycle_weeks else None
    ends, total = (plays or Plays()).play(futures, steps, rest, own=own, pace=pace)
    done = {item.issue_id: end for step, end in zip(steps, ends, strict=True) for item in step.group}
    blocking = [order[at] for at in plan.blocking]
    not_followed = frozenset(order[at].issue_id for at in plan.linked).difference(done)
    # What is not followed may wait for what is followed and was not asked about.
    last = done if not_followed else asked.intersection(done)
    return LinkedTrial(
        done=done,
        not_followed=not_followed,
        all_done=latest(total, (done[id_] for id_ in last)),
        waiting=tuple(order[at].issue_id for at in sorted(plan.waiting) if order[at].issue_id in asked),
        cycles=tuple(tuple(order[at].issue_id for at in group) for group in plan.groups if len(group) > 1),
        without_owner=tuple(
            item.issue_id for item in blocking if not item.is_assigned and item.issue_id not in linked.elsewhere
        ),
        elsewhere=sum(item.issue_id in linked.elsewhere for item in blocking),
        n_played=len(order),
    )


def _steps(
    order: Sequence[WorkItem], plan: "_Plan", elsewhere: Collection[str], ahead: Collection[str]
) -> tuple[list[PlayStep], list[Group]]:
    """The groups that are followed, one after the other, and what adds to the work after the last of them."""
    steps, number_of, n_followed, added = list[PlayStep](), dict[int, int](), 0, list[Group]()
    for number, places in enumerate(plan.groups):
        group = tuple(order[at] for at in places)
        added.append(tuple(item for item in group if item.issue_id not in elsewhere and item.issue_id not in ahead))
        before = plan.blockers.get(number, set())
        # A prefix of a chain, never its end alone: blockers come first in the plan.
        if plan.linked.isdisjoint(places) or n_followed + len(group) > MAX_FOLLOWED or not before <= number_of.keys():
            continue
        number_of[number], n_followed = len(steps), n_followed + len(group)
        before_it = frozenset(number_of[each] for each in before)
        steps.append(PlayStep(group, tuple(added), before_it, is_elsewhere=group[0].issue_id in elsewhere))
        added.clear()
    return steps, added


@dataclass(frozen=True)
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

    @cached_property
    def linked(self) -> frozenset[int]:
        """Positions that block or are blocked."""
        return frozenset(at for pair in self.pairs for at in pair)

    @property
    def blocking(self) -> list[int]:
        """Positions that block others."""
        return sorted({blocker for blocker, _ in self.pairs})

    @property
    def waiting(self) -> frozenset[int]:
        """Positions that wait for others."""
        return frozenset(blocked for _, blocked in self.pairs)

    @cached_property
    def blockers(self) -> dict[int, set[int]]:
        """What comes before a group, both by their numbers; within a circle nothing does."""
        number = {at: number for number, group in enumerate(self.groups) for at in group}
        found: dict[int, set[int]] = {}
        for one, other in self.pairs:
            if number[one] != number[other]:
                found.setdefault(number[other], set()).add(number[one])
        return found


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
    waiting = Counter(chain.from_iterable(after.values()))
    ready = [(members[each][0], each) for each in members if not waiting[each]]
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
    if not pairs:
        return list(range(n))
    # Here, and not with every web process: 22 MiB, for teams that link their issues.
    from scipy.sparse import coo_array  # noqa: PLC0415
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    one, other = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2).T
    _, labels = connected_components(coo_array((np.ones(len(one)), (one, other)), shape=(n, n)), connection="strong")
    return [int(label) for label in labels]
