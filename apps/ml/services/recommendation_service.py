"""Who could take an issue."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.accounts.models import User
from apps.ml.core.assignment import AssignmentScore, rank_members
from apps.ml.models import PredictionHistory
from apps.ml.selectors.assignment import assignable_people, member_histories
from apps.ml.services.history import record_prediction
from apps.projects.models import Issue

DEFAULT_TOP_N = 3
#: The seed's weighted formula.
METHOD = "formula"


class RecommendationService:
    """Recommends people for work."""

    def suggest_assignment(
        self,
        issue_id: UUID | str,
        project_id: UUID | str,
        top_n: int = DEFAULT_TOP_N,
        *,
        user: User | None = None,
        now: datetime | None = None,
    ) -> dict[str, Any]:
        """The fields of the API's answer: the `top_n` members who suit an issue best, best first.

        Raises `Issue.DoesNotExist` if the project has no such issue.
        """
        now = now or timezone.now()
        issue = Issue.objects.select_related("issue_type").get(pk=issue_id, project_id=project_id)
        people = assignable_people(project_id, today=now.date())
        histories = member_histories(project_id, people, issue=issue)
        scores = rank_members(histories, issue_type=issue.issue_type.name, top_n=top_n, now=now)
        row = self._record(issue, scores, top_n=top_n, candidates=len(people), user=user)
        return {
            "prediction_id": str(row.pk),
            "suggestions": [_suggestion(people[score.user_id], score) for score in scores],
            "method": METHOD,
            "candidates": len(people),
        }

    def _record(
        self, issue: Issue, scores: list[AssignmentScore], *, top_n: int, candidates: int, user: User | None
    ) -> PredictionHistory:
        return record_prediction(
            kind=PredictionHistory.Kind.ASSIGNMENT,
            method=METHOD,
            project_id=issue.project_id,
            user=user,
            issue_id=issue.pk,
            input={"top_n": top_n},
            # Whom, to see later whether it helped; never how anyone scored.
            details={"suggested": [score.user_id for score in scores], "candidates": candidates},
        )


def _suggestion(person: User, score: AssignmentScore) -> dict[str, Any]:
    return {
        "user_id": str(person.pk),
        "user_name": str(person),
        "user_email": person.email,
        "total_score": score.total,
        "skill_score": score.skill,
        "workload_score": score.workload,
        "performance_score": score.performance,
        "availability_score": score.availability,
        "reasoning": list(score.reasoning),
    }
