"""Projects summed up: authorise, ask the service, answer."""

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from apps.accounts.scopes import Scope
from apps.accounts.signed_in import signed_in
from apps.common.api.idempotency import Asks
from apps.common.api.query import without_body
from apps.ml.serializers.projects import ProjectSummaryResponse
from apps.ml.services.project_summary import ProjectSummaryService
from apps.ml.viewsets.scope import predicted_project


class ProjectSummaryViewSet(Asks, ViewSet):
    """Answers about a whole project."""

    operation_ids = {"project_summary": "summarize_project"}
    key_scope = Scope.PREDICT

    @without_body(responses=ProjectSummaryResponse, tags=["ml"])
    def project_summary(self, request: Request, project_id: UUID) -> Response:
        """Sum up a project: completion, velocity, risk."""
        project = predicted_project(request, project_id)
        return Response(ProjectSummaryService().summarise_project(project.id, user=signed_in(request)))
