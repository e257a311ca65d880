"""Whose questions are scored: those of the team, about an issue as it is.

What scores corrects later ranges and stands on the team's scorecard. A viewer has no say in either, and an answer that
was worked out from something else than the issue says, an invented estimate or no description where it has one, is
about another issue than the one whose outcome would score it. What a question leaves out is taken from the issue before
(`facts_asked`, `known_of`); so what is empty here was said to be.
It is decided when they ask, and kept in the row: roles change, people leave, and accounts are deleted.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db.models import OuterRef, Subquery

from apps.accounts.models import User
from apps.ml.core.records import IssueFacts
from apps.ml.model_types import ModelType
from apps.ml.models import PredictionHistory
from apps.ml.selectors.issues import facts_of
from apps.projects.models import Issue, TeamMember
from apps.projects.selectors import is_administrator

_TEAM = (TeamMember.Role.MEMBER, TeamMember.Role.LEAD)
_Kind = PredictionHistory.Kind
#: What is judged by more than a column (`evaluation/judging.py`), and so goes by what the row says.
_JUDGED = (
    ModelType.TASK_ASSIGNMENT, ModelType.SPRINT_DURATION, _Kind.SPRINT_RISK, _Kind.FORECAST, _Kind.WHAT_IF
)  # fmt: skip
NOT_THE_TEAMS = "It was not asked by the team."


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
    return [issue_id if issue_id in known and known[issue_id] == facts else None for issue_id, facts in asked]


def sprint_to_score(sprint_id: UUID, project_id: UUID, user: User | None) -> UUID | None:
    """The sprint, if its outcome is to score this answer."""
    return sprint_id if _counts(project_id, user) else None


def whose_word(kind: str, project_id: UUID, user: User | None) -> Mapping[str, str]:
    """What an answer's details keep of who asked: why it will never be scored, or nothing."""
    return {"unscored": NOT_THE_TEAMS} if kind in _JUDGED and not _counts(project_id, user) else {}


def _counts(project_id: UUID, user: User | None) -> bool:
    """Whether what is asked is the team's, as it is now."""
    return _is_ours(user) or TeamMember.objects.filter(project=project_id, user=user, role__in=_TEAM).exists()


def _is_ours(user: User | None) -> bool:
    """Asked by the installation itself, or by who may do everything in it."""
    return user is None or is_administrator(user)
