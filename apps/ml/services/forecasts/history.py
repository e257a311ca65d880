"""What a team's past tells, kept in memory until something of it changes: a forecast does not read years of history."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from apps.ml.core.forecasts.calendar import WorkingCalendar
from apps.ml.core.forecasts.forecaster import WorkForecast, WorkForecaster
from apps.ml.core.forecasts.inputs import fingerprint
from apps.ml.core.forecasts.simulation import MAX_HISTORY_WEEKS
from apps.ml.core.forecasts.units import Throughput, WorkItem
from apps.ml.core.past.recent import RecentWork
from apps.ml.core.past.sprints import SprintTimeline
from apps.ml.core.past.velocity import SprintRecord
from apps.ml.core.summary import ProjectCounts
from apps.ml.selectors import forecasts, sprints
from apps.ml.selectors.calendars import working_calendar
from apps.ml.selectors.projects import n_completed, project_counts
from apps.ml.services.forecasts.frozen_sprints import FrozenSprints
from apps.ml.services.forecasts.kept_pasts import KeptPasts
from apps.ml.services.forecasts.recent_work import recent_work
from apps.ml.services.models.memory import StateMemory
from apps.projects.history.days import beginning_of, day_of
from apps.projects.selectors import PresentState, present_state

Told = TypeVar("Told")
HISTORIES = StateMemory()


def asked_once(forecaster: WorkForecaster, items: Sequence[WorkItem]) -> WorkForecast:
    """What a forecaster answers about some work."""
    return told_once("forecast", forecaster, items, lambda: forecaster.ask(items))


def told_once(what: str, forecaster: WorkForecaster, items: Sequence[WorkItem], make: Callable[[], Told]) -> Told:
    """What a forecaster tells of some work: the same question with the same numbers is not simulated again."""
    return HISTORIES.told(f"{what} {fingerprint(forecaster, items)}", make)


class TeamHistory:
    """A team's past as of a moment; what was told of the same state before is not read again."""

    def __init__(self, project_id: UUID | str, *, now: datetime) -> None:
        self._project_id, self.now = project_id, now
        self._present = state = present_state(project_id, now=now)
        # By the hour, since absences and ends of sprints come by themselves.
        self._state = None if state is None else f"{project_id} {state} {now:%Y-%m-%d %H}"
        self._kept = kept = KeptPasts(project_id)
        self._frozen = None if state is None else FrozenSprints(project_id, state, now=now, memory=HISTORIES, kept=kept)

    def calendar(self) -> WorkingCalendar:
        """The calendar of those who do the work."""
        return self._told("calendar", lambda: working_calendar(self._project_id, now=self.now))

    def throughput(self) -> Throughput:
        """What was finished in each of the past weeks, by that calendar."""
        calendar = self.calendar()
        return self._told("throughput", lambda: self._throughput(calendar))

    def created_by_week(self) -> tuple[float, ...]:
        """How many issues came in each of the weeks of its throughput."""
        if self._present is None:
            return forecasts.created_by_week(self._project_id, now=self.now)
        return forecasts.created_by_week_of(self._recent_work(self._present), now=self.now, zone=self.calendar().zone)

    def finished_by_week(self, weeks: int) -> tuple[int, ...]:
        """How many issues were finished in each of so many weeks until now, see `issues_by_week`."""
        if self._present is None:
            return forecasts.issues_by_week(self._project_id, "resolved_at", now=self.now, weeks=weeks)
        work = self._recent_work(self._present)
        return forecasts.finished_by_week_of(work, self._project_id, now=self.now, weeks=weeks)

    def counts(self) -> ProjectCounts:
        """Issues by what a summary says about them; those that are completed are counted again after an edit."""
        completed = self._told("completed", lambda: n_completed(self._project_id))
        return project_counts(self._project_id, now=self.now, completed=completed)

    def unfinished(self) -> tuple[WorkItem, ...]:
        """All open issues."""
        return self._told("open", lambda: forecasts.unfinished(self._project_id))

    def sprints(self, newest: int) -> tuple[SprintTimeline, ...]:
        """The latest completed sprints."""
        if self._frozen is None:
            return sprints.sprint_pasts(self._project_id, now=self.now, newest=newest)
        return self._frozen.timelines(newest)

    def records(self) -> tuple[SprintRecord, ...]:
        """What they delivered."""
        if self._frozen is None:
            return sprints.completed_sprints(self._project_id, now=self.now)
        return self._frozen.records()

    def _throughput(self, calendar: WorkingCalendar) -> Throughput:
        project_id, now = self._project_id, self.now
        if self._present is None:
            return forecasts.throughput(project_id, now=now, calendar=calendar)
        return forecasts.throughput_of(self._recent_work(self._present), now=now, zone=calendar.zone, calendar=calendar)

    def _recent_work(self, present: PresentState) -> RecentWork:
        zone = self.calendar().zone
        since = beginning_of(day_of(self.now, zone) - MAX_HISTORY_WEEKS * forecasts.WEEK, zone)
        return recent_work(self._project_id, present, since=since, memory=HISTORIES, kept=self._kept)

    def _told(self, what: str, make: Callable[[], Told]) -> Told:
        return make() if self._state is None else HISTORIES.told(f"{what} {self._state}", make)
