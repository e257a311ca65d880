"""Bringing work in: a file or a tracker, how it is understood, what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from apps.common.charts.numbers import day as told_day
from apps.common.charts.numbers import number
from apps.dashboard.types import Project
from apps.importers.records import ImportRefused, Person
from apps.importers.report import LedgerLine
from apps.importers.selectors import connections_of, runs_of, touches_anything
from apps.importers.sources.csv.columns import HOUR_FIELDS, split_unit
from apps.importers.sources.registry import CONNECTORS
from apps.importers.telling.preview import FilePreview, MappedField, preview_of
from apps.importers.waiting import LONGEST_UPLOAD_BYTES

#: Imports that the page lists.
MOST_RUNS = 10
#: A worker takes a run within a minute; one that waits longer meets none.
PATIENCE = timedelta(minutes=1)
STATES: Mapping[str, tuple[str | Promise, str]] = {
    "queued": (pgettext_lazy("state of an import", "queued"), "plain"),
    "running": (pgettext_lazy("state of an import", "running"), ""),
    "completed": (pgettext_lazy("state of an import", "done"), "good"),
    "failed": (pgettext_lazy("state of an import", "failed"), "bad"),
    "undoing": (pgettext_lazy("state of an import", "being taken back"), ""),
    "undone": (pgettext_lazy("state of an import", "taken back"), "plain"),
}
FIELDS: Mapping[str, str | Promise] = {
    "external_id": gettext_lazy("key"),
    "title": gettext_lazy("title"),
    "issue_type": gettext_lazy("type"),
    "status": gettext_lazy("status"),
    "created_at": gettext_lazy("created"),
    "started_at": gettext_lazy("started"),
    "resolved_at": gettext_lazy("finished"),
    "story_points": gettext_lazy("story points"),
    "actual_hours": gettext_lazy("hours worked"),
    "estimated_hours": gettext_lazy("hours estimated"),
    "assignee": gettext_lazy("assignee"),
    "sprint": gettext_lazy("sprint"),
    "component": gettext_lazy("component"),
    "labels": gettext_lazy("labels"),
    "parent": gettext_lazy("parent"),
}
#: What a column of time may be in, where neither its name nor its values tell.
UNITS: Mapping[str, str | Promise] = {
    "hours": gettext_lazy("in hours"),
    "minutes": gettext_lazy("in minutes"),
    "seconds": gettext_lazy("in seconds"),
}
#: Of a field whose column is recognised, and not chosen by hand.
AS_RECOGNISED = "auto"


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """A field with the column that is recognised for it, and the one that was chosen."""

    name: str
    title: str | Promise
    column: str
    chosen: str
    #: What the first issues have there.
    values: tuple[str, ...]
    #: The unit that was chosen for a column of time; empty for none.
    unit: str = ""

    @property
    def units(self) -> Mapping[str, str | Promise]:
        """The units that a column of it may be in."""
        return UNITS if self.name in HOUR_FIELDS else {}


class RunPage:
    """One import: how far it is, how its file is understood, what it did or would do."""

    def __init__(self, run: Any, *, now: datetime) -> None:
        self.run, self.now, self.report = run, now, run.report
        self.state, self.tone = STATES[run.status]

    @property
    def is_under_way(self) -> bool:
        """Whether something is still to come."""
        return str(self.run.status) in {"queued", "running", "undoing"}

    @property
    def waits_in_vain(self) -> bool:
        """Whether no worker has taken it for longer than one needs."""
        since = self.run.created_at if self.run.status == "queued" else None
        if self.run.status == "undoing" and self.run.seen_at is None and self.back:
            since = self.back.asked_at
        return since is not None and bool(self.now - since > PATIENCE)

    @property
    def back(self) -> Any:
        """How far it is taken back; None where nobody wanted that."""
        return getattr(self.run, "taking_back", None)

    @property
    def rows_back(self) -> int:
        """Of what it did: how much is taken back."""
        return self.back.rows - self.back.rows_left if self.back else 0

    @property
    def kept(self) -> str:
        """What stayed when it was taken back, in a sentence; empty where nothing did."""
        return told_kept(self.back.kept) if self.back and self.run.status == "undone" else ""

    @property
    def is_not_taken_back(self) -> bool:
        """Whether that was stopped before its end."""
        return bool(self.back and self.back.error and self.run.status in {"completed", "failed"})

    @property
    def can_be_confirmed(self) -> bool:
        """Whether a dry run of a file, which is still there, can become an import."""
        return bool(self.run.is_dry_run and self.run.status == "completed" and self.run.upload is not None)

    @property
    def can_be_mapped(self) -> bool:
        """Whether other columns can be chosen: also for a file that was refused as it stands."""
        is_refused = self.run.is_dry_run and self.run.status == "failed" and self.run.upload is not None
        return self.can_be_confirmed or bool(is_refused and self.preview)

    @property
    def can_be_undone(self) -> bool:
        """Whether it is known what it changed."""
        is_over = self.run.status in {"completed", "failed"}
        return bool(is_over and not self.run.is_dry_run and touches_anything(self.run))

    @property
    def ledger(self) -> Sequence[str]:
        """What could not be had, and which figures that touches, in sentences."""
        return [LedgerLine(**line).sentence() for line in self.report.get("ledger", ())]

    @property
    def missing(self) -> str:
        """What came before and is not there any more, in a sentence; empty for nothing, and where nobody looked."""
        n, shown = self.report.get("missing") or 0, self.report.get("missing_shown", ())
        if not n:
            return ""
        told = ngettext(
            "%(n)s issue of earlier imports is not there any more: %(keys)s.",
            "%(n)s issues of earlier imports are not there any more: %(keys)s.",
            n,
        )
        return told % {"n": number(n), "keys": ", ".join(shown) + (", …" if n > len(shown) else "")}

    @property
    def removed(self) -> int:
        """How many of them it closed."""
        return int(self.report.get("removed", 0))

    @property
    def remarks(self) -> Sequence[tuple[str, int]]:
        """What was remarked of rows, and of how many."""
        return sorted(self.report.get("remarks", {}).items())

    @cached_property
    def preview(self) -> FilePreview | None:
        """How the file is understood; None without one, or where it cannot be read."""
        try:
            return None if self.is_under_way or not self.run.is_dry_run else preview_of(self.run, now=self.now)
        except ImportRefused:
            # The run itself tells why: it reads the same file the same way.
            return None

    @property
    def choices(self) -> Sequence[FieldChoice]:
        """The fields that can be read from another column."""
        if self.preview is None:
            return []
        return [self._choice(self.preview, each) for each in self.preview.fields]

    def _choice(self, preview: FilePreview, field: MappedField) -> FieldChoice:
        asked = self.run.mapping.get(field.name, AS_RECOGNISED)
        chosen, unit = split_unit(field.name, asked, preview.columns)
        return FieldChoice(
            name=field.name,
            title=FIELDS[field.name],
            column=field.column,
            chosen=chosen,
            values=tuple(_plain(getattr(issue, field.name)) for issue in preview.issues),
            unit=unit,
        )

    @property
    def counts(self) -> Mapping[str, int | None]:
        """Figures of the report; None before there is one."""
        return {name: self.report.get(name) for name in ("new", "changed", "unchanged", "error_count")}


def told_kept(kept: int) -> str:
    """What stays of an import that is taken back, and why; empty for nothing."""
    if not kept:
        return ""
    stay = ngettext(
        "%(n)d issue, sprint, type, status or link stays, or is not all as before: it was"
        " changed here since or is used by something else, or what it had is gone.",
        "%(n)d issues, sprints, types, statuses or links stay, or are not all as before: they"
        " were changed here since or are used by something else, or what they had is gone.",
        kept,
    )
    return stay % {"n": kept}


def _plain(value: Any) -> str:
    """A value of an issue as it was understood."""
    if isinstance(value, datetime):
        return told_day(value)
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, Person):
        return value.name or value.email
    return "" if value is None else str(value)[:60]


def chosen_columns(values: Mapping[str, str]) -> dict[str, str]:
    """Columns that were chosen by hand in a form."""
    chosen = {name: values.get(f"map-{name}", AS_RECOGNISED) for name in FIELDS}
    for name in HOUR_FIELDS:
        column, unit = chosen[name], values.get(f"unit-{name}", "")
        # Of a column that is recognised the page tells which one that is.
        column = values.get(f"read-{name}", "") or column if column == AS_RECOGNISED else column
        if unit in UNITS and column not in ("", AS_RECOGNISED):
            chosen[name] = f"{column}:{unit}"
    # No file has a column of that name, and PostgreSQL keeps none.
    return {name: column for name, column in chosen.items() if column != AS_RECOGNISED and "\0" not in column}


@dataclass(frozen=True, slots=True)
class ImportsPage:
    """Where work comes from, and what was imported."""

    connections: Sequence[Any]
    runs: Sequence[RunPage]
    trackers: Sequence[Any]
    most_megabytes: int


def imports_page(project: Project, *, now: datetime) -> ImportsPage:
    """Connections and the latest imports of a project."""
    return ImportsPage(
        connections=list(connections_of(project)),
        runs=[RunPage(run, now=now) for run in runs_of(project)[:MOST_RUNS]],
        trackers=list(CONNECTORS.values()),
        most_megabytes=LONGEST_UPLOAD_BYTES // 2**20,
    )
