"""Flow and reference stories of a project: validate, authorise, ask the service, answer."""

from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from apps.ml.serializers.flow import FlowRequest, FlowResponse, ReferenceResponse
from apps.ml.services.flow import flow_answer, references_answer
from apps.projects.names.lookup import project_named


class FlowViewSet(ViewSet):
    """How work moves over a project's board, by its recorded history."""

    @extend_schema(parameters=[FlowRequest], responses=FlowResponse, tags=["ml"])
    def flow(self, request: Request, project_id: UUID) -> Response:
        """Cycle times, ageing work, cumulative flow, time in state, flow efficiency and blocked time of a project."""
        project = project_named(project_id, request.user)
        asked = FlowRequest(data=request.query_params)
        asked.is_valid(raise_exception=True)
        return Response(flow_answer(project, now=timezone.now(), days=asked.validated_data["days"]))

    @extend_schema(responses=ReferenceResponse, tags=["ml"])
    def references(self, request: Request, project_id: UUID) -> Response:
        """Finished issues of the team that are typical of each number of story points."""
        project = project_named(project_id, request.user)
        return Response(references_answer(project, now=timezone.now()))
