"""The first page: the projects of a person, or the doors to a first one."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.dashboard.pages.start import project_lines
from apps.dashboard.views.scope import show


@require_safe
@login_required
def start(request: HttpRequest) -> HttpResponse:
    """Every project that one may see, and where to begin without any."""
    return show(request, "start.html", {"lines": project_lines(request.user)})
