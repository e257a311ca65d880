"""What an import did, in figures and in one sentence. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import Any

from apps.importers.records import ImportedIssue, Person, RowError
from apps.importers.telling.spellings import without_erased
from apps.importers.telling.understanding import SAMPLES, SHOWN, Sufficiency, sample_of
from apps.projects.unknown_past import seen_at

SHOWN_ERRORS = 20
UNREAD_CELLS = "cells that cannot be read: left empty"
#: The seed, "Minimum Training Data": 50 completed issues with hours, 50 with story points.
NEEDED_FOR_TRAINING = 50
NO_SPRINT_DATES = (
    "none with dates: sprint durations cannot be estimated. Add the columns Sprint Start and Sprint End, and import "
    "again."
)
#: Parts of a report with words of the source: names of people, where a file was wrong also as types and statuses.
OF_THE_SOURCE = frozenset({
    "errors", "unread_cells", "parents_not_taken", "sprint_dates", "missing_shown", "notes", "unread", "ledger",
    "samples", "board",
})  # fmt: skip
#: For whoever has a command line.
DATES_BY_OPTIONS = (
    "Or say when the first sprint began and how long they are (--sprints 2026-03-02/14d), or name columns of other "
    "names (--map sprint_starts_on=COLUMN sprint_ends_on=COLUMN)."
)


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """Something that could not be had."""

    what: str
    #: Figures, in the words of the product.
    touches: tuple[str, ...]
    #: How many issues it was seen at, and the first of them; none where it holds for the whole source.
    issues: int = 0
    examples: tuple[str, ...] = ()

    def sentence(self) -> str:
        """'the history of status has holes (2 issues: A-1, A-7); touches throughput, forecasts'."""
        return f"{seen_at(self.what, self.issues, self.examples)}; touches {', '.join(self.touches)}"


@dataclass(slots=True)
class ImportReport:
    """What an import did, or would do."""

    project: str
    dry_run: bool
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    error_count: int = 0
    #: The first errors; `on_error` hears them all.
    errors: list[RowError] = field(default_factory=list)
    remarks: Counter[str] = field(default_factory=Counter)
    #: The first cells that could not be read; `remarks` counts them all.
    unread_cells: list[str] = field(default_factory=list)
    #: The first issues whose parent is a part of them; `remarks` counts them all.
    parents_not_taken: list[str] = field(default_factory=list)
    people_added: int = 0
    #: Entries of the history that were written.
    changes_added: int = 0
    sprints_added: int = 0
    with_hours: int = 0
    with_points: int = 0
    #: Of the project, not of this import alone.
    sprints: int = 0
    sprints_with_a_start: int = 0
    #: Sprints that the source gives no dates, with those that stand for them and why.
    sprint_dates: list[str] = field(default_factory=list)
    #: Issues of an earlier import that this one did not bring, counted, and the first of them. None where nobody
    #: looked, for not everything was read.
    missing: int | None = None
    missing_shown: list[str] = field(default_factory=list)
    #: Of them closed as removed.
    removed: int = 0
    #: What was remarked of the file and its columns before the first row.
    notes: tuple[str, ...] = ()
    #: Headers of which nothing was read.
    unread: tuple[str, ...] = ()
    #: What of the past could not be had, and which figures it touches.
    ledger: list[LedgerLine] = field(default_factory=list)

    #: Field → issues that say something of it.
    filled: Counter[str] = field(default_factory=Counter)
    #: The first issues, field by field, as they were understood.
    samples: list[dict[str, str]] = field(default_factory=list)
    #: What each status and type is taken for.
    board: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    #: What the project's data suffices for, feature by feature.
    features: list[Sufficiency] = field(default_factory=list)
    #: How the source spells people who were erased, with their pseudonyms; no part of what is told.
    erased: Mapping[str, str] = field(default_factory=dict)
    #: Of the import, to follow it or to take it back; empty of a dry run.
    import_id: str = ""

    @property
    def rows(self) -> int:
        """Issues and errors."""
        return self.new + self.changed + self.unchanged + self.error_count

    def hear(self, record: ImportedIssue) -> None:
        """Count what an issue says, what had to be done to it, and what of it could not be read."""
        self.filled.update(name for name in SHOWN if getattr(record, name, None) not in (None, "", ()))
        self.remarks.update(record.remarks)
        self._note_unread(record)

    def show(self, records: Iterable[ImportedIssue], found: Callable[[Person | None], Person | None]) -> None:
        """Keep the first issues as samples, with whom the import found, not whom the source spells."""
        for record in islice(records, SAMPLES - len(self.samples)):
            meant = replace(record, assignee=found(record.assignee), reporter=found(record.reporter))
            self.samples.append(sample_of(meant))

    def refuse(self, error: RowError) -> None:
        """Count a row that is not imported, and keep the first ones."""
        self.error_count += 1
        if len(self.errors) < SHOWN_ERRORS:
            self.errors.append(error)

    def _note_unread(self, record: ImportedIssue) -> None:
        """Count the cells of an issue that could not be read, and keep the first ones."""
        for told in record.unread:
            self.remarks[UNREAD_CELLS] += 1
            if len(self.unread_cells) < SHOWN_ERRORS:
                self.unread_cells.append(f"line {record.line:,}: {told} (left empty)")

    def sentence(self) -> str:
        """What the project's data suffices for."""
        parts = [
            _sufficiency(self.with_hours, "hours", "an effort"),
            _sufficiency(self.with_points, "points", "a points"),
        ]
        if self.lacks_sprint_dates:
            parts.append(f"{self.sprints:,} sprint{'' if self.sprints == 1 else 's'}, {NO_SPRINT_DATES}")
        return " ".join(parts)

    @property
    def lacks_sprint_dates(self) -> bool:
        """Whether there are sprints and none of them says when it began."""
        return bool(self.sprints and not self.sprints_with_a_start)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        told = {
            **asdict(self),
            "remarks": dict(self.remarks),
            "filled": dict(self.filled),
            "features": [each.as_dict() for each in self.features],
            "sentence": self.sentence(),
        }
        del told["erased"]
        return without_erased(told, self.erased) if self.erased else told


def _sufficiency(have: int, what: str, model: str) -> str:
    issues = f"{have:,} completed issue{'' if have == 1 else 's'} with {what}"
    if have >= NEEDED_FOR_TRAINING:
        return f"{issues}: {model} model can be trained ({NEEDED_FOR_TRAINING} are needed)."
    return f"{issues}: {NEEDED_FOR_TRAINING - have} more are needed to train {model} model ({NEEDED_FOR_TRAINING})."


def figures_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """What is left of the report of an import that was taken back: figures, and nothing of what its source said."""
    return {name: value for name, value in report.items() if name not in OF_THE_SOURCE}
