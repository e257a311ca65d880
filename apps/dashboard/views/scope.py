"""What all pages share: who asks for which project, and the frame around the answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django_htmx.http import HttpResponseClientRedirect

from apps.dashboard.types import Project
from apps.dashboard.views.errors import only_read, only_sent
from apps.ml.selectors.workers import missing_workers
from apps.ml.services.predictions.switch import PredictionsOff, require_predictions
from apps.projects.permissions import RANKS
from apps.projects.selectors import projects_visible_to, role_of
from apps.projects.unknown_past import standstills_of

__all__ = [
    "NAVIGATION",
    "NavigationEntry",
    "Project",
    "lead_page",
    "logged_in",
    "may",
    "predicted",
    "project_action",
    "project_page",
    "show",
    "show_part",
]
View = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class NavigationEntry:
    """A page of every project, as the navigation names it; `name` is that of its address."""

    name: str
    title: str | Promise
    #: Whose page it is; others are not led there.
    role: str = "viewer"


#: In the order of a morning's questions. A page that stands here is in `urls.py` and takes a project's key.
NAVIGATION = (
    NavigationEntry("project", _("Overview")),
    NavigationEntry("sprints", _("Sprint")),
    NavigationEntry("backlog", _("Backlog")),
    NavigationEntry("flow", _("Flow")),
    NavigationEntry("trust", _("Trust")),
    NavigationEntry("models", _("Models")),
    NavigationEntry("share", _("Share"), role="lead"),
    NavigationEntry("settings", _("Settings")),
)


def project_page(view: View) -> View:
    """A page of a project: `view(request, project, ...)`, whose days are those of the project's time zone.

    Nobody sees a page before logging in; a project that one may not see is told as one that does not exist.
    """
    return only_read(_of_project(view))


def lead_page(view: View) -> View:
    """A page of a project for its leads alone."""

    @wraps(view)
    def handle(request: HttpRequest, project: Project, **rest: Any) -> HttpResponse:
        if not may(request, project, "lead"):
            raise PermissionDenied
        return view(request, project, **rest)

    return project_page(handle)


def project_action(role: str) -> Callable[[View], View]:
    """Something that a page does, by POST, for whoever has this role in the project or a higher one."""

    def decorate(view: View) -> View:
        @wraps(view)
        def handle(request: HttpRequest, project: Project, **rest: Any) -> HttpResponse:
            if not may(request, project, role):
                raise PermissionDenied
            return view(request, project, **rest)

        return only_sent(_of_project(handle))

    return decorate


def predicted(view: View) -> View:
    """What tells of the future: where predictions are off, the page says so and tells nothing (see `_of_project`)."""

    @wraps(view)
    def handle(request: HttpRequest, project: Project, **rest: Any) -> HttpResponse:
        require_predictions(project)
        return view(request, project, **rest)

    return handle


def predictions_off(request: HttpRequest, project: Project, *, is_guest: bool = False) -> HttpResponse:
    """What stands in place of a page that predicts; inside an open page a sentence, which htmx takes only with 200."""
    is_part = bool(request.headers.get("HX-Request"))
    template = "off_part.html" if is_part else "off.html"
    return show(request, template, {"is_guest": is_guest}, project=project, status=200 if is_part else 409)


def logged_in(view: View) -> View:
    """Log in first: by the page's own redirect, or by that of the open page of which this is a part."""

    @wraps(view)
    def handle(request: HttpRequest, **rest: Any) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, **rest)
        if request.headers.get("HX-Request"):
            return HttpResponseClientRedirect(resolve_url(settings.LOGIN_URL))
        return redirect_to_login(request.get_full_path())

    return handle


def _of_project(view: View) -> View:
    @logged_in
    @wraps(view)
    def handle(request: HttpRequest, key: str, **rest: Any) -> HttpResponse:
        # Keys are capital letters; people type them as they like.
        project = get_object_or_404(projects_visible_to(request.user), key=key.upper())
        if key != project.key and request.method in ("GET", "HEAD"):
            return redirect(_same_page(request, project))
        with timezone.override(project.zone):
            try:
                return view(request, project, **rest)
            except PredictionsOff:
                return predictions_off(request, project)

    return handle


def _same_page(request: HttpRequest, project: Project) -> str:
    """The address that was asked for, with the key as it is written."""
    found = request.resolver_match
    assert found is not None  # noqa: S101 - a view was found
    path = reverse(found.view_name, kwargs={**found.kwargs, "key": project.key})
    return f"{path}?{query}" if (query := request.META["QUERY_STRING"]) else path


def _entries(request: HttpRequest, project: Project) -> list[NavigationEntry]:
    """The pages of a project that this person may open."""
    is_lead = may(request, project, "lead")
    return [entry for entry in NAVIGATION if is_lead or entry.role != "lead"]


def may(request: HttpRequest, project: Project, role: str) -> bool:
    """Whether this person has this role here, or a higher one."""
    has = role_of(request.user, project)
    return has is not None and RANKS.index(has) >= [str(rank) for rank in RANKS].index(role)


def show(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    project: Project | None = None,
    page: str = "",
    status: int = 200,
) -> HttpResponse:
    """A template of `dashboard/` in the frame; `page` is the entry of the navigation that it belongs to."""
    frame = {
        "project": project,
        "navigation": lambda: _entries(request, project) if project else (),
        "page": page,
        "standstills": standstills_of(project) if project else (),
        "missing_workers": lambda: missing_workers(timezone.now()),
    }
    return render(request, f"dashboard/{template}", {**frame, **context}, status=status)


def show_part(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, project: Project, page: str, title: str
) -> HttpResponse:
    """A part of a page for a page that is open; the same in the frame, with a title, for who follows its address."""
    if request.headers.get("HX-Request"):
        return show(request, template, context, project=project)
    framed = {**context, "part": f"dashboard/{template}", "title": title}
    return show(request, "part.html", framed, project=project, page=page)
