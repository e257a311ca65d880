"""Who could take an issue and what they did, in a constant number of queries however many people."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Max, Q
from django.db.models.functions import Coalesce

from apps.accounts.models import User
from apps.ml.core.assignment.formula import CANDIDATE_DAYS, MemberHistory
from apps.ml.selectors.calendars import WORKING_ROLES
from apps.ml.selectors.issues import DONE, ENDED
from apps.projects.models import Issue, IssueChange, TeamMember


def assignable_people(project_id: UUID | str, *, today: date) -> dict[str, User]:
    """Active members and leads by id, in one query: without agents and those away today or not to be suggested."""
    begun = Q(absent_from__isnull=True) | Q(absent_from__lte=today)
    lasting = Q(absent_until__isnull=True) | Q(absent_until__gte=today)
    known = Q(absent_from__isnull=False) | Q(absent_until__isnull=False)
    suggested = Q(user__is_active=True, available_for_assignment=True, is_agent=False)
    team = TeamMember.objects.filter(suggested, project_id=project_id, role__in=WORKING_ROLES).exclude(
        known & begun & lasting
    )
    return {str(member.user_id): member.user for member in team.select_related("user")}


def member_histories(
    project_id: UUID | str, user_ids: Iterable[str], *, issue: Issue, now: datetime
) -> list[MemberHistory]:
    """What each person did in the project, without the issue in question, in two queries however many people."""
    others = Issue.objects.filter(project_id=project_id, assignee__isnull=False).exclude(pk=issue.pk)
    # An issue counts as given when its work began, as in the replay; one that waits, when it was written.
    lately = Q(given__gte=now - timedelta(days=CANDIDATE_DAYS))
    work = others.annotate(given=Coalesce("started_at", "created_at")).values("assignee_id")
    work = work.annotate(
        completed=Count("id", filter=DONE),
        completed_same_type=Count("id", filter=DONE & Q(issue_type_id=issue.issue_type_id)),
        open_issues=Count("id", filter=~ENDED),
        resolved=Max("resolved_at"),
        given_lately=Count("id", filter=lately),
        given_of_reporter=Count("id", filter=lately & Q(reporter_id=issue.reporter_id)),
    )
    by_person = {str(row["assignee_id"]): row for row in work.order_by()}
    moved = _last_moves(project_id, issue)
    return [_member_history(user_id, by_person.get(user_id), moved.get(user_id)) for user_id in user_ids]


def _last_moves(project_id: UUID | str, issue: Issue) -> dict[str, datetime]:
    """When each person last moved an issue of their own; moves by others do not show that the person is there."""
    own = Q(changed_by=None) | Q(changed_by=F("issue__assignee"))
    moves = (
        IssueChange.objects.filter(own, field=IssueChange.Field.STATUS, issue__project_id=project_id)
        .exclude(issue=issue)
        .exclude(issue__assignee=None)
        .order_by()
        .values_list("issue__assignee_id")
        .annotate(last=Max("changed_at"))
    )
    return {str(user_id): last for user_id, last in moves}


def _member_history(user_id: str, work: Mapping[str, Any] | None, moved: datetime | None) -> MemberHistory:
    if work is None:
        return MemberHistory(user_id=user_id, last_active_at=moved)
    return MemberHistory(
        user_id=user_id,
        completed=work["completed"],
        completed_same_type=work["completed_same_type"],
        open_issues=work["open_issues"],
        last_active_at=max(filter(None, (moved, work["resolved"])), default=None),
        given_lately=work["given_lately"],
        given_of_reporter=work["given_of_reporter"],
    )
