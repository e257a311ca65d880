"""When a team works: its days off and who is away, in two queries."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from apps.ml.core.calendar import Absence, WorkingCalendar
from apps.projects.models import DayOff, TeamMember

#: Who takes work; viewers watch.
WORKING_ROLES = (TeamMember.Role.MEMBER, TeamMember.Role.LEAD)


def working_calendar(project_id: UUID | str, *, days_off: Iterable[date] = ()) -> WorkingCalendar:
    """The calendar of a project's team, with further days off if there are any to suppose."""
    stored = DayOff.objects.filter(project_id=project_id).values_list("day", flat=True)
    team = TeamMember.objects.filter(project_id=project_id, role__in=WORKING_ROLES, user__is_active=True)
    away = list(team.order_by("id").values_list("absent_from", "absent_until"))
    return WorkingCalendar(
        days_off=frozenset(stored).union(days_off),
        people=len(away),
        absences=tuple(Absence(first, last) for first, last in away if first or last),
    )
