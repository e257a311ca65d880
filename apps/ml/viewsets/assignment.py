"""Who could take an issue: validate, authorise, ask the service, answer."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from apps.accounts.scopes import Scope
from apps.accounts.signed_in import signed_in
from apps.ml.serializers.assignment import SuggestAssignmentRequest, SuggestAssignmentResponse
from apps.ml.services import RecommendationService
from apps.ml.services.predictions.switch import require_predictions
from apps.ml.viewsets.scope import NOT_FOUND
from apps.projects.selectors import issues_visible_to


class AssignmentViewSet(ViewSet):
    """Answers about people and work."""

    key_scope = Scope.PREDICT

    @extend_schema(
        request=SuggestAssignmentRequest, responses={200: SuggestAssignmentResponse, **NOT_FOUND}, tags=["ml"]
    )
    def suggest_assignment(self, request: Request) -> Response:
        """Suggest who could take an issue."""
        asked = SuggestAssignmentRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        issue_id, project_id = asked.validated_data["issue_id"], asked.validated_data["project_id"]
        issues = issues_visible_to(request.user).select_related("project")
        require_predictions(get_object_or_404(issues, id=issue_id, project_id=project_id).project)
        return Response(RecommendationService().suggest_assignment(**asked.validated_data, user=signed_in(request)))
