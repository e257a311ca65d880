"""A project at a glance, what people make of its anomalies, its files."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.accounts.signed_in import signed_in
from apps.common.exceptions import Conflict
from apps.dashboard.pages.project import ProjectPage, sprint_figures
from apps.dashboard.pages.project import project_page as read_page
from apps.dashboard.pages.sprints import current_sprint
from apps.dashboard.types import Project
from apps.dashboard.views.files import file_of
from apps.dashboard.views.scope import may, predicted, project_action, project_page, show
from apps.ml.selectors.trust import open_anomalies
from apps.ml.services.anomalies.review import REVIEWS
from apps.ml.services.predictions.switch import is_predicted


@project_page
@predicted
def project(request: HttpRequest, project: Project) -> HttpResponse:
    """When it is done, and what stands in the way."""
    context = {"shown": _shown(project), "may_review": may(request, project, "member")}
    return show(request, "project.html", context, project=project, page="project")


@project_page
def chance(request: HttpRequest, project: Project) -> HttpResponse:
    """The chance of the sprint that runs, for the list of projects."""
    sprint, is_on = current_sprint(project), is_predicted(project)
    overview = sprint_figures(project, sprint.reference, now=timezone.now()) if sprint and is_on else None
    context = {"sprint": sprint, "overview": overview, "is_on": is_on}
    return show(request, "chance.html", context, project=project)


@project_action("member")
def review(request: HttpRequest, project: Project, anomaly_id: UUID) -> HttpResponse:
    """Seen, resolved or a false alarm, in place."""
    act = REVIEWS.get(request.POST.get("status", ""))  # type: ignore[call-overload]  # text of a member of the enum
    if act is None:
        raise Http404
    try:
        act(get_object_or_404(open_anomalies(project.pk), id=anomaly_id), by=signed_in(request), now=timezone.now())
    except Conflict as error:
        messages.warning(request, error.message)
    if request.headers.get("HX-Request"):
        context = {"shown": _shown(project), "may_review": True}
        return show(request, "anomalies.html", context, project=project)
    messages.success(request, _("Noted."))
    return redirect("dashboard:project", key=project.key)


@project_page
@predicted
def project_file(request: HttpRequest, project: Project, name: str, kind: str) -> HttpResponse:
    """A table as CSV, a picture as SVG."""
    files = _shown(project).files
    if name not in files:
        raise Http404
    return file_of(files[name], kind, name=f"{project.key}-{name}")


def _shown(project: Project) -> ProjectPage:
    now = timezone.now()
    return read_page(project, now=now, today=timezone.localdate(now))
