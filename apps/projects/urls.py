"""Every address of the domain."""

from typing import Any

from django.urls import URLPattern, path

from apps.projects.links.viewset import LinkViewSet
from apps.projects.viewsets import (
    DayOffViewSet,
    HolidayViewSet,
    IssueHistoryViewSet,
    IssueTypeViewSet,
    IssueViewSet,
    MemberViewSet,
    ProjectViewSet,
    ReadViewSet,
    SprintViewSet,
    StatusViewSet,
)

MANY: dict[str, Any] = {"get": "list", "post": "create"}
ONE: dict[str, Any] = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
PROJECT = "<project:project_id>/"


def crud(prefix: str, item: str, view: type[ReadViewSet], name: str) -> list[URLPattern]:
    """A list with its items."""
    return [
        path(prefix, view.as_view(MANY), name=f"{name}-list"),
        path(prefix + item, view.as_view(ONE), name=f"{name}-detail"),
    ]


urlpatterns = [
    *crud("", PROJECT, ProjectViewSet, "project"),
    *crud(f"{PROJECT}issues/", "<issue:issue_id>/", IssueViewSet, "issue"),
    path(
        f"{PROJECT}issues/<issue:issue_id>/history/", IssueHistoryViewSet.as_view({"get": "list"}), name="issue-history"
    ),
    path(
        f"{PROJECT}issues/<issue:issue_id>/links/",
        LinkViewSet.as_view(MANY),
        name="link-list",
    ),
    path(
        f"{PROJECT}issues/<issue:issue_id>/links/<int:link_id>/",
        LinkViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="link-detail",
    ),
    *crud(f"{PROJECT}sprints/", "<uuid:sprint_id>/", SprintViewSet, "sprint"),
    path(f"{PROJECT}sprints/<uuid:sprint_id>/start/", SprintViewSet.as_view({"post": "start"}), name="sprint-start"),
    path(f"{PROJECT}sprints/<uuid:sprint_id>/close/", SprintViewSet.as_view({"post": "close"}), name="sprint-close"),
    path(f"{PROJECT}sprints/<uuid:sprint_id>/report/", SprintViewSet.as_view({"get": "report"}), name="sprint-report"),
    path(f"{PROJECT}members/", MemberViewSet.as_view({"get": "list"}), name="member-list"),
    path(f"{PROJECT}members/<uuid:user_id>/", MemberViewSet.as_view(ONE), name="member-detail"),
    path(f"{PROJECT}members/<uuid:user_id>/join/", MemberViewSet.as_view({"post": "join"}), name="member-join"),
    *crud(f"{PROJECT}days-off/", "<int:day_off_id>/", DayOffViewSet, "day-off"),
    path(f"{PROJECT}holidays/", HolidayViewSet.as_view({"get": "of_year"}), name="holiday-list"),
    path(f"{PROJECT}holidays/<day:day>/", HolidayViewSet.as_view({"patch": "partial_update"}), name="holiday-detail"),
    *crud(f"{PROJECT}issue-types/", "<int:issue_type_id>/", IssueTypeViewSet, "issue-type"),
    *crud(f"{PROJECT}statuses/", "<int:status_id>/", StatusViewSet, "status"),
]
