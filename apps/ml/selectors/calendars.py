"""When a team works: its days off and who is away, in two queries."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef

from apps.ml.core.forecasts.calendar import Absence, WorkingCalendar
from apps.projects.models import DayOff, Issue, TeamMember

#: Who takes work; viewers watch.
WORKING_ROLES = (TeamMember.Role.MEMBER, TeamMember.Role.LEAD)

#: Who finished something in the last half year is the team; a person who has left or never took work is not missed.
TEAM_SINCE = timedelta(weeks=26)


def working_calendar(project_id: UUID | str, *, today: date) -> WorkingCalendar:
    """The calendar of those who do a project's work; of all its members where nobody is known to have done any."""
    days_off = DayOff.objects.filter(project_id=project_id).values_list("day", flat=True)
    finished = Issue.objects.filter(
        project_id=project_id, assignee=OuterRef("user"), resolved_at__gte=_midnight(today) - TEAM_SINCE
    )
    members = TeamMember.objects.filter(project_id=project_id, role__in=WORKING_ROLES, user__is_active=True)
    rows = members.annotate(works=Exists(finished)).order_by("id").values_list("works", "absent_from", "absent_until")
    team = [row for row in rows if row[0]] or list(rows)
    return WorkingCalendar(
        days_off=frozenset(days_off),
        people=len(team),
        absences=tuple(Absence(first, last) for _, first, last in team if first or last),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)
