"""Sprints, teams and projects as the core's records, each in a constant number of queries."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Max, Q

from apps.ml.core.anomalies.flow import RECENT_DAYS, REFERENCE_DAYS
from apps.ml.core.anomalies.rules import OpenIssue, ProjectSnapshot
from apps.ml.core.anomalies.throughput_shift import JUDGED_WEEKS
from apps.ml.core.forecasts.simulation import MAX_HISTORY_WEEKS
from apps.ml.selectors.evidence import latest
from apps.ml.selectors.forecasts import issues_by_week
from apps.ml.selectors.issues import DONE, open_in
from apps.ml.selectors.sprints import completed_sprints
from apps.projects.levels import COUNTED
from apps.projects.models import Issue, IssueChange

#: What a forecast looks back on, and the weeks that it is held against.
SERIES_WEEKS = MAX_HISTORY_WEEKS + JUDGED_WEEKS

_OPEN_COLUMNS = (
    "id", "status__name", "status__category", "assignee_id", "source", "created_at", "started_at", "last_moved_at",
    "last_touched_at",
)  # fmt: skip
_UNCHANGED: dict[str, Any] = {"last": None, "handovers": 0}


def project_snapshot(project_id: UUID | str, *, now: datetime) -> ProjectSnapshot:
    """What the anomaly rules look at."""
    recent, past = _cycle_days(project_id, now=now)
    return ProjectSnapshot(
        now=now,
        open_issues=_open_issues(project_id, now=now),
        recent_cycle_days=recent,
        past_cycle_days=past,
        sprints=completed_sprints(project_id, now=now),
        created_per_week=issues_by_week(project_id, "created_at", now=now, weeks=SERIES_WEEKS),
        finished_per_week=issues_by_week(project_id, "resolved_at", now=now, weeks=SERIES_WEEKS),
    )


def _cycle_days(project_id: UUID | str, *, now: datetime) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Days from start to end of issues finished lately, and of those finished in the half year before."""
    border = now - timedelta(days=RECENT_DAYS)
    finished = Issue.objects.filter(
        DONE,
        COUNTED,
        project_id=project_id,
        started_at__isnull=False,
        started_at__lte=F("resolved_at"),
        resolved_at__gt=border - timedelta(days=REFERENCE_DAYS),
        resolved_at__lte=now,
    )
    recent: list[float] = []
    past: list[float] = []
    for started_at, resolved_at in finished.order_by("resolved_at", "id").values_list("started_at", "resolved_at"):
        if started_at is not None and resolved_at is not None:
            (recent if resolved_at > border else past).append((resolved_at - started_at) / timedelta(days=1))
    return tuple(recent), tuple(past)


def _open_issues(project_id: UUID | str, *, now: datetime) -> tuple[OpenIssue, ...]:
    rows = Issue.objects.filter(COUNTED, open_in(project_id)).order_by("created_at", "id").values_list(*_OPEN_COLUMNS)
    still_open = Issue.objects.filter(open_in(project_id)).order_by()
    changes = IssueChange.objects.filter(issue__in=still_open.values("pk"))
    # Apart from the issues: joined, the database would group by every column of them.
    handover = Q(field=IssueChange.Field.ASSIGNEE, changed_at__gt=now - timedelta(days=RECENT_DAYS))
    from_one_to_another = handover & ~Q(old_value="") & ~Q(new_value="")
    per_issue = changes.order_by().values("issue_id")
    changed = {
        row["issue_id"]: row
        for row in per_issue.annotate(last=Max("changed_at"), handovers=Count("id", filter=from_one_to_another))
    }
    return tuple(
        OpenIssue(
            issue_id=str(id_),
            status=status,
            category=category,
            is_assigned=assignee is not None,
            last_change_at=_last_change(source, created_at, started_at, changed.get(id_, _UNCHANGED)["last"], *told),
            handovers=changed.get(id_, _UNCHANGED)["handovers"],
        )
        for id_, status, category, assignee, source, created_at, started_at, *told in rows
    )


def _last_change(
    source: str, created_at: datetime, started_at: datetime | None, *on_record: datetime | None
) -> datetime | None:
    """When anything of an issue last changed; None where its source does not say, see `evidence`."""
    known = latest(*on_record)
    return latest(created_at, started_at, known) if known or not source else None
