"""Reads of imports: who may see which."""

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from apps.importers.models import Connection, ImportRun
from apps.importers.sources.registry import issue_page, place_of
from apps.projects.models import Issue, Project, TeamMember
from apps.projects.selectors import Visitor, is_administrator, projects_visible_to


def runs_visible_to(user: Visitor) -> QuerySet[ImportRun]:
    """Imports of the projects that this person leads, without the files that they are about."""
    led = projects_visible_to(user)
    if not is_administrator(user):
        # One row of the team: who is in it once, and leads.
        led = led.filter(pk__in=TeamMember.objects.filter(user=user.pk, role=TeamMember.Role.LEAD).values("project"))
    return ImportRun.objects.filter(project__in=led).select_related("taking_back").defer("upload")


def runs_of(project: Project) -> QuerySet[ImportRun]:
    """Imports of a project, the latest first, without the files that they are about."""
    return ImportRun.objects.filter(project=project).select_related("connection", "taking_back").defer("upload")


def connections_of(project: Project) -> QuerySet[Connection]:
    """Trackers that a project is kept in step with, each with when it was the last time: `in_step_until`."""
    found = Connection.objects.filter(project=project).annotate(in_step_until=last_good_import())
    return found.order_by("created_at", "id")


def last_good_import() -> Subquery:
    """When the last import by a connection that went well, and is not taken back, began.

    The next one may ask for what was touched long before, `synced_until`, since this one left something out.
    """
    good = ImportRun.objects.filter(
        connection=OuterRef("pk"), is_dry_run=False, status=ImportRun.Status.COMPLETED
    ).order_by("-created_at", "-pk")
    return Subquery(good.values(began=Coalesce("started_at", "created_at"))[:1])


def tracker_page_of(issue: Issue) -> str:
    """The address of an issue in the tracker that it is kept in step with; empty without one."""
    if not (issue.source and issue.external_id):
        return ""
    found = Connection.objects.filter(project=issue.project_id, source=issue.source).first()
    # What a browser follows: an address that somebody typed may be anything.
    if found is None or not found.base_url.startswith(("https://", "http://")):
        return ""
    return issue_page(place_of(found.kind, found.base_url, found.scope), issue.external_id)


def touches_anything(run: ImportRun) -> bool:
    """Whether it is known what an import changed, so that it can be taken back."""
    return bool(run.sprint_ids) or run.touches.exists() or run.traces.exists()


def begun_after(run: ImportRun) -> QuerySet[ImportRun]:
    """Later imports that are not taken back: what was asked for first may have been carried out last."""
    others = ImportRun.objects.filter(project=run.project_id).exclude(pk=run.pk).exclude(status=ImportRun.Status.UNDONE)
    begun = others.alias(begun=Coalesce("started_at", "created_at"))
    return begun.filter(begun__gt=run.started_at or run.created_at).defer("upload")
