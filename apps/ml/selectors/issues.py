"""Issues as the core's records: facts as they were known before the work, never as they were edited later."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet

from apps.ml.core.records import CompletedIssue, IssueFacts
from apps.projects.models import Issue, IssueChange

#: Fields whose later changes are undone; the others either never change or carry no outcome.
_TRACKED = (IssueChange.Field.ASSIGNEE, IssueChange.Field.STORY_POINTS, IssueChange.Field.ESTIMATED_HOURS)
_COLUMNS = (
    "id",
    "title",
    "description",
    "issue_type__name",
    "priority",
    "story_points",
    "estimated_hours",
    "component",
    "labels",
    "reporter_id",
    "assignee_id",
    "created_at",
    "started_at",
    "resolved_at",
    "actual_hours",
)


def completed_with_hours(project_id: UUID | str | None, *, newest: int | None = None) -> list[CompletedIssue]:
    """Finished issues with actual hours, oldest outcome first; of all projects when `project_id` is None."""
    return _completed(_resolved(project_id).filter(actual_hours__gt=0), newest)


def completed_with_points(project_id: UUID | str | None, *, newest: int | None = None) -> list[CompletedIssue]:
    """Finished issues with story points, oldest outcome first; of all projects when `project_id` is None."""
    return _completed(_resolved(project_id).filter(story_points__gt=0), newest)


def completed_with_people(project_id: UUID | str | None) -> list[CompletedIssue]:
    """Finished issues with `facts.assignee` being who finished them, oldest first; none for all projects together."""
    if project_id is None:
        return []
    doers = _doers(project_id)
    known = [(issue, doers.get(issue.issue_id, "")) for issue in _completed(_resolved(project_id), None)]
    return [replace(issue, facts=replace(issue.facts, assignee=person)) for issue, person in known if person]


def _doers(project_id: UUID | str) -> dict[str, str]:
    """Who had each issue when it was resolved: whoever has it now, unless it was handed over after that."""
    now = _resolved(project_id).filter(assignee__isnull=False).order_by().values_list("id", "assignee_id")
    later = IssueChange.objects.filter(
        issue__project_id=project_id, field=IssueChange.Field.ASSIGNEE, changed_at__gt=F("issue__resolved_at")
    ).order_by("-changed_at", "-id")
    # Latest first: the first hand-over after the end, which names who had it then, is written last.
    undone = later.values_list("issue_id", "old_value")
    return {str(issue_id): str(person) for issue_id, person in (*now, *undone)}


def completed_for_evidence(project_id: UUID | str, *, newest: int) -> list[CompletedIssue]:
    """Finished issues with hours or points, oldest outcome first: what others may be compared with."""
    with_outcome = Q(actual_hours__gt=0) | Q(story_points__gt=0)
    return _completed(_resolved(project_id).filter(with_outcome), newest)


def issue_titles(project_id: UUID | str, issue_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """What to call issues of one project: id -> title and key. Ids of other projects are simply absent."""
    # By id alone: with the project in the condition SQLite walks the project's index, which costs 5 ms at 6,000 issues.
    rows = Issue.objects.filter(id__in=list(issue_ids)).order_by()
    return {
        str(id_): {"key": key, "title": title}
        for id_, owner, key, title in rows.values_list("id", "project_id", "external_id", "title")
        if str(owner) == str(project_id)
    }


def _resolved(project_id: UUID | str | None) -> QuerySet[Issue]:
    issues = Issue.objects.filter(resolved_at__isnull=False)
    return issues if project_id is None else issues.filter(project_id=project_id)


def _completed(issues: QuerySet[Issue], newest: int | None) -> list[CompletedIssue]:
    # .values(): thousands of rows are read here, and model instances cost four times as much.
    rows = list(issues.order_by("-resolved_at", "-created_at", "id").values(*_COLUMNS)[:newest])
    rows.reverse()
    later = _later_changes(rows)
    return [_record(row, later.get(row["id"], ())) for row in rows]


def _known_at(row: dict[str, Any]) -> datetime:
    """The start of the work: what was set before it, an estimate say, was known; what was set after it was not."""
    created_at: datetime = row["created_at"]
    begun: datetime = min(row["started_at"] or created_at, row["resolved_at"])
    return max(created_at, begun)


def _later_changes(rows: Sequence[dict[str, Any]]) -> dict[UUID, list[tuple[str, str]]]:
    """Changes made after each issue's `known_at`, latest first, as (field, value before)."""
    known_at = {row["id"]: _known_at(row) for row in rows}
    ids = Q(issue_id__in=known_at) if len(known_at) <= 500 else Q()
    changes = IssueChange.objects.filter(ids, field__in=_TRACKED).order_by("-changed_at", "-id")
    undo: dict[UUID, list[tuple[str, str]]] = defaultdict(list)
    for issue_id, field, old_value, changed_at in changes.values_list("issue_id", "field", "old_value", "changed_at"):
        if issue_id in known_at and changed_at > known_at[issue_id]:
            undo[issue_id].append((field, old_value))
    return undo


def _record(row: dict[str, Any], later: Iterable[tuple[str, str]]) -> CompletedIssue:
    return CompletedIssue(
        issue_id=str(row["id"]),
        facts=_facts(row | dict(_as_columns(later))),
        known_at=_known_at(row),
        completed_at=row["resolved_at"],
        actual_hours=row["actual_hours"],
        story_points=row["story_points"],
    )


def _facts(row: dict[str, Any]) -> IssueFacts:
    return IssueFacts(
        title=row["title"],
        description=row["description"],
        issue_type=row["issue_type__name"].casefold(),
        priority=row["priority"],
        story_points=row["story_points"],
        estimated_hours=row["estimated_hours"],
        component=row["component"],
        labels=tuple(row["labels"]),
        reporter=str(row["reporter_id"] or ""),
        assignee=str(row["assignee_id"] or ""),
    )


def _as_columns(later: Iterable[tuple[str, str]]) -> Iterable[tuple[str, Any]]:
    """Latest first, so the last pair of a field, which wins in a dict, is the value before the first later change."""
    for field, old_value in later:
        if field == IssueChange.Field.ASSIGNEE:
            yield "assignee_id", old_value
        else:
            yield field, float(old_value) if old_value else None


def facts_of(issue: Issue) -> IssueFacts:
    """Facts of one issue as they are now, for a prediction about it."""
    return IssueFacts(
        title=issue.title,
        description=issue.description,
        issue_type=issue.issue_type.name.casefold(),
        priority=issue.priority,
        story_points=issue.story_points,
        estimated_hours=issue.estimated_hours,
        component=issue.component,
        labels=tuple(issue.labels),
        reporter=str(issue.reporter_id or ""),
        assignee=str(issue.assignee_id or ""),
    )


def facts_of_issues(project_id: UUID | str, issue_ids: Iterable[str]) -> dict[str, IssueFacts]:
    """Facts of some issues of a project as they are now, by id, in one query."""
    issues = Issue.objects.filter(project_id=project_id, id__in=list(issue_ids)).order_by()
    return {str(row["id"]): _facts(row) for row in issues.values(*_COLUMNS)}
