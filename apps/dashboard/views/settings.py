"""Settings of a project: everybody of the team reads them, leads change them."""

import math
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.accounts.signed_in import signed_in
from apps.common.api.throttling import wait_for
from apps.dashboard.pages.settings import CHANGES, OWN, SettingsChange, SettingsPage
from apps.dashboard.types import Project
from apps.dashboard.views.errors import REFUSED, reasons
from apps.dashboard.views.scope import may, project_action, project_page, show


@project_page
def settings(request: HttpRequest, project: Project) -> HttpResponse:
    """What is set."""
    may_change = may(request, project, "lead")
    shown = SettingsPage(project, signed_in(request), request.GET, may_change=may_change, now=timezone.now())
    return show(request, "settings.html", {"shown": shown}, project=project, page="settings")


@project_action("viewer")
def change(request: HttpRequest, project: Project, what: str) -> HttpResponse:
    """SettingsChange one thing; what cannot be is said on the page."""
    if what not in CHANGES:
        raise Http404
    if what not in OWN and not may(request, project, "lead"):
        raise PermissionDenied
    # As over the API: it writes to others.
    if what == "invite" and (wait := wait_for("invitations", str(signed_in(request).pk), request)) is not None:
        told = _("Too many invitations in an hour: the next one goes in %(minutes)s min.")
        messages.error(request, told % {"minutes": math.ceil(wait / 60)})
        return redirect("dashboard:settings", key=project.key)
    asked = SettingsChange(project, request.POST, by=signed_in(request), now=timezone.now())
    try:
        done = CHANGES[what](asked)
    except REFUSED as error:
        messages.error(request, " ".join(reasons(error)))
    else:
        messages.success(request, done or _("Saved."))
    back = reverse("dashboard:settings", kwargs={"key": project.key})
    # To the part of the team that was changed.
    kept = {name: request.POST[name] for name in ("q", "page") if request.POST.get(name)}
    return redirect(f"{back}?{urlencode(kept)}#team" if kept else back)
