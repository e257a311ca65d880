"""Who could take an issue and what they did, in a constant number of queries however many people."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Max, Q, QuerySet
from django.db.models.functions import Coalesce

from apps.accounts.models import User
from apps.ml.core.assignment.formula import CANDIDATE_DAYS, MemberHistory
from apps.ml.selectors.calendars import WORKING_ROLES
from apps.ml.selectors.issues import DONE, ENDED
from apps.projects.models import Issue, IssueChange, TeamMember, WorkflowStatus

#: Whoever moved nothing for a year is not more or less there for what came before.
ACTIVE_DAYS = 365
_ENDED = (WorkflowStatus.Category.DONE, WorkflowStatus.Category.DROPPED)


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
    return histories_beside(project_id, list(user_ids), [issue], now=now)[issue.pk]


def histories_beside(
    project_id: UUID | str, user_ids: Sequence[str], issues: Sequence[Issue], *, now: datetime
) -> dict[UUID, list[MemberHistory]]:
    """What each person did in the project, by issue and without it, in three queries however many of both.

    What lies outside the issues is counted once for all of them; what each of them adds to the others is told from the
    rows given, whose status has to be loaded where there are several.
    """
    work, moved = _work_outside(project_id, issues, now=now), _last_moves(project_id, issues, now=now)
    among = _moves_among(issues) if len(issues) > 1 else {}
    return {
        issue.pk: [
            _member_history(
                user_id,
                issue,
                work.get(user_id),
                [other for other in issues if other is not issue and str(other.assignee_id) == user_id],
                [moved.get(user_id), *(at for other, at in among.get(user_id, {}).items() if other != issue.pk)],
                now=now,
            )
            for user_id in user_ids
        ]
        for issue in issues
    }


def _work_outside(project_id: UUID | str, issues: Sequence[Issue], *, now: datetime) -> dict[str, dict[str, Any]]:
    """Counts of each person's other issues, among them those of each type and reporter that is asked about."""
    others = Issue.objects.filter(project_id=project_id, assignee__isnull=False)
    # An issue counts as given when its work began, as in the replay; one that waits, when it was written.
    work = others.exclude(pk__in=[issue.pk for issue in issues]).annotate(given=Coalesce("started_at", "created_at"))
    lately = Q(given__gte=now - timedelta(days=CANDIDATE_DAYS))
    of_types = {_of_type(issue): Count("id", filter=DONE & Q(issue_type_id=issue.issue_type_id)) for issue in issues}
    of_reporters = {
        _of_reporter(issue): Count("id", filter=lately & Q(reporter_id=issue.reporter_id)) for issue in issues
    }
    rows = work.values("assignee_id").annotate(
        completed=Count("id", filter=DONE),
        open_issues=Count("id", filter=~ENDED),
        resolved=Max("resolved_at"),
        given_lately=Count("id", filter=lately),
        **of_types,
        **of_reporters,
    )
    return {str(row["assignee_id"]): dict(row) for row in rows.order_by()}


def _of_type(issue: Issue) -> str:
    return f"of_type_{issue.issue_type_id}"


def _of_reporter(issue: Issue) -> str:
    return f"of_reporter_{issue.reporter_id.hex if issue.reporter_id else 'nobody'}"


def _own_moves(project_id: UUID | str) -> QuerySet[IssueChange]:
    """Moves of people's own issues; moves by others do not show that the person is there."""
    own = Q(changed_by=None) | Q(changed_by=F("issue__assignee"))
    # Said of changes and issues: joined, a database else begins with all issues that there are.
    scope = Q(project_id=project_id, issue__project_id=project_id)
    moves = IssueChange.objects.filter(scope, own, field=IssueChange.Field.STATUS)
    return moves.exclude(issue__assignee=None).order_by()


def _last_moves(project_id: UUID | str, issues: Sequence[Issue], *, now: datetime) -> dict[str, datetime]:
    """When each person last moved an issue of their own, other than these, within a year."""
    lately = now - timedelta(days=ACTIVE_DAYS)
    moves = _own_moves(project_id).filter(changed_at__gte=lately).exclude(issue__in=[issue.pk for issue in issues])
    found = moves.values_list("issue__assignee_id").annotate(last=Max("changed_at"))
    return {str(user_id): last for user_id, last in found}


def _moves_among(issues: Sequence[Issue]) -> dict[str, dict[UUID, datetime]]:
    """When each person last moved each of these, by person and issue."""
    moves = _own_moves(issues[0].project_id).filter(issue__in=[issue.pk for issue in issues])
    found: dict[str, dict[UUID, datetime]] = defaultdict(dict)
    for user_id, issue_id, last in moves.values_list("issue__assignee_id", "issue_id").annotate(last=Max("changed_at")):
        found[str(user_id)][issue_id] = last
    return found


def _member_history(
    user_id: str,
    issue: Issue,
    work: Mapping[str, Any] | None,
    also: Sequence[Issue],
    moved: Sequence[datetime | None],
    *,
    now: datetime,
) -> MemberHistory:
    """`also` are issues of this person that `work` leaves out."""
    known = work or defaultdict(int, resolved=None)
    done = [other for other in also if other.status.category == WorkflowStatus.Category.DONE]
    lately = [other for other in also if (other.started_at or other.created_at) >= now - timedelta(days=CANDIDATE_DAYS)]
    active = [*moved, known["resolved"], *(other.resolved_at for other in also)]
    return MemberHistory(
        user_id=user_id,
        completed=known["completed"] + len(done),
        completed_same_type=known[_of_type(issue)] + sum(each.issue_type_id == issue.issue_type_id for each in done),
        open_issues=known["open_issues"] + sum(each.status.category not in _ENDED for each in also),
        last_active_at=max(filter(None, active), default=None),
        given_lately=known["given_lately"] + len(lately),
        given_of_reporter=known[_of_reporter(issue)] + sum(each.reporter_id == issue.reporter_id for each in lately),
    )
