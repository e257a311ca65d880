"""How issues moved over a project's board, each in a constant number of queries."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta, tzinfo
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from apps.ml.core.flow.issues import BoardRules, FlowIssue, days_between
from apps.ml.core.flow.references import SizedIssue
from apps.ml.selectors.issues import DONE, open_in
from apps.ml.selectors.terms import GIVEN_TO_AGENT, AgentMarks
from apps.projects.history.issue_past import FieldChange, IssuePast, Timeline
from apps.projects.history.reads import MOST_IDS
from apps.projects.history.writing import as_history_text
from apps.projects.levels import COUNTED
from apps.projects.models import Issue, IssueChange, Project, WorkflowStatus
from apps.projects.rows import in_parts

Field = IssueChange.Field
#: What moves an issue on the board, or says that it is blocked.
_MOVES = (Field.STATUS, Field.RESOLVED_AT, Field.LABELS)
_COLUMNS = (
    "id", "created_at", "started_at", "resolved_at", "dropped_at", "status__name", "status__category", "labels",
)  # fmt: skip
#: Two years: what was typical longer ago was another team's work.
REFERENCE_DAYS = 730
#: Finished issues with points that reference stories are chosen from.
MAX_SIZED = 5_000


def board_of(project: Project) -> BoardRules:
    """What the team says of its states."""
    statuses = WorkflowStatus.objects.filter(project=project).order_by("position", "name", "id")
    return BoardRules(
        categories=dict(statuses.values_list("name", "category")),
        waiting=frozenset(project.waiting_statuses),
        blocked_statuses=frozenset(project.blocked_statuses),
        blocked_labels=frozenset(project.blocked_labels),
    )


def flow_issues(
    project: Project, board: BoardRules, *, since: date, now: datetime
) -> tuple[list[FlowIssue], Mapping[str, int]]:
    """What is in progress or blocked, and what was created, moved or ended on a day or later; all others as counts."""
    first = datetime.combine(since, time.min, tzinfo=project.zone)
    counted = Issue.objects.filter(COUNTED, project=project, created_at__lte=now)
    looked_at = counted.filter(_has_moved(project, first) | _is_held(project, board))
    rows = list(looked_at.order_by().values(*_COLUMNS, given_to_agent=GIVEN_TO_AGENT))
    changes = _changes([row["id"] for row in rows], with_labels=bool(board.blocked_labels))
    marks = AgentMarks.of(project.agent_labels)
    issues = [_flow_issue(row, changes[row["id"]], board, marks, now) for row in rows]
    return issues, _others(counted, rows)


def _others(counted: QuerySet[Issue], rows: Iterable[Mapping[str, Any]]) -> Mapping[str, int]:
    """How many issues stand in each category, without those that were read."""
    categories = counted.order_by().values_list("status__category").annotate(n=Count("id"))
    return dict(Counter(dict(categories)) - Counter(row["status__category"] for row in rows))


def _has_moved(project: Project, first: datetime) -> Q:
    changes = IssueChange.objects.filter(project=project, changed_at__gte=first, field__in=_MOVES).order_by()
    times = ("created_at", "started_at", "resolved_at", "dropped_at")
    return reduce(or_, (Q(**{f"{name}__gte": first}) for name in times), Q(pk__in=changes.values("issue_id")))


def _is_held(project: Project, board: BoardRules) -> Q:
    """In progress, or blocked: by its status or, of open issues, by a label."""
    held = Q(status__category=WorkflowStatus.Category.IN_PROGRESS) | Q(status__name__in=board.blocked_statuses)
    if board.blocked_labels:
        labelled = Issue.objects.filter(COUNTED, open_in(project.pk)).exclude(labels=[]).order_by()
        rows = labelled.values_list("id", "labels")
        held |= Q(pk__in=[id_ for id_, labels in rows if board.blocked_labels.intersection(labels)])
    return held


def _changes(ids: Sequence[UUID], *, with_labels: bool) -> Mapping[UUID, list[FieldChange]]:
    """What happened to some issues, by issue, oldest first; labels only where they matter."""
    found: dict[UUID, list[FieldChange]] = defaultdict(list)
    fields = _MOVES if with_labels else (Field.STATUS, Field.RESOLVED_AT)
    columns = ("issue_id", "field", "old_value", "new_value", "changed_at")
    for some in in_parts(ids, MOST_IDS):
        history = IssueChange.objects.filter(issue__in=some, field__in=fields).order_by("changed_at", "id")
        for issue_id, *change in history.values_list(*columns):
            found[issue_id].append(FieldChange(*change))
    return found


def _flow_issue(
    row: Mapping[str, Any], changes: Sequence[FieldChange], board: BoardRules, marks: AgentMarks, now: datetime
) -> FlowIssue:
    """An issue as it was known at a moment; whose work it is, as it stands in the books."""
    past = IssuePast(
        issue_id=str(row["id"]),
        created_at=row["created_at"],
        category=row["status__category"],
        started_at=row["started_at"],
        resolved_at=row["resolved_at"],
        dropped_at=row["dropped_at"],
        changes=tuple(_by_category(changes, board.categories)),
    )
    labels = Timeline.of(as_history_text(row["labels"]), Field.LABELS, changes) if board.blocked_labels else None
    states = Timeline.of(row["status__name"], Field.STATUS, changes)
    by_agent = row["given_to_agent"] or marks.bear(row["labels"])
    return FlowIssue(past.as_of(now), _until(states, now), labels and _until(labels, now), by_agent)


def _by_category(changes: Iterable[FieldChange], means: Mapping[str, str]) -> Iterator[FieldChange]:
    """Statuses as what they mean; a name that the board does not know means nothing."""
    for change in changes:
        if change.field == Field.RESOLVED_AT:
            yield change
        elif change.field == Field.STATUS and change.old_value in means and change.new_value in means:
            yield replace(change, old_value=means[change.old_value], new_value=means[change.new_value])


def _until(timeline: Timeline, now: datetime) -> Timeline:
    """A timeline as it was known at a moment."""
    known = bisect_right(timeline.changed_at, now)
    return Timeline(timeline.changed_at[:known], timeline.values[: known + 1])


def sized_issues(project: Project, *, now: datetime) -> list[SizedIssue]:
    """What the team finished with points in the last two years."""
    since = now - timedelta(days=REFERENCE_DAYS)
    finished = Issue.objects.filter(
        COUNTED, DONE, project=project, story_points__gt=0, resolved_at__gt=since, resolved_at__lte=now
    )
    columns = ("id", "story_points", "resolved_at", "started_at", "worked_hours")
    return [_sized(row, project.zone) for row in finished.order_by("-resolved_at", "id").values(*columns)[:MAX_SIZED]]


def _sized(row: Mapping[str, Any], zone: tzinfo) -> SizedIssue:
    start, end = row["started_at"], row["resolved_at"]
    days = days_between(start, end, zone) if start is not None and start <= end else None
    return SizedIssue(str(row["id"]), row["story_points"], end, hours=row["worked_hours"] or None, days=days)
