"""A sprint: the page, the answer of a plan, its files."""

from collections.abc import Sequence

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from apps.accounts.signed_in import signed_in
from apps.dashboard.memory import state_of
from apps.dashboard.pages.plan import answer_of, kept_of
from apps.dashboard.pages.project import sprint_figures
from apps.dashboard.pages.sprint import SprintPage, hours_of
from apps.dashboard.pages.sprints import current_sprint, sprint_list
from apps.dashboard.types import Project
from apps.dashboard.views.files import file_of
from apps.dashboard.views.scope import predicted, project_page, show
from apps.ml.services.predictions.switch import require_predictions
from apps.projects.selectors import sprint_by_reference


@project_page
def sprints(request: HttpRequest, project: Project) -> HttpResponse:
    """The sprint that runs; all of them where none does, or where somebody asks for all."""
    current = None if "all" in request.GET else current_sprint(project)
    if current:
        return redirect("dashboard:sprint", key=project.key, reference=current.reference)
    return show(request, "sprints.html", {"sprints": sprint_list(project)}, project=project, page="sprints")


@project_page
def sprint(request: HttpRequest, project: Project, reference: str) -> HttpResponse:
    """Will it be done; a plan that was sent as a form is answered on the page."""
    kept = kept_of(request.GET)
    shown = _shown(project, reference, kept)
    answer = answer_of(shown.sprint, kept, by=signed_in(request)) if kept is not None else None
    context = {"shown": shown, "answer": answer, "reference": reference, "sprints": sprint_list(project)}
    return show(request, "sprint.html", context, project=project, page="sprints")


@project_page
@predicted
def what_if(request: HttpRequest, project: Project, reference: str) -> HttpResponse:
    """The chance of a plan alone, for a page that is open."""
    sprint = sprint_by_reference(project, reference)
    if sprint is None:
        raise Http404
    answer = answer_of(sprint, kept_of(request.GET) or [], by=signed_in(request))
    return show(request, "sprint_answer.html", {"answer": answer}, project=project)


@project_page
def sprint_file(request: HttpRequest, project: Project, reference: str, name: str, kind: str) -> HttpResponse:
    """A table as CSV, a picture as SVG."""
    shown = _shown(project, reference)
    if name not in shown.files:
        raise Http404
    return file_of(shown.files[name], kind, name=f"{project.key}-sprint-{reference}-{name}")


def _shown(project: Project, reference: str, kept: Sequence[str] | None = None) -> SprintPage:
    now = timezone.now()
    state = state_of(project, now=now)
    found = sprint_figures(project, reference, now=now, state=state)
    if found is None:
        raise Http404
    if found.sprint.status != "completed":
        require_predictions(project)
    return SprintPage(found, today=timezone.localdate(now), kept=kept, hours=hours_of(found, state=state))
