"""What a tracker tells, into the domain: issues with their history, sprints with their own life."""

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.importers.records import Person
from apps.importers.report import ImportReport
from apps.importers.tracked import Stage, TrackedIssue, TrackedSprint, present_value
from apps.importers.writing.board import TrackedBoard
from apps.importers.writing.changes import Edit, Touch, sprints_touched
from apps.importers.writing.changes import record as record_edits
from apps.importers.writing.history import missing_changes
from apps.importers.writing.identities import Identities
from apps.importers.writing.links import Links
from apps.importers.writing.missing import settle_missing
from apps.importers.writing.parents import Parents
from apps.importers.writing.people import Team
from apps.importers.writing.texts import readable_texts
from apps.importers.writing.ties import Ties
from apps.importers.writing.traces import Traces
from apps.projects.history.moments import When, moment_of, moments_of
from apps.projects.history.writing import store_changes
from apps.projects.models import Issue, Project

PLAIN_FIELDS = (
    "title", "description", "priority", "component", "story_points", "estimated_hours", "actual_hours",
    "created_at", "due_date", "last_touched_at",
)  # fmt: skip
#: What statuses tell; where they are not recorded, the tracker's own times.
TIMES = ("started_at", "resolved_at", "dropped_at")
#: Moment → the statuses of which an issue that has it is, by what these mean.
_OF_CATEGORIES = {
    "started_at": ("in_progress", "done", "dropped"),
    "resolved_at": ("done",),
    "dropped_at": ("dropped",),
}
WRITTEN_FIELDS = (
    *PLAIN_FIELDS, *TIMES, "external_id", "source_id", "labels", "issue_type", "status", "assignee", "reporter",
    "sprint", "last_moved_at", "updated_at",
)  # fmt: skip


class TrackedWriter:
    """Writes batches of one tracker into one project.

    Parameters
    ----------
    told : collection of str
        The fields that the tracker knows. Only these can be emptied; what it does not know stays as the team set it.
    """

    def __init__(self, project: Project, told: Collection[str], source: str, now: When, report: ImportReport) -> None:
        self._project, self._told, self._source, self._report = project, frozenset(told), source, report
        self._when, self._now = now, moment_of(now)
        self.traces = Traces()
        self.team = Team(project, now=self._now, traces=self.traces)
        self.board = TrackedBoard(project, source, now, report, self.traces)
        self._ties = Ties(
            Parents(project, self._told, source, self.traces), Links(project, source, self._now, self.traces), report
        )
        self._identities = Identities(project, source, may_repeat=True)
        self._told_sprints: list[TrackedSprint] = []
        self._guessed_sprints: set[str] = set()
        self._levels_are_told = True
        self._touched_sprints: set[UUID] = set()

    def take_sprint(self, sprint: TrackedSprint) -> None:
        """Written with the issues that come next, or at the end."""
        self._told_sprints.append(sprint)

    def write(self, batch: Sequence[TrackedIssue]) -> list[Touch]:
        """Insert what is new, update what differs, add the history that is missing; call it inside a `step`."""
        # What came in before this batch came in before, however early the import began.
        self._now = moment_of(self._when)
        # Until the transaction ends nobody deletes any of these.
        self.board.look_anew()
        self._write_sprints()
        self.team.learn(_assigned(batch), reporters=[each.reporter for each in batch])
        self._report.show(batch, self.team.as_found)
        meant = self._identities.sort_out(batch)
        believed = [(self._believed(record, issue), issue) for record, issue in meant.records]
        touched = [(record, self._touched(record, issue)) for record, issue in believed]
        touches, records = [touch for _, touch in touched], [record for record, _ in touched]
        new = [touch.issue for touch in touches if touch.before is None]
        changed = [touch.issue for touch in touches if touch.before]
        Issue.objects.bulk_create(new)
        Issue.objects.bulk_create(
            changed, update_conflicts=True, unique_fields=["id"], update_fields=list(WRITTEN_FIELDS)
        )
        self._identities.note_made([(record, touch.issue) for record, touch in touched if touch.before is None])
        self._write_history(touched)
        edits = [Edit(touch.issue, touch.before or {}) for touch in touches if touch.before != {}]
        self._touched_sprints |= sprints_touched((), edits)
        same = [touch.issue for touch in touches if touch.before == {} and not touch.change_ids]
        others = [touch.issue for touch in touches if touch.before or touch.change_ids]
        self._ties.learn(records, new=new, changed=others, same=same)
        self._levels_are_told &= all(record.level is not None for record in records)
        # What was known of one that stays where it was is as true as before.
        self._guessed_sprints |= {
            record.sprint_id
            for record, touch in touched
            if "sprint" not in record.recorded and (touch.before is None or "sprint_id" in touch.before)
        }
        self._count(touches, new)
        for error in meant.refused:
            self._report.refuse(error)
        return meant.touches + [touch for touch in touches if touch.before != {} or touch.change_ids]

    def ties(self) -> Iterator[list[Touch]]:
        """Step by step, parents and links: both ends may come in any order."""
        return self._ties.tie(levels_are_told=self._levels_are_told)

    def settle_sprints(self) -> None:
        """What can be told only at the end: which sprints are known by their present alone, which are over."""
        self.board.hold()
        self._write_sprints()
        self.board.unrecorded(self._guessed_sprints)
        self.board.close_sprints(self._touched_sprints)
        self._identities.tell(self._report)

    def settle_missing(self, *, named: Set[str], mark: bool) -> list[Touch]:
        """What was there before and did not come although everything was read."""
        return settle_missing(
            self._project, self._source, seen=self._identities.seen, named=named, mark=mark, now=self._when,
            report=self._report, traces=self.traces,
        )  # fmt: skip

    def _write_sprints(self) -> None:
        self.board.take_all(self._told_sprints)
        self._told_sprints.clear()

    # --- Issues ----------------------------------------------------------------------------------------------------
    def _believed(self, record: TrackedIssue, issue: Issue | None) -> TrackedIssue:
        """The record, where its site does not tell all sprints and the issue is in one, by what is told of that one.

        It is there until the last move that is told of that one leads out of it, unless it is one of those that are
        told in any case; moves between others were beside it, and are none.
        """
        if issue is None or issue.sprint_id is None or record.sprint_id or "sprint" not in record.untold:
            return record
        known = self.board.key_of(issue.sprint_id)
        told = replace(record, untold=record.untold - {"sprint"})
        if record.told_sprints and known.startswith(record.told_sprints):
            return told
        moves = [change for change in record.changes if change.field == "sprint"]
        last = next((move for move in reversed(moves) if known and known in (move.old, move.new)), None)
        if last is None:
            return replace(record, changes=tuple(change for change in record.changes if change.field != "sprint"))
        return record if last.new == known else replace(told, sprint_id=str(moves[-1].new or ""))

    def _touched(self, record: TrackedIssue, issue: Issue | None) -> Touch:
        values = self._values(record, issue)
        if issue is not None and not record.title:
            # The id stands for the title of what is new alone.
            values.pop("title", None)
        if record.created_at is None:
            # A line of a file that has the field in others: what is known stays.
            values.pop("created_at", None)
        if issue is None:
            values.setdefault("created_at", _earliest(record) or self._now)
            return Touch(Issue(project_id=self._project.pk, source=self._source, **values), None)
        before = {name: getattr(issue, name) for name, value in values.items() if getattr(issue, name) != value}
        for name in before:
            setattr(issue, name, values[name])
        return Touch(issue, before)

    def _values(self, record: TrackedIssue, issue: Issue | None) -> dict[str, Any]:
        """Attribute of `Issue` → what the tracker says; what it knows nothing of is not there."""
        told = self._told - record.untold
        said: dict[str, Any] = {name: getattr(record, name) for name in PLAIN_FIELDS}
        said |= readable_texts(record)
        said |= {
            "assignee_id": self._pk(record.assignee),
            "reporter_id": self._pk(record.reporter),
        }
        values = {name: value for name, value in said.items() if value or name.removesuffix("_id") in told}
        if record.sprint_id or "sprint" in told:
            sprint = self.board.sprint(record.sprint_id)
            values["sprint_id"] = sprint.pk if sprint else None
        # Without any, only what is new gets a type and a status of ours.
        if issue is None or record.issue_type or "issue_type" in told:
            values["issue_type_id"] = self.board.type_of(record).pk
        if issue is None or ((record.status or "status" in told) and not self._may_be_in_progress(record, issue)):
            values["status_id"] = self.board.status(Stage(record.status, record.status_category)).pk
            values |= self._times(record, issue, is_same=issue is not None and issue.status_id == values["status_id"])
        return values | {
            "external_id": record.external_id,
            **({"source_id": record.source_id} if record.source_id else {}),
        }

    def _may_be_in_progress(self, record: TrackedIssue, issue: Issue) -> bool:
        """Whether it is open, by what was read, and in progress, by what is known and could not be read now."""
        is_open = "status" in record.untold and record.status_category == "to_do"
        return is_open and self.board.category_of(issue.status_id) == "in_progress"

    def _times(self, record: TrackedIssue, issue: Issue | None, *, is_same: bool) -> dict[str, datetime | None]:
        """When it came this far: what is told, or else what is known and is of the status that it has now."""
        times: dict[str, datetime | None] = {name: getattr(record, name) for name in TIMES}
        times["last_moved_at"] = _last_move(record)
        if issue is None:
            return times
        kept = {name for name, categories in _OF_CATEGORIES.items() if record.status_category in categories}
        kept |= {"last_moved_at"} if is_same else set()
        kept -= self._told - record.untold
        if "status" in record.recorded:
            # A history that is told anew, without a label that was deleted or a board that it left, knows of no
            # beginning: no tracker tells that there was none.
            kept &= {"started_at"}
        known = {name: getattr(issue, name) for name in kept if times[name] is None}
        ended_at = times["resolved_at"] or times["dropped_at"]
        if known.get("started_at") and ended_at and known["started_at"] > ended_at:
            # Of another time: it has ended before.
            known.pop("started_at")
        return times | known

    def _pk(self, person: Person | None) -> UUID | None:
        user = self.team.find(person) if person else None
        return user.pk if user else None

    # --- History ---------------------------------------------------------------------------------------------------
    def _write_history(self, touched: Sequence[tuple[TrackedIssue, Touch]]) -> None:
        told = [(record, touch.issue) for record, touch in touched]
        changes = store_changes(missing_changes(told, self.board, self.team))
        # What the tracker keeps no history of changed, as far as anybody knows, when the import saw it.
        last = moments_of([touch.issue.pk for _, touch in touched if touch.before], self._when).last
        edits = [edit for record, touch in touched if (edit := _unexplained(record, touch, last)).before]
        changes += record_edits(self._project, edits, now=self._when)
        self._report.changes_added += len(changes)
        by_issue = {touch.issue.pk: touch for _, touch in touched}
        for change in changes:
            by_issue[change.issue_id].change_ids.append(change.pk)
        # Their rows say the same, but not their pasts.
        retold = [pk for pk, touch in by_issue.items() if touch.before == {} and touch.change_ids]
        Issue.objects.filter(pk__in=retold).update(updated_at=timezone.now())

    def _count(self, touches: Collection[Touch], new: Sequence[Issue]) -> None:
        same = sum(touch.before == {} and not touch.change_ids for touch in touches)
        self._report.new += len(new)
        self._report.unchanged += same
        self._report.changed += len(touches) - len(new) - same


def _earliest(record: TrackedIssue) -> datetime | None:
    """When it is first heard of; None where no time is told."""
    told = (*(getattr(record, name) for name in TIMES), *(change.at for change in record.changes))
    return min(filter(None, told), default=None)


def _last_move(record: TrackedIssue) -> datetime | None:
    """When its status last changed, its creation where it never did; None where that is not recorded."""
    if "status" not in record.recorded:
        return record.last_moved_at
    moves = (change.at for change in reversed(record.changes) if change.field == "status")
    return next(moves, record.created_at)


def _assigned(records: Sequence[TrackedIssue]) -> Iterator[Person | None]:
    """Everybody who has or once had an issue."""
    for record in records:
        yield record.assignee
        for change in record.changes:
            if change.field == "assignee":
                yield from (value for value in (change.old, change.new) if isinstance(value, Person))


def _unexplained(record: TrackedIssue, touch: Touch, last: Mapping[tuple[UUID, str], datetime]) -> Edit:
    """What differs from before and is in no history: neither recorded as a whole, nor the end of what is told.

    Nor is it told by what is older than an entry that is here: somebody changed it here since, and the import does now.
    """
    before = {}
    for attribute, value in (touch.before or {}).items():
        name = attribute.removesuffix("_id")
        if name in TIMES:
            continue
        told = next((change for change in reversed(record.changes) if change.field == name), None)
        is_end = told is not None and told.new == present_value(record, name)
        entered_at = last.get((touch.issue.pk, name))
        is_overtaken = entered_at is not None and (told is None or told.at < entered_at)
        if is_overtaken or not (is_end or name in record.recorded):
            before[attribute] = value
    return Edit(touch.issue, before)
