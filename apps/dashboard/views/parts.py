"""Parts of the open work and reference stories: parts of the backlog's page, and pages of their own."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.dashboard.pages.parts import parts_panel, references_panel
from apps.dashboard.types import Project
from apps.dashboard.views.files import file_of
from apps.dashboard.views.scope import predicted, project_page, show_part


@project_page
@predicted
def parts(request: HttpRequest, project: Project) -> HttpResponse:
    """When each epic, label, component or type is done."""
    shown = parts_panel(project, request.GET.get("by", ""), now=timezone.now())
    title = _("When each part is done")
    return show_part(request, "parts.html", {"shown": shown}, project=project, page="backlog", title=title)


@project_page
@predicted
def parts_csv(request: HttpRequest, project: Project) -> HttpResponse:
    """The same as a file."""
    shown = parts_panel(project, request.GET.get("by", ""), now=timezone.now())
    return file_of(shown.table, "csv", name=f"{project.key}-parts-{shown.by}")


@project_page
def references(request: HttpRequest, project: Project) -> HttpResponse:
    """Finished issues that are typical of each number of points."""
    shown = references_panel(project, now=timezone.now())
    title = _("Stories to compare with")
    return show_part(request, "references.html", {"shown": shown}, project=project, page="backlog", title=title)
