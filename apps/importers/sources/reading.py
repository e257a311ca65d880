"""What the readers of all trackers share: moments, people, points in labels, texts that fit. Pure."""

import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from heapq import heapify, heappop, heappush
from typing import Any

from apps.common.hours import LEAST_HOURS, LEAST_POINTS, MOST_HOURS, MOST_POINTS
from apps.common.plausible import LONGEST_TEXT, date_fault, number_fault
from apps.common.texts.cutting import cut_between_words
from apps.importers.records import Person
from apps.importers.sources.csv.cells import BadValue, quoted
from apps.importers.sources.csv.dates import in_utc
from apps.importers.sources.csv.numbers import POINT_LABEL
from apps.importers.sources.csv.values import priority as read_priority
from apps.importers.tracked import Change, Gap, Stage, TrackedIssue, TrackedSprint
from apps.importers.writing.workflow import category_of

SECONDS_PER_HOUR = 3_600.0
#: So much more is asked for than what was touched since: clocks differ.
OVERLAP = timedelta(hours=1)
#: What the tables hold (see apps/projects/models.py and apps/accounts/models.py).
LONGEST_TITLE, LONGEST_NAME, LONGEST_COMPONENT, LONGEST_PERSON = 500, 64, 200, 200
#: Characters of labels in the history of one issue, where each change bears all that were held before and after it: a
#: thousand changes of an issue with twenty labels. The square of an answer is nothing to keep.
MOST_LABEL_TEXT, PER_LABEL = 1_000_000, 10
#: No tracker has so many pages running whose rows were all there before.
MOST_IDLE_PAGES = 10
#: The scope of a label, and an ordinal that orders its values: 'workflow::5 - development', 'status: in progress'.
_LABEL_SCOPE = re.compile(r"(?:workflow|status|state|stage|board)\s*(?:::|[:/])\s*(?:\d+\s*-\s*)?(.+)", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
#: Of more digits than any character has. Python reads numbers of 4,300 digits, and no longer ones.
_NO_CHARACTER = re.compile(r"&#[0-9]{8,};?")
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/h[1-6]|/tr)\b[^<>]*>", re.IGNORECASE)


def moment(value: Any) -> datetime | None:
    """A time in UTC from ISO text (with or without a colon in its offset) or epoch milliseconds; None for none.

    Raises
    ------
    BadValue
        If it is no time, or of an absurd year.
    """
    if value in (None, ""):
        return None
    try:
        # True is a number to Python.
        is_epoch = isinstance(value, int | float) and not isinstance(value, bool)
        found = _from_epoch(value) if is_epoch else datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError) as error:
        raise BadValue(f"this is no time: {quoted(str(value))!r}") from error
    return in_utc(found, lambda year: f"a time lies in the year {year}: {quoted(str(value))}")


def _from_epoch(milliseconds: float) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1_000, UTC)


def bound_of(since: datetime | None) -> str | None:
    """From when on a tracker is asked for what was touched since a moment; None for everything."""
    return f"{since - OVERLAP:%Y-%m-%dT%H:%M:%SZ}" if since else None


def day(value: Any) -> date | None:
    """A calendar day, of a moment the one it says itself."""
    if not value and value is not False:
        return None
    try:
        found = date.fromisoformat(str(value)[:10])
    except ValueError as error:
        raise BadValue(f"this is no day: {quoted(str(value))!r}") from error
    if date_fault(found) is not None:
        raise BadValue(f"a day lies in the year {found.year}")
    return found


def hours_of_seconds(value: Any, *, zero_is_none: bool = False) -> float | None:
    """Hours from seconds; below a second, or absurd, is none."""
    seconds = number(value)
    if seconds is None or (zero_is_none and seconds == 0):
        return None
    return hours(seconds / SECONDS_PER_HOUR)


def hours(value: Any) -> float | None:
    """Hours that can be: none for less than a second that is not zero, and for what nobody works on one issue."""
    found = number(value)
    return found if found is not None and (found == 0 or LEAST_HOURS <= found <= MOST_HOURS) else None


def points(value: Any) -> float | None:
    """Story points that can be."""
    found = number(value)
    return found if found is not None and (found == 0 or LEAST_POINTS <= found <= MOST_POINTS) else None


def number(value: Any) -> float | None:
    """A number from a number or its text, as the API takes them; None for anything else."""
    if value is None or number_fault(value) is not None:
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if abs(found) < float("inf") else None


def points_in(labels: Iterable[str]) -> float | None:
    """Story points that a label tells."""
    found = (match[1] for label in labels if (match := POINT_LABEL.fullmatch(label.strip())))
    return next((points(text) for text in found), None)


def told_by_labels(issue: TrackedIssue) -> set[str]:
    """Points, where a label tells or once told them: then that none does any more says that there are none."""
    past = (change.old for change in issue.changes if change.field == "labels")
    held = (labels for labels in (issue.labels, *past) if isinstance(labels, tuple))
    return {"story_points"} if any(points_in(labels) is not None for labels in held) else set()


def stage_in(labels: Iterable[str]) -> Stage | None:
    """The status that labels tell of open work: by a scope ('workflow::5 - development') or by the bare words."""
    return next(filter(None, map(stage_of_label, sorted(labels))), None)


def stage_of_label(label: str) -> Stage | None:
    """The status that one label tells of open work."""
    match = _LABEL_SCOPE.fullmatch(label.strip())
    name = match[1].strip() if match else label.strip()
    return Stage(fitting(name, LONGEST_NAME), "in_progress") if category_of(name) == "in_progress" else None


class HeldLabels:
    """The labels of an issue on the way back from those of today; no step costs more the more there are.

    Changes are told as long as they bear no more than `MOST_LABEL_TEXT`: from there on the past `is_cut`.
    """

    def __init__(self, labels: Iterable[str]) -> None:
        self._held = dict.fromkeys(labels)
        self._size, self._left = sum(map(_weight, self._held)), MOST_LABEL_TEXT
        self._told: tuple[str, ...] | None = None
        #: Those that tell of work in progress, the first of them first; some may be held no more.
        self._begun = [label for label in self._held if stage_of_label(label)]
        heapify(self._begun)
        self.is_cut = False

    def go_back(self, label: str, *, was_held: bool) -> None:
        """Behind an event that put a label on or, `was_held`, took it off."""
        if label in self._held:
            del self._held[label]
            self._size -= _weight(label)
        if was_held:
            self._held[label] = None
            self._size += _weight(label)
            if stage_of_label(label):
                heappush(self._begun, label)
        self._told = None

    def stage(self) -> Stage | None:
        """As `stage_in` tells it of all that are held."""
        while self._begun and self._begun[0] not in self._held:
            heappop(self._begun)
        return stage_of_label(self._begun[0]) if self._begun else None

    def change(self, label: str, *, was_held: bool, at: datetime, by: Person | None) -> Iterator[Change]:
        """Behind an event, which is told."""
        if self.is_cut:
            return
        size, after = self._size, self._told
        if after is None and size <= self._left:
            after = tuple(self._held)
        self.go_back(label, was_held=was_held)
        self._left -= size + self._size
        if after is None or self._left < 0:
            self.is_cut = True
            return
        self._told = tuple(self._held)
        yield Change("labels", self._told, after, at, by)


def _weight(label: str) -> int:
    return len(label) + PER_LABEL


def sprints(sprint_of: Callable[[Any], TrackedSprint | None], found: Iterable[Any]) -> Iterator[TrackedSprint | Gap]:
    """The sprints of rows; one that cannot be read is a line in the ledger, and costs no other."""
    for row in found:
        try:
            sprint = sprint_of(row)
        except BadValue:
            name = next((part(row, key) for key in ("name", "title", "id") if part(row, key)), "")
            yield Gap("a sprint cannot be read", ("sprint outcomes", "sprint durations"), (fitting(name, 40),))
            continue
        if sprint:
            yield sprint


def news_of(found: Iterable[TrackedSprint | Gap], seen: dict[str, TrackedSprint]) -> Iterator[TrackedSprint | Gap]:
    """The sprints that tell more than those seen so far, which they join; and what cannot be read."""
    for sprint in found:
        if isinstance(sprint, Gap):
            yield sprint
        elif sprint.tells_more_than(seen.get(sprint.external_id)):
            seen[sprint.external_id] = sprint
            yield sprint


def rank_of(name: Any) -> int | None:
    """The rank of a priority by its name or number; None for a name of the team's own."""
    try:
        return read_priority(str(name)) if name not in (None, "") else None
    except BadValue:
        return None


def person(*, name: Any = "", email: Any = "", account: Any = "") -> Person | None:
    """Somebody, as far as told; None where nothing is."""
    name, email, account = (" ".join(str(text or "").split())[:LONGEST_PERSON] for text in (name, email, account))
    return Person(name or account, email, account) if name or email or account else None


def part(row: Any, *path: str) -> Any:
    """What stands at the end of a path of keys; None where it ends before."""
    for key in path:
        row = row.get(key) if isinstance(row, Mapping) else None
    return row


def rows(value: Any) -> list[Any]:
    """A list as the tracker gives it; whatever else it gives is none."""
    return value if isinstance(value, list) else []


def fitting(text: Any, longest: int) -> str:
    """A text on one line, cut to what the table holds; without what a database cannot keep."""
    return cut_between_words(" ".join(str(text or "").replace("\0", " ").split()), longest)


def labels_of(found: Any) -> tuple[str, ...]:
    """Labels from texts or rows with a name, each once, in their order."""
    names = (part(each, "name") if isinstance(each, Mapping) else each for each in rows(found))
    told = (fitting(name, LONGEST_COMPONENT) for name in names)
    return tuple(dict.fromkeys(label for label in told if label))


def label_in(event: Any) -> str:
    """The label that an event put on or took off, written as those of an issue are."""
    return fitting(part(event, "label", "name"), LONGEST_COMPONENT)


def long_text(text: Any) -> str:
    """A description, cut, without what a database cannot keep; trackers allow 32,767 characters (Jira) to 1 MB."""
    return cut_between_words(str(text or "").replace("\0", " ").strip(), LONGEST_TEXT)


def text_of_html(markup: Any) -> str:
    """The words of a piece of HTML, a line for each paragraph (Azure DevOps)."""
    plain = _NO_CHARACTER.sub("\ufffd", _TAG.sub("", _BREAK.sub("\n", str(markup or ""))))
    return long_text("\n".join(" ".join(line.split()) for line in html.unescape(plain).splitlines()).strip())


def text_of_adf(node: Any, *, depth: int = 0) -> str:
    """The words of a document in Atlassian's format, a line for each block; plain text stays as it is."""
    if isinstance(node, str) or node is None:
        return long_text(node)
    # Deeper than any editor nests; a hostile document must not exhaust the stack.
    if not isinstance(node, Mapping) or depth > 100:
        return ""
    own = str(node.get("text", "")) or _attribute_text(node)
    children = node.get("content")
    inner = [text_of_adf(child, depth=depth + 1) for child in children] if isinstance(children, list) else []
    joint = "" if node.get("type") in ("paragraph", "heading", "codeBlock") else "\n"
    # A text node keeps its blanks: `long_text` is for whole documents.
    found = own + joint.join(inner)
    return long_text(found) if depth == 0 else found


def _attribute_text(node: Mapping[str, Any]) -> str:
    attributes = node.get("attrs")
    if node.get("type") == "hardBreak":
        return "\n"
    return str(attributes.get("text", "")) if isinstance(attributes, Mapping) else ""


# --- Rows of lists ----------------------------------------------------------------------------------------------------
def name_of(row: Any) -> str:
    """Which row it is; empty where it does not say."""
    return str(part(row, "id") or part(row, "url") or "")


class NewRows:
    """What no earlier page held: lists move while they are read, and a row may come twice.

    A row that does not say which one it is, as one that may not be read, is new: many may look alike.
    """

    def __init__(self) -> None:
        self._seen = set[str]()
        #: How many rows were new.
        self.given = 0
        self.begin()

    def begin(self) -> None:
        """Read the list from its beginning, for the first time or again."""
        self._seen_now, self._idle = set[str](), 0

    def hear(self, found: Sequence[Any]) -> list[Any]:
        new, names = list[Any](), set[str]()
        for row in found:
            own = name_of(row)
            if not own or own not in self._seen:
                new.append(row)
            self._seen.add(own)
            names.add(own)
        names.discard("")
        self._idle = self._idle + 1 if names and names <= self._seen_now else 0
        self._seen_now |= names
        self.given += len(new)
        return new

    @property
    def have_ended(self) -> bool:
        """Whether its pages go on and say nothing."""
        return self._idle >= MOST_IDLE_PAGES
