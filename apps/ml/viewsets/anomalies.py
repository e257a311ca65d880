"""Anomalies of a project: list and filter, look at one, say what it was."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django_filters import ChoiceFilter, FilterSet
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.accounts.scopes import Scope
from apps.accounts.signed_in import signed_in
from apps.common.api.openapi import Problem
from apps.common.api.problems import PROBLEM_JSON
from apps.common.models import Severity
from apps.ml.models import AnomalyDetection
from apps.ml.selectors.calendars import WORKING_ROLES
from apps.ml.selectors.issues import issue_titles
from apps.ml.serializers.anomalies import AnomalySerializer, ReviewRequest
from apps.ml.services.anomalies.review import REVIEWS
from apps.notifications.selectors import severest_first
from apps.projects.models import Project
from apps.projects.names.lookup import project_named
from apps.projects.selectors import role_of


class AnomalyFilter(FilterSet):
    """What the list can be narrowed to."""

    status = ChoiceFilter(choices=AnomalyDetection.Status.choices)
    severity = ChoiceFilter(choices=Severity.choices)

    class Meta:
        model = AnomalyDetection
        fields = ["anomaly_type"]


class AnomalyViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[AnomalyDetection]):
    """What was found in a project, the latest first, of one moment the severest; members and leads say what it was."""

    key_scope = Scope.WRITE
    queryset = AnomalyDetection.objects.all()
    serializer_class = AnomalySerializer
    lookup_url_kwarg = "anomaly_id"
    filterset_class = AnomalyFilter
    #: Of the issues that the anomalies shown are about.
    titles: dict[str, dict[str, str]] = {}

    @cached_property
    def project(self) -> Project:
        """The one in the address, if this person may know that it exists."""
        return project_named(self.kwargs["project_id"], self.request.user)

    def get_queryset(self) -> QuerySet[AnomalyDetection]:
        return AnomalyDetection.objects.filter(project=self.project).order_by(
            "-detected_at", severest_first("severity"), "id"
        )

    def paginate_queryset(self, queryset: Any) -> Any:
        """A page, with the names of its issues."""
        page = super().paginate_queryset(queryset)
        self.titles = self._titles(page or ())
        return page

    def get_object(self) -> AnomalyDetection:
        """One of them, with the names of its issues."""
        anomaly = super().get_object()
        self.titles = self._titles([anomaly])
        return anomaly

    def get_serializer_context(self) -> dict[str, Any]:
        """As ever, and what issues are called."""
        return {**super().get_serializer_context(), "titles": self.titles}

    def _titles(self, anomalies: Iterable[AnomalyDetection]) -> dict[str, dict[str, str]]:
        """What the issues of all of them are called, in one query."""
        return issue_titles(self.project.id, {id_ for row in anomalies for id_ in row.evidence.get("issues", ())})

    @extend_schema(
        request=ReviewRequest,
        responses={
            200: AnomalySerializer,
            (409, PROBLEM_JSON): OpenApiResponse(Problem, "Somebody has closed it already."),
        },
        tags=["ml"],
    )
    def review(self, request: Request, project_id: UUID, anomaly_id: UUID) -> Response:
        """Acknowledge, resolve or dismiss an open anomaly; who and when are kept with it."""
        anomaly = self.get_object()
        if role_of(request.user, self.project) not in WORKING_ROLES:
            raise PermissionDenied("Your role in this project does not allow this.")
        asked = ReviewRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        act = REVIEWS[AnomalyDetection.Status(asked.validated_data["status"])]
        row = act(anomaly, by=signed_in(request), now=timezone.now(), notes=asked.validated_data["notes"])
        return Response(AnomalySerializer(row, context=self.get_serializer_context()).data)
