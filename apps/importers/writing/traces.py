"""What an import does to rows that are no issues: how they were, and how it left them, so that it can be taken back.

Whoever is about to change or remove rows says so before, and whoever makes some, after; what came of it is read when
all of a step is written, in the transaction that writes it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias
from uuid import UUID

from django.db.models import Model, QuerySet

from apps.accounts.models import User
from apps.projects.models import IssueLink, IssueType, Project, Sprint, SprintSnapshot, WorkflowStatus
from apps.projects.rows import in_parts

Values: TypeAlias = dict[str, Any]
Table: TypeAlias = type[Model]
#: These say something together only: when a sprint ran.
LIFE = ("status", "start_date", "end_date", "started_at", "completed_at", "dates_are_inferred")
#: What imports write, by attribute; of what they only make, what tells whether somebody changed it since.
WRITTEN: Mapping[Table, tuple[str, ...]] = {
    Sprint: (*LIFE, "name", "goal", "scope_is_recorded"),
    SprintSnapshot: tuple(each.attname for each in SprintSnapshot._meta.concrete_fields),
    IssueType: ("name", "level", "counts"),
    WorkflowStatus: ("name", "category", "position"),
    IssueLink: ("blocker_id", "blocked_id", "source", "created_at"),
    Project: ("unknown_past",),
    User: (),
}
_TOGETHER: Mapping[Table, Collection[str]] = {Sprint: LIFE, SprintSnapshot: WRITTEN[SprintSnapshot]}


@dataclass(frozen=True, slots=True)
class Trace:
    """One row: None before for one that was made, after for one that was removed; else what differs."""

    table: Table
    key: Any
    before: Values | None
    after: Values | None


class Traces:
    """What an import is about to do, until it is asked what it has done."""

    def __init__(self) -> None:
        self._before: dict[Table, dict[Any, Values | None]] = defaultdict(dict)

    def before(self, rows: "QuerySet[Any]") -> None:
        """Some of these rows will be changed or removed; nobody else changes them until the transaction ends."""
        known = self._before[rows.model]
        for key, values in _states(rows.select_for_update(no_key=True).order_by("pk")):
            known.setdefault(key, values)

    def made(self, table: Table, *keys: Any) -> None:
        """These rows were not there; those that will be were made."""
        for key in keys:
            self._before[table].setdefault(key, None)

    def gathered(self) -> list[Trace]:
        """What was done since this was asked last."""
        found = [trace for table, before in self._before.items() for trace in _differing(table, before)]
        self._before.clear()
        return found


def plain(value: Any) -> Any:
    """A value as JSON has it, exactly: moments with all of their digits."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def states(table: Table, keys: Iterable[Any]) -> dict[Any, Values]:
    """How rows are now; those that are gone are not there."""
    wanted, found = list(keys), dict[Any, Values]()
    for part in in_parts(wanted):
        found |= _states(table._base_manager.filter(pk__in=part))
    return found


def _states(rows: "QuerySet[Any]") -> Iterator[tuple[Any, Values]]:
    names = WRITTEN[rows.model]
    for key, *values in rows.values_list("pk", *names):
        yield key, {name: plain(value) for name, value in zip(names, values, strict=True)}


def _differing(table: Table, before: Mapping[Any, Values | None]) -> Iterator[Trace]:
    now = states(table, before)
    for key, was in before.items():
        left = now.get(key)
        if was is None or left is None:
            if was is not left:
                yield Trace(table, key, was, left)
        elif names := {name for name in was if was[name] != left[name]}:
            some = _TOGETHER.get(table, ())
            names |= set() if names.isdisjoint(some) else set(some)
            yield Trace(table, key, {name: was[name] for name in names}, {name: left[name] for name in names})
