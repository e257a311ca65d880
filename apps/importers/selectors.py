"""Reads of imports: who may see which."""

from django.db.models import QuerySet

from apps.importers.models import ImportRun
from apps.projects.models import TeamMember
from apps.projects.selectors import Visitor, is_administrator, projects_visible_to


def runs_visible_to(user: Visitor) -> QuerySet[ImportRun]:
    """Imports of the projects that this person leads, without the files that they are about."""
    led = projects_visible_to(user)
    if not is_administrator(user):
        # One row of the team: who is in it once, and leads.
        led = led.filter(pk__in=TeamMember.objects.filter(user=user.pk, role=TeamMember.Role.LEAD).values("project"))
    return ImportRun.objects.filter(project__in=led).defer("upload")
