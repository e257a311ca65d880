"""Who could take an issue: validate, authorise, ask the service, answer."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from apps.accounts.scopes import Scope
from apps.accounts.signed_in import signed_in
from apps.common.api.idempotency import Asks
from apps.ml.serializers.assignment import SuggestAssignmentRequest, SuggestAssignmentResponse
from apps.ml.services import RecommendationService
from apps.ml.viewsets.scope import NOT_FOUND, predicted_project
from apps.projects.models import Issue
from apps.projects.names.lookup import issue_named


class AssignmentViewSet(Asks, ViewSet):
    """Answers about people and work."""

    key_scope = Scope.PREDICT

    @extend_schema(
        request=SuggestAssignmentRequest, responses={200: SuggestAssignmentResponse, **NOT_FOUND}, tags=["ml"]
    )
    def suggest_assignment(self, request: Request) -> Response:
        """Suggest who could take an issue."""
        asked = SuggestAssignmentRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        project = predicted_project(request, asked.validated_data["project_id"])
        issue = issue_named(asked.validated_data["issue_id"], Issue.objects.filter(project=project))
        wanted = asked.validated_data | {"project_id": project.pk, "issue_id": issue.pk}
        return Response(RecommendationService().suggest_assignment(**wanted, user=signed_in(request)))
