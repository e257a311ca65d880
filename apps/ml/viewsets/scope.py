"""What several endpoints refuse alike."""

from typing import Any
from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request

from apps.common.api.openapi import Problem
from apps.common.api.problems import PROBLEM_JSON
from apps.ml.services.predictions.switch import require_predictions
from apps.projects.models import Project, Sprint
from apps.projects.names.ids import id_in
from apps.projects.names.lookup import issue_ids_named, project_named
from apps.projects.selectors import project_lately_visible_to, sprints_visible_to

#: What is named in the body, rather than the address, is not there or not visible.
NOT_FOUND: dict[Any, Any] = {
    (404, PROBLEM_JSON): OpenApiResponse(Problem, "There is no such thing, or you may not see it.")
}
#: Of questions that are not written, and so say nothing of conflicts by themselves.
PREDICTIONS_OFF: dict[Any, Any] = {
    (409, PROBLEM_JSON): OpenApiResponse(Problem, "Predictions are switched off (`predictions_off`).")
}


def predicted_project(request: Request, project_id: UUID | str) -> Project:
    """A project that this person sees and that is predicted for."""
    project = project_named(project_id, request.user)
    require_predictions(project)
    return project


def asked_project(request: Request, name: UUID | str) -> Project:
    """The same for what is asked often: some seconds behind the database where the project is named by its id."""
    known = id_in(name)
    project = project_lately_visible_to(request.user, known) if known else project_named(name, request.user)
    if project is None:
        raise Http404
    require_predictions(project)
    return project


def predicted_sprint(request: Request, sprint_id: UUID) -> Sprint:
    """A sprint of such a project."""
    sprint = get_object_or_404(sprints_visible_to(request.user).select_related("project"), id=sprint_id)
    require_predictions(sprint.project)
    return sprint


def with_issue_ids(project: Project, asked: dict[str, Any], *fields: str) -> dict[str, Any]:
    """What was asked, with ids in the place of keys; issues of other projects are refused, naming the field."""
    return asked | {name: issue_ids_named(asked[name], project, name) for name in fields}
