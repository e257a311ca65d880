"""Completed sprints stay as they were told until an issue that was in one is touched: an edit elsewhere reads none.

Sprints that were closed here have books that never change. Those that an import brought are told from their issues:
once for all processes, and again when what they are told from may have changed.
"""

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from uuid import UUID

from apps.ml.core.past.completed import CompletedSprint, from_bytes, to_bytes
from apps.ml.core.past.sprints import SprintTimeline
from apps.ml.core.past.velocity import SprintRecord
from apps.ml.core.size import bytes_of
from apps.ml.selectors import sprints
from apps.ml.services.forecasts.kept_pasts import KeptPasts, Part, keep_past
from apps.ml.services.models.memory import BoundedCache, Remembered, StateMemory
from apps.projects.history.reads import ended_at, known_in
from apps.projects.history.snapshots import recorded_of
from apps.projects.models import Sprint
from apps.projects.selectors import EDIT_OVERLAP, PresentState

#: Of all projects together, each of some hundred bytes.
VERSIONS_BYTES = 8 * 2**20
#: What is kept is written again once such a share of the sprints had to be read: one sprint is read in 25 ms, and all
#: of them are written in as much.
SHARE_READ = 0.25
#: What is told from some hundred issues, each a few lines of the books, is read again as fast.
FEWEST_LINES = 1_000


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

    def name_of(self, sprint_id: str) -> str:
        """The state that called for the reading of a sprint that holds."""
        return self.of_some.get(sprint_id, self.of_all)


@dataclass(frozen=True, slots=True)
class _Told:
    timeline: SprintTimeline
    record: SprintRecord
    #: Nothing of it is later than the moment it was told at: time alone does not change it.
    is_settled: bool

    @classmethod
    def of(cls, bare: SprintTimeline, numbers: CompletedSprint) -> "_Told":
        """With what was kept, which is settled."""
        record = replace(numbers.record, name=bare.window.name)
        return cls(replace(bare, team_size=numbers.team_size, curve=numbers.curve), record, is_settled=True)

    def numbers(self) -> CompletedSprint:
        """What is not in the sprint's own row, where its name stays: a text may name people."""
        assert self.timeline.curve is not None  # noqa: S101 - see `_read`; this tells mypy
        return CompletedSprint(self.timeline.curve, self.timeline.team_size, replace(self.record, name=""))


VERSIONS = BoundedCache[_Versions](size=bytes_of, keeps_last=True)


class FrozenSprints:
    """The latest completed sprints of a project, in one of its states."""

    def __init__(
        self, project_id: UUID | str, state: PresentState, *, now: datetime, memory: StateMemory, kept: KeptPasts
    ) -> None:
        self._project_id, self._state, self._now, self._memory = project_id, state, now, memory
        self._all_kept = kept
        self._hour = f"{now:%Y-%m-%d %H}"

    def timelines(self, newest: int) -> tuple[SprintTimeline, ...]:
        """So many of them, oldest first, with numbers in place of their issues."""
        return tuple(told.timeline for told in self._told(newest))

    def records(self) -> tuple[SprintRecord, ...]:
        """What they delivered, oldest first."""
        return tuple(told.record for told in self._told(sprints.HISTORY_SPRINTS))

    def _told(self, newest: int) -> list[_Told]:
        """What is known of each; those of which nothing is known are read together."""
        names = dict(list(self._names.items())[-newest:])
        found = {id_: told for id_, name in names.items() if (told := self._remembered(name)) is not None}
        if _are_many(names.keys() - found.keys(), names):
            found |= self._taken({id_: names[id_] for id_ in names.keys() - found.keys()})
        if unknown := names.keys() - found.keys():
            found |= self._read(unknown)
            if _are_many(unknown, names):
                self._keep(found)
        return [found[id_] for id_ in names]

    def _remembered(self, name: str) -> _Told | None:
        kept = self._memory.get(name) or self._memory.get(f"{name} {self._hour}")
        return kept.value if kept else None

    def _remember(self, told: Mapping[str, _Told]) -> Mapping[str, _Told]:
        for sprint_id, each in told.items():
            name = self._names[sprint_id]
            self._memory.keep(name if each.is_settled else f"{name} {self._hour}", Remembered(each))
        return told

    def _read(self, unknown: Collection[str]) -> Mapping[str, _Told]:
        rows, now = [sprint for sprint in self._latest if str(sprint.pk) in unknown], self._now
        recorded = recorded_of(rows)
        pasts = {id_: known_in(id_, issues, now) for id_, issues in recorded.items()}
        records = sprints.records_of(rows, now=now, pasts=pasts)
        return self._remember(
            {
                id_: _Told(
                    sprints.timeline_of(sprint, pasts[id_], now).without_issues(),
                    records[id_],
                    all(issue.is_settled_by(now) for issue in recorded[id_]),
                )
                for id_, sprint in ((str(sprint.pk), sprint) for sprint in rows)
            }
        )

    # --- For other processes --------------------------------------------------------------------------------------
    def _taken(self, names: Mapping[str, str]) -> Mapping[str, _Told]:
        """Of some sprints what another process worked out."""
        if self._kept is None or not self._kept[1].keys() & names.values():
            return {}
        bare = {str(sprint.pk): sprints.bare_timeline(sprint, self._now) for sprint in self._latest}
        numbers = {id_: self._kept[1][name] for id_, name in names.items() if name in self._kept[1]}
        return self._remember({id_: _Told.of(bare[id_], each) for id_, each in numbers.items()})

    def _keep(self, told: Mapping[str, _Told]) -> None:
        numbers = {self._names[id_]: each.numbers() for id_, each in told.items() if each.is_settled}
        if sum(map(len, numbers.values())) >= FEWEST_LINES:
            versions = {id_: self._versions.name_of(id_) for id_ in told}
            data = to_bytes(numbers, {"": self._versions.of_all, **versions})
            keep_past(self._project_id, Part.SPRINTS, data, self._state)

    @cached_property
    def _kept(self) -> tuple[_Versions, Mapping[str, CompletedSprint]] | None:
        kept = self._all_kept.read(Part.SPRINTS, from_bytes)
        if kept is None:
            return None
        (numbers, versions), state = kept
        of_all = versions.pop("")
        return _Versions(state, of_all, versions), numbers

    # --- Which readings hold --------------------------------------------------------------------------------------
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
        version = self._versions.name_of(str(sprint.pk))
        if snapshot is not None and snapshot.frozen_at <= self._now:
            version = f"{self._state.rest} {snapshot.frozen_at}"
        # Of one that ends today the end is now.
        return f"{sprint.pk} {version} {self._hour if end is None or end >= self._now else end}"

    @cached_property
    def _versions(self) -> _Versions:
        key, state, clock = str(self._project_id), self._state, time.monotonic()
        known = VERSIONS.get(key, now=clock) or (self._kept[0] if self._kept else None)
        if known is not None and known.state == state:
            found = known
        elif known is None or known.state.last_edit is None or not known.state.is_edited_into(state):
            found = _Versions.first(state)
        else:
            since = known.state.last_edit - EDIT_OVERLAP
            found = known.in_state(state, sprints.sprints_touched(self._project_id, since=since))
        VERSIONS.put(key, found, now=clock, most=VERSIONS_BYTES)
        return found


def _are_many(some: Collection[str], names: Collection[str]) -> bool:
    return len(some) > SHARE_READ * len(names)


def _name(state: PresentState) -> str:
    return f"{state.last_edit} {state.rest}"
