"""The model registry: list, detail, train, follow a training, activate, roll back."""

from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django_filters import ChoiceFilter, FilterSet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, PermissionDenied, ValidationError
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.accounts.scopes import Scope
from apps.accounts.signed_in import signed_in
from apps.common.api.idempotency import answered_by, asks_first
from apps.common.api.openapi import Problem
from apps.common.api.problems import PROBLEM_JSON, problem
from apps.common.api.query import without_body
from apps.ml.models import MLModel, ModelType, TrainingRun
from apps.ml.selectors.registry import models_visible_to, runs_visible_to
from apps.ml.serializers.registry import JobSerializer, ModelDetailSerializer, ModelSerializer, ScopeRequest
from apps.ml.services.models import registry as model_registry
from apps.ml.services.models.fitting import PeopleStayInTheirProject
from apps.ml.services.models.kinds import kind_of
from apps.ml.services.training import jobs as training_jobs
from apps.ml.storage.errors import StorageError
from apps.ml.tasks import BrokerUnavailable, send_training
from apps.projects.filters import YesNoFilter
from apps.projects.models import Project, TeamMember
from apps.projects.names.fields import ProjectNameFilter
from apps.projects.names.lookup import project_named
from apps.projects.selectors import role_of, sees_everything

#: How soon a client may look again for a broker that is away, in seconds: lost messages are sent again by then.
RETRY_AFTER_SECONDS = 600
_LOCATION = OpenApiParameter("Location", OpenApiTypes.URI_REF, OpenApiParameter.HEADER, response=[202, 409, 503])


class StoreUnavailable(APIException):
    """The model store does not answer, so that the model cannot be checked before it serves."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The model store does not answer, so that the model cannot be checked before it serves."
    default_code = "store_unavailable"


class StartsLater(BrokerUnavailable):
    """A training that was asked for is kept, and the broker is away."""

    def __init__(self, run_id: UUID, cause: BrokerUnavailable) -> None:
        super().__init__(
            f"{cause.message} Job {run_id} is kept and starts when it is back; asking again is not needed."
        )
        self.run_id = run_id


class ModelFilter(FilterSet):
    """What the list can be narrowed to."""

    project_id = ProjectNameFilter("project", help_text="Only models of this project, by key or id.")
    model_type = ChoiceFilter(choices=ModelType.choices)
    is_active = YesNoFilter(help_text="Only models that serve, or only others.")

    class Meta:
        model = MLModel
        fields: list[str] = []


class ModelViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[MLModel]):
    """Trained models of your projects and the global ones; leads decide for their project, administrators for all."""

    operation_ids = {"rollback": "roll_back_model"}
    key_scope = Scope.MANAGE
    queryset = MLModel.objects.all()
    serializer_class = ModelSerializer
    lookup_url_kwarg = "model_id"
    filterset_class = ModelFilter

    def get_queryset(self) -> QuerySet[MLModel]:
        return models_visible_to(self.request.user)

    def get_serializer_class(self) -> type[ModelSerializer]:
        return ModelSerializer if self.action == "list" else ModelDetailSerializer

    @extend_schema(
        request=ScopeRequest,
        responses={
            202: OpenApiResponse(JobSerializer, description="Queued; `Location` is where to follow it."),
            409: OpenApiResponse(Problem, description="One is queued or running: `job_id`."),
            422: OpenApiResponse(Problem, description="Fewer than 50 completed issues to learn from."),
            503: OpenApiResponse(Problem, description="Queued as `job_id`; it starts when the broker is back."),
        },
        parameters=[_LOCATION],
        tags=["ml"],
    )
    def train(self, request: Request) -> Response:
        """Queue a training of a project's model, or of the global one."""
        asked = _validated_scope(request)
        project_id = _led_scope(request, asked)
        training_jobs.require_enough_data(asked["model_type"], project_id)
        try:
            run = training_jobs.request_training(
                asked["model_type"], project_id, cause="requested", by=signed_in(request), now=timezone.now()
            )
        except training_jobs.AlreadyTraining as conflict:
            return _refused(conflict.run_id, problem(409, "Conflict", conflict.message, conflict.code))
        # A worker that takes it at once finds the row.
        transaction.on_commit(partial(_send, run.id))
        return Response(
            JobSerializer(run, context=self.get_serializer_context()).data,
            status=status.HTTP_202_ACCEPTED,
            headers={"Location": _job_address(run.id)},
        )

    def handle_exception(self, error: Exception) -> Response:
        """What keeps a training waiting is told after it was kept, maybe with its answer (`Idempotency-Key`)."""
        if isinstance(error, StartsLater):
            answer = _refused(error.run_id, problem(503, "Service unavailable", error.message, error.code))
            answer["Retry-After"] = str(RETRY_AFTER_SECONDS)
            return answer
        return super().handle_exception(error)

    @asks_first
    @without_body(responses=ModelDetailSerializer, tags=["ml"])
    def activate(self, request: Request, model_id: UUID) -> Response:
        """Let a trained model serve in place of the one that does."""
        model = get_object_or_404(models_visible_to(request.user), id=model_id)
        _require_lead(request, model.project)
        try:
            model_registry.require_sound(model)
        except StorageError as error:
            raise StoreUnavailable from error
        return answered_by(
            lambda: self._shown(model_registry.activate(model, now=timezone.now(), by=signed_in(request)))
        )

    @extend_schema(request=ScopeRequest, responses=ModelDetailSerializer, tags=["ml"])
    def rollback(self, request: Request) -> Response:
        """Let the model that served before the present one serve again."""
        asked = _validated_scope(request)
        project_id = _led_scope(request, asked)
        model = model_registry.roll_back(asked["model_type"], project_id, now=timezone.now(), by=signed_in(request))
        return self._shown(model)

    def _shown(self, model: MLModel) -> Response:
        return Response(ModelDetailSerializer(model, context=self.get_serializer_context()).data)


class JobViewSet(RetrieveModelMixin, GenericViewSet[TrainingRun]):
    """Trainings that were asked for."""

    queryset = TrainingRun.objects.all()
    serializer_class = JobSerializer
    lookup_url_kwarg = "job_id"

    def get_queryset(self) -> QuerySet[TrainingRun]:
        return runs_visible_to(self.request.user)


def _validated_scope(request: Request) -> dict[str, Any]:
    asked = ScopeRequest(data=request.data)
    asked.is_valid(raise_exception=True)
    scope: dict[str, Any] = asked.validated_data
    if scope["global"] and kind_of(scope["model_type"]).stays_in_project:
        raise ValidationError({"global": PeopleStayInTheirProject().message})
    return scope


def _led_scope(request: Request, asked: dict[str, Any]) -> UUID | None:
    """The project asked for, or None for all, if this person may decide for it."""
    if asked["global"]:
        _require_lead(request, None)
        return None
    project = project_named(asked["project_id"], request.user)
    _require_lead(request, project)
    return project.id


def _require_lead(request: Request, project: Project | None) -> None:
    if project is None and not sees_everything(request.user):
        raise PermissionDenied("Only administrators decide about the model of all projects.")
    if project is not None and role_of(request.user, project) != TeamMember.Role.LEAD:
        raise PermissionDenied("Only leads decide about the models of their project.")


def _send(run_id: UUID) -> None:
    try:
        send_training(run_id)
    except BrokerUnavailable as error:
        raise StartsLater(run_id, error) from error


def _job_address(run_id: UUID) -> str:
    return reverse("training-job", kwargs={"job_id": run_id})


def _refused(run_id: UUID, body: dict[str, Any]) -> Response:
    """A problem that a job is behind: the client can follow it."""
    body |= {"job_id": str(run_id), "instance": reverse("train-model")}
    return Response(body, status=body["status"], headers={"Location": _job_address(run_id)}, content_type=PROBLEM_JSON)
