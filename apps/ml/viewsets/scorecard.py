"""The scorecard of a project: validate, authorise, ask the service, answer."""

from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from apps.ml.serializers.scorecard import ScorecardRequest, ScorecardResponse
from apps.ml.services.evaluation.scorecard import project_scorecard
from apps.projects.names.lookup import project_named


class ScorecardViewSet(ViewSet):
    """How predictions turned out."""

    query_parameters = tuple(ScorecardRequest().fields)

    @extend_schema(parameters=[ScorecardRequest], responses=ScorecardResponse, tags=["ml"])
    def scorecard(self, request: Request, project_id: UUID) -> Response:
        """Score a project's predictions against what really happened, the naive baseline and the team's estimates."""
        project = project_named(project_id, request.user)
        asked = ScorecardRequest(data=request.query_params)
        asked.is_valid(raise_exception=True)
        days, kind = asked.validated_data["days"], asked.validated_data["type"]
        return Response(ScorecardResponse.of(project_scorecard(project.id, now=timezone.now(), days=days, kind=kind)))
