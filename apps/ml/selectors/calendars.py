"""When a team works: its days off, its holidays and who is away, in four queries."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef

from apps.ml.core.forecasts.calendar import Absence, WorkingCalendar
from apps.projects.history.days import beginning_of
from apps.projects.holidays import off_days
from apps.projects.models import Issue, Project, TeamMember

#: Who takes work; viewers watch.
WORKING_ROLES = (TeamMember.Role.MEMBER, TeamMember.Role.LEAD)

#: Who finished something in the last half year is the team; a person who has left or never took work is not missed.
TEAM_SINCE = timedelta(weeks=26)


def working_calendar(project_id: UUID | str, *, now: datetime) -> WorkingCalendar:
    """The calendar of those who do a project's work; of all its members where nobody is known to have done any."""
    project = Project.objects.get(pk=project_id)
    today = project.day_of(now)
    finished = Issue.objects.filter(
        project=project, assignee=OuterRef("user"), resolved_at__gte=beginning_of(today, project.zone) - TEAM_SINCE
    )
    members = TeamMember.objects.filter(project=project, role__in=WORKING_ROLES, user__is_active=True)
    rows = members.annotate(works=Exists(finished)).order_by("id").values_list("works", "absent_from", "absent_until")
    team = [row for row in rows if row[0]] or list(rows)
    return WorkingCalendar(
        days_off=off_days(project, today=today),
        people=len(team),
        absences=tuple(Absence(first, last) for _, first, last in team if first or last),
        zone=project.zone,
    )
