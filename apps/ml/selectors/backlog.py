"""What is still to be done, as a list that is searched, narrowed and ordered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet

from apps.ml.selectors.issues import open_in
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
#: Issues of a list: nobody turns two hundred pages, and lists stay in memory.
MOST_LISTED = 5_000
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


def listed_ids(project_id: UUID, asked: BacklogQuery) -> list[UUID]:
    """The issues of a list in their order, at most `MOST_LISTED`."""
    return list(open_issues(project_id, asked).values_list("id", flat=True)[:MOST_LISTED])


def issues_in_order(project_id: UUID, issue_ids: Sequence[UUID]) -> list[Issue]:
    """Open issues as a list shows them; those that have ended since are left out."""
    found = open_issues(project_id, BacklogQuery()).in_bulk(list(issue_ids))
    return [found[issue_id] for issue_id in issue_ids if issue_id in found]


def backlog_counts(project_id: UUID) -> BacklogCounts:
    """Of all open issues, in one query."""
    rows = list(_open(project_id).order_by().values_list("issue_type__name", "component", "story_points"))
    return BacklogCounts(
        issues=len(rows),
        without_points=sum(points is None for _, _, points in rows),
        types=tuple(sorted({name for name, _, _ in rows})),
        components=tuple(sorted({name for _, name, _ in rows if name})),
    )


def _open(project_id: UUID) -> QuerySet[Issue]:
    return Issue.objects.filter(COUNTED, open_in(project_id))
