"""Whose questions are scored: those of the team, about an issue as it is.

What scores corrects later ranges and stands on the team's scorecard. A viewer has no say in either, and a question that
contradicts the issue, an invented estimate say, is about another issue than the one whose outcome would score it.
"""

from collections.abc import Sequence
from dataclasses import fields
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, Subquery

from apps.accounts.models import User
from apps.ml.core.records import IssueFacts
from apps.ml.selectors.issues import facts_of
from apps.projects.models import Issue, TeamMember
from apps.projects.selectors import is_administrator

_NOT_KNOWN = ("", None, ())
_TEAM = (TeamMember.Role.MEMBER, TeamMember.Role.LEAD)


def issue_to_score(issue_id: UUID | None, facts: IssueFacts, project_id: UUID, user: User | None) -> UUID | None:
    """The issue, if its outcome is to score this answer, see `issues_to_score`."""
    return issues_to_score([(issue_id, facts)], project_id, user)[0]


def issues_to_score(
    asked: Sequence[tuple[UUID | None, IssueFacts]], project_id: UUID, user: User | None
) -> list[UUID | None]:
    """Of each question the issue, if its outcome is to score the answer; one query, none for questions about none."""
    wanted = {issue_id for issue_id, _ in asked if issue_id is not None}
    if not wanted:
        return [None] * len(asked)
    role = TeamMember.objects.filter(project=OuterRef("project"), user=user).values("role")[:1]
    issues = Issue.objects.filter(pk__in=wanted, project_id=project_id).select_related("issue_type").order_by()
    known = {
        issue.pk: facts_of(issue)
        for issue in issues.annotate(role_of_asker=Subquery(role))
        if _is_ours(user) or issue.role_of_asker in _TEAM
    }
    return [
        issue_id if issue_id in known and not _contradicts(facts, known[issue_id]) else None
        for issue_id, facts in asked
    ]


def sprint_to_score(sprint_id: UUID, project_id: UUID, user: User | None) -> UUID | None:
    """The sprint, if its outcome is to score this answer."""
    team = TeamMember.objects.filter(project=project_id, user=user, role__in=_TEAM)
    return sprint_id if _is_ours(user) or team.exists() else None


def asked_by_the_team() -> Q:
    """Rows of the history whose outcome is to be scored: asked by the installation itself or by the project's team."""
    team = TeamMember.objects.filter(project=OuterRef("project"), user=OuterRef("requested_by"), role__in=_TEAM)
    return Q(requested_by=None) | Q(requested_by__is_superuser=True) | Q(Exists(team))


def _is_ours(user: User | None) -> bool:
    """Asked by the installation itself, or by who may do everything in it."""
    return user is None or is_administrator(user)


def _contradicts(asked: IssueFacts, known: IssueFacts) -> bool:
    """Whether the question says something of the issue that is not so; what it leaves out contradicts nothing."""
    pairs = [(getattr(asked, field.name), getattr(known, field.name)) for field in fields(IssueFacts)]
    return any(said not in _NOT_KNOWN and said != is_so for said, is_so in pairs)
