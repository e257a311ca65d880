"""Outcomes of sprints: validate, authorise, ask the service, answer."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from apps.common.api.openapi import Problem
from apps.common.api.problems import PROBLEM_JSON
from apps.ml.serializers.sprint_outcome import SprintOutcomeResponse
from apps.ml.services.sprints.outcome import SprintOutcomeService
from apps.projects.selectors import sprints_visible_to

NO_OUTCOME: dict[Any, Any] = {
    (409, PROBLEM_JSON): OpenApiResponse(Problem, "The sprint is completed."),
    (422, PROBLEM_JSON): OpenApiResponse(Problem, "Nothing is committed, or a running sprint has no last day."),
}


class SprintOutcomeViewSet(ViewSet):
    """What sprints will deliver."""

    @extend_schema(responses={200: SprintOutcomeResponse, **NO_OUTCOME}, tags=["ml"])
    def retrieve(self, request: Request, sprint_id: UUID) -> Response:
        """Predict what a planned or running sprint delivers of what it committed to."""
        sprint = get_object_or_404(sprints_visible_to(request.user), id=sprint_id)
        return Response(SprintOutcomeService().predict(sprint.id, user=request.user))
