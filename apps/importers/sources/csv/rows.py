"""One row of cells into one issue, or into the reason why it is none. Pure."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from apps.common.plausible import LONGEST_TEXT
from apps.common.tables import bare
from apps.common.texts.cutting import cut_between_words
from apps.importers.records import ImportedIssue, NamedSprint, Person, RowError, UnreadRow
from apps.importers.sources.csv.cells import BadValue, is_empty, single_spaced
from apps.importers.sources.csv.columns import Columns, normal_form
from apps.importers.sources.csv.dates import moment, written
from apps.importers.sources.csv.encodings import UNREAD
from apps.importers.sources.csv.numbers import POINT_LABEL, hours, points
from apps.importers.sources.csv.reading import Reading
from apps.importers.sources.csv.sprints import exclusive_end, sprints_in
from apps.importers.sources.csv.values import person, priority

#: What the tables hold (see apps/projects/models.py and apps/accounts/models.py).
LONGEST_ID, LONGEST_TITLE, LONGEST_TYPE, LONGEST_STATUS = 200, 500, 64, 64
LONGEST_COMPONENT, LONGEST_SPRINT, LONGEST_PERSON = 200, 200, 200
#: Clocks and time zones differ by less than this; what lies further ahead has not happened.
CLOCK_SKEW = timedelta(days=1)

UNTITLED = "without a title: the id stands for one"
TITLE_CUT = f"with a title cut to {LONGEST_TITLE} characters"
TORN = f"with letters that are no UTF-8: {UNREAD} stands for them"
_TEXTS = frozenset({"title", "description"})
PRIORITY_UNKNOWN = "with a priority of unknown name: left empty"


@dataclass(frozen=True, slots=True)
class RowReader:
    """Turns the cells of one row into an issue; knows how the file is to be read."""

    reading: Reading
    now: datetime
    #: Whether letters of the file could not be read.
    is_torn: bool = False

    @property
    def columns(self) -> Columns:
        """Where each field stands."""
        return self.reading.columns

    def read(self, line: int, cells: Sequence[str]) -> ImportedIssue | RowError:
        # Exports put an apostrophe before what a spreadsheet would run (ours, Linear's).
        cells = [bare(cell) if "'" in cell else cell for cell in cells]
        texts = {name: self._text(name, at, cells) for name, at in self.columns.positions.items()}
        external_id = texts.get("external_id", "").strip()
        try:
            _refuse_null_bytes(texts)
            torn = self._torn(cells) if self.is_torn else ()
            issue = self._issue(line, external_id, texts, cells)
            _refuse_impossible(issue, self.now)
        except BadValue as error:
            # Without a column of ids they are made of what the row says.
            has_id = "external_id" in self.columns.positions and UNREAD not in external_id
            return (RowError if has_id else UnreadRow)(line, external_id[:LONGEST_ID], error.message)
        return replace(issue, remarks=(*issue.remarks, *torn))

    def _torn(self, cells: Sequence[str]) -> tuple[str, ...]:
        """Texts keep the mark of a letter that cannot be read; what names something would name another."""
        positions = self.columns.positions
        torn = [name for name, at in positions.items() if any(UNREAD in cells[each] for each in at)]
        texts = _TEXTS if "external_id" in positions else _TEXTS - {"title"}
        for name in torn:
            if name not in texts:
                raise BadValue(f"{_words(name)} holds a letter that is no UTF-8")
        return (TORN,) if torn else ()

    def _text(self, name: str, positions: Sequence[int], cells: Sequence[str]) -> str:
        """The first cell that says something."""
        said = [cells[at] for at in positions if cells[at].strip()]
        # Of several columns one may say '?', and the next one what it is.
        text = next((cell for cell in said if not is_empty(cell)), said[0] if said else "")
        if name in self.columns.lists:
            text = text.partition(",")[0]
        return text

    def _labels(self, cells: Sequence[str]) -> tuple[str, ...]:
        joined = (part for at in self.columns.positions.get("labels", ()) for part in _parts(cells[at]))
        return tuple(dict.fromkeys(joined))

    def _linked(self, name: str, cells: Sequence[str]) -> tuple[str, ...] | None:
        """Keys of linked issues, from all columns of a kind; what names no issue of the project links nothing."""
        if name not in self.columns.positions:
            return None
        found = (part for at in self.columns.positions[name] for part in re.split(r"[,;\s]+", cells[at]) if part)
        return tuple(dict.fromkeys(part for part in found if len(part) <= LONGEST_ID))

    def _issue(self, line: int, external_id: str, texts: Mapping[str, str], cells: Sequence[str]) -> ImportedIssue:
        title, remarks = _title(texts["title"], external_id)
        rank = priority(texts.get("priority", ""))
        if rank is None and not is_empty(texts.get("priority", "")):
            remarks += (PRIORITY_UNKNOWN,)
        labels, unread = self._labels(cells), list[str]()
        status = _fitting(texts, "status", LONGEST_STATUS)
        *earlier, sprint = self._sprints(texts, cells) or (NamedSprint(""),)
        return ImportedIssue(
            line=line,
            external_id=self._identity(external_id, title, texts),
            source_id=texts.get("source_id", "").strip()[:LONGEST_ID],
            title=title,
            description=cut_between_words(texts.get("description", "").strip(), LONGEST_TEXT),
            issue_type=_fitting(texts, "issue_type", LONGEST_TYPE),
            parent=texts.get("parent", "").strip()[:LONGEST_ID],
            blocked_by=self._linked("blocked_by", cells),
            blocks=self._linked("blocks", cells),
            status=status,
            status_category=texts.get("status_category", "").strip(),
            status_meaning=self.reading.statuses.get(status.casefold(), ""),
            resolution=_fitting(texts, "resolution", LONGEST_STATUS),
            priority=rank,
            component=_fitting(texts, "component", LONGEST_COMPONENT),
            labels=labels,
            reporter=_person(texts, "reporter"),
            assignee=_person(texts, "assignee"),
            sprint=sprint.name,
            sprint_id=(texts.get("sprint_id", "").strip()[:LONGEST_ID] or sprint.external_id) if sprint.name else "",
            earlier_sprints=tuple(earlier),
            sprint_starts_on=self._day(texts, "sprint_starts_on", unread) or sprint.starts_on,
            sprint_ends_on=self._sprint_end(texts, unread) or sprint.ends_on,
            story_points=self._points(texts, labels, unread),
            estimated_hours=self._hours(texts, "estimated_hours", unread) or None,
            actual_hours=self._hours(texts, "actual_hours", unread),
            created_at=self._optional(texts, "created_at", unread),
            started_at=None if self.reading.starts_are_plans else self._optional(texts, "started_at", unread),
            resolved_at=self._end(texts, status, unread),
            dropped_at=self._optional(texts, "dropped_at", unread),
            due_date=self._day(texts, "due_date", unread),
            last_moved_at=self._optional(texts, "last_moved_at", unread),
            last_touched_at=self._optional(texts, "last_touched_at", unread),
            remarks=remarks,
            unread=tuple(unread),
        )

    def _sprints(self, texts: Mapping[str, str], cells: Sequence[str]) -> list[NamedSprint]:
        """The sprints that it was in and, as the last, is in, in the order of the columns and in their cells."""
        header = self.columns.header
        found = [
            sprint
            for at in self.columns.positions.get("sprint", ())
            for sprint in sprints_in(cells[at], is_path=normal_form(header[at]) == "iterationpath")
        ]
        sprints = list(dict.fromkeys(sprint for sprint in found if len(sprint.name) <= LONGEST_SPRINT))
        number = texts.get("sprint_id", "").strip()
        if not sprints and number and "sprint_starts_on" in self.columns.positions:
            sprints = [NamedSprint(f"Cycle {number}")]
        return sprints

    def _sprint_end(self, texts: Mapping[str, str], unread: list[str]) -> date | None:
        positions = self.columns.positions.get("sprint_ends_on", ())
        found = self._written(texts, "sprint_ends_on", unread)
        if found is None:
            return None
        is_exclusive = any(normal_form(self.columns.header[at]) == "cycleend" for at in positions)
        return exclusive_end(found) if is_exclusive else found.date()

    def _end(self, texts: Mapping[str, str], status: str, unread: list[str]) -> datetime | None:
        """When it was resolved: without a status the end alone says that it was, and costs the row."""
        if status or texts.get("status_category", "").strip():
            return self._optional(texts, "resolved_at", unread)
        return self._moment(texts, "resolved_at")

    def _optional(self, texts: Mapping[str, str], name: str, unread: list[str]) -> datetime | None:
        """A moment that the issue can do without: what cannot be read is told, and costs the cell."""
        try:
            return self._moment(texts, name)
        except BadValue as error:
            unread.append(error.message)
            return None

    def _moment(self, texts: Mapping[str, str], name: str) -> datetime | None:
        return moment(texts.get(name, ""), _words(name), self.reading.dates)

    def _day(self, texts: Mapping[str, str], name: str, unread: list[str]) -> date | None:
        found = self._written(texts, name, unread)
        return found.date() if found else None

    def _written(self, texts: Mapping[str, str], name: str, unread: list[str]) -> datetime | None:
        """A moment in the zone that its cell names: its day is the day that was meant."""
        try:
            return written(texts.get(name, ""), _words(name), self.reading.dates)
        except BadValue as error:
            unread.append(error.message)
            return None

    def _hours(self, texts: Mapping[str, str], name: str, unread: list[str]) -> float | None:
        factor = self.columns.hours_factor.get(name, 1.0)
        try:
            return hours(texts.get(name, ""), _words(name), factor=factor, style=self.reading.numbers)
        except BadValue as error:
            unread.append(error.message)
            return None

    def _points(self, texts: Mapping[str, str], labels: Sequence[str], unread: list[str]) -> float | None:
        """Story points from their columns, else from a label that names them."""
        named = next((match[1] for label in labels if (match := POINT_LABEL.fullmatch(single_spaced(label)))), "")
        try:
            return points(texts.get("story_points", "").strip() or named, "story points", self.reading.numbers)
        except BadValue as error:
            unread.append(error.message)
            return None

    def _identity(self, external_id: str, title: str, texts: Mapping[str, str]) -> str:
        """The source's id; without such a column, a digest of what does not change as the work goes on."""
        if "external_id" not in self.columns.positions:
            digest = hashlib.sha256(f"{title}\0{texts.get('created_at', '')}".encode())
            return f"row-{digest.hexdigest()[:16]}"
        if not external_id:
            raise BadValue("the row has no id")
        if len(external_id) > LONGEST_ID:
            raise BadValue(f"the id has {len(external_id)} characters (at most {LONGEST_ID})")
        return external_id


def _title(text: str, external_id: str) -> tuple[str, tuple[str, ...]]:
    """The title on one line, and what had to be done to get one."""
    title = " ".join(text.split())
    if not title and not external_id:
        raise BadValue("the row has neither a title nor an id")
    if not title:
        return external_id, (UNTITLED,)
    return cut_between_words(title, LONGEST_TITLE), (() if len(title) <= LONGEST_TITLE else (TITLE_CUT,))


def _fitting(texts: Mapping[str, str], name: str, longest: int) -> str:
    text = " ".join(texts.get(name, "").split())
    if len(text) > longest:
        raise BadValue(f"{_words(name)} has {len(text)} characters (at most {longest}): have the columns shifted?")
    return text


def _person(texts: Mapping[str, str], name: str) -> Person | None:
    found, beside = person(texts.get(name, "")), person(texts.get(f"{name}_email", ""))
    if beside and beside.email and not (found and found.email):
        found = Person(found.name if found else "", beside.email)
    if found and max(len(found.name), len(found.email)) > LONGEST_PERSON:
        raise BadValue(f"{_words(name)} is longer than {LONGEST_PERSON} characters: have the columns shifted?")
    return found


def _parts(cell: str) -> Iterator[str]:
    """Labels of one cell; all trackers part them by commas or semicolons."""
    return (part.strip() for part in re.split(r"[,;]", cell) if part.strip())


def _words(name: str) -> str:
    """A field in the words of a message: 'resolved_at' → 'resolved'."""
    return name.removesuffix("_at").replace("_", " ")


def _refuse_null_bytes(texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        if "\0" in text:
            raise BadValue(f"{_words(name)} holds a null byte")


def _refuse_impossible(issue: ImportedIssue, now: datetime) -> None:
    """What no course of events can explain. Work begun before it was written down is: that happens in real teams."""
    created, resolved = issue.created_at, issue.resolved_at
    if created and resolved and resolved < created and not _same_day_without_time(created, resolved):
        raise BadValue(f"resolved ({resolved:%Y-%m-%d %H:%M}) before created ({created:%Y-%m-%d %H:%M})")
    if issue.sprint_starts_on and issue.sprint_ends_on and issue.sprint_ends_on < issue.sprint_starts_on:
        raise BadValue(f"the sprint ends ({issue.sprint_ends_on}) before it starts ({issue.sprint_starts_on})")
    for name, time in (("created", created), ("started", issue.started_at), ("resolved", resolved)):
        if time and time > now + CLOCK_SKEW:
            raise BadValue(f"{name} in the future: {time:%Y-%m-%d}")


def _same_day_without_time(created: datetime, resolved: datetime) -> bool:
    """A day is read as its midnight, which may lie before the hour of creation on that day."""
    return resolved.date() == created.date() and resolved.time() == resolved.min.time()
