"""Holidays by country and region, from the library of that name, as each project keeps them.

The library takes a third of a second to import: only projects that name a country pay for it, once a process.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from django.core.exceptions import ValidationError

from apps.projects.models import DayOff, Project, WorkedHoliday

logger = logging.getLogger(__name__)

#: A forecast looks back on two years of weeks and ahead ten years.
YEARS_BACK, YEARS_AHEAD = 3, 11
#: Of the names, as the API speaks; the country's own where the library has no such names. Left to the library, they are
#: in whatever language the process happens to stand in.
_LANGUAGE = "en_US"
#: Forty calendars of this many years.
_CACHED_YEARS = 40 * (YEARS_BACK + YEARS_AHEAD)


@dataclass(frozen=True, slots=True)
class Holiday:
    """A public holiday where the team is."""

    day: date
    name: str
    #: Whether the team works all the same.
    is_worked: bool = False


def check_place(country: str, region: str) -> None:
    """Raise `ValidationError` unless the holidays of this place are known; nothing is no place, which is fine."""
    if not country:
        if region:
            raise ValidationError({"holiday_region": "A region needs its country: set holiday_country, too."})
        return
    from holidays import list_supported_countries  # noqa: PLC0415 - see the top of the file

    regions = list_supported_countries().get(country)
    if regions is None:
        raise ValidationError({"holiday_country": "A code of ISO 3166 is needed, such as DE, US or BR."})
    if region and region not in regions:
        known = f"one of {', '.join(regions)}" if regions else "none: the country has no regions of its own holidays"
        raise ValidationError({"holiday_region": f"For {country} this is {known}."})


def holidays_of(project: Project, years: Sequence[int]) -> list[Holiday]:
    """A project's holidays in some years, in order."""
    if not project.holiday_country:
        return []
    worked = set(WorkedHoliday.objects.filter(project=project).values_list("day", flat=True))
    return [Holiday(day, name, day in worked) for day, name in _in_years(project, years)]


def off_days(project: Project, *, today: date) -> frozenset[date]:
    """Days on which nobody of a team works: those that it entered, and its holidays without the worked ones."""
    years = range(max(today.year - YEARS_BACK, date.min.year), min(today.year + YEARS_AHEAD, date.max.year) + 1)
    entered = DayOff.objects.filter(project=project).values_list("day", flat=True)
    return frozenset(entered).union(each.day for each in holidays_of(project, years) if not each.is_worked)


def _in_years(project: Project, years: Sequence[int]) -> Iterator[tuple[date, str]]:
    for year in years:
        yield from public_holidays(project.holiday_country, project.holiday_region, year)


@lru_cache(maxsize=_CACHED_YEARS)
def public_holidays(country: str, region: str, year: int) -> tuple[tuple[date, str], ...]:
    """The public holidays of a place in a year, in order; none where the library does not know the place any more."""
    from holidays import country_holidays  # noqa: PLC0415 - see the top of the file

    try:
        found = country_holidays(country, subdiv=region or None, years=year, language=_LANGUAGE)
    except NotImplementedError:
        logger.warning("Holidays are not known country=%s region=%s year=%d", country, region, year)
        return ()
    return tuple(sorted(found.items()))
