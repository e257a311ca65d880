"""Predict effort, recommend story points: validate, authorise, ask the service, answer."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from apps.accounts.scopes import Scope
from apps.common.api.idempotency import Asks
from apps.common.api.openapi import Problem
from apps.common.api.problems import PROBLEM_JSON
from apps.ml.serializers.examples import EFFORT_EXAMPLES, POINTS_EXAMPLES
from apps.ml.serializers.predictions import (
    EffortPredictionResponse,
    PointsRecommendationResponse,
    PredictEffortRequest,
    RecommendPointsRequest,
    SimilarIssuesRequest,
    SimilarIssuesResponse,
    facts_sent,
)
from apps.ml.services import PredictionService
from apps.ml.services.points.vote import require_vote
from apps.ml.services.predictions.questions import known_of
from apps.ml.services.predictions.switch import texts_erased_at
from apps.ml.services.similar.likeness import likely_duplicates
from apps.ml.viewsets.scope import asked_project
from apps.projects.models import Issue, Project
from apps.projects.names.lookup import issue_named, project_named

HIDDEN: dict[Any, Any] = {
    (409, PROBLEM_JSON): OpenApiResponse(Problem, "The project hides points until the team has sized the issue.")
}


class PredictionViewSet(Asks, ViewSet):
    """Predictions for one issue."""

    operation_ids = {"similar": "find_similar_issues"}
    key_scope = Scope.PREDICT

    @extend_schema(
        summary="Predict the hours an issue will take",
        request=PredictEffortRequest,
        responses=EffortPredictionResponse,
        examples=EFFORT_EXAMPLES,
        tags=["ml"],
    )
    def predict_effort(self, request: Request) -> Response:
        """The model's hours, else those of similar issues, else the team's averages; `method` says which.

        The answer carries a range, a calibrated confidence and the reasons, and is recorded: the actual hours will
        score it. Fields that do not exist are refused.
        """
        return _answer(request, PredictEffortRequest, PredictionService().predict_issue_effort)

    @extend_schema(
        summary="Recommend story points for an issue",
        request=RecommendPointsRequest,
        responses={200: PointsRecommendationResponse, **HIDDEN},
        examples=POINTS_EXAMPLES,
        tags=["ml"],
    )
    def recommend_story_points(self, request: Request) -> Response:
        """A distribution over the team's scale and its median; `method` says where it comes from.

        The answer is recorded: the points the team gives will score it. Fields that do not exist are refused.
        """
        return _answer(request, RecommendPointsRequest, PredictionService().recommend_story_points, require_vote)

    @extend_schema(
        summary="Issues that may be about the same thing",
        request=SimilarIssuesRequest,
        responses=SimilarIssuesResponse,
        tags=["ml"],
    )
    def similar(self, request: Request, project_id: UUID) -> Response:
        """Likely duplicates of an issue that is being written, open and finished ones, at most five.

        First those that share its rare words, then up to two that mean the same in other words, marked so. Nothing is
        recorded.
        """
        asked = SimilarIssuesRequest.read(request.data)
        project = project_named(project_id, request.user)
        issue = _issue(project, asked.get("issue_id"))
        return Response(likely_duplicates(project.id, **asked | {"issue_id": issue.pk if issue else None}))


def _answer(
    request: Request,
    form: type[PredictEffortRequest | RecommendPointsRequest],
    service: Callable[..., dict[str, Any]],
    allowed: Callable[[Project, UUID | None], None] = lambda project, issue_id: None,
) -> Response:
    asked = form.read(request.data)
    project = asked_project(request, asked["project_id"])
    # Before the issue is read.
    by_whom = {"user": request.user, "erased_at": texts_erased_at(project.id)}
    issue = _issue(project, asked.get("issue_id"))
    issue_id = issue.pk if issue else None
    allowed(project, issue_id)
    known = known_of(issue) if issue else {}
    return Response(service(project_id=project.id, issue_id=issue_id, **by_whom, **known | facts_sent(asked)))


def _issue(project: Project, name: UUID | str | None) -> Issue | None:
    if not name:
        return None
    return issue_named(name, Issue.objects.filter(project=project).select_related("issue_type"))
