"""A batch of records against the rows that are there: compared, then written in two statements."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.importers.records import ImportedIssue, RowError
from apps.importers.report import ImportReport
from apps.importers.sprint_dates import SprintRhythm
from apps.importers.writing.changes import Edit, Touch, sprints_touched
from apps.importers.writing.changes import record as record_changes
from apps.importers.writing.identities import Identities
from apps.importers.writing.kinds import DEFAULT_TYPE, MORE_STATUSES, MORE_TYPES, first_of, kinds_of
from apps.importers.writing.links import Links
from apps.importers.writing.missing import settle_missing
from apps.importers.writing.parents import Parents
from apps.importers.writing.people import Team
from apps.importers.writing.sprints import Sprints
from apps.importers.writing.texts import readable_texts
from apps.importers.writing.ties import Ties
from apps.importers.writing.traces import Traces
from apps.importers.writing.workflow import DONE, DROPPED, IN_PROGRESS, TO_DO, category_of, means_dropped
from apps.projects.history.moments import When, moment_of
from apps.projects.levels import MOST_KINDS, new_type
from apps.projects.models import Issue, IssueType, Project, WorkflowStatus

PLAIN_FIELDS = (
    "title", "description", "priority", "component", "story_points", "estimated_hours", "actual_hours", "started_at",
    "resolved_at", "created_at", "due_date", "last_moved_at", "last_touched_at",
)  # fmt: skip
WRITTEN_FIELDS = (
    *PLAIN_FIELDS,
    "external_id",
    "source_id",
    "labels",
    "issue_type",
    "status",
    "dropped_at",
    "assignee",
    "reporter",
    "sprint",
    "updated_at",
)

SET_DONE = "with a completion date but a status that is not done: imported as done"
DROPPED_REMARK = "dropped: not delivered, and not left to do"
UNDATED = "done without a completion date: of no use for training"
UNKNOWN_CREATION = "without a creation date: the first known time, or that of the import, stands for it"


class BatchWriter:
    """Writes batches into one project; remembers its types, statuses, sprints and people between them."""

    def __init__(
        self,
        project: Project,
        mapped: frozenset[str],
        source: str,
        now: When,
        report: ImportReport,
        *,
        scope_is_recorded: bool = True,
        rhythm: SprintRhythm | None = None,
        refuse: Callable[[RowError], None] | None = None,
    ) -> None:
        self._project, self._mapped, self._source, self._report = project, mapped, source, report
        self._when, self._now = now, moment_of(now)
        self.traces = Traces()
        self.team = Team(project, now=self._now, traces=self.traces)
        self._types, self._statuses = kinds_of(project)
        self._sprints = Sprints(
            project, source, now, report, self.traces, scope_is_recorded=scope_is_recorded, rhythm=rhythm
        )
        self._identities, self._refuse = Identities(project, source), refuse or report.refuse
        self._touched_sprints: set[UUID] = set()
        self._ties = Ties(
            Parents(project, mapped, source, self.traces), Links(project, source, self._now, self.traces), report
        )

    def write(self, batch: Sequence[ImportedIssue]) -> list[Touch]:
        """Insert what is new, update what differs; call it inside a `step`."""
        # What came in before this batch came in before, however early the import began.
        self._now = moment_of(self._when)
        # Until the transaction ends nobody deletes any of these.
        self._types, self._statuses = kinds_of(self._project)
        self._sprints.look_anew()
        self.team.learn([each.assignee for each in batch], reporters=[each.reporter for each in batch])
        self._report.show(batch, self.team.as_found)
        # Before its issues, as whoever closes a sprint does.
        self._sprints.hold(batch)
        meant = self._identities.sort_out(batch)
        made: list[tuple[ImportedIssue, Issue]] = []
        edits: list[Edit] = []
        for record, issue in meant.records:
            if issue is None:
                made.append((record, self._new_issue(record)))
            elif before := self._apply(issue, self._values(record)):
                edits.append(Edit(issue, before))
        new, changed = [issue for _, issue in made], [edit.issue for edit in edits]
        self._touched_sprints |= sprints_touched(new, edits)
        Issue.objects.bulk_create(new)
        Issue.objects.bulk_create(
            changed, update_conflicts=True, unique_fields=["id"], update_fields=list(WRITTEN_FIELDS)
        )
        touches = {issue.pk: Touch(issue, None) for issue in new}
        touches |= {edit.issue.pk: Touch(edit.issue, edit.before) for edit in edits}
        for change in record_changes(self._project, edits, now=self._when):
            touches[change.issue_id].change_ids.append(change.pk)
        told = [record for record, _ in meant.records]
        self._ties.learn(told, new=new, changed=changed, same=meant.issues)
        self._identities.note_made(made)
        self._count(told, new, changed)
        for error in meant.refused:
            self._refuse(error)
        return [*meant.touches, *touches.values()]

    def settle_sprints(self) -> list[Touch]:
        """What all records together say of sprints; what that adds to the past of issues."""
        return self._sprints.settle(self._touched_sprints)

    def settle_missing(self, *, named: Set[str], mark: bool) -> list[Touch]:
        """What was there before and did not come; `named` are the ids of rows that could not be read."""
        self._identities.tell(self._report)
        return settle_missing(
            self._project,
            self._source,
            seen=self._identities.seen,
            named=named,
            mark=mark,
            now=self._when,
            report=self._report,
            traces=self.traces,
        )

    def ties(self) -> Iterator[list[Touch]]:
        """Step by step, parents and links: both ends may come in any order."""
        return self._ties.tie()

    def _new_issue(self, record: ImportedIssue) -> Issue:
        values = self._values(record)
        values.setdefault("created_at", _earliest(record) or self._now)
        if "issue_type_id" not in values:
            values["issue_type_id"] = self._type(DEFAULT_TYPE).pk
        if "status_id" not in values:
            values["status_id"] = self._status_of_category(TO_DO).pk
        return Issue(project_id=self._project.pk, source=self._source, **values)

    def _values(self, record: ImportedIssue) -> dict[str, Any]:
        """Attribute of `Issue` → what the record says; attributes of which it says nothing are not there."""
        said = {name: getattr(record, name) for name in PLAIN_FIELDS}
        said |= readable_texts(record)
        said |= {
            "issue_type_id": self._type_id(record.issue_type),
            "assignee_id": self._person_id(record.assignee),
            "reporter_id": self._person_id(record.reporter),
            "sprint_id": self._sprint_id(record),
        }
        values = {name: value for name, value in said.items() if value or name.removesuffix("_id") in self._mapped}
        values["external_id"] = record.external_id
        if record.source_id:
            values["source_id"] = record.source_id
        if record.created_at is None:
            values.pop("created_at", None)
        status = self._status(record)
        if status is not None:
            values["status_id"] = status.pk
            values["dropped_at"] = (record.dropped_at or record.resolved_at) if status.category == DROPPED else None
            if status.category != DONE:
                values["resolved_at"] = None
        return values

    def _apply(self, issue: Issue, values: Mapping[str, Any]) -> dict[str, Any]:
        """Set what differs; what was there before."""
        before = {name: getattr(issue, name) for name, value in values.items() if getattr(issue, name) != value}
        for name in before:
            setattr(issue, name, values[name])
        return before

    def _person_id(self, person: Any) -> Any:
        user = self.team.find(person) if person else None
        return user.pk if user else None

    def _type_id(self, name: str) -> Any:
        return self._type(name or DEFAULT_TYPE).pk if name or "issue_type" in self._mapped else None

    def _type(self, name: str) -> IssueType:
        key = name.casefold()
        if key not in self._types and len(self._types) >= MOST_KINDS and name != DEFAULT_TYPE:
            self._report.remarks[MORE_TYPES] += 1
            return self._type(DEFAULT_TYPE)
        if key not in self._types:
            self._types[key] = new_type(self._project, name)
            self._types[key].save(force_insert=True)
            self.traces.made(IssueType, self._types[key].pk)
        return self._types[key]

    def _sprint_id(self, record: ImportedIssue) -> Any:
        sprint = self._sprints.of(record)
        return sprint.pk if sprint else None

    def _status(self, record: ImportedIssue) -> WorkflowStatus | None:
        """The record's status by name; the category that the source gives goes before its times and resolution."""
        said = category_of(record.status_category)
        fallback = DONE if record.resolved_at else IN_PROGRESS if record.started_at else ""
        if said not in (TO_DO, IN_PROGRESS) and self._is_dropped(record):
            return self._named_status(record.resolution or record.status or "Dropped", DROPPED, DROPPED)
        if not record.status:
            category = said or fallback
            return self._status_of_category(category) if category else None
        status = self._named_status(record.status, said, fallback or TO_DO, record.status_meaning)
        if record.resolved_at and not said and status.category in (TO_DO, IN_PROGRESS):
            return self._status_of_category(DONE)
        return status

    def _is_dropped(self, record: ImportedIssue) -> bool:
        """By its status, or by a resolution that no open status contradicts."""
        if means_dropped(record.status):
            return True
        named = category_of(record.status)
        return means_dropped(record.resolution) and not (named in (TO_DO, IN_PROGRESS) and not record.resolved_at)

    def _named_status(self, name: str, said: str, fallback: str, meaning: str = "") -> WorkflowStatus:
        key = name.casefold()
        if key not in self._statuses:
            category = said or category_of(name) or meaning or fallback
            if len(self._statuses) >= MOST_KINDS:
                self._report.remarks[MORE_STATUSES] += 1
                return self._status_of_category(category)
            self._statuses[key] = self._make_status(name, category)
        return self._statuses[key]

    def _status_of_category(self, category: str) -> WorkflowStatus:
        """The first status of this category on the board; made if there is none."""
        if there := first_of(category, self._statuses.values()):
            return there
        name = {TO_DO: "To do", IN_PROGRESS: "In progress", DONE: "Done", DROPPED: "Dropped"}[category]
        return self._statuses.setdefault(name.casefold(), self._make_status(name, category))

    def _make_status(self, name: str, category: str) -> WorkflowStatus:
        position = max((status.position for status in self._statuses.values()), default=-1) + 1
        made = WorkflowStatus.objects.create(project=self._project, name=name, category=category, position=position)
        self.traces.made(WorkflowStatus, made.pk)
        return made

    def _count(self, batch: Sequence[ImportedIssue], new: Sequence[Issue], changed: Sequence[Issue]) -> None:
        report = self._report
        report.new += len(new)
        report.changed += len(changed)
        report.unchanged += len(batch) - len(new) - len(changed)
        for record in batch:
            report.remarks.update(self._remarks(record))

    def _remarks(self, record: ImportedIssue) -> Iterable[str]:
        named = self._statuses.get(record.status.casefold()) if record.status else None
        if record.resolved_at and named and not record.status_category and named.category in (TO_DO, IN_PROGRESS):
            yield SET_DONE
        if self._is_dropped(record):
            yield DROPPED_REMARK
        if not record.resolved_at and named and named.category == DONE:
            yield UNDATED
        if record.created_at is None:
            yield UNKNOWN_CREATION


def _earliest(record: ImportedIssue) -> datetime | None:
    return min((time for time in (record.started_at, record.resolved_at) if time), default=None)
