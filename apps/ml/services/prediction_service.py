"""Predicts effort and recommends story points: ask who can answer, record the answer, show it."""

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from apps.common.api.answers import Joined
from apps.common.operations.metrics import PREDICTION_SECONDS
from apps.ml.core.results import SimilarIssue
from apps.ml.models import ModelType
from apps.ml.serializers.predictions import EffortPredictionResponse, PointsRecommendationResponse
from apps.ml.services.effort.answering import answer_effort
from apps.ml.services.effort.recording import record_efforts
from apps.ml.services.points.answering import answer_points
from apps.ml.services.points.recording import record_points
from apps.ml.services.predictions.given import GivenAnswer
from apps.ml.services.predictions.questions import Asker, IssueQuestion, facts_asked
from apps.ml.services.similar.likeness import names_of_similar

if TYPE_CHECKING:
    from apps.accounts.models import User


class PredictionService:
    """The two predictions for an issue; instances are cheap."""

    def predict_issue_effort(
        self,
        title: str,
        description: str | None = None,
        issue_type: str | None = None,
        project_id: UUID | str = "",
        *,
        user: "User | None" = None,
        issue_id: UUID | None = None,
        erased_at: datetime | None = None,
        **known: Any,
    ) -> dict[str, Any]:
        """Hours for an issue; `known` are further fields of `IssueFacts` (priority, story_points, component, …).

        With `issue_id`, what is left out (or None) is taken from that issue; what is said to be empty is not.
        Whoever has read the issue before says since when (`erased_at`, see `Asker.of`).

        Returns
        -------
        dict
            The fields of the API's answer: `predicted_hours`, `confidence`, `prediction_range`, `method` and so on.
        """
        asker = Asker.of(UUID(str(project_id)), user, erased_at)
        facts = facts_asked(_said(title, description, issue_type, **known), asker.project_id, issue_id)
        started = time.perf_counter()
        given = answer_effort(facts, project_id)
        _observe(ModelType.EFFORT_PREDICTION, given, started)
        [row] = record_efforts(asker, [IssueQuestion(facts, issue_id)], [given])
        similar = _named(given.answer.similar_issues, project_id)
        return EffortPredictionResponse.of(given.answer, prediction_id=row["id"], similar_issues=similar)

    def recommend_story_points(
        self,
        title: str,
        description: str | None = None,
        issue_type: str | None = None,
        project_id: UUID | str = "",
        *,
        user: "User | None" = None,
        issue_id: UUID | None = None,
        erased_at: datetime | None = None,
        **known: Any,
    ) -> dict[str, Any]:
        """Story points for an issue, as a distribution over the team's own scale."""
        asker = Asker.of(UUID(str(project_id)), user, erased_at)
        facts = facts_asked(_said(title, description, issue_type, **known), asker.project_id, issue_id)
        started = time.perf_counter()
        given = answer_points(facts, project_id)
        _observe(ModelType.STORY_POINTS, given, started)
        [row] = record_points(asker, [IssueQuestion(facts, issue_id)], [given])
        return PointsRecommendationResponse.of(
            given.answer,
            prediction_id=row["id"],
            probability_distribution=row["details"]["probabilities"],
            similar_issues=_named(given.answer.similar_issues, project_id),
        )


def _said(title: str, description: str | None, issue_type: str | None, **known: Any) -> dict[str, Any]:
    texts = {"description": description, "issue_type": issue_type}
    return {"title": title, **known, **{name: text for name, text in texts.items() if text is not None}}


def _observe(kind: str, given: GivenAnswer[Any], started: float) -> None:
    PREDICTION_SECONDS.labels(type=kind, method=given.answer.method).observe(time.perf_counter() - started)


def _named(similar: tuple[SimilarIssue, ...], project_id: UUID | str) -> list[Joined]:
    """Evidence a person can follow: titles are looked up in the asker's own project only."""
    titles = names_of_similar(similar, project_id)
    return [Joined(issue, **titles[issue.issue_id]) for issue in similar if issue.issue_id in titles]
