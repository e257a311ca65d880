"""Sprint duration, sprint risk, project summary: validate, authorise, ask the service, answer."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from apps.common.api.openapi import Problem
from apps.common.api.problems import PROBLEM_JSON
from apps.ml.selectors.sprints import issues_outside
from apps.ml.serializers.insights import (
    EstimateSprintDurationRequest,
    ProjectSummaryResponse,
    SprintDurationResponse,
    SprintRiskResponse,
)
from apps.ml.services import AnomalyDetectionService
from apps.ml.services.project_summary import ProjectSummaryService
from apps.ml.services.sprints.duration import SprintDurationService
from apps.projects.selectors import projects_visible_to, sprints_visible_to

#: What is named in the body, rather than the address, is not there or not visible.
NOT_FOUND: dict[Any, Any] = {
    (404, PROBLEM_JSON): OpenApiResponse(Problem, "There is no such thing, or you may not see it.")
}
NOT_ENOUGH_DATA: dict[Any, Any] = {(422, PROBLEM_JSON): OpenApiResponse(Problem, "Too few completed sprints.")}


class InsightViewSet(ViewSet):
    """Answers about sprints, teams and projects."""

    @extend_schema(
        request=EstimateSprintDurationRequest,
        responses={200: SprintDurationResponse, **NOT_FOUND, **NOT_ENOUGH_DATA},
        tags=["ml"],
    )
    def estimate_sprint_duration(self, request: Request) -> Response:
        """Estimate how long a sprint's work takes; 422 with fewer than 3 completed sprints that delivered something."""
        asked = EstimateSprintDurationRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        sprint = get_object_or_404(sprints_visible_to(request.user), id=asked.validated_data["sprint_id"])
        require_issues_of(sprint.project_id, planned_issues=asked.validated_data["planned_issues"])
        service = SprintDurationService()
        return Response(service.estimate_sprint_duration(**asked.validated_data, user=request.user))

    @extend_schema(responses=SprintRiskResponse, tags=["ml"])
    def sprint_risk(self, request: Request, sprint_id: UUID) -> Response:
        """Detect the risks of a running sprint."""
        sprint = get_object_or_404(sprints_visible_to(request.user), id=sprint_id)
        return Response({"risks": AnomalyDetectionService().detect_sprint_risks(sprint.id, user=request.user)})

    @extend_schema(request=None, responses=ProjectSummaryResponse, tags=["ml"])
    def project_summary(self, request: Request, project_id: UUID) -> Response:
        """Sum up a project: completion, velocity, risk."""
        project = get_object_or_404(projects_visible_to(request.user), id=project_id)
        return Response(ProjectSummaryService().summarise_project(project.id, user=request.user))


def require_issues_of(project_id: UUID, **fields: Sequence[UUID]) -> None:
    """Refuse issues of other projects, naming the field."""
    for name, issue_ids in fields.items():
        if outside := issues_outside(project_id, issue_ids):
            # The same words for an issue of another project and for none at all: existence is not told.
            raise ValidationError({name: [f"Not issues of this project: {', '.join(sorted(map(str, outside)))}"]})
