"""Writes of the days on which a team does not work: those it enters, and holidays that it works all the same."""

from datetime import date
from typing import Any

from django.core.exceptions import ValidationError

from apps.projects.holidays import Holiday, holidays_of
from apps.projects.models import DayOff, Project, WorkedHoliday
from apps.projects.rows import all_or_nothing, enter, insert, lock, update


@all_or_nothing()
def create_day_off(project: Project, *, day: date, name: str = "") -> DayOff:
    enter(project.pk)
    return insert(DayOff(project=project, day=day, name=name))


@all_or_nothing()
def update_day_off(day_off: DayOff, **fields: Any) -> DayOff:
    return update(day_off, fields, allowed={"day", "name"})


@all_or_nothing()
def delete_day_off(day_off: DayOff) -> None:
    day_off.delete()


@all_or_nothing()
def keep_holiday(project: Project, *, day: date, is_worked: bool) -> Holiday:
    """Say whether the team works on a holiday; `ValidationError` where the day is none."""
    lock(project)
    found = next((each for each in holidays_of(project, [day.year]) if each.day == day), None)
    if found is None:
        raise ValidationError({"day": "This day is no holiday here. For a day of your own see days-off."})
    if is_worked:
        WorkedHoliday.objects.get_or_create(project=project, day=day)
    else:
        WorkedHoliday.objects.filter(project=project, day=day).delete()
    return Holiday(found.day, found.name, is_worked)
