"""The working calendar: which days are worked, and by what share of the team."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo

import numpy as np

from apps.projects.history.days import day_of

#: Ten years. Further out no date means anything.
MAX_DAYS = 3653
WORKING_DAYS_PER_WEEK = 5
#: A sprint that begins later is as uncertain as one in a year: levels wander no further from the 16th week on.
MAX_LEAD_WEEKS = 52.0
#: Work that is less than this share of a day is a rounding error of a division, which must not cost a day.
_TOLERANCE_DAYS = 1e-9


@dataclass(frozen=True, slots=True)
class Absence:
    """Somebody of the team is away, both days counted; None for 'always' before, or after."""

    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """Monday to Friday, without the days off, each as far as the team is there.

    A day counts as the share of the people who are not away: everybody alike, since nothing says who does how much.
    A calendar without people (nobody has been entered) knows no absences.
    """

    days_off: frozenset[date] = frozenset()
    people: int = 0
    #: At most one of each person, so that nobody is away twice on one day.
    absences: tuple[Absence, ...] = ()
    #: Of the team: its days are the days of this zone.
    zone: tzinfo = UTC
    _weekdays: np.busdaycalendar = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_weekdays", np.busdaycalendar(holidays=sorted(self.days_off)))

    def day_of(self, moment: datetime) -> date:
        """The day that a moment is on, where the team is."""
        return day_of(moment, self.zone)

    def without(self, days: Iterable[date]) -> "WorkingCalendar":
        """The same calendar with further days off."""
        return replace(self, days_off=self.days_off | frozenset(days))

    def working_days(self, first: date, last: date) -> float:
        """Days of the whole team from `first` to `last`, both counted; 0 once the last day is past."""
        away = sum(self._weekdays_within(first, last, absence) for absence in self.absences)
        everybody = self._weekdays_between(first, last)
        return everybody - away / self.people if self.people else float(everybody)

    def day_when(self, first: date, working_days: float) -> date | None:
        """The day on which so much work of the whole team, begun on `first`, is done; `first` if there is none.

        None if that is more than `MAX_DAYS` ahead.
        """
        if working_days <= 0:
            return first
        horizon = range(min(MAX_DAYS, (date.max - first).days + 1))
        needed = working_days - _TOLERANCE_DAYS
        ahead = bisect_left(horizon, needed, key=lambda days: self.working_days(first, first + timedelta(days=days)))
        return first + timedelta(days=ahead) if ahead < len(horizon) else None

    def shifted(self, last: date, working_days: int) -> date:
        """A last day so many days of work later, or earlier where negative; a last day on a weekend is its Friday."""
        if working_days == 0:
            return last
        moved = np.busday_offset(last, working_days, roll="backward", busdaycal=self._weekdays)
        # The standard library's calendar ends with the year 9999, numpy's does not.
        found: date = min(moved, np.datetime64(date.max)).astype(date)
        return found

    def weekly_shares(self, end: date, n_weeks: int) -> tuple[float, ...]:
        """What part of a full week each of the `n_weeks` of seven days before `end` was, oldest first.

        Empty, which is all of it, where neither days off nor absences are known.
        """
        if not self.days_off and not self.absences:
            return ()
        starts = [end - timedelta(days=7 * age) for age in range(n_weeks, 0, -1)]
        return tuple(self.working_days(start, start + timedelta(days=6)) / WORKING_DAYS_PER_WEEK for start in starts)

    def _weekdays_between(self, first: date, last: date) -> int:
        if last < first:
            return 0
        # As numpy counts days: the calendar of the standard library has no day after its last.
        return int(np.busday_count(first, np.datetime64(last) + 1, busdaycal=self._weekdays))

    def _weekdays_within(self, first: date, last: date, absence: Absence) -> int:
        return self._weekdays_between(max(first, absence.first or first), min(last, absence.last or last))


def weeks_between(today: date, first_day: date) -> float:
    """Weeks of five days before work begins; days off do not shift which of a run's weeks are its own."""
    if first_day <= today:
        return 0.0
    days = WorkingCalendar().working_days(today, first_day - timedelta(days=1))
    return min(days / WORKING_DAYS_PER_WEEK, MAX_LEAD_WEEKS)
