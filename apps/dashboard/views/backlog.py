"""The open issues of a project with what they will take."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone

from apps.accounts.signed_in import signed_in
from apps.dashboard.pages import backlog as page
from apps.dashboard.views.files import file_of
from apps.dashboard.views.scope import Project, predicted, project_page, show


@project_page
@predicted
def backlog(request: HttpRequest, project: Project) -> HttpResponse:
    """Every open issue, searched, narrowed and ordered as the address says; a part of it where only that is asked."""
    asked = page.query_of(request.GET)
    title, draft = request.GET.get("title", ""), None
    if title:
        draft = page.typed(project, title, issue_type=asked.issue_type, component=asked.component)
    number, user = request.GET.get("page", "1"), signed_in(request)
    shown = page.backlog_of(project, asked, page=number, now=timezone.now(), user=user)
    return show(
        request, "backlog.html", {"shown": shown, "title": title, "typed": draft}, project=project, page="backlog"
    )


@project_page
@predicted
def backlog_csv(request: HttpRequest, project: Project) -> HttpResponse:
    """The same issues as a file."""
    return file_of(page.backlog_file(project, page.query_of(request.GET)), "csv", name=f"{project.key}-backlog")


@project_page
@predicted
def estimate(request: HttpRequest, project: Project) -> HttpResponse:
    """What is told of a title while it is typed: a part of the page."""
    values = request.GET
    draft = page.typed(
        project, values.get("title", ""), issue_type=values.get("type", ""), component=values.get("component", "")
    )
    return show(request, "backlog_typed.html", {"typed": draft}, project=project)


@project_page
@predicted
def why(request: HttpRequest, project: Project, issue_id: UUID) -> HttpResponse:
    """What one issue's predictions rest on: inside the list, or a page of its own."""
    found = page.why(project, issue_id, user=signed_in(request))
    if found is None:
        raise Http404
    is_part = bool(getattr(request, "htmx", False))
    return show(
        request,
        "backlog_why.html" if is_part else "backlog_issue.html",
        {"why": found},
        project=project,
        page="backlog",
    )
