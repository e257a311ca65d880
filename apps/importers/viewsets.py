"""Imports and connections over the API, for those who lead the project."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import PermissionDenied
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.accounts.scopes import Scope
from apps.accounts.signed_in import signed_in
from apps.common.api.parsers import JSONParser
from apps.common.api.query import without_body
from apps.importers import connections, runs, selectors
from apps.importers.models import Connection, ImportRun
from apps.importers.serializers import ConnectionSerializer, ImportRequest, ImportSerializer, UndoAnswer
from apps.importers.tasks import send
from apps.projects.models import Project, TeamMember
from apps.projects.names.lookup import project_named
from apps.projects.permissions import LeadsOnly
from apps.projects.selectors import role_of
from apps.projects.viewsets import ReadViewSet, gone


class ConnectionViewSet(ReadViewSet):
    """Trackers that the project is kept in step with, every hour."""

    permission_classes = [IsAuthenticated, LeadsOnly]
    queryset = Connection.objects.all()
    serializer_class = ConnectionSerializer
    lookup_url_kwarg = "connection_id"

    def get_queryset(self) -> QuerySet[Connection]:
        return Connection.objects.filter(project=self.project)

    def create(self, request: Request, project_id: str) -> Response:
        """Connect the project with a place in a tracker; the token is encrypted and never shown."""
        asked = self.validated()
        made = connections.connect(
            self.project, asked["place"], asked["token"], by=signed_in(request), now=timezone.now()
        )
        return self.shown(made, status.HTTP_201_CREATED)

    def partial_update(self, request: Request, project_id: str, connection_id: str) -> Response:
        """Give a new token, or switch it off and on."""
        connection = self.get_object()
        return self.shown(connections.change(connection, by=signed_in(request), **self.validated(connection)))

    def destroy(self, request: Request, project_id: str, connection_id: str) -> Response:
        """Forget the connection with its token; what it imported stays."""
        self.get_object().delete()
        return gone()


class ImportViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[ImportRun]):
    """Imports of the projects that you lead, the latest first."""

    key_scope = Scope.MANAGE
    queryset = ImportRun.objects.all()
    serializer_class = ImportSerializer
    parser_classes = [JSONParser, MultiPartParser]
    lookup_url_kwarg = "import_id"

    def get_queryset(self) -> QuerySet[ImportRun]:
        return selectors.runs_visible_to(self.request.user)

    @extend_schema(
        request=ImportRequest,
        responses={202: OpenApiResponse(ImportSerializer, description="Queued; `Location` is where to follow it.")},
    )
    def create(self, request: Request) -> Response:
        """Ask for an import, by a connection or of a file."""
        form = ImportRequest(data=request.data)
        form.is_valid(raise_exception=True)
        asked = form.validated_data
        project = self._led(asked["project"])
        common: dict[str, Any] = {"by": signed_in(request), "now": timezone.now(), "is_dry_run": asked["dry_run"]}
        if asked["connection"] is not None:
            connection = get_object_or_404(Connection, project=project, pk=asked["connection"])
            run = runs.ask_sync(connection, is_full=asked["full"], **common)
        else:
            file = asked["file"]
            run = runs.ask_upload(project, name=file.name, content=file.read(), **common)
        transaction.on_commit(lambda: send([run.pk]))
        return _followed(run)

    @without_body(
        responses={
            200: UndoAnswer,
            202: OpenApiResponse(
                ImportSerializer, description="A large one: a worker does it; `Location` is where to follow it."
            ),
        },
    )
    def undo(self, request: Request, import_id: UUID) -> Response:
        """Take an import back, the latest first: a small one at once, a large one by a worker, batch by batch."""
        run = self.get_object()
        kept = runs.ask_undo(run, by=signed_in(request), now=timezone.now())
        if kept is not None:
            return Response({"kept": kept})
        transaction.on_commit(lambda: send([run.pk]))
        return _followed(run)

    def _led(self, project_id: UUID) -> Project:
        project = project_named(project_id, self.request.user)
        if role_of(self.request.user, project) != TeamMember.Role.LEAD:
            raise PermissionDenied("Only leads import into their project.")
        return project


def _followed(run: ImportRun) -> Response:
    """What a worker does: how far it is, and where that is told later."""
    return Response(
        ImportSerializer(run).data,
        status=status.HTTP_202_ACCEPTED,
        headers={"Location": reverse("import-detail", kwargs={"import_id": run.pk})},
    )
