"""The burndown of a sprint: authorise, read, compute, answer."""

from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from apps.ml.core.sprints.burndown import burndown
from apps.ml.selectors.sprints import sprint_past
from apps.ml.serializers.burndown import BurndownResponse
from apps.projects.selectors import sprints_visible_to


class BurndownViewSet(ViewSet):
    """What was left by day."""

    @extend_schema(responses=BurndownResponse, tags=["ml"])
    def burndown(self, request: Request, sprint_id: UUID) -> Response:
        """Scope, remaining and done of a sprint by day, as the history stood then, beside the straight line."""
        sprints, now = sprints_visible_to(request.user).select_related("snapshot"), timezone.now()
        past = sprint_past(get_object_or_404(sprints, id=sprint_id), now=now)
        return Response(BurndownResponse(burndown(past, now=now)).data)
