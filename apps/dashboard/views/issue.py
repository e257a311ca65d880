"""One issue: where pictures, risks and findings lead."""

from django.http import Http404, HttpRequest, HttpResponse

from apps.accounts.signed_in import signed_in
from apps.dashboard.pages.issue import issue_page
from apps.dashboard.views.scope import Project, project_page, show


@project_page
def issue(request: HttpRequest, project: Project, reference: str) -> HttpResponse:
    """What it is, where it stands, what was foreseen of it."""
    shown = issue_page(project, reference, user=signed_in(request))
    if shown is None:
        raise Http404
    return show(request, "issue.html", {"shown": shown}, project=project)
