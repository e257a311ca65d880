"""The models of a project, and what leads decide about them."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.accounts.signed_in import signed_in
from apps.common.exceptions import ApplicationError, NotEnoughData
from apps.dashboard.pages import models as page
from apps.dashboard.views.scope import Project, may, project_action, project_page, show
from apps.ml.selectors.registry import models_visible_to
from apps.ml.services.models import registry
from apps.ml.services.models.kinds import KINDS
from apps.ml.services.training import jobs
from apps.ml.tasks import send_training


@project_page
def models(request: HttpRequest, project: Project) -> HttpResponse:
    """What serves, how well it was measured, and what is being trained."""
    shown = page.models_of(project, signed_in(request), now=timezone.now())
    context = {"shown": shown, "trainings": shown.trainings, "leads": may(request, project, "lead")}
    return show(request, "models.html", context, project=project, page="models")


@project_page
def training_progress(request: HttpRequest, project: Project) -> HttpResponse:
    """How far trainings are: a part of the page, which is shown anew when they are over."""
    trainings = page.progress_of(project, signed_in(request), now=timezone.now())
    answer = show(request, "models_progress.html", {"trainings": trainings}, project=project)
    if not trainings:
        answer["HX-Refresh"] = "true"
    return answer


@project_action("lead")
def train(request: HttpRequest, project: Project, model_type: str) -> HttpResponse:
    """Queue a training."""
    try:
        jobs.require_enough_data(_known(model_type), project.id)
        by, now = signed_in(request), timezone.now()
        run = jobs.request_training(model_type, project.id, cause="requested", by=by, now=now)
        send_training(run.id)
    except NotEnoughData as error:
        said = _("%(needed)s %(what)s are needed; there are %(have)s.")
        messages.warning(request, said % {"needed": error.needed, "what": error.what, "have": error.have})
    except ApplicationError as error:
        messages.warning(request, error.message)
    return redirect("dashboard:models", key=project.key)


@project_action("lead")
def activate(request: HttpRequest, project: Project, model_id: UUID) -> HttpResponse:
    """Let a version serve in place of the one that does."""
    model = get_object_or_404(models_visible_to(request.user), id=model_id, project=project)
    try:
        registry.require_sound(model)
        registry.activate(model, now=timezone.now(), by=signed_in(request))
        messages.success(request, _("Model %(version)s serves now.") % {"version": model.version})
    except ApplicationError as error:
        messages.error(request, error.message)
    return redirect("dashboard:models", key=project.key)


@project_action("lead")
def roll_back(request: HttpRequest, project: Project, model_type: str) -> HttpResponse:
    """Let the version that served before serve again."""
    try:
        model = registry.roll_back(_known(model_type), project.id, now=timezone.now(), by=signed_in(request))
        messages.success(request, _("Model %(version)s serves again.") % {"version": model.version})
    except ApplicationError as error:
        messages.error(request, error.message)
    return redirect("dashboard:models", key=project.key)


def _known(model_type: str) -> str:
    if model_type not in KINDS:
        raise Http404
    return model_type
