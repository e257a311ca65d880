"""JSON lines: an issue or a sprint a line, with history; for trackers of one's own, and for what a tracker told."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from apps.importers.records import ImportRefused, RowError
from apps.importers.sources import reading
from apps.importers.sources.bounded_json import TooManyValues, parsed
from apps.importers.sources.csv.cells import BadValue, quoted
from apps.importers.sources.kept import Readable
from apps.importers.sources.lines.mapping import ENDS, NAMES, TOLD, Shape
from apps.importers.sources.lines.values import Values, category, person, require_shape, whole_number
from apps.importers.sources.reading import part, rows
from apps.importers.tracked import (
    Change,
    Gap,
    Stage,
    Told,
    TrackedIssue,
    TrackedSprint,
    gaps_in,
    in_order,
    with_life,
)

#: Where issues of such files come from unless somebody says so, and how the files end.
SOURCE, SUFFIXES = "jsonlines", (".jsonl", ".ndjson")
#: A line with a description as long as trackers allow, and a long history.
LONGEST_LINE_BYTES = 8 * 2**20
PEEKED_LINES = 1_000
#: Key of a line that is about no issue → what it holds: a sprint, what could not be had when the file was saved, and
#: the fields that the file tells, of which alone any are emptied.
_KINDS: Mapping[str, type] = {"sprint": Mapping, "lack": Mapping, "told": list}
_TIMES = ("created_at", "started_at", *ENDS, "last_moved_at")
#: Of a status that a change names: how it is called, or what it means.
_OF_A_STATUS = ("name", "category")
#: Moment → how far an issue is that has it, the last first.
_REACHED = {"dropped_at": "dropped", "resolved_at": "done", "started_at": "in_progress"}
#: Each of these tells how far an issue is, also where no status is named.
_TELLING_STATUS = frozenset({"status", "status_category", *_REACHED})


def is_called_so(name: str) -> bool:
    """Whether a file is one of these, by its name."""
    return Path(name).suffix.casefold() in SUFFIXES


def read(path: Readable, mapping: Shape) -> Iterator[Told]:
    """The lines of a file, one at a time; one that cannot be read is an error and the others are read.

    Of two lines for one issue the later one counts: what was saved of a tracker's list may have come twice. It is told.
    """
    seen: dict[tuple[str, str], int] = {}
    try:
        with path.open("rb") as file:
            for number, line in enumerate(_lines(file), start=1):
                if line.strip():
                    for told in read_line(number, line, mapping):
                        if isinstance(told, TrackedIssue):
                            yield from _told_before(told, seen)
                        yield told
    except OSError as error:
        raise ImportRefused(f"{path} cannot be read: {error.strerror}.") from error


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Each line as far as it is read: what a longer one goes on with is none by itself."""
    while line := file.readline(LONGEST_LINE_BYTES + 1):
        yield line
        while len(line) > LONGEST_LINE_BYTES and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE_BYTES + 1)


def _told_before(issue: TrackedIssue, seen: dict[tuple[str, str], int]) -> Iterator[RowError]:
    name = (issue.source_id, "" if issue.source_id else issue.external_id)
    if first := seen.get(name):
        yield RowError(first, issue.external_id, f"the issue stands in line {issue.line} again, which counts")
    seen[name] = issue.line


def fields_in(path: Readable, mapping: Shape) -> frozenset[str]:
    """The fields that the first lines have, or name: what a file never speaks of is left as it is."""
    found, named = set[str](), list[frozenset[str]]()
    try:
        with path.open("rb") as file:
            for line in islice(_lines(file), PEEKED_LINES):
                with contextlib.suppress(ValueError):  # told of when the line is read
                    row = parsed(line)
                    kind = _kind(row)
                    if kind == "told":
                        named.append(frozenset(map(str, row[kind])))
                    if kind:
                        continue
                    found |= {name for name, place in mapping.paths.items() if part(row, *place) is not None}
                    changes = rows(part(row, *mapping.paths["changes"]))
                    found |= {"status" for change in changes if part(change, "field") == "status"}
    except OSError as error:
        raise ImportRefused(f"{path} cannot be read: {error.strerror}.") from error
    if named:
        return frozenset.intersection(*named)
    more = {"sprint"} if "sprint_id" in found else set()
    # Where none is told of a line, the last move that is known stays.
    found.discard("last_moved_at")
    return frozenset(found | more | ({"status"} if found & _TELLING_STATUS else set()))


def read_line(number: int, line: bytes, mapping: Shape) -> Iterator[Told]:
    if len(line) > LONGEST_LINE_BYTES:
        yield RowError(number, "", f"the line is longer than {LONGEST_LINE_BYTES // 2**20} MiB")
        return
    try:
        row = parsed(line)
    except TooManyValues as error:
        yield RowError(number, "", f"the line is too large to be read: {error}")
        return
    except ValueError:
        yield RowError(number, "", "the line is no JSON")
        return
    try:
        if (told := _of_no_issue(number, row)) is not None:
            yield from told
            return
        issue = _issue(number, row, mapping)
    except BadValue as error:
        yield RowError(number, _name(row, mapping), error.message)
        return
    yield issue
    yield from gaps_in(issue, with_life="status" in rows(part(row, *mapping.paths["recorded"])))


def _named(row: Any, mapping: Shape) -> Any:
    """What names an issue: where the mapping says so, or as our own lists name it."""
    return part(row, *mapping.paths["external_id"]) or part(row, "key")


def _name(row: Any, mapping: Shape) -> str:
    """The issue of a line that cannot be read; empty where that cannot be read either: then none counts as missing."""
    found = _named(row, mapping)
    return str(found)[:200] if isinstance(found, str | int | float) and not isinstance(found, bool) else ""


def _of_no_issue(number: int, row: Any) -> list[Told] | None:
    """What a line of something else tells; None for one of an issue."""
    kind = _kind(row)
    if kind == "sprint":
        return [_sprint(row[kind])]
    if kind == "lack":
        return [_lack(number, row[kind])]
    return [] if kind else None


def _kind(row: Any) -> str:
    """What a line is about that has this one key alone; empty for an issue, which may have a field called so."""
    if not isinstance(row, Mapping) or len(row) != 1:
        return ""
    ((key, held),) = row.items()
    return key if isinstance(held, _KINDS.get(key, ())) else ""


def _lack(number: int, row: Mapping[str, Any]) -> RowError | Gap:
    """What could not be had when the file was saved: of one issue, or of a list."""
    if "what" not in row:
        return RowError(number, str(row.get("id") or "")[:200], str(row.get("reason") or "it could not be read")[:500])
    touches, seen_at = (tuple(map(str, rows(row.get(name)))) for name in ("touches", "seen_at"))
    return Gap(str(row["what"])[:500], touches, seen_at)


def _sprint(row: Mapping[str, Any]) -> TrackedSprint:
    if not row.get("id"):
        raise BadValue("a sprint has no id")
    for name in ("id", "name", "goal", "state"):
        require_shape(name, row.get(name), f"sprint.{name}")
    state = str(row.get("state") or "")
    if state and state not in TrackedSprint.STATES:
        raise BadValue(f"a sprint is planned, active, completed or open, not {quoted(state)!r}")
    moments = {name: reading.moment(row.get(name)) for name in ("started_at", "completed_at", "starts_at", "ends_at")}
    return TrackedSprint(
        external_id=str(row["id"]),
        name=reading.fitting(row.get("name"), 200),
        is_only_named=row.get("is_only_named") is True,
        goal=None if row.get("goal") is None else reading.long_text(row.get("goal")),
        state=state,
        starts_on=reading.day(row.get("starts_on")),
        ends_on=reading.day(row.get("ends_on")),
        **moments,
    )


def _issue(number: int, row: Any, mapping: Shape) -> TrackedIssue:
    said = {name: part(row, *path) for name, path in mapping.paths.items()}
    said["external_id"] = _named(row, mapping)
    if not said["external_id"]:
        raise BadValue("the line has no id: name it 'id' or 'key'")
    for name, value in said.items():
        require_shape(name, value, ".".join(mapping.paths[name]))
    read = Values(mapping)
    changes = in_order(_change(each, read) for each in rows(said["changes"]))
    status = _status(said, changes, mapping)
    values: dict[str, Any] = {field: read.of(field, said[field]) for field in TOLD - {"status", "sprint"}}
    times = {field: reading.moment(said[field]) for field in _TIMES}
    sets = {name: frozenset(str(each) for each in rows(said[name])) & known for name, known in NAMES.items()}
    issue = TrackedIssue(
        line=number,
        external_id=str(said["external_id"])[:200],
        source_id=str(said["source_id"] or "")[:200],
        status=status.name,
        status_category=status.category,
        reporter=person(said["reporter"]),
        sprint_id=str(said["sprint_id"] or ""),
        told_sprints=str(said["told_sprints"] or "")[:200],
        parent=str(said["parent"] or ""),
        blocked_by=_keys(said["blocked_by"]),
        blocks=_keys(said["blocks"]),
        level=read.number("level", said["level"], whole_number),
        due_date=reading.day(said["due_date"]),
        changes=changes,
        remarks=tuple(read.remarks),
        unread=read.unread,
        **(values | times | sets),
    )
    return with_life(issue)


def _status(said: Mapping[str, Any], changes: Sequence[Change], mapping: Shape) -> Stage:
    """The status of a line; where none is told, what its last change or its moments say."""
    name, means = reading.fitting(said["status"], reading.LONGEST_NAME), said["status_category"]
    if not (name or means):
        for change in reversed(changes):
            if change.field == "status" and isinstance(change.new, Stage):
                return change.new
        means = next((_REACHED[each] for each in _REACHED if reading.moment(said[each])), None)
    return Stage(name, category(name, means, mapping))


def _change(row: Any, read: Values) -> Change:
    name, at = str(part(row, "field") or ""), reading.moment(part(row, "at"))
    if name not in TOLD:
        raise BadValue(f"a change is of {', '.join(sorted(TOLD))}, not {quoted(name)!r}")
    if at is None:
        raise BadValue("a change has no time")
    for key in ("from", "to"):
        require_shape(name, part(row, key), f"{name}, {key}", may_have=_OF_A_STATUS if name == "status" else ())
    require_shape("assignee", part(row, "by"), f"{name}, by")
    old, new = (read.of(name, part(row, key)) for key in ("from", "to"))
    return Change(name, old, new, at, person(part(row, "by")))


def _keys(said: Any) -> tuple[str, ...] | None:
    """Linked issues; a line without such a list says nothing of them."""
    return tuple(str(each)[:200] for each in rows(said) if each) if said is not None else None
