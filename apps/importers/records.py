"""What a source says about issues, before anything is stored: frozen records, or the reason why a row is none."""

from dataclasses import dataclass
from datetime import date, datetime

from apps.common.exceptions import ApplicationError


class ImportRefused(ApplicationError):
    """The file cannot be imported."""

    code = "import_refused"
    quotes_others = True


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody the source names; sources give a name, an address or both."""

    name: str
    email: str = ""
    #: The tracker's own id of the person, which stays when the name changes.
    account: str = ""


@dataclass(frozen=True, slots=True)
class NamedSprint:
    """A sprint as a record names it."""

    name: str
    #: The source's id or number; empty where there is none.
    external_id: str = ""
    starts_on: date | None = None
    #: The last day, which belongs to it.
    ends_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedIssue:
    """One issue as the source tells it. Empty and None mean that the source says nothing; times are UTC."""

    line: int
    external_id: str
    title: str
    #: The tracker's own id, which stays when the issue moves to another project and gets another key.
    source_id: str = ""
    description: str = ""
    issue_type: str = ""
    #: The id of the issue that it is a part of, or that issue's key.
    parent: str = ""
    #: Keys or ids of what it waits for, and of what waits for it; None where the source does not tell such links.
    blocked_by: tuple[str, ...] | None = None
    blocks: tuple[str, ...] | None = None
    status: str = ""
    #: to_do, in_progress, done or dropped where the source itself says so; empty otherwise.
    status_category: str = ""
    #: What a status of the team's own means, as all rows that bear it say.
    status_meaning: str = ""
    #: How it ended, in the source's words: 'Fixed', 'Won't Do'.
    resolution: str = ""
    #: 1 is the most urgent.
    priority: int | None = None
    component: str = ""
    labels: tuple[str, ...] = ()
    reporter: Person | None = None
    assignee: Person | None = None
    sprint: str = ""
    #: The source's id or number of the sprint; empty where there is none.
    sprint_id: str = ""
    #: Sprints that it was in before, oldest first.
    earlier_sprints: tuple[NamedSprint, ...] = ()
    sprint_starts_on: date | None = None
    sprint_ends_on: date | None = None
    story_points: float | None = None
    estimated_hours: float | None = None
    actual_hours: float | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    resolved_at: datetime | None = None
    dropped_at: datetime | None = None
    due_date: date | None = None
    #: When the source last saw its status change, and anything of it.
    last_moved_at: datetime | None = None
    last_touched_at: datetime | None = None
    #: What had to be done to the row to make it an issue, in a few fixed words, for counting.
    remarks: tuple[str, ...] = ()
    #: Cells that could not be read and cost nothing but themselves, each in a few words.
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that is not imported."""

    line: int
    external_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class LeftOut(RowError):
    """An issue that its tracker did not give this time: it may the next time."""


@dataclass(frozen=True, slots=True)
class ReadAgain(RowError):
    """A row whose lines were read one by one: with it no issue is left out."""


@dataclass(frozen=True, slots=True)
class UnreadRow(RowError):
    """A row that may be of any issue: which one, cannot be read."""
