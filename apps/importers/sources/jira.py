"""What Jira tells, Cloud and Data Center: rows of its API into issues with history, and sprints. Pure.

Read in recorded answers: sprints and statuses are matched by their ids, since both are renamed and names are localised;
histories name statuses that the site no longer lists, and sprints that were deleted; the field Sprint keeps the closed
sprints of an issue; a sub-task has no history of its sprint and takes its parent's; histories come newest first.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

from apps.importers.records import Person, RowError
from apps.importers.sources import reading
from apps.importers.sources.csv.cells import BadValue
from apps.importers.sources.jira_rows import (
    CATEGORY_OF_KEY,
    Entry,
    Fields,
    entries_of,
    ids_in,
    level_of,
    linked_by,
    person_of,
    sprint_of,
    sprints_named,
    stage_named,
)
from apps.importers.sources.reading import part, rows
from apps.importers.tracked import Change, Gap, Stage, TrackedIssue, TrackedSprint, in_order, with_life
from apps.importers.writing.workflow import category_of, means_dropped

#: Statuses that every Jira has had from the beginning, listed or not: Open, In Progress, Reopened, Resolved, Closed.
SYSTEM_STATUSES = {"1": "to_do", "3": "in_progress", "4": "to_do", "5": "done", "6": "done"}
#: A resolution that is written this shortly after the status belongs to it (34 ms were seen).
TOGETHER = timedelta(seconds=2)
#: Moves between sprints that a sub-task takes over from its parent, the newest: each of its parts would have them all.
MOST_INHERITED = 100
#: Whatever comes after everything: the sprints of today are judged by whether they are closed at all.
_EVER = datetime.max.replace(tzinfo=UTC)
#: Field of a history entry → the field here.
_PLAIN = {
    "summary": "title", "issuetype": "issue_type", "priority": "priority", "timeoriginalestimate": "estimated_hours",
    "timespent": "actual_hours", "assignee": "assignee", "labels": "labels", "description": "description",
}  # fmt: skip
#: Field of an issue → of a row of Jira. One that a project hides is in none of its rows; an empty one is null.
_PLACES = {
    "description": ("description",), "priority": ("priority",), "component": ("components",), "labels": ("labels",),
    "estimated_hours": ("timeoriginalestimate",), "actual_hours": ("timespent",), "due_date": ("duedate",),
    "assignee": ("assignee",),
}  # fmt: skip


@dataclass(slots=True)
class Reader:
    """Reads the issues of one site; parents before their sub-tasks, which take their sprints."""

    fields: Fields
    stages: Mapping[str, Stage]
    sprints: dict[str, TrackedSprint]
    #: Fields whose whole history the answers hold.
    told_of: tuple[str, ...]
    #: Names of statuses that nothing explains, and of resolutions taken for delivered.
    puzzles: set[str] = field(default_factory=set)
    _places: dict[str, tuple[str, tuple[Change, ...]]] = field(default_factory=dict)

    def read(self, line: int, row: Any, histories: Sequence[Any], *, is_whole: bool = True) -> TrackedIssue | RowError:
        """One issue; `is_whole`: its histories are all that there are."""
        key = str(part(row, "key") or part(row, "id") or "")
        try:
            return self._issue(line, row, sorted(entries_of(histories), key=lambda entry: entry.at), is_whole)
        except BadValue as error:
            return RowError(line, key, error.message)

    def sprints_in(self, row: Any, histories: Iterable[Any]) -> Iterator[TrackedSprint | Gap]:
        """Sprints that no board lists: of other boards, told by the issue, and deleted ones, named by its history."""
        told = part(row, "fields", self.fields.sprint)
        found = reading.sprints(sprint_of, rows(told) if isinstance(told, list) else [told])
        yield from reading.news_of(found, self.sprints)
        try:
            entries = list(entries_of(histories))
        except BadValue:
            # The issue itself cannot be read then, which `read` tells.
            return
        for entry in entries:
            if self._is_sprint(entry):
                for sprint in sprints_named(entry.new_id, entry.new_text):
                    if sprint.external_id not in self.sprints:
                        yield self.sprints.setdefault(sprint.external_id, sprint)

    # --- One issue -------------------------------------------------------------------------------------------------
    def _issue(self, line: int, row: Any, entries: Sequence[Entry], is_whole: bool) -> TrackedIssue:
        said = part(row, "fields")
        created_at = reading.moment(part(said, "created"))
        if not part(row, "id") or not isinstance(said, Mapping) or created_at is None:
            raise BadValue("the answer holds no id, fields or time of creation")
        entries = [replace(entry, at=max(entry.at, created_at)) for entry in entries]
        stages = self._stages(said, entries)
        sprint_id, moves, cut = self._place(row, created_at, entries)
        size, re_estimates = self._points(said, entries)
        today = _Today.of(said)
        plain = (change for entry in entries for change in _plain_change(entry, today))
        now = self._present(said)
        waits_for, holds_up = linked_by(part(said, "issuelinks"))
        return with_life(
            TrackedIssue(
                line=line,
                source_id=str(part(row, "id")),
                external_id=str(part(row, "key") or part(row, "id")),
                title=reading.fitting(part(said, "summary"), reading.LONGEST_TITLE) or str(part(row, "key")),
                description=reading.text_of_adf(part(said, "description")),
                issue_type=reading.fitting(part(said, "issuetype", "name"), reading.LONGEST_NAME),
                level=level_of(part(said, "issuetype")),
                parent=str(part(said, "parent", "key") or ""),
                blocked_by=waits_for,
                blocks=holds_up,
                status=now.name,
                status_category=now.category,
                priority=reading.rank_of(part(said, "priority", "name")),
                component=_first_name(part(said, "components")),
                labels=today.labels,
                reporter=person_of(part(said, "reporter")) or person_of(part(said, "creator")),
                assignee=today.assignee,
                sprint_id=sprint_id,
                story_points=size,
                estimated_hours=reading.hours_of_seconds(part(said, "timeoriginalestimate")),
                actual_hours=reading.hours_of_seconds(part(said, "timespent")),
                created_at=created_at,
                resolved_at=reading.moment(part(said, "resolutiondate")),
                # Of Cloud alone: since when what the status means is so.
                last_moved_at=reading.moment(part(said, "statuscategorychangedate")),
                due_date=reading.day(part(said, "duedate")),
                changes=in_order((*_between(stages), *moves, *re_estimates, *plain)),
                recorded=self._recorded() - cut if is_whole else frozenset(),
                cut=cut,
                untold=self._untold(said),
            )
        )

    def _untold(self, said: Mapping[str, Any]) -> frozenset[str]:
        """Of what the site, or the issue's project, has no field for."""
        told = {"sprint": (self.fields.sprint,), "story_points": self.fields.points, **_PLACES}
        return frozenset(name for name, places in told.items() if not any(place in said for place in places))

    def _recorded(self) -> frozenset[str]:
        told = {_PLAIN[name] for name in self.told_of if name in _PLAIN}
        told |= {"status"} if "status" in self.told_of else set()
        told |= {"sprint"} if self.fields.sprint in self.told_of else set()
        return frozenset(told | ({"story_points"} if set(self.fields.points) & set(self.told_of) else set()))

    # --- Status ----------------------------------------------------------------------------------------------------
    def _stages(self, said: Any, entries: Sequence[Entry]) -> list[tuple[datetime | None, Stage, Person | None]]:
        """What the status meant from when on, and by whom; the first holds from the creation."""
        moves = [entry for entry in entries if entry.field == "status"]
        endings = list(_snapped([entry for entry in entries if entry.field == "resolution"], moves))
        own, now, resolution = _own_category(said), *_now(said)
        status = _status(moves[0].old_id, moves[0].old_text) if moves else now
        resolution = _word(endings[0].old_text) if endings else resolution
        found: list[tuple[datetime | None, Stage, Person | None]] = [
            (None, self._meaning(status, resolution, own, is_first=True), None)
        ]
        whole = sorted((*moves, *endings), key=lambda entry: (entry.at, entry.field))
        for at, together in groupby(whole, key=lambda entry: entry.at):
            by = list[Person | None]()
            for entry in together:
                by.append(entry.by)
                if entry.field == "status":
                    status = _status(entry.new_id, entry.new_text)
                else:
                    resolution = _word(entry.new_text)
            found.append((at, self._meaning(status, resolution, own), by[0]))
        return found

    def _present(self, said: Any) -> Stage:
        return self._meaning(*_now(said), _own_category(said))

    def _meaning(
        self, status: tuple[str, str], resolution: str, own: tuple[str, str], *, is_first: bool = False
    ) -> Stage:
        """A status at a moment: by the list of the site, the system's own, its name, the resolution set at the time."""
        key, name = status
        stage = self.stages.get(key)
        if stage is None:
            told = own[1] if key == own[0] else ""
            category = SYSTEM_STATUSES.get(key) or told or category_of(name)
            if not category:
                category = "done" if resolution else "to_do" if is_first else "in_progress"
                self.puzzles.add(name)
            stage = stage_named(name or key, category)
        if stage.category == "done" and means_dropped(resolution):
            return Stage(reading.fitting(resolution, reading.LONGEST_NAME), "dropped")
        return stage

    # --- Sprint ----------------------------------------------------------------------------------------------------
    def _is_sprint(self, entry: Entry) -> bool:
        return entry.field in (self.fields.sprint, "Sprint")

    def _place(
        self, row: Any, created_at: datetime, entries: Sequence[Entry]
    ) -> tuple[str, tuple[Change, ...], frozenset[str]]:
        """The sprint an issue is in, how it came there, and whether more is known of that than is taken over."""
        said = part(row, "fields")
        told = part(said, self.fields.sprint)
        ids = [sprint.external_id for sprint in map(sprint_of, rows(told)) if sprint]
        moves = [entry for entry in entries if self._is_sprint(entry)]
        parent = self._places.get(str(part(said, "parent", "id")))
        if part(said, "issuetype", "subtask") and not moves and parent:
            return _inherited(parent, created_at)
        place = self._one_of(ids, _EVER)
        changes = tuple(
            Change(
                "sprint",
                self._one_of(ids_in(move.old_id), move.at),
                self._one_of(ids_in(move.new_id), move.at),
                move.at,
                move.by,
            )
            for move in moves
        )
        self._places[str(part(row, "id"))] = (place, changes)
        return place, changes, frozenset()

    def _one_of(self, ids: Sequence[str], at: datetime) -> str:
        """Of the sprints that the field lists, which it keeps when they are closed, the one that counts at a moment."""
        ends = {key: sprint.completed_at if (sprint := self.sprints.get(key)) else None for key in ids}
        still_open = [
            key for key, end in ends.items() if (end is None and not self._is_over(key)) or (end and end > at)
        ]
        if still_open:
            return still_open[-1]
        return max(ids, key=lambda key: ends[key] or datetime.min.replace(tzinfo=UTC), default="")

    def _is_over(self, key: str) -> bool:
        return key in self.sprints and self.sprints[key].state == "completed"

    # --- Points ----------------------------------------------------------------------------------------------------
    def _points(self, said: Any, entries: Sequence[Entry]) -> tuple[float | None, list[Change]]:
        """The size, from the field that is filled, and its history; a site may have two such fields."""
        filled = [name for name in self.fields.points if reading.points(part(said, name)) is not None]
        name = (filled or [entry.field for entry in entries if entry.field in self.fields.points] or [""])[0]
        own = [entry for entry in entries if entry.field in (name, "Story Points", "Story point estimate") and name]
        changes = [
            Change("story_points", reading.points(entry.old_text), reading.points(entry.new_text), entry.at, entry.by)
            for entry in own
        ]
        return reading.points(part(said, name)) if name else None, changes


@dataclass(frozen=True, slots=True)
class _Today:
    """What an issue says of itself today that its history is read by: once, however long that is."""

    assignee: Person | None
    labels: tuple[str, ...]
    label_set: frozenset[str]
    type_key: str
    type_name: str

    @classmethod
    def of(cls, said: Any) -> "_Today":
        labels, kind = reading.labels_of(part(said, "labels")), part(said, "issuetype")
        type_name = reading.fitting(part(kind, "name"), reading.LONGEST_NAME)
        return cls(person_of(part(said, "assignee")), labels, frozenset(labels), str(part(kind, "id")), type_name)


def _word(text: Any) -> str:
    """A name or key that is carried on from entry to entry, cut so that none costs more than another."""
    return str(text or "")[: reading.LONGEST_TITLE]


def _status(key: Any, name: Any) -> tuple[str, str]:
    return _word(key), _word(name)


def _now(said: Any) -> tuple[tuple[str, str], str]:
    """The status and the resolution of today."""
    status = _status(part(said, "status", "id"), part(said, "status", "name"))
    return status, _word(part(said, "resolution", "name"))


def _own_category(said: Any) -> tuple[str, str]:
    """The key of the status that the issue is in now, and what it says of that."""
    own = part(said, "status")
    category = CATEGORY_OF_KEY.get(str(part(own, "statusCategory", "key")), "")
    return str(part(own, "id"))[: reading.LONGEST_TITLE], category


def _plain_change(entry: Entry, today: _Today) -> Iterator[Change]:
    name = _PLAIN.get(entry.field, "")
    if name in ("estimated_hours", "actual_hours"):
        old, new = reading.hours_of_seconds(entry.old_id), reading.hours_of_seconds(entry.new_id)
        yield Change(name, old, new, entry.at, entry.by)
    elif name == "assignee":
        yield Change(
            name,
            _someone(entry.old_id, entry.old_text, today),
            _someone(entry.new_id, entry.new_text, today),
            entry.at,
            entry.by,
        )
    elif name == "priority":
        yield Change(name, reading.rank_of(entry.old_text), reading.rank_of(entry.new_text), entry.at, entry.by)
    elif name == "issue_type":
        yield Change(
            name,
            _type_name(entry.old_id, entry.old_text, today),
            _type_name(entry.new_id, entry.new_text, today),
            entry.at,
            entry.by,
        )
    elif name == "labels":
        yield Change(name, _labels(entry.old_text, today), _labels(entry.new_text, today), entry.at, entry.by)
    elif name == "description":
        yield Change(name, reading.long_text(entry.old_text), reading.long_text(entry.new_text), entry.at, entry.by)
    elif name:
        old_text, new_text = (reading.fitting(text, reading.LONGEST_TITLE) for text in (entry.old_text, entry.new_text))
        yield Change(name, old_text, new_text, entry.at, entry.by)


def _labels(text: str, today: _Today) -> tuple[str, ...]:
    """Labels of a history, parted by blanks; the present ones in the order that the issue gives them."""
    told = reading.labels_of(text.split())
    return today.labels if frozenset(told) == today.label_set else told


def _someone(account: str, name: str, today: _Today) -> Person | None:
    """Who a history names; the present assignee as the issue tells of them, with an address and their name of today."""
    present = today.assignee
    return present if present and present.account == account else reading.person(name=name, account=account)


def _type_name(key: str, name: str, today: _Today) -> str:
    """A type by the name it has today, where the issue tells: histories are written in anybody's language."""
    return today.type_name if today.type_key == key else reading.fitting(name, reading.LONGEST_NAME)


def _between(stages: Sequence[tuple[datetime | None, Stage, Person | None]]) -> Iterator[Change]:
    for (_, old, _), (at, new, by) in pairwise(stages):
        if at is not None:
            yield Change("status", old, new, at, by)


def _snapped(endings: Sequence[Entry], moves: Sequence[Entry]) -> Iterator[Entry]:
    """Resolutions at the moment of the move they belong to; both are in order."""
    times = [move.at for move in moves]
    for entry in endings:
        place = bisect_left(times, entry.at)
        near = (at for at in times[max(place - 1, 0) : place + 1] if abs(entry.at - at) <= TOGETHER)
        yield replace(entry, at=min(near, key=lambda at: abs(entry.at - at), default=entry.at))


def _inherited(
    parent: tuple[str, tuple[Change, ...]], created_at: datetime
) -> tuple[str, tuple[Change, ...], frozenset[str]]:
    (place, changes), left_out = parent, parent[1][:-MOST_INHERITED][-1:]
    newest = tuple(change for change in changes[-MOST_INHERITED:] if change.at > created_at)
    return place, newest, frozenset(change.field for change in left_out if change.at > created_at)


def _first_name(components: Any) -> str:
    return next((reading.fitting(part(each, "name"), reading.LONGEST_COMPONENT) for each in rows(components)), "")


def gaps_of(reader: Reader) -> Iterator[Gap]:
    """What the reader had to guess."""
    if reader.puzzles:
        what = "statuses in the history that the site no longer lists are taken for work in progress or, resolved, done"
        yield Gap(what, ("throughput", "burndown"), tuple(sorted(reader.puzzles)))
