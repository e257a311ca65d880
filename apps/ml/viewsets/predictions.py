"""Predict effort, recommend story points: validate, authorise, ask the service, answer."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from apps.ml.selectors.issues import facts_of
from apps.ml.serializers.predictions import (
    EffortPredictionResponse,
    IssueInputSerializer,
    PointsRecommendationResponse,
    PredictEffortRequest,
    RecommendPointsRequest,
)
from apps.ml.services import PredictionService
from apps.projects.models import Issue, Project
from apps.projects.selectors import projects_visible_to


class PredictionViewSet(ViewSet):
    """Predictions for one issue."""

    @extend_schema(request=PredictEffortRequest, responses=EffortPredictionResponse, tags=["ml"])
    def predict_effort(self, request: Request) -> Response:
        """Predict the hours an issue will take."""
        return _answer(request, PredictEffortRequest(data=request.data), PredictionService().predict_issue_effort)

    @extend_schema(request=RecommendPointsRequest, responses=PointsRecommendationResponse, tags=["ml"])
    def recommend_story_points(self, request: Request) -> Response:
        """Recommend story points for an issue."""
        return _answer(request, RecommendPointsRequest(data=request.data), PredictionService().recommend_story_points)


def _answer(request: Request, asked: IssueInputSerializer, service: Callable[..., dict[str, Any]]) -> Response:
    asked.is_valid(raise_exception=True)
    project = get_object_or_404(projects_visible_to(request.user), id=asked.validated_data["project_id"])
    issue_id = asked.validated_data.get("issue_id")
    known = _facts_of_issue(project, issue_id) if issue_id else {}
    return Response(service(project_id=project.id, user=request.user, issue_id=issue_id, **known | asked.facts()))


def _facts_of_issue(project: Project, issue_id: UUID) -> dict[str, Any]:
    issue = get_object_or_404(Issue.objects.select_related("issue_type"), id=issue_id, project=project)
    return asdict(facts_of(issue))
