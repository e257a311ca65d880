"""Links for people without an account: the lead's list of them, and the page that one opens."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from apps.accounts.signed_in import signed_in
from apps.common.api.busy import asked_by_guest_of
from apps.common.exceptions import Conflict
from apps.dashboard.pages.project import project_page as read_project
from apps.dashboard.pages.share import share_form, share_page
from apps.dashboard.pages.sprint import SprintPage
from apps.dashboard.services import sharing
from apps.dashboard.types import Project
from apps.dashboard.views.errors import only_read
from apps.dashboard.views.scope import lead_page, predictions_off, project_action, show
from apps.ml.services.predictions.switch import is_predicted
from apps.ml.services.sprints.overview import sprint_overview


@lead_page
def share(request: HttpRequest, project: Project) -> HttpResponse:
    """Which links are open, and a form for another one."""
    return show(request, "share.html", {"shown": share_page(project, request)}, project=project, page="share")


@project_action("lead")
def make_link(request: HttpRequest, project: Project) -> HttpResponse:
    """Open a page to whoever has its address."""
    form = share_form(project, request.POST)
    try:
        if form.is_valid():
            sharing.share(project, **form.wanted(), by=signed_in(request), now=timezone.now())
            messages.success(request, _("The link is made: copy its address from the list."))
        else:
            messages.error(request, _("Choose a page and how long the link shall live."))
    except Conflict as error:
        messages.error(request, error.message)
    return redirect("dashboard:share", key=project.key)


@project_action("lead")
def withdraw_link(request: HttpRequest, project: Project, link_id: UUID) -> HttpResponse:
    """Close a link at once."""
    if sharing.withdraw(project, link_id, now=timezone.now()):
        messages.success(request, _("The link leads nowhere any more."))
    return redirect("dashboard:share", key=project.key)


@only_read
@never_cache
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """A page of a project or a sprint for whoever has the link: nothing to press, no address of anybody."""
    now = timezone.now()
    link = sharing.shared(token, now=now)
    if link is None:
        raise Http404
    asked_by_guest_of(link.project.pk)
    with timezone.override(link.project.zone):
        is_over = link.sprint is not None and link.sprint.status == "completed"
        if not is_over and not is_predicted(link.project):
            return _of_a_link(predictions_off(request, link.project, is_guest=True))
        today = timezone.localdate(now)
        if link.sprint:
            body, found = "sprint_body.html", sprint_overview(link.sprint, now=now)
            shown: object = SprintPage(found, today=today, shows_people=link.shows_people)
        else:
            body, shown = "project_body.html", read_project(link.project, now=now, today=today)
        context = {"body": f"dashboard/{body}", "shown": shown, "link": link, "is_guest": True}
        return _of_a_link(show(request, "shared.html", context, project=link.project))


def _of_a_link(answer: HttpResponse) -> HttpResponse:
    answer["Referrer-Policy"], answer["X-Robots-Tag"] = "no-referrer", "noindex, nofollow"
    return answer
