"""Bringing work in: for those who lead the project."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.accounts.signed_in import signed_in
from apps.dashboard.pages.imports import RunPage, chosen_columns, imports_page, told_kept
from apps.dashboard.types import Project
from apps.dashboard.views.errors import REFUSED, reasons
from apps.dashboard.views.scope import lead_page, project_action, show
from apps.importers import connections, runs
from apps.importers.selectors import connections_of, runs_of
from apps.importers.serializers import ConnectionSerializer, ImportRequest
from apps.importers.tasks import send
from apps.importers.waiting import LONGEST_UPLOAD_BYTES

View = Callable[..., HttpResponse]


@lead_page
def imports(request: HttpRequest, project: Project) -> HttpResponse:
    """Upload, connect, and what came of both."""
    shown = imports_page(project, now=timezone.now())
    return show(request, "imports.html", {"shown": shown}, project=project, page="settings")


@lead_page
def run(request: HttpRequest, project: Project, run_id: UUID) -> HttpResponse:
    """One import; while it is under way only what changes is asked for."""
    shown = RunPage(get_object_or_404(runs_of(project).defer(None), id=run_id), now=timezone.now())
    template = "import_state.html" if request.headers.get("HX-Request") else "import_run.html"
    return show(request, template, {"shown": shown}, project=project, page="settings")


def _answering(view: View) -> View:
    """What cannot be done is said on the page that it was asked from."""

    @wraps(view)
    def handle(request: HttpRequest, project: Project, **rest: Any) -> HttpResponse:
        try:
            return view(request, project, **rest)
        except REFUSED as error:
            messages.error(request, " ".join(reasons(error)))
            return redirect("dashboard:import", key=project.key)

    return handle


@project_action("lead")
@_answering
def upload(request: HttpRequest, project: Project) -> HttpResponse:
    """Try a file: how it is understood is shown before anything is imported."""
    form = ImportRequest(data={"project": str(project.pk), "file": request.FILES.get("file"), "dry_run": True})
    if not form.is_valid():
        messages.error(request, _("Choose a file of at most %(n)d MiB.") % {"n": LONGEST_UPLOAD_BYTES // 2**20})
        return redirect("dashboard:import", key=project.key)
    file, by = form.validated_data["file"], signed_in(request)
    asked = runs.ask_upload(project, name=file.name, content=file.read(), by=by, now=timezone.now(), is_dry_run=True)
    return _sent(project, asked.pk)


@project_action("lead")
@_answering
def confirm(request: HttpRequest, project: Project, run_id: UUID) -> HttpResponse:
    """Import a file that was tried, or try it once more with other columns."""
    tried = get_object_or_404(runs_of(project), id=run_id)
    is_trial, by, now = "try" in request.POST, signed_in(request), timezone.now()
    asked = runs.ask_again(tried, by=by, now=now, is_dry_run=is_trial, mapping=chosen_columns(request.POST))
    return _sent(project, asked.pk)


@project_action("lead")
@_answering
def connect(request: HttpRequest, project: Project) -> HttpResponse:
    """Connect a tracker, and ask it for everything."""
    form = ConnectionSerializer(
        data={name: request.POST.get(name, "") for name in ("kind", "base_url", "scope", "token")}
    )
    if not form.is_valid():
        messages.error(request, " ".join(str(each) for found in form.errors.values() for each in found))
        return redirect("dashboard:import", key=project.key)
    asked, by, now = form.validated_data, signed_in(request), timezone.now()
    # Both or none: who is told that no import can be asked for now sends the same form again.
    with transaction.atomic():
        made = connections.connect(project, asked["place"], asked["token"], by=by, now=now)
        run_id = runs.ask_sync(made, by=by, now=now, is_dry_run="try" in request.POST).pk
    return _sent(project, run_id)


@project_action("lead")
@_answering
def sync(request: HttpRequest, project: Project, connection_id: UUID) -> HttpResponse:
    """Ask a tracker for what was touched since, or for everything, or say what would come."""
    connection = get_object_or_404(connections_of(project), id=connection_id)
    is_trial, is_full = "try" in request.POST, "all" in request.POST
    run = runs.ask_sync(connection, by=signed_in(request), now=timezone.now(), is_dry_run=is_trial, is_full=is_full)
    return _sent(project, run.pk)


@project_action("lead")
@_answering
def undo(request: HttpRequest, project: Project, run_id: UUID) -> HttpResponse:
    """Take an import back: a small one now, a large one by a worker."""
    taken = get_object_or_404(runs_of(project), id=run_id)
    kept = runs.ask_undo(taken, by=signed_in(request), now=timezone.now())
    if kept is None:
        return _sent(project, taken.pk)
    messages.success(request, f"{_('The import was taken back.')} {told_kept(kept)}".strip())
    return redirect("dashboard:import", key=project.key)


def _sent(project: Project, run_id: UUID) -> HttpResponse:
    transaction.on_commit(lambda: send([run_id]))
    return redirect("dashboard:import-run", key=project.key, run_id=run_id)
