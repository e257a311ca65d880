"""The first page: the projects of a person."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.dashboard.views.scope import show
from apps.projects.selectors import projects_visible_to


@require_safe
@login_required
def start(request: HttpRequest) -> HttpResponse:
    """Every project that one may see."""
    return show(request, "start.html", {"projects": projects_visible_to(request.user)})
