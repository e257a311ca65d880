"""The first page: the projects of a person, and the doors to a first one."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.access.invitations import invitations_to
from apps.accounts.signed_in import signed_in
from apps.common.exceptions import Conflict
from apps.dashboard.pages.start import project_lines
from apps.dashboard.services.doors import make_demonstration
from apps.dashboard.views.errors import REFUSED, only_read, only_sent, reasons
from apps.dashboard.views.scope import logged_in, show
from apps.ml.services.evaluation.kept_replays import ask_for_replays
from apps.ml.tasks import send_replay, send_trainings
from apps.projects.services import create_project


@only_read
@logged_in
def start(request: HttpRequest) -> HttpResponse:
    """Every project that one may see, and where to begin without any."""
    waiting = invitations_to(signed_in(request), now=timezone.now())
    return show(request, "start.html", {"lines": project_lines(request.user), "invitations": waiting})


@only_sent
@logged_in
def demonstration(request: HttpRequest) -> HttpResponse:
    """Make the made-up team; its models follow as a worker trains them."""
    try:
        project, runs = make_demonstration(by=signed_in(request), now=timezone.now())
    except Conflict as error:
        messages.error(request, error.message)
        return redirect("dashboard:start")
    send_trainings(runs)
    if ask_for_replays(project.pk, now=timezone.now()):
        send_replay(project.pk)
    messages.success(request, _("The demonstration is made; its models are trained as soon as a worker is there."))
    return redirect("dashboard:project", key=project.key)


@only_sent
@logged_in
def new_project(request: HttpRequest) -> HttpResponse:
    """A project of one's own, still empty."""
    name, key = (request.POST.get(field, "").strip() for field in ("name", "key"))
    try:
        project = create_project(key=key.upper(), name=name, by=signed_in(request), now=timezone.now())
    except REFUSED as error:
        for reason in reasons(error):
            messages.error(request, reason)
        return redirect("dashboard:start")
    return redirect("dashboard:project", key=project.key)
