"""Who could take an issue: by the seed's formula, or by who would normally take it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.accounts.models import User
from apps.ml.core.assignment.formula import (
    AssignmentScore,
    rank_members,
)
from apps.ml.core.assignment.replay import AUTO, LEARNED
from apps.ml.models import ModelType, PredictionHistory
from apps.ml.selectors.assignment import assignable_people, histories_beside, member_histories
from apps.ml.selectors.issues import facts_of
from apps.ml.serializers.assignment import SuggestAssignmentResponse
from apps.ml.services.assignment.evidence import AssignmentEvidence
from apps.ml.services.assignment.strategy import Choice, choose, skills_of
from apps.ml.services.predictions.record import record_prediction
from apps.projects.models import Issue

DEFAULT_TOP_N = 3


class RecommendationService:
    """Recommends people for work."""

    def suggest_assignment(
        self,
        issue_id: UUID | str,
        project_id: UUID | str,
        top_n: int = DEFAULT_TOP_N,
        *,
        strategy: str = AUTO,
        user: User | None = None,
        now: datetime | None = None,
    ) -> dict[str, Any]:
        """The fields of the API's answer: the `top_n` members who suit an issue best, best first.

        Raises `Issue.DoesNotExist` if the project has no such issue.
        """
        now = now or timezone.now()
        issue = Issue.objects.select_related("issue_type", "project").get(pk=issue_id, project_id=project_id)
        people = assignable_people(project_id, today=issue.project.day_of(now))
        members = member_histories(project_id, people, issue=issue, now=now)
        choice, facts = choose(strategy, project_id), facts_of(issue)
        skills = skills_of(choice, members, facts)
        scores = rank_members(members, issue_type=issue.issue_type.name, top_n=top_n, now=now, skills=skills)
        evidence = AssignmentEvidence.of(choice, facts, list(people), scores, issue)
        row = _record(issue, scores, choice, top_n=top_n, candidates=len(people), user=user)
        return SuggestAssignmentResponse.of(
            choice,
            prediction_id=row.pk,
            suggestions=[
                evidence.beside(score, _names(people[score.user_id], number, hidden=issue.project.hides_names))
                for number, score in enumerate(scores, start=1)
            ],
            candidates=len(people),
        )

    def likely_people(
        self, issues: Sequence[Issue], project_id: UUID | str, top_n: int = DEFAULT_TOP_N, *, now: datetime
    ) -> dict[UUID, list[User]]:
        """The people that `suggest_assignment` names for each of a list of issues, by issue and not recorded.

        The issues' types and statuses have to be loaded; it takes the queries of one issue and one more.
        """
        if not issues:
            return {}
        people = assignable_people(project_id, today=issues[0].project.day_of(now))
        choice = choose(AUTO, project_id)
        histories = histories_beside(project_id, list(people), issues, now=now)
        ranked = {
            issue.pk: rank_members(
                histories[issue.pk],
                issue_type=issue.issue_type.name,
                top_n=top_n,
                now=now,
                skills=skills_of(choice, histories[issue.pk], facts_of(issue)),
            )
            for issue in issues
        }
        return {issue_id: [people[score.user_id] for score in scores] for issue_id, scores in ranked.items()}


def _names(person: User, number: int, *, hidden: bool) -> dict[str, str | None]:
    """What to call a person; where the project hides names, only that it is another one."""
    if hidden:
        return {"user_name": f"Person {number}", "user_email": None}
    return {"user_name": str(person), "user_email": person.address}


def _record(
    issue: Issue,
    scores: Sequence[AssignmentScore],
    choice: Choice,
    *,
    top_n: int,
    candidates: int,
    user: User | None,
) -> PredictionHistory:
    answered = choice.loaded if choice.strategy == LEARNED else None
    return record_prediction(
        kind=ModelType.TASK_ASSIGNMENT,
        method=choice.strategy,
        project_id=issue.project_id,
        user=user,
        issue_id=issue.pk,
        input={"top_n": top_n},
        # 1 / rank of who does it: the first named, it is hoped.
        predicted_value=1.0 if scores else None,
        # Whom, to see later whether it helped; never how anyone scored.
        details={
            "suggested": [score.user_id for score in scores],
            "candidates": candidates,
            # Who has it already is no question whose answer could be right.
            "was_assigned": issue.assignee_id is not None,
        },
        model_id=answered.id if answered else None,
        model_version=answered.version if answered else "",
    )
