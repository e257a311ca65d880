"""Sprints of an import: which one a record means, when it ran, and what moved on from one to the next.

A sprint is the source's id where there is one, else a name with its time: names may repeat.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta
from itertools import pairwise
from uuid import UUID

from django.utils import timezone

from apps.importers.records import ImportedIssue, NamedSprint
from apps.importers.report import ImportReport
from apps.importers.sprint_dates import SprintRhythm
from apps.importers.writing.changes import Touch
from apps.importers.writing.kinds import MORE_SPRINTS
from apps.importers.writing.traces import Traces
from apps.importers.writing.undated import settle_undated, status_on
from apps.projects.history.moments import When, lies_ahead, moment_of
from apps.projects.history.reads import ended_at
from apps.projects.history.snapshots import WITHOUT_CONTENTS
from apps.projects.history.writing import new_change, store_changes
from apps.projects.levels import MOST_SPRINTS
from apps.projects.models import Issue, IssueChange, Project, Sprint, SprintSnapshot
from apps.projects.rows import in_parts, lock, lock_issues
from apps.projects.sprint_ends import close_ended_sprints, is_closed_by_plan, reopen, take_late_news

#: A sprint of the same name that begins this long before another one is another one: 'Sprint 1' of next year.
SAME_SPRINT_WITHIN = timedelta(days=60)
#: A name is looked for among so many sprints that bear it, the last of them: each row of a file may ask. Twenty years
#: of sprints that are all called alike.
MOST_OF_A_NAME = 500


class Sprints:
    """The sprints of one project while records come in."""

    def __init__(
        self,
        project: Project,
        source: str,
        now: When,
        report: ImportReport,
        traces: Traces,
        *,
        scope_is_recorded: bool,
        rhythm: SprintRhythm | None = None,
    ) -> None:
        self._rhythm, self._traces = rhythm, traces
        self._project, self._source, self._report = project, source, report
        self._when, self._now = now, moment_of(now)
        self._scope_is_recorded = scope_is_recorded
        #: By the source's id, and by name: a file may name a sprint a line.
        self._by_id: dict[str, Sprint] = {}
        self._by_name: dict[str, list[Sprint]] = defaultdict(list)
        #: Those of them without an id.
        self._by_name_alone: dict[str, list[Sprint]] = defaultdict(list)
        self._n = 0
        self.look_anew()
        #: Made by this import.
        self._new: set[UUID] = set()
        #: Issue → the sprints that it was in, oldest first, the present one last.
        self._ways: dict[str, tuple[Sprint, ...]] = {}

    def look_anew(self) -> None:
        """Before each batch: others may have made or deleted some since the last one."""
        if Sprint.objects.filter(project=self._project).count() == self._n:
            return
        self._by_id, self._by_name, self._by_name_alone, self._n = {}, defaultdict(list), defaultdict(list), 0
        for sprint in self._all():
            self._remember(sprint)

    def _all(self) -> Iterable[Sprint]:
        rows = Sprint.objects.filter(project=self._project).select_related("snapshot", "project")
        return rows.defer(*WITHOUT_CONTENTS)

    def _remember(self, sprint: Sprint) -> None:
        self._n += 1
        self._by_name[sprint.name].append(sprint)
        if not sprint.external_id:
            self._by_name_alone[sprint.name].append(sprint)
        if sprint.external_id and sprint.source == self._source:
            self._by_id.setdefault(sprint.external_id, sprint)

    def hold(self, batch: Iterable[ImportedIssue]) -> None:
        """Before the issues of a batch: sprints that are there and are told other dates."""
        told = (each for record in batch for each in (_told_by(record), *record.earlier_sprints) if each is not None)
        found = ((self._find(each), each) for each in told)
        note_sprints(self._traces, {one.pk for one, each in found if one is not None and _has_others(one, each)})

    def of(self, record: ImportedIssue) -> Sprint | None:
        """The sprint that a record is in, made where there is none; dates that are told later are taken over."""
        told = _told_by(record)
        if told is None:
            return None
        sprint = self._known(told)
        if sprint is not None and record.earlier_sprints:
            earlier = filter(None, map(self._known, record.earlier_sprints))
            self._ways[record.external_id] = (*earlier, sprint)
        return sprint

    def _known(self, told: NamedSprint) -> Sprint | None:
        sprint = self._find(told)
        if sprint is None and self._n >= MOST_SPRINTS:
            self._report.remarks[MORE_SPRINTS] += 1
            return None
        sprint = sprint or self._make(told)
        self._take_dates(sprint, told)
        return sprint

    def settle(self, touched: Collection[UUID]) -> list[Touch]:
        """Sprints that are over are completed, work that moved on is told as moves, and the books are closed.

        `touched` are sprints whose issues this import brought or changed. What was told of issues.
        """
        note_ends(self._traces, self._project, touched)
        settle_undated(
            self._project,
            self._source,
            rhythm=self._rhythm,
            today=self._project.day_of(self._now),
            report=self._report,
        )
        touches = self._tell_moves()
        close_ended_sprints(self._project, now=self._when)
        take_late_news(touched, now=self._when)
        return touches

    def _find(self, told: NamedSprint) -> Sprint | None:
        if told.external_id and (found := self._by_id.get(told.external_id)):
            return found
        return self._named(told.name, starts_on=told.starts_on, without_id=bool(told.external_id))

    def _named(self, name: str, *, starts_on: date | None = None, without_id: bool = False) -> Sprint | None:
        """The sprint of a name that ran at this time; of several, without a time, the latest."""
        named = (self._by_name_alone if without_id else self._by_name).get(name, [])
        fitting = [each for each in named[-MOST_OF_A_NAME:] if _is_near(each, starts_on)]
        return max(fitting, key=lambda each: (each.start_date == starts_on, each.start_date or date.min), default=None)

    def _make(self, told: NamedSprint) -> Sprint:
        sprint = Sprint(
            project=self._project,
            name=told.name,
            source=self._source,
            external_id=told.external_id,
            scope_is_recorded=self._scope_is_recorded,
            created_at=self._now,
        )
        sprint.save(force_insert=True)
        self._remember(sprint)
        self._new.add(sprint.pk)
        self._traces.made(Sprint, sprint.pk)
        self._report.sprints_added += 1
        return sprint

    def _take_dates(self, sprint: Sprint, named: NamedSprint) -> None:
        """Dates that the source tells or has changed; a sprint that was started or closed here keeps its own."""
        starts_on, ends_on = named.starts_on, named.ends_on
        if not (starts_on and ends_on and _has_others(sprint, named)):
            return
        note_sprints(self._traces, [sprint.pk])
        # As it is by now: its last day or its team may have closed it since it was read.
        lock(sprint)
        if is_closed_by_plan(sprint):
            reopen(sprint)
        # What was started or closed here is history.
        elif sprint.started_at is not None or getattr(sprint, "snapshot", None) is not None:
            return
        sprint.start_date, sprint.end_date, sprint.dates_are_inferred = starts_on, ends_on, False
        sprint.completed_at = None
        today = self._project.day_of(self._now)
        # What is seen before it begins is known when it begins.
        sprint.scope_is_recorded |= sprint.pk in self._new and today < starts_on
        # One that was seen running is closed with its books, see `settle`.
        status, was_running = status_on(starts_on, ends_on, today), sprint.status == Sprint.Status.ACTIVE
        sprint.status = Sprint.Status.ACTIVE if was_running and status == Sprint.Status.COMPLETED else status
        sprint.save(
            update_fields=[
                "start_date",
                "end_date",
                "dates_are_inferred",
                "completed_at",
                "scope_is_recorded",
                "status",
            ]
        )

    def _tell_moves(self) -> list[Touch]:
        """An issue that names several sprints left each but the last when that one ended."""
        if not self._ways:
            return []
        sprints = {sprint.pk: sprint for sprint in self._all()}
        issues = Issue.objects.filter(project=self._project, source=self._source, external_id__in=list(self._ways))
        # Nobody deletes one to whose past something is added.
        lock_issues(issues.values_list("pk", flat=True))
        told = set(
            IssueChange.objects.filter(issue__in=issues.values("pk"), field=IssueChange.Field.SPRINT)
            .order_by()
            .values_list("issue_id", "old_value", "new_value")
        )
        changes = [
            new_change(issue, "sprint", before, after, by=None, at=end)
            for issue in issues
            for before, after in _steps(self._ways[issue.external_id])
            if (issue.pk, str(before.pk), str(after.pk)) not in told
            and (end := ended_at(sprints[before.pk], self._now)) is not None
            and not lies_ahead(end, self._now)
        ]
        made = store_changes(sorted(changes, key=lambda change: change.changed_at))
        # Their rows say the same, but not their pasts.
        Issue.objects.filter(pk__in={change.issue_id for change in changes}).update(updated_at=timezone.now())
        return [Touch(change.issue, {}, [change.pk]) for change in made]


def note_sprints(traces: Traces, keys: Collection[UUID]) -> None:
    """Sprints are about to be changed; maybe their books, which their plans closed, are opened."""
    ordered = sorted(keys)
    for some in in_parts(ordered):
        traces.before(Sprint.objects.filter(pk__in=some))
        traces.before(SprintSnapshot.objects.filter(pk__in=some))


def note_ends(traces: Traces, project: Project, touched: Collection[UUID]) -> None:
    """Of other tools' sprints some may be dated, completed, closed with their books, or have them closed anew."""
    sprints = Sprint.objects.filter(project=project).exclude(source="")
    hold_sprints(traces, project)
    traces.before(SprintSnapshot.objects.filter(pk__in=touched, sprint__project=project, sprint__completed_at=None))
    traces.made(SprintSnapshot, *sprints.filter(snapshot=None).values_list("pk", flat=True))


def hold_sprints(traces: Traces, project: Project) -> None:
    """Other tools' sprints, all at once: one after the other they would be locked in no order."""
    traces.before(Sprint.objects.filter(project=project).exclude(source=""))


def _told_by(record: ImportedIssue) -> NamedSprint | None:
    if not record.sprint:
        return None
    return NamedSprint(record.sprint, record.sprint_id, record.sprint_starts_on, record.sprint_ends_on)


def _has_others(sprint: Sprint, told: NamedSprint) -> bool:
    """Whether it has other dates than it is told, or those as a guess."""
    dates = (told.starts_on, told.ends_on)
    return None not in dates and (sprint.start_date, sprint.end_date, sprint.dates_are_inferred) != (*dates, False)


def _steps(way: Sequence[Sprint]) -> Iterable[tuple[Sprint, Sprint]]:
    return pairwise(way)


def _is_near(sprint: Sprint, starts_on: date | None) -> bool:
    if starts_on is None or sprint.start_date is None:
        return True
    last = sprint.end_date or sprint.start_date
    return sprint.start_date - SAME_SPRINT_WITHIN <= starts_on <= last
