"""CRUD over the domain: find what the person may see, read the input, call the service, show the result.

Nobody can change what a list is ordered by where no order is asked for: a client that pages sees each row once.
"""

from collections.abc import Hashable, Mapping
from datetime import date
from typing import Any

from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from apps.accounts.models import User
from apps.accounts.signed_in import signed_in
from apps.common.api.query import without_body
from apps.projects import days_off, placeholders, selectors, services
from apps.projects.filters import DayOffFilter, IssueFilter, IssueTypeFilter, ProjectFilter, SprintFilter, StatusFilter
from apps.projects.history.snapshots import books_of
from apps.projects.holidays import holidays_of
from apps.projects.models import DayOff, Issue, IssueChange, IssueType, Project, Sprint, TeamMember, WorkflowStatus
from apps.projects.names.lookup import issue_named, project_named
from apps.projects.permissions import LeadsOrOneself, ProjectRole
from apps.projects.serializers import (
    CloseSprintSerializer,
    DayOffSerializer,
    HolidaySerializer,
    HolidaysSerializer,
    IssueChangeSerializer,
    IssueSerializer,
    IssueTypeSerializer,
    JoinedSerializer,
    JoinSerializer,
    MemberSerializer,
    NewIssueSerializer,
    ProjectSerializer,
    ProjectUpdateSerializer,
    SprintReportSerializer,
    SprintSerializer,
    StatusSerializer,
    YearSerializer,
)

Role = TeamMember.Role


class ReadViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[Any]):
    """Reads for every member; subclasses add the writes that `role_to_write` allows."""

    permission_classes = [IsAuthenticated, ProjectRole]
    serializer_class: type[BaseSerializer[Any]]
    role_to_write = Role.LEAD

    @cached_property
    def project(self) -> Project:
        """The project of the address; 404 for whom it does not exist."""
        return project_named(self.kwargs["project_id"], self.request.user)

    def get_serializer_context(self) -> Mapping[str, Any]:
        context = super().get_serializer_context()
        return {**context, "project": self.project} if "project_id" in self.kwargs else context

    def validated(self, *instance: Any) -> dict[str, Any]:
        """The body, checked; against an instance only what is given."""
        serializer = self.get_serializer(*instance, data=self.request.data, partial=bool(instance))
        serializer.is_valid(raise_exception=True)
        fields: dict[str, Any] = serializer.validated_data
        return fields

    def shown(self, row: Any, code: int = status.HTTP_200_OK) -> Response:
        serializer = self.serializer_class(row, context=self.get_serializer_context())
        return Response(serializer.data, status=code)


def gone() -> Response:
    return Response(status=status.HTTP_204_NO_CONTENT)


class ProjectViewSet(ReadViewSet):
    """Projects of which you are a member."""

    queryset = Project.objects.all()
    serializer_class = ProjectSerializer
    filterset_class = ProjectFilter
    lookup_url_kwarg = "project_id"

    def get_queryset(self) -> QuerySet[Project]:
        return selectors.projects_visible_to(self.request.user)

    def get_object(self) -> Project:
        return self.project

    def get_serializer_class(self) -> type[ProjectSerializer]:
        return ProjectUpdateSerializer if self.action == "partial_update" else ProjectSerializer

    def create(self, request: Request) -> Response:
        """Make a project, which you then lead."""
        if signed_in(request).confined_to is not None:
            raise PermissionDenied("This key is for one project.")
        project = services.create_project(by=signed_in(request), now=timezone.now(), **self.validated())
        return self.shown(project, status.HTTP_201_CREATED)

    def partial_update(self, request: Request, project_id: str) -> Response:
        return self.shown(services.update_project(self.project, **self.validated(self.project)))

    def destroy(self, request: Request, project_id: str) -> Response:
        """Delete the project with everything in it."""
        services.delete_project(self.project)
        return gone()


class IssueViewSet(ReadViewSet):
    """Issues of a project."""

    queryset = Issue.objects.all()
    serializer_class = IssueSerializer
    filterset_class = IssueFilter
    lookup_url_kwarg = "issue_id"
    role_to_write = Role.MEMBER

    def get_queryset(self) -> QuerySet[Issue]:
        return selectors.issues_of(self.project)

    def rows_stamp(self) -> Hashable:
        """Changes with every issue that is added, edited or deleted."""
        return selectors.issues_stamp(self.project.pk, now=timezone.now())

    def get_object(self) -> Issue:
        """By id or key."""
        return issue_named(self.kwargs["issue_id"], self.get_queryset())

    def get_serializer_class(self) -> type[IssueSerializer]:
        return NewIssueSerializer if self.action == "create" else IssueSerializer

    @extend_schema(responses={201: IssueSerializer})
    def create(self, request: Request, project_id: str) -> Response:
        issue = services.create_issue(self.project, by=signed_in(request), now=timezone.now, **self.validated())
        return self.shown(issue, status.HTTP_201_CREATED)

    def partial_update(self, request: Request, project_id: str, issue_id: str) -> Response:
        """Change an issue; every change but that of the due date goes on record."""
        issue = self.get_object()
        return self.shown(
            services.update_issue(issue, by=signed_in(request), now=timezone.now, **self.validated(issue))
        )

    def destroy(self, request: Request, project_id: str, issue_id: str) -> Response:
        """Delete the issue with its history."""
        services.delete_issue(self.get_object())
        return gone()


class IssueHistoryViewSet(ReadViewSet):
    """What was changed of an issue, oldest first."""

    queryset = IssueChange.objects.all()
    serializer_class = IssueChangeSerializer

    def get_queryset(self) -> QuerySet[IssueChange]:
        return selectors.history_of(issue_named(self.kwargs["issue_id"], selectors.issues_of(self.project)))


class SprintViewSet(ReadViewSet):
    """Sprints of a project, the newest last."""

    queryset = Sprint.objects.all()
    serializer_class = SprintSerializer
    filterset_class = SprintFilter
    lookup_url_kwarg = "sprint_id"
    role_to_write = Role.MEMBER

    def get_queryset(self) -> QuerySet[Sprint]:
        return selectors.sprints_of(self.project).order_by("created_at", "id")

    def create(self, request: Request, project_id: str) -> Response:
        sprint = services.create_sprint(self.project, now=timezone.now, **self.validated())
        return self.shown(sprint, status.HTTP_201_CREATED)

    def partial_update(self, request: Request, project_id: str, sprint_id: str) -> Response:
        sprint = self.get_object()
        return self.shown(services.update_sprint(sprint, **self.validated(sprint)))

    def destroy(self, request: Request, project_id: str, sprint_id: str) -> Response:
        """Delete a sprint that was never started."""
        services.delete_sprint(self.get_object(), by=signed_in(request), now=timezone.now)
        return gone()

    @without_body(responses={200: SprintSerializer})
    @action(detail=True, methods=["post"])
    def start(self, request: Request, project_id: str, sprint_id: str) -> Response:
        """Make a planned sprint the running one."""
        return self.shown(services.start_sprint(self.get_object(), now=timezone.now))

    @extend_schema(request=CloseSprintSerializer, responses={200: SprintSerializer})
    @action(detail=True, methods=["post"])
    def close(self, request: Request, project_id: str, sprint_id: str) -> Response:
        """Complete the sprint and freeze its report; what is unfinished moves on or goes back to the backlog."""
        sprint = self.get_object()
        choice = CloseSprintSerializer(data=request.data, context=self.get_serializer_context())
        choice.is_valid(raise_exception=True)
        return self.shown(
            services.close_sprint(sprint, by=signed_in(request), now=timezone.now, **choice.validated_data)
        )

    @extend_schema(responses=SprintReportSerializer)
    @action(detail=True)
    def report(self, request: Request, project_id: str, sprint_id: str) -> Response:
        """What was committed, added, removed, completed and carried over.

        Of a closed sprint as it was frozen; of a running one as of now, and of one that was completed before reports
        were kept, or by an import, as the history tells.
        """
        sprint, now = (
            get_object_or_404(self.get_queryset().select_related("snapshot", "project"), pk=sprint_id),
            timezone.now(),
        )
        return Response(SprintReportSerializer((sprint, books_of([sprint], now=now)[str(sprint.pk)])).data)


class MemberViewSet(ReadViewSet):
    """The team. People join it by accepting an invitation."""

    permission_classes = [IsAuthenticated, LeadsOrOneself]
    queryset = TeamMember.objects.all()
    serializer_class = MemberSerializer
    lookup_field = "user_id"

    def get_queryset(self) -> QuerySet[TeamMember]:
        return selectors.team_of(self.project)

    def partial_update(self, request: Request, project_id: str, user_id: str) -> Response:
        member = self.get_object()
        return self.shown(services.change_member(member, **self.validated(member)))

    def destroy(self, request: Request, project_id: str, user_id: str) -> Response:
        """Take a person out of the team, or leave it; their open issues become unassigned."""
        services.remove_member(self.get_object(), by=signed_in(request), now=timezone.now)
        return gone()

    @extend_schema(request=JoinSerializer, responses=JoinedSerializer)
    def join(self, request: Request, project_id: str, user_id: str) -> Response:
        """Give the work of somebody whom an import named to a member who has an account, for good.

        Issues and their history in this project become the member's; the answer is the member.
        """
        # Of the team, or somebody who only reported, and is in none.
        there = Q(memberships__project=self.project) | Q(pk__in=placeholders.waiting_in(self.project).values("pk"))
        placeholder = get_object_or_404(User.objects.filter(there).distinct(), pk=user_id)
        asked = JoinSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        member = get_object_or_404(self.get_queryset(), user_id=asked.validated_data["member"])
        taken = placeholders.join(placeholder, member, by=signed_in(request))
        return Response(JoinedSerializer(member, context={**self.get_serializer_context(), "issues": taken}).data)


class DayOffViewSet(ReadViewSet):
    """Days on which nobody of the team works, in the order in which they were entered."""

    queryset = DayOff.objects.all()
    serializer_class = DayOffSerializer
    filterset_class = DayOffFilter
    lookup_url_kwarg = "day_off_id"

    def get_queryset(self) -> QuerySet[DayOff]:
        return selectors.days_off_of(self.project).order_by("id")

    def create(self, request: Request, project_id: str) -> Response:
        return self.shown(days_off.create_day_off(self.project, **self.validated()), status.HTTP_201_CREATED)

    def partial_update(self, request: Request, project_id: str, day_off_id: int) -> Response:
        day_off = self.get_object()
        return self.shown(days_off.update_day_off(day_off, **self.validated(day_off)))

    def destroy(self, request: Request, project_id: str, day_off_id: int) -> Response:
        """Make it a working day again."""
        days_off.delete_day_off(self.get_object())
        return gone()


class HolidayViewSet(ReadViewSet):
    """Public holidays of the project's country: days off, but for those that the team works."""

    serializer_class = HolidaySerializer
    queryset = Project.objects.none()
    pagination_class = None
    lookup_url_kwarg = "day"

    @extend_schema(parameters=[YearSerializer], responses=HolidaysSerializer)
    def of_year(self, request: Request, project_id: str) -> Response:
        """The holidays of a year."""
        asked = YearSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        year = asked.validated_data.get("year") or self.project.day_of(timezone.now()).year
        place = {"country": self.project.holiday_country, "region": self.project.holiday_region}
        shown = {**place, "year": year, "holidays": holidays_of(self.project, [year])}
        return Response(HolidaysSerializer(shown).data)

    def partial_update(self, request: Request, project_id: str, day: date) -> Response:
        """Say whether the team works on a holiday."""
        said = HolidaySerializer(data=request.data)
        said.is_valid(raise_exception=True)
        return Response(HolidaySerializer(days_off.keep_holiday(self.project, day=day, **said.validated_data)).data)


class IssueTypeViewSet(ReadViewSet):
    """Kinds of work the project tells apart, in the order in which they were made."""

    queryset = IssueType.objects.all()
    serializer_class = IssueTypeSerializer
    filterset_class = IssueTypeFilter
    lookup_url_kwarg = "issue_type_id"

    def get_queryset(self) -> QuerySet[IssueType]:
        return selectors.types_of(self.project).order_by("id")

    def create(self, request: Request, project_id: str) -> Response:
        return self.shown(services.create_issue_type(self.project, **self.validated()), status.HTTP_201_CREATED)

    def partial_update(self, request: Request, project_id: str, issue_type_id: int) -> Response:
        issue_type = self.get_object()
        return self.shown(services.update_issue_type(issue_type, **self.validated(issue_type)))

    def destroy(self, request: Request, project_id: str, issue_type_id: int) -> Response:
        """Delete a type that no issue has."""
        services.delete_issue_type(self.get_object())
        return gone()


class StatusViewSet(ReadViewSet):
    """Columns of the board, with what each means, in the order in which they were made; `position` is the board's."""

    queryset = WorkflowStatus.objects.all()
    serializer_class = StatusSerializer
    filterset_class = StatusFilter
    lookup_url_kwarg = "status_id"

    def get_queryset(self) -> QuerySet[WorkflowStatus]:
        return selectors.statuses_of(self.project).order_by("id")

    def create(self, request: Request, project_id: str) -> Response:
        return self.shown(services.create_status(self.project, **self.validated()), status.HTTP_201_CREATED)

    def partial_update(self, request: Request, project_id: str, status_id: int) -> Response:
        """Change a status; one that issues have or had keeps its name and category."""
        row = self.get_object()
        return self.shown(services.update_status(row, **self.validated(row)))

    def destroy(self, request: Request, project_id: str, status_id: int) -> Response:
        """Delete a status that no issue has or had."""
        services.delete_status(self.get_object())
        return gone()
