"""What a role allows. Strangers are not forbidden but told that nothing is there."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from apps.projects.models import TeamMember
from apps.projects.selectors import role_of

RANKS = (TeamMember.Role.VIEWER, TeamMember.Role.MEMBER, TeamMember.Role.LEAD)


class ProjectRole(BasePermission):
    """Every role reads; to write takes the view's `role_to_write` or a higher one."""

    message = "Your role in this project does not allow this."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Raise 404 for a stranger, whatever the method: `view.project` looks among the visible ones only."""
        if "project_id" not in view.kwargs:
            return True
        project = view.project
        if request.method in SAFE_METHODS:
            return True
        role = role_of(request.user, project)
        return role is not None and RANKS.index(role) >= RANKS.index(view.role_to_write)


class LeadsOrOneself(ProjectRole):
    """Leads take people out of the team; everybody may leave."""

    def has_permission(self, request: Request, view: Any) -> bool:
        leaves = request.method == "DELETE" and view.kwargs.get("user_id") == request.user.pk
        # To look for the project answers strangers with 404.
        return (leaves and role_of(request.user, view.project) is not None) or super().has_permission(request, view)


class LeadsOnly(BasePermission):
    """Leads read and write; the team is refused, and to a stranger nothing is there."""

    message = "Only leads of this project may do this."

    def has_permission(self, request: Request, view: Any) -> bool:
        if "project_id" not in view.kwargs:
            return True
        return role_of(request.user, view.project) == TeamMember.Role.LEAD
