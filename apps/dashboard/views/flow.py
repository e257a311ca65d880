"""How work flows: the page and its files."""

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone

from apps.dashboard.pages.flow import FlowPage, flow_page
from apps.dashboard.types import Project
from apps.dashboard.views.files import file_of
from apps.dashboard.views.scope import project_page, show


@project_page
def flow(request: HttpRequest, project: Project) -> HttpResponse:
    """How long work takes, how old it is, where it waits."""
    return show(request, "flow.html", {"shown": _shown(request, project)}, project=project, page="flow")


@project_page
def flow_file(request: HttpRequest, project: Project, name: str, kind: str) -> HttpResponse:
    """A table as CSV, a picture as SVG."""
    files = _shown(request, project).files
    if name not in files:
        raise Http404
    return file_of(files[name], kind, name=f"{project.key}-flow-{name}")


def _shown(request: HttpRequest, project: Project) -> FlowPage:
    return flow_page(project, request.GET.get("days", ""), now=timezone.now())
