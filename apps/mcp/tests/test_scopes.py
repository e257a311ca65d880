"""A key opens the same over tools as over the API."""

from uuid import uuid4

import pytest
from django.urls import resolve

from apps.accounts.scopes import scope_needed
from apps.mcp.tools import TOOLS
from apps.projects.tests.factories import ProjectFactory

#: Where each tool's answer comes from over the API.
ENDPOINTS = {
    "list_projects": ("get", "/api/v1/projects/"),
    "list_sprints": ("get", "/api/v1/projects/{project}/sprints/"),
    "forecast_project": ("post", "/api/v1/ml/projects/{project}/forecast/"),
    "forecast_together": ("post", "/api/v1/ml/forecasts/together/"),
    "sprint_outlook": ("get", "/api/v1/ml/sprints/{id}/outcome/"),
    "what_if_sprint": ("post", "/api/v1/ml/sprints/{id}/what-if/"),
    "why_the_date_moved": ("get", "/api/v1/ml/projects/{project}/forecasts/moved/"),
    "estimate_hours": ("post", "/api/v1/ml/predict-effort/"),
    "estimate_points": ("post", "/api/v1/ml/recommend-story-points/"),
    "similar_issues": ("post", "/api/v1/ml/projects/{project}/similar/"),
    "record_actual_hours": ("patch", "/api/v1/projects/{project}/issues/{id}/"),
}


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_takes_the_scope_of_its_endpoint(name, db):
    method, address = ENDPOINTS[name]
    view = resolve(address.format(project=ProjectFactory(key="SHOP").id, id=uuid4())).func

    assert TOOLS[name].scope == scope_needed(view.cls(action=view.actions[method]), method.upper())
