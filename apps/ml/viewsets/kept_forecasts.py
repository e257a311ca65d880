"""What was said, why it changed, and when each part is done: validate, authorise, ask the service, answer."""

from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.ml.models import KeptForecast
from apps.ml.selectors.kept_forecasts import kept_forecasts
from apps.ml.serializers.kept_forecasts import (
    KeptForecastDetailSerializer,
    KeptForecastSerializer,
    MovedRequest,
    MovedResponse,
    PartsRequest,
    PartsResponse,
)
from apps.ml.services.forecasts.asked import require_past
from apps.ml.services.forecasts.keeping import kept_answer, moved_answer
from apps.ml.services.forecasts.parts import parts_answer
from apps.ml.viewsets.forecasts import NOT_ENOUGH_DATA
from apps.ml.viewsets.scope import PREDICTIONS_OFF, predicted_project
from apps.projects.models import Project
from apps.projects.names.lookup import project_named

#: Of what is foretold now.
MAY_FAIL = {**NOT_ENOUGH_DATA, **PREDICTIONS_OFF}


class KeptForecastViewSet(ListModelMixin, GenericViewSet[KeptForecast]):
    """Forecasts of all open work of a project, as they were given."""

    queryset = KeptForecast.objects.all()
    serializer_class = KeptForecastSerializer
    filter_backends = []

    @cached_property
    def project(self) -> Project:
        """The one in the address, if this person may know that it exists."""
        return project_named(self.kwargs["project_id"], self.request.user)

    def get_queryset(self) -> QuerySet[KeptForecast]:
        return kept_forecasts(self.project, now=timezone.now())

    @extend_schema(tags=["ml"])
    def list(self, request: Request, project_id: UUID) -> Response:
        """What was said of a project's end, newest first: one forecast a day, and one at each turn of a sprint."""
        return super().list(request)

    @extend_schema(responses=KeptForecastDetailSerializer, tags=["ml"])
    def retrieve(self, request: Request, project_id: UUID, forecast_id: UUID) -> Response:
        """Show one kept forecast with the issues that it counted."""
        row = get_object_or_404(self.get_queryset().defer(None).select_related("sprint"), id=forecast_id)
        return Response(kept_answer(row))

    @extend_schema(parameters=[MovedRequest], responses={200: MovedResponse, **MAY_FAIL}, tags=["ml"])
    def moved(self, request: Request, project_id: UUID) -> Response:
        """Split the difference of two days' forecasts into scope, speed, calendar, order and model."""
        project = predicted_project(request, project_id)
        asked, now = MovedRequest(data=request.query_params), timezone.now()
        asked.is_valid(raise_exception=True)
        since = asked.validated_data["since"]
        require_past(since, project, now=now)
        return Response(moved_answer(project, now=now, since=since))

    @extend_schema(parameters=[PartsRequest], responses={200: PartsResponse, **MAY_FAIL}, tags=["ml"])
    def parts(self, request: Request, project_id: UUID) -> Response:
        """When the open work of each epic, label, component or type is done."""
        project = predicted_project(request, project_id)
        asked = PartsRequest(data=request.query_params)
        asked.is_valid(raise_exception=True)
        return Response(parts_answer(project, asked.validated_data["by"], now=timezone.now()))
