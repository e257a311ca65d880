"""What several endpoints refuse alike."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from apps.common.api.openapi import Problem
from apps.common.api.problems import PROBLEM_JSON
from apps.ml.selectors.sprints import issues_outside
from apps.ml.services.predictions.switch import require_predictions
from apps.projects.models import Project, Sprint
from apps.projects.selectors import project_lately_visible_to, projects_visible_to, sprints_visible_to

#: What is named in the body, rather than the address, is not there or not visible.
NOT_FOUND: dict[Any, Any] = {
    (404, PROBLEM_JSON): OpenApiResponse(Problem, "There is no such thing, or you may not see it.")
}
#: Of questions that are not written, and so say nothing of conflicts by themselves.
PREDICTIONS_OFF: dict[Any, Any] = {
    (409, PROBLEM_JSON): OpenApiResponse(Problem, "Predictions are switched off (`predictions_off`).")
}


def predicted_project(request: Request, project_id: UUID) -> Project:
    """A project that this person sees and that is predicted for."""
    project = get_object_or_404(projects_visible_to(request.user), id=project_id)
    require_predictions(project)
    return project


def asked_project(request: Request, project_id: UUID) -> Project:
    """The same for what is asked often: some seconds behind the database."""
    project = project_lately_visible_to(request.user, project_id)
    if project is None:
        raise Http404
    require_predictions(project)
    return project


def predicted_sprint(request: Request, sprint_id: UUID) -> Sprint:
    """A sprint of such a project."""
    sprint = get_object_or_404(sprints_visible_to(request.user).select_related("project"), id=sprint_id)
    require_predictions(sprint.project)
    return sprint


def require_issues_of(project_id: UUID, **fields: Sequence[UUID]) -> None:
    """Refuse issues of other projects, naming the field."""
    for name, issue_ids in fields.items():
        if outside := issues_outside(project_id, issue_ids):
            # The same words for an issue of another project and for none at all: existence is not told.
            raise ValidationError({name: [f"Not issues of this project: {', '.join(sorted(map(str, outside)))}"]})
