"""Which issues wait for which, as far as the person may see both."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.projects.history.ends import ENDED
from apps.projects.links.row import IssueLink
from apps.projects.models import Issue
from apps.projects.selectors import Visitor, projects_visible_to

#: What a link is from the side of one of its issues.
BLOCKED_BY, BLOCKS = "blocked_by", "blocks"


@dataclass(frozen=True, slots=True)
class LinkedIssue:
    """A link from one side: the issue on the other."""

    id: int
    relation: str
    #: None where the person does not see it.
    issue: Issue | None
    link: IssueLink


def links_of(issue: Issue, user: Visitor) -> QuerySet[IssueLink]:
    """Links of an issue whose other side the person may see, the oldest first."""
    seen = projects_visible_to(user).values("pk")
    return _with_both(Q(blocker=issue, blocked__project__in=seen) | Q(blocked=issue, blocker__project__in=seen))


def links_told(issue: Issue, user: Visitor) -> QuerySet[IssueLink]:
    """Those, and that an issue waits for something unseen: whoever may change the issue may take that away.

    Who made such a link may have left, and forecasts of the issue follow it.
    """
    seen = projects_visible_to(user).values("pk")
    is_unseen = Exists(Issue.objects.filter(pk=OuterRef("blocker")).exclude(project__in=seen))
    return _with_both(Q(blocker=issue, blocked__project__in=seen) | Q(blocked=issue)).annotate(is_unseen=is_unseen)


def _with_both(sides: Q) -> QuerySet[IssueLink]:
    return (
        IssueLink.objects.filter(sides)
        .select_related("blocker__project", "blocker__status", "blocked__project", "blocked__status")
        .order_by("created_at", "id")
    )


def from_the_side_of(issue: Issue, link: IssueLink) -> LinkedIssue:
    """The other issue of a link, and what it is to this one."""
    if link.blocker_id == issue.pk:
        return LinkedIssue(link.pk, BLOCKS, link.blocked, link)
    return LinkedIssue(link.pk, BLOCKED_BY, None if getattr(link, "is_unseen", False) else link.blocker, link)


def waiting_for(issue_ids: Iterable[UUID], user: Visitor) -> dict[UUID, list[Issue]]:
    """Open blockers of some issues by the blocked one's id, as far as the person may see them; one query."""
    links = IssueLink.objects.filter(blocked__in=list(issue_ids), blocker__project__in=projects_visible_to(user))
    found: dict[UUID, list[Issue]] = {}
    for link in links.exclude(blocker__status__category__in=ENDED).select_related("blocker__project"):
        found.setdefault(link.blocked_id, []).append(link.blocker)
    return found
