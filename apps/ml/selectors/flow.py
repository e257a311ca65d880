"""How issues moved over a project's board, each in a constant number of queries."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from apps.ml.core.flow.issues import BoardRules, FlowIssue, days_between
from apps.ml.core.flow.references import SizedIssue
from apps.ml.selectors.issues import DONE, ENDED
from apps.projects.history.issue_past import FieldChange, Timeline
from apps.projects.history.reads import issue_pasts
from apps.projects.history.writing import as_history_text
from apps.projects.levels import COUNTED
from apps.projects.models import Issue, IssueChange, Project, WorkflowStatus

Field = IssueChange.Field
#: What moves an issue on the board, or says that it is blocked.
_MOVES = (Field.STATUS, Field.LABELS)
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
    moved = counted.filter(_has_moved(first) | _is_held(project, board))
    names = _names(moved, now=now)
    issues = [FlowIssue(past, *names[past.issue_id]) for past in issue_pasts(moved, now=now)]
    others = counted.exclude(pk__in=moved.order_by().values("pk"))
    categories = others.order_by().values_list("status__category").annotate(n=Count("id"))
    return issues, dict(categories)


def _has_moved(first: datetime) -> Q:
    changes = IssueChange.objects.filter(changed_at__gte=first, field__in=_MOVES).order_by()
    times = ("created_at", "started_at", "resolved_at", "dropped_at")
    return reduce(or_, (Q(**{f"{name}__gte": first}) for name in times), Q(pk__in=changes.values("issue_id")))


def _is_held(project: Project, board: BoardRules) -> Q:
    """In progress, or blocked: by its status or, of open issues, by a label."""
    held = Q(status__category=WorkflowStatus.Category.IN_PROGRESS) | Q(status__name__in=board.blocked_statuses)
    if board.blocked_labels:
        labelled = Issue.objects.filter(COUNTED, project=project).exclude(ENDED).exclude(labels=[]).order_by()
        rows = labelled.values_list("id", "labels")
        held |= Q(pk__in=[id_ for id_, labels in rows if board.blocked_labels.intersection(labels)])
    return held


def _names(moved: QuerySet[Issue], *, now: datetime) -> dict[str, tuple[Timeline, Timeline]]:
    """The names of states and the labels of issues over time, by id."""
    changes: dict[UUID, list[FieldChange]] = defaultdict(list)
    history = IssueChange.objects.filter(issue__in=moved.order_by().values("pk"), field__in=_MOVES)
    columns = ("issue_id", "field", "old_value", "new_value", "changed_at")
    for issue_id, *change in history.order_by("changed_at", "id").values_list(*columns):
        changes[issue_id].append(FieldChange(*change))
    rows = moved.order_by().values_list("id", "status__name", "labels")
    return {
        str(id_): (
            _until(Timeline.of(status, Field.STATUS, changes[id_]), now),
            _until(Timeline.of(as_history_text(labels), Field.LABELS, changes[id_]), now),
        )
        for id_, status, labels in rows
    }


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
