"""Completed sprints stay as they were told until an issue that was in one is touched: an edit elsewhere reads none.

Sprints that were closed here have books that never change. Those that an import brought are told from their issues: a
process reads each of them once, and again when what it is told from may have changed.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from apps.ml.core.past.sprints import SprintTimeline
from apps.ml.core.past.velocity import SprintRecord
from apps.ml.core.size import bytes_of
from apps.ml.selectors import sprints
from apps.ml.services.models.memory import BoundedCache, Remembered, StateMemory
from apps.projects.history.reads import ended_at, known_in
from apps.projects.history.snapshots import recorded_of
from apps.projects.models import Sprint
from apps.projects.selectors import EDIT_OVERLAP, PresentState

#: Of all projects together, each of some hundred bytes.
VERSIONS_BYTES = 8 * 2**20


@dataclass(frozen=True, slots=True)
class _Versions:
    """Which reading of each sprint of a project still holds, each named by the state that called for it."""

    state: PresentState
    of_all: str
    #: Of sprints that were touched since.
    of_some: Mapping[str, str]

    @classmethod
    def first(cls, state: PresentState) -> "_Versions":
        return cls(state, _name(state), {})

    def in_state(self, state: PresentState, touched: Iterable[str]) -> "_Versions":
        """With some sprints to be read again."""
        return replace(self, state=state, of_some={**self.of_some, **dict.fromkeys(touched, _name(state))})


@dataclass(frozen=True, slots=True)
class _Told:
    value: Any
    #: Nothing of it is later than the moment it was told at: time alone does not change it.
    is_settled: bool


VERSIONS = BoundedCache[_Versions](size=bytes_of, keeps_last=True)
_Read = Callable[[Sequence[Sprint]], Mapping[str, _Told]]


class FrozenSprints:
    """The latest completed sprints of a project, in one of its states."""

    def __init__(self, project_id: UUID | str, state: PresentState, *, now: datetime, memory: StateMemory) -> None:
        self._project_id, self._state, self._now, self._memory = project_id, state, now, memory
        self._hour = f"{now:%Y-%m-%d %H}"

    def timelines(self, newest: int) -> tuple[SprintTimeline, ...]:
        """So many of them, oldest first."""
        return tuple(told.value for told in self._timelines(newest).values())

    def records(self) -> tuple[SprintRecord, ...]:
        """What they delivered, oldest first."""
        return tuple(told.value for told in self._each("record", sprints.HISTORY_SPRINTS, self._sum_up).values())

    def _timelines(self, newest: int) -> Mapping[str, _Told]:
        return self._each("timeline", newest, self._read)

    def _each(self, what: str, newest: int, read: _Read) -> Mapping[str, _Told]:
        """What is known of each sprint, by id; those of which nothing is known are read together."""
        names = dict(list(self._names.items())[-newest:])
        found = {sprint_id: self._known(f"{what} {name}") for sprint_id, name in names.items()}
        if None in found.values():
            unknown = [sprint for sprint in self._latest if found.get(str(sprint.pk), ...) is None]
            for sprint_id, told in read(unknown).items():
                name = f"{what} {names[sprint_id]}"
                self._memory.keep(name if told.is_settled else f"{name} {self._hour}", Remembered(told))
                found[sprint_id] = told
        return {sprint_id: told for sprint_id, told in found.items() if told is not None}

    def _known(self, name: str) -> _Told | None:
        kept = self._memory.get(name) or self._memory.get(f"{name} {self._hour}")
        return kept.value if kept else None

    def _read(self, unknown: Sequence[Sprint]) -> Mapping[str, _Told]:
        recorded, now = recorded_of(unknown), self._now
        return {
            sprint_id: _Told(
                sprints.timeline_of(sprint, known_in(sprint_id, recorded[sprint_id], now), now),
                all(issue.is_settled_by(now) for issue in recorded[sprint_id]),
            )
            for sprint_id, sprint in ((str(sprint.pk), sprint) for sprint in unknown)
        }

    def _sum_up(self, unknown: Sequence[Sprint]) -> Mapping[str, _Told]:
        timelines = self._timelines(sprints.HISTORY_SPRINTS)
        pasts = {sprint_id: told.value.issues for sprint_id, told in timelines.items()}
        records = sprints.records_of(unknown, now=self._now, pasts=pasts)
        return {sprint_id: _Told(record, timelines[sprint_id].is_settled) for sprint_id, record in records.items()}

    @cached_property
    def _latest(self) -> list[Sprint]:
        return sprints.latest_sprints(self._project_id, now=self._now)

    @cached_property
    def _names(self) -> Mapping[str, str]:
        """Each sprint's reading by id, oldest first: what has another name is told anew."""
        state = f"names {self._project_id} {self._state} {self._hour}"
        return self._memory.told(state, lambda: {str(sprint.pk): self._name(sprint) for sprint in self._latest})

    def _name(self, sprint: Sprint) -> str:
        snapshot, end = getattr(sprint, "snapshot", None), ended_at(sprint, self._now)
        version = self._versions.of_some.get(str(sprint.pk), self._versions.of_all)
        kept = f"{hash(self._state.rest)} {snapshot.frozen_at}" if snapshot and snapshot.frozen_at <= self._now else ""
        # Of one that ends today the end is now.
        return f"{sprint.pk} {kept or version} {self._hour if end is None or end >= self._now else end}"

    @cached_property
    def _versions(self) -> _Versions:
        key, state, clock = str(self._project_id), self._state, time.monotonic()
        known = VERSIONS.get(key, now=clock)
        if known is not None and known.state == state:
            return known
        if known is None or known.state.last_edit is None or not known.state.is_edited_into(state):
            found = _Versions.first(state)
        else:
            since = known.state.last_edit - EDIT_OVERLAP
            found = known.in_state(state, sprints.sprints_touched(self._project_id, since=since))
        VERSIONS.put(key, found, now=clock, most=VERSIONS_BYTES)
        return found


def _name(state: PresentState) -> str:
    return f"{state.last_edit} {hash(state.rest)}"
