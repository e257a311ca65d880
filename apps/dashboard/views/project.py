"""A project at a glance."""

from django.http import HttpRequest, HttpResponse

from apps.dashboard.views.scope import Project, project_page, show


@project_page
def project(request: HttpRequest, project: Project) -> HttpResponse:
    """When it is done, and what stands in the way."""
    return show(request, "project.html", {}, project=project, page="project")
