"""Duration, risks, burndown and outcome of sprints: validate, authorise, ask the service, answer."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from apps.accounts.scopes import Scope
from apps.accounts.signed_in import signed_in
from apps.common.api.idempotency import Asks
from apps.common.api.openapi import Problem
from apps.common.api.problems import PROBLEM_JSON
from apps.ml.core.sprints.burndown import burndown
from apps.ml.selectors.sprints import sprint_past
from apps.ml.serializers.sprints import (
    BurndownResponse,
    EstimateSprintDurationRequest,
    SprintDurationResponse,
    SprintOutcomeResponse,
    SprintRiskResponse,
)
from apps.ml.services import AnomalyDetectionService
from apps.ml.services.sprints.duration import SprintDurationService
from apps.ml.services.sprints.outcome import SprintOutcomeService
from apps.ml.viewsets.scope import NOT_FOUND, PREDICTIONS_OFF, predicted_sprint, with_issue_ids
from apps.projects.selectors import sprints_visible_to

NOT_ENOUGH_DATA: dict[Any, Any] = {(422, PROBLEM_JSON): OpenApiResponse(Problem, "Too few completed sprints.")}
NO_OUTCOME: dict[Any, Any] = {
    (409, PROBLEM_JSON): OpenApiResponse(Problem, "The sprint is completed, or predictions are switched off."),
    (422, PROBLEM_JSON): OpenApiResponse(Problem, "Nothing is in the sprint, or it has no dates."),
}


class SprintPredictionViewSet(Asks, ViewSet):
    """Answers about one sprint."""

    key_scope = Scope.PREDICT
    recording = ("sprint_risk", "outcome")

    @extend_schema(
        request=EstimateSprintDurationRequest,
        responses={200: SprintDurationResponse, **NOT_FOUND, **NOT_ENOUGH_DATA},
        tags=["ml"],
    )
    def estimate_sprint_duration(self, request: Request) -> Response:
        """Estimate how long a sprint's work takes; 422 with fewer than 3 completed sprints that delivered something."""
        asked = EstimateSprintDurationRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        sprint = predicted_sprint(request, asked.validated_data["sprint_id"])
        wanted = with_issue_ids(sprint.project, asked.validated_data, "planned_issues")
        return Response(SprintDurationService().estimate_sprint_duration(**wanted, user=signed_in(request)))

    @extend_schema(responses={200: SprintRiskResponse, **PREDICTIONS_OFF}, tags=["ml"])
    def sprint_risk(self, request: Request, sprint_id: UUID) -> Response:
        """Detect the risks of a running sprint, and say what could not be judged."""
        sprint = predicted_sprint(request, sprint_id)
        return Response(AnomalyDetectionService().judge_sprint(sprint.id, user=signed_in(request)))

    @extend_schema(responses=BurndownResponse, tags=["ml"])
    def burndown(self, request: Request, sprint_id: UUID) -> Response:
        """Scope, remaining and done of a sprint by day, as the history stood then, beside the straight line."""
        sprints, now = sprints_visible_to(request.user).select_related("snapshot", "project"), timezone.now()
        past = sprint_past(get_object_or_404(sprints, id=sprint_id), now=now)
        return Response(BurndownResponse.of(burndown(past, now=now)))

    @extend_schema(responses={200: SprintOutcomeResponse, **NO_OUTCOME}, tags=["ml"])
    def outcome(self, request: Request, sprint_id: UUID) -> Response:
        """Predict what a planned or running sprint delivers of its scope."""
        sprint = predicted_sprint(request, sprint_id)
        return Response(SprintOutcomeService().predict(sprint.id, user=signed_in(request)))
