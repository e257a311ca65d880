"""What was said of a project's end, and why it changed: parts of the project's page, and pages of their own."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.dashboard.pages import said as page
from apps.dashboard.types import Project
from apps.dashboard.views.files import file_of
from apps.dashboard.views.scope import predicted, project_page, show, show_part


@project_page
@predicted
def moved(request: HttpRequest, project: Project) -> HttpResponse:
    """Why the date moved."""
    shown = page.moved_panel(project, request.GET.get("since", ""), now=timezone.now())
    title = _("Why the date moved")
    return show_part(request, "moved.html", {"shown": shown}, project=project, page="project", title=title)


@project_page
def said(request: HttpRequest, project: Project) -> HttpResponse:
    """What we said."""
    shown = page.SaidPanel(project, now=timezone.now(), is_part="HX-Request" in request.headers)
    title = _("What we said")
    return show_part(request, "said.html", {"shown": shown}, project=project, page="project", title=title)


@project_page
def said_file(request: HttpRequest, project: Project, name: str, kind: str) -> HttpResponse:
    """A table as CSV, a picture as SVG."""
    files = page.SaidPanel(project, now=timezone.now()).files
    if name not in files:
        raise Http404
    return file_of(files[name], kind, name=f"{project.key}-{name}")


@project_page
def said_forecast(request: HttpRequest, project: Project, forecast_id: UUID) -> HttpResponse:
    """One forecast as it was kept, with the issues that it counted."""
    found = page.kept_forecast(project, forecast_id, now=timezone.now())
    if found is None:
        raise Http404
    return show(request, "said_forecast.html", {"row": found[0], "items": found[1]}, project=project, page="project")
