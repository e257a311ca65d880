"""What a team's past tells, kept in memory until something of it changes: a forecast does not read years of history."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from apps.ml.core.forecasts.calendar import WorkingCalendar
from apps.ml.core.forecasts.units import Throughput
from apps.ml.core.past.sprints import SprintTimeline
from apps.ml.core.past.velocity import SprintRecord
from apps.ml.selectors import forecasts, sprints
from apps.ml.selectors.calendars import working_calendar
from apps.ml.services.forecasts.finished import present_throughput
from apps.ml.services.forecasts.frozen_sprints import FrozenSprints
from apps.ml.services.models.memory import StateMemory
from apps.projects.selectors import present_state

Told = TypeVar("Told")
HISTORIES = StateMemory()


class TeamHistory:
    """A team's past as of a moment; what was told of the same state before is not read again."""

    def __init__(self, project_id: UUID | str, *, now: datetime) -> None:
        self._project_id, self._now = project_id, now
        self._present = state = present_state(project_id, now=now)
        # By the hour, since absences and ends of sprints come by themselves.
        self._state = None if state is None else f"{project_id} {state} {now:%Y-%m-%d %H}"
        self._frozen = None if state is None else FrozenSprints(project_id, state, now=now, memory=HISTORIES)

    def calendar(self) -> WorkingCalendar:
        """The calendar of those who do the work."""
        return self._told("calendar", lambda: working_calendar(self._project_id, now=self._now))

    def throughput(self) -> Throughput:
        """What was finished in each of the past weeks, by that calendar."""
        calendar = self.calendar()
        return self._told("throughput", lambda: self._throughput(calendar))

    def sprints(self, newest: int) -> tuple[SprintTimeline, ...]:
        """The latest completed sprints."""
        if self._frozen is None:
            return sprints.sprint_pasts(self._project_id, now=self._now, newest=newest)
        return self._frozen.timelines(newest)

    def records(self) -> tuple[SprintRecord, ...]:
        """What they delivered."""
        if self._frozen is None:
            return sprints.completed_sprints(self._project_id, now=self._now)
        return self._frozen.records()

    def _throughput(self, calendar: WorkingCalendar) -> Throughput:
        project_id, now = self._project_id, self._now
        if self._present is None:
            return forecasts.throughput(project_id, now=now, calendar=calendar)
        return present_throughput(project_id, self._present, now=now, calendar=calendar, memory=HISTORIES)

    def _told(self, what: str, make: Callable[[], Told]) -> Told:
        return make() if self._state is None else HISTORIES.told(f"{what} {self._state}", make)
