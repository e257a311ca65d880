"""Whether the predictions of a project are right."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.dashboard.pages import trust as page
from apps.dashboard.views.files import file_of
from apps.dashboard.views.scope import Project, may, project_action, project_page, show
from apps.ml.selectors.replays import kept_replays
from apps.ml.services.evaluation.kept_replays import ask_for_replays
from apps.ml.tasks import send_replay


@project_page
def trust(request: HttpRequest, project: Project) -> HttpResponse:
    """Promised and kept, beside simple methods and the team's own estimates."""
    shown = page.trust_of(project, now=timezone.now())
    context = {"shown": shown, "progress": shown.progress, "may_replay": may(request, project, "lead")}
    return show(request, "trust.html", context, project=project, page="trust")


@project_page
def trust_file(request: HttpRequest, project: Project, name: str, kind: str) -> HttpResponse:
    """A table as CSV, a picture as SVG."""
    files = page.trust_of(project, now=timezone.now()).files
    if name not in files:
        raise Http404
    return file_of(files[name], kind, name=f"{project.key}-{name}")


@project_page
def replay_progress(request: HttpRequest, project: Project) -> HttpResponse:
    """How far a replay is: a part of the page, which is shown anew when it is over."""
    progress = page.progress_of(kept_replays(project.id), now=timezone.now())
    answer = show(request, "trust_progress.html", {"progress": progress}, project=project)
    if progress.is_over:
        answer["HX-Refresh"] = "true"
    return answer


@project_action("lead")
def replay(request: HttpRequest, project: Project) -> HttpResponse:
    """Ask a worker to replay the past."""
    if ask_for_replays(project.id, now=timezone.now()) and not send_replay(project.id):
        messages.warning(request, _("The queue of background work cannot be reached just now. Ask again later."))
    return redirect("dashboard:trust", key=project.key)
