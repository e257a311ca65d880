"""What is still to be done, as a list that is searched, narrowed and ordered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet

from apps.ml.selectors.issues import ENDED
from apps.projects.levels import COUNTED
from apps.projects.models import Issue

#: Orders by their name in an address; what has no value comes last.
ORDERS: Mapping[str, tuple[Any, ...]] = {
    "priority": (F("priority").asc(nulls_last=True), "created_at"),
    "newest": ("-created_at",),
    "oldest": ("created_at",),
    "points": (F("story_points").desc(nulls_last=True), "created_at"),
    "estimate": (F("estimated_hours").desc(nulls_last=True), "created_at"),
}
#: What a list can be narrowed to, by its name in an address.
_LACKING: Mapping[str, Q] = {
    "points": Q(story_points=None),
    "assignee": Q(assignee=None),
    "description": Q(description=""),
}
LACKING = tuple(_LACKING)


@dataclass(frozen=True, slots=True)
class BacklogQuery:
    """Which open issues are wanted, and in what order; anything unknown narrows and orders nothing."""

    search: str = ""
    issue_type: str = ""
    component: str = ""
    #: One of `LACKING`: what the issues do not have yet.
    lacking: str = ""
    #: One of `ORDERS`.
    order: str = "priority"


def open_issues(project_id: UUID, asked: BacklogQuery) -> QuerySet[Issue]:
    """Open issues that count as work, with what is shown of them."""
    issues = _open(project_id).select_related("issue_type", "status", "assignee")
    if asked.search:
        issues = issues.filter(Q(title__icontains=asked.search) | Q(external_id__iexact=asked.search))
    if asked.issue_type:
        issues = issues.filter(issue_type__name=asked.issue_type)
    if asked.component:
        issues = issues.filter(component=asked.component)
    if asked.lacking in _LACKING:
        issues = issues.filter(_LACKING[asked.lacking])
    return issues.order_by(*ORDERS.get(asked.order, ORDERS["priority"]), "id")


@dataclass(frozen=True, slots=True)
class BacklogCounts:
    """A backlog in numbers, and the values that it can be narrowed to."""

    issues: int
    without_points: int
    types: tuple[str, ...]
    components: tuple[str, ...]


def backlog_counts(project_id: UUID) -> BacklogCounts:
    """Of all open issues, in three queries."""
    issues = _open(project_id).order_by()
    numbers = issues.aggregate(issues=Count("id"), without_points=Count("id", filter=Q(story_points=None)))
    return BacklogCounts(
        **numbers,
        types=tuple(issues.values_list("issue_type__name", flat=True).distinct().order_by("issue_type__name")),
        components=tuple(
            issues.exclude(component="").values_list("component", flat=True).distinct().order_by("component")
        ),
    )


def _open(project_id: UUID) -> QuerySet[Issue]:
    return Issue.objects.filter(COUNTED, ~ENDED, project_id=project_id)
