"""What a project calls its statuses, types and sprints, by what a tracker calls them; made where they are missing."""

from collections.abc import Collection, Mapping
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import UUID

from apps.importers.report import ImportReport
from apps.importers.tracked import Stage, TrackedIssue, TrackedSprint
from apps.importers.writing.kinds import DEFAULT_TYPE, MORE_SPRINTS, MORE_STATUSES, MORE_TYPES, first_of, kinds_of
from apps.importers.writing.sprints import hold_sprints, note_ends, note_sprints
from apps.importers.writing.texts import LONGEST_LINE
from apps.importers.writing.traces import LIFE, Traces
from apps.projects.history.moments import When, moment_of
from apps.projects.history.snapshots import WITHOUT_CONTENTS
from apps.projects.levels import MOST_KINDS, MOST_SPRINTS, Level, new_type
from apps.projects.models import IssueType, Project, Sprint, WorkflowStatus
from apps.projects.rows import lock
from apps.projects.sprint_ends import (
    close_as_told,
    close_ended_sprints,
    ends_otherwise,
    is_closed_by_plan,
    is_closed_here,
    reopen,
    take_late_news,
)

LONGEST_STATUS = 64
#: How a status is called whose name the board has with another meaning.
IN_WORDS = {"to_do": "to do", "in_progress": "in progress", "done": "done", "dropped": "dropped"}
SPRINT_FIELDS = ("name", "goal", "status", "start_date", "end_date", "started_at", "completed_at")
_BOUNDS = ("start_date", "end_date", "started_at")
_NOTHING: Mapping[str, Any] = {**dict.fromkeys(SPRINT_FIELDS), "name": "", "goal": "", "status": Sprint.Status.PLANNED}


class TrackedBoard:
    """The rows that issues and their history refer to."""

    def __init__(
        self, project: Project, source: str, now: When, report: ImportReport, traces: Traces | None = None
    ) -> None:
        self._traces = traces or Traces()
        self._project, self._source, self._report = project, source, report
        self._when, self._now = now, moment_of(now)
        self._sprints: dict[str, Sprint] = {}
        self.look_anew()
        #: Seen running by an earlier import and now told to be over, since when: closed once all of their issues are
        #: read.
        self._closing: dict[UUID, tuple[Sprint, datetime | None]] = {}

    def look_anew(self) -> None:
        """Before each batch: others may have made or deleted some since the last one."""
        self._types, self._statuses = kinds_of(self._project)
        sprints = Sprint.objects.filter(project=self._project)
        self._room_for_sprints = MOST_SPRINTS - sprints.count()
        told = sprints.filter(source=self._source).exclude(external_id="")
        if told.count() != len(self._sprints):
            rows = told.select_related("snapshot", "project").defer(*WITHOUT_CONTENTS)
            self._sprints = {one.external_id: one for one in rows}

    def status(self, stage: Stage) -> WorkflowStatus:
        """The status of this name and meaning; a board may have the name with another meaning."""
        name = stage.name or IN_WORDS[stage.category]
        meaning = f"({IN_WORDS[stage.category]})"
        numbered = (f"{name[: LONGEST_STATUS - 18]} {meaning} {n}" for n in range(2, MOST_KINDS + 2))
        for told in chain((name, f"{name[: LONGEST_STATUS - 14]} {meaning}"), numbered):
            status = self._statuses.get(told.casefold())
            if status is None:
                return self._made_or_like(told, stage.category)
            if status.category == stage.category:
                return status
        raise AssertionError("more statuses than a project has")

    def category_of(self, status_id: int) -> str:
        """What a status of the project means."""
        return next((status.category for status in self._statuses.values() if status.pk == status_id), "")

    def _made_or_like(self, name: str, category: str) -> WorkflowStatus:
        """A new one; on a full board the first of the same meaning."""
        if len(self._statuses) >= MOST_KINDS:
            self._report.remarks[MORE_STATUSES] += 1
            if like := first_of(category, self._statuses.values()):
                return like
        return self._made(name, category)

    def _made(self, name: str, category: str) -> WorkflowStatus:
        position = max((status.position for status in self._statuses.values()), default=-1) + 1
        status = WorkflowStatus.objects.create(project=self._project, name=name, category=category, position=position)
        self._statuses[name.casefold()] = status
        self._traces.made(WorkflowStatus, status.pk)
        return status

    def type_of(self, record: TrackedIssue) -> IssueType:
        """The type by its name; a new one is of the level that the tracker says."""
        name = record.issue_type or DEFAULT_TYPE
        found = self._types.get(name.casefold())
        if found is None and len(self._types) >= MOST_KINDS:
            self._report.remarks[MORE_TYPES] += 1
            name, found = DEFAULT_TYPE, self._types.get(DEFAULT_TYPE)
        if found is None:
            level = "" if record.level is None else _level(record.level)
            found = self._types[name.casefold()] = new_type(self._project, name, level=level)
            found.save(force_insert=True)
            self._traces.made(IssueType, found.pk)
        return found

    def take_all(self, told: Collection[TrackedSprint]) -> None:
        """Before any issue of a batch: insert sprints, or take over what the tracker now says of them."""
        there = ((self._sprints.get(each.external_id), each) for each in told)
        note_sprints(self._traces, {one.pk for one, each in there if one is not None and self._differs(one, each)})
        for each in told:
            self.take(each)

    def hold(self) -> None:
        """Before several sprints are changed for several reasons."""
        hold_sprints(self._traces, self._project)

    def _differs(self, sprint: Sprint, told: TrackedSprint) -> bool:
        return self._values(told, sprint) != _present(sprint)

    def take(self, told: TrackedSprint) -> None:
        """Insert a sprint, or take over what the tracker now says of it."""
        sprint = self._sprints.get(told.external_id)
        if sprint is None or not Sprint.objects.filter(pk=sprint.pk).exists():
            self._sprints.pop(told.external_id, None)
            if self._room_for_sprints <= 0:
                self._report.remarks[MORE_SPRINTS] += 1
                return
            self._room_for_sprints -= 1
            values = self._values(told, None)
            sprint = Sprint(project=self._project, source=self._source, external_id=told.external_id, **values)
            sprint.created_at = told.started_at or self._now
            sprint.save(force_insert=True)
            self._sprints[told.external_id] = sprint
            self._traces.made(Sprint, sprint.pk)
            self._report.sprints_added += 1
        else:
            self._update(sprint, told)

    def _update(self, sprint: Sprint, said: TrackedSprint) -> None:
        told = self._values(said, sprint)
        if not _ends_otherwise(sprint, said, told) and _kept(sprint, told) == self._known(sprint):
            return
        note_sprints(self._traces, [sprint.pk])
        # As it is by now: its last day or its team may have closed it since it was read.
        lock(sprint)
        told = self._values(said, sprint)
        if _ends_otherwise(sprint, said, told):
            reopen(sprint)
        values = _kept(sprint, told)
        self._closing.pop(sprint.pk, None)
        if (sprint.status, values["status"]) == (Sprint.Status.ACTIVE, Sprint.Status.COMPLETED):
            self._closing[sprint.pk] = sprint, values["completed_at"]
            values |= {"status": Sprint.Status.ACTIVE, "completed_at": None}
        changed = [name for name in SPRINT_FIELDS if getattr(sprint, name) != values[name]]
        for name in changed:
            setattr(sprint, name, values[name])
        if changed:
            sprint.save(update_fields=changed)

    def _known(self, sprint: Sprint) -> dict[str, Any]:
        """What is known of a sprint, with the end that this import told and that comes with its last step."""
        if sprint.pk not in self._closing:
            return _present(sprint)
        _, completed_at = self._closing[sprint.pk]
        return _present(sprint) | {"status": Sprint.Status.COMPLETED, "completed_at": completed_at}

    def close_sprints(self, touched: Collection[UUID]) -> None:
        """Freeze the books of sprints that were seen running and are over; all of their issues are there.

        `touched` are sprints whose issues this import brought or changed.
        """
        note_ends(self._traces, self._project, touched)
        note_sprints(self._traces, self._closing)
        for sprint, completed_at in self._closing.values():
            close_as_told(sprint, completed_at=completed_at, now=self._when)
        self._closing.clear()
        close_ended_sprints(self._project, now=self._when)
        take_late_news(touched, now=self._when)

    def sprint(self, external_id: str) -> Sprint | None:
        """A sprint by its id; one that the tracker names without ever telling of it is made with its id for a name."""
        if external_id and external_id not in self._sprints:
            self.take(TrackedSprint(external_id=external_id, name="", is_only_named=True))
        return self._sprints.get(external_id)

    def key_of(self, sprint_id: UUID) -> str:
        """The id of a sprint in the source; empty for one that is not of it."""
        return next((key for key, sprint in self._sprints.items() if sprint.pk == sprint_id), "")

    def unrecorded(self, external_ids: set[str]) -> None:
        """Of these sprints nobody knows what had been in them: their issues tell only where they are now."""
        rows = Sprint.objects.filter(pk__in=[self._sprints[one].pk for one in external_ids if one in self._sprints])
        self._traces.before(rows.filter(scope_is_recorded=True))
        rows.update(scope_is_recorded=False)

    def _values(self, told: TrackedSprint, sprint: Sprint | None) -> dict[str, Any]:
        """What a sprint is, by what is told of it; of what nothing is said stays what is known."""
        known = self._known(sprint) if sprint is not None else dict(_NOTHING)
        if sprint is not None and told.is_only_named:
            return known
        name = told.name or known["name"] or f"Sprint {told.external_id}"[:LONGEST_LINE]
        life = {} if told.is_bare else self._life(told, known)
        return known | life | {"name": name, "goal": known["goal"] if told.goal is None else told.goal}

    def _life(self, told: TrackedSprint, known: Mapping[str, Any]) -> dict[str, Any]:
        """When it ran: field by field, and its state by what is told and known together."""
        life = self._days(told, known) | {"started_at": told.started_at or known["started_at"]}
        status = self._status(told, known, life)
        if status == Sprint.Status.PLANNED:
            # What is planned has begun only where that is told with it.
            life["started_at"] = told.started_at
        # The end of what goes on is one that was taken back, or a plan.
        completed_at = told.completed_at or known["completed_at"] if status == Sprint.Status.COMPLETED else None
        return life | {"status": status, "completed_at": completed_at}

    def _days(self, told: TrackedSprint, known: Mapping[str, Any]) -> dict[str, Any]:
        """Its first and last day. Of a plan that ends before it begins what was known goes, else its end."""
        day_of = self._project.day_of
        first = told.starts_on or (day_of(told.starts_at) if told.starts_at else None)
        last = told.ends_on or (day_of(told.ends_at) if told.ends_at else None)
        start, end = first or known["start_date"], last or known["end_date"]
        if start is not None and end is not None and end < start:
            start, end = (None, end) if first is None else (start, None)
        return {"start_date": start, "end_date": end}

    def _status(self, told: TrackedSprint, known: Mapping[str, Any], life: Mapping[str, Any]) -> str:
        """As told, else by moments and days; what began or ended has done so until another day is told."""
        if told.state not in ("", TrackedSprint.OPEN):
            return told.state
        today, start, end, began_at = self._project.day_of(self._now), *(life[name] for name in _BOUNDS)
        if told.completed_at is not None or (end is not None and end < today):
            return Sprint.Status.COMPLETED
        has_begun = (start is not None and start <= today) or (began_at is not None and began_at <= self._now)
        status = Sprint.Status.ACTIVE if has_begun else Sprint.Status.PLANNED
        if told.state == TrackedSprint.OPEN or known["status"] in (Sprint.Status.PLANNED, status):
            return status
        day = "end_date" if known["status"] == Sprint.Status.COMPLETED else "start_date"
        return status if known[day] is not None and known[day] != life[day] else known["status"]


def _level(number: int) -> str:
    return Level.SUB_TASK if number < 0 else Level.EPIC if number > 0 else Level.STANDARD


def _present(sprint: Sprint) -> dict[str, Any]:
    return {name: getattr(sprint, name) for name in SPRINT_FIELDS}


def _ends_otherwise(sprint: Sprint, said: TrackedSprint, told: dict[str, Any]) -> bool:
    end = {name: told[name] for name in ("status", "end_date", "completed_at")}
    return said.tells_end and ends_otherwise(sprint, **end)


def _kept(sprint: Sprint, told: dict[str, Any]) -> dict[str, Any]:
    """What is told, but for that in which a source has no say: that a sprint runs which its last day or team closed."""
    if is_closed_here(sprint):
        return told | {name: getattr(sprint, name) for name in SPRINT_FIELDS if name in LIFE} | _unknown(sprint, told)
    return told | {"status": sprint.status} if is_closed_by_plan(sprint) else told


def _unknown(sprint: Sprint, told: dict[str, Any]) -> dict[str, Any]:
    """The dates of one that has none at all: an end says nothing of them."""
    dates = ("start_date", "end_date")
    return {} if any(getattr(sprint, name) for name in dates) else {name: told[name] for name in dates}
