"""Sprints of an import: which one a record means, when it ran, and what moved on from one to the next.

A sprint is the source's id where there is one, else a name with its time: names may repeat.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

from django.db.models import Count, Max, Q

from apps.importers.records import ImportedIssue
from apps.importers.report import ImportReport
from apps.projects.history.reads import ended_at
from apps.projects.history.writing import new_change
from apps.projects.models import Issue, IssueChange, Project, Sprint, WorkflowStatus
from apps.projects.sprint_ends import close_ended_sprints

ENDED = (WorkflowStatus.Category.DONE, WorkflowStatus.Category.DROPPED)
#: A sprint of the same name that begins this long before another one is another one: 'Sprint 1' of next year.
SAME_SPRINT_WITHIN = timedelta(days=60)


class Sprints:
    """The sprints of one project while records come in."""

    def __init__(
        self, project: Project, source: str, now: datetime, report: ImportReport, *, scope_is_recorded: bool
    ) -> None:
        self._project, self._source, self._now, self._report = project, source, now, report
        self._scope_is_recorded = scope_is_recorded
        self._all = list(Sprint.objects.filter(project=project).select_related("snapshot", "project"))
        #: Issue → the sprints that it was in, oldest first, the present one last.
        self._ways: dict[str, tuple[Sprint, ...]] = {}

    def of(self, record: ImportedIssue) -> Sprint | None:
        """The sprint that a record is in, made where there is none; dates that are told later are taken over."""
        if not record.sprint:
            return None
        sprint = self._find(record) or self._make(record.sprint, record)
        self._take_dates(sprint, record)
        if record.earlier_sprints:
            earlier = [self._named(name) or self._make(name, None) for name in record.earlier_sprints]
            self._ways[record.external_id] = (*earlier, sprint)
        return sprint

    def settle(self) -> None:
        """Sprints that are over are completed, work that moved on is told as moves, and the books are closed."""
        self._complete_undated()
        self._tell_moves()
        close_ended_sprints(self._project, now=self._now)

    def _find(self, record: ImportedIssue) -> Sprint | None:
        if record.sprint_id:
            known = (each for each in self._all if (each.source, each.external_id) == (self._source, record.sprint_id))
            if found := next(known, None):
                return found
        return self._named(record.sprint, starts_on=record.sprint_starts_on, without_id=bool(record.sprint_id))

    def _named(self, name: str, *, starts_on: date | None = None, without_id: bool = False) -> Sprint | None:
        """The sprint of a name that ran at this time; of several, without a time, the latest."""
        named = [each for each in self._all if each.name == name and not (without_id and each.external_id)]
        fitting = [each for each in named if _is_near(each, starts_on)]
        return max(fitting, key=lambda each: (each.start_date == starts_on, each.start_date or date.min), default=None)

    def _make(self, name: str, record: ImportedIssue | None) -> Sprint:
        sprint = Sprint(
            project=self._project,
            name=name,
            source=self._source,
            external_id=record.sprint_id if record else "",
            scope_is_recorded=self._scope_is_recorded,
            created_at=self._now,
        )
        sprint.save(force_insert=True)
        self._all.append(sprint)
        self._report.sprints_added += 1
        return sprint

    def _take_dates(self, sprint: Sprint, record: ImportedIssue) -> None:
        """Dates that the source tells or has changed; a sprint that was started or closed here keeps its own."""
        starts_on, ends_on = record.sprint_starts_on, record.sprint_ends_on
        # What was started or frozen here is history.
        is_settled = sprint.started_at is not None or getattr(sprint, "snapshot", None) is not None
        if is_settled or not (starts_on and ends_on) or (sprint.start_date, sprint.end_date) == (starts_on, ends_on):
            return
        sprint.start_date, sprint.end_date, sprint.completed_at = starts_on, ends_on, None
        # One that was seen running is closed with its books, see `settle`.
        status = _status(starts_on, ends_on, self._now.astimezone(self._project.zone).date())
        was_running = sprint.status == Sprint.Status.ACTIVE
        sprint.status = Sprint.Status.ACTIVE if was_running and status == Sprint.Status.COMPLETED else status
        sprint.save(update_fields=["start_date", "end_date", "completed_at", "status"])

    def _complete_undated(self) -> None:
        """A sprint without dates is over if all its issues are, since the last one was."""
        undated = Sprint.objects.filter(
            project=self._project, source=self._source, start_date=None, end_date=None, started_at=None
        ).exclude(status=Sprint.Status.COMPLETED)
        ended = Count("issues", filter=Q(issues__status__category__in=ENDED))
        settled = []
        for sprint in undated.annotate(total=Count("issues"), ended=ended, last=Max("issues__resolved_at")):
            if 0 < sprint.total == sprint.ended:
                sprint.status, sprint.completed_at = Sprint.Status.COMPLETED, sprint.last
                settled.append(sprint)
        Sprint.objects.bulk_update(settled, ["status", "completed_at"])
        self._all = list(Sprint.objects.filter(project=self._project).select_related("snapshot", "project"))

    def _tell_moves(self) -> None:
        """An issue that names several sprints left each but the last when that one ended."""
        if not self._ways:
            return
        sprints = {sprint.pk: sprint for sprint in self._all}
        issues = Issue.objects.filter(project=self._project, source=self._source, external_id__in=list(self._ways))
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
        ]
        IssueChange.objects.bulk_create(sorted(changes, key=lambda change: change.changed_at))


def _steps(way: Sequence[Sprint]) -> Iterable[tuple[Sprint, Sprint]]:
    return pairwise(way)


def _is_near(sprint: Sprint, starts_on: date | None) -> bool:
    if starts_on is None or sprint.start_date is None:
        return True
    last = sprint.end_date or sprint.start_date
    return sprint.start_date - SAME_SPRINT_WITHIN <= starts_on <= last


def _status(start: date, end: date, today: date) -> str:
    if today > end:
        return Sprint.Status.COMPLETED
    return Sprint.Status.ACTIVE if today >= start else Sprint.Status.PLANNED
