"""A project at a glance: when it is done, its next sprint, how it varies, and what needs a look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache, cached_property
from typing import Any

from django.utils.timezone import localdate
from django.utils.translation import gettext as _

from apps.common.charts.forecasts import FanDay, Progress, WorkDay, burn_up
from apps.common.charts.numbers import day as told_day
from apps.common.charts.numbers import number
from apps.common.charts.picture import Picture, Table
from apps.common.charts.series import Limits, Observation, process_behaviour
from apps.dashboard.memory import remembered, state_of
from apps.dashboard.pages.issues import NamedIssue, named_issues
from apps.dashboard.pages.sprints import ListedSprint, current_sprint, undated_plan
from apps.dashboard.types import Project, Sprint
from apps.ml.core.forecasts.drops import TARGET_PROBABILITY
from apps.ml.core.summary import ProjectSummary, in_words, summarise
from apps.ml.core.training.retraining import MIN_TRAINING_ISSUES
from apps.ml.selectors.registry import count_outcomes
from apps.ml.selectors.sprints import HISTORY_SPRINTS
from apps.ml.selectors.trust import ServingEvaluation, open_anomalies, serving_evaluations
from apps.ml.services.forecasts.history import TeamHistory
from apps.ml.services.forecasts.overview import ProjectForecast, project_forecast
from apps.ml.services.forecasts.sprint import TeamPast, team_past
from apps.ml.services.models.kinds import KINDS
from apps.ml.services.sprints.overview import SprintOverview, sprint_overview
from apps.notifications.selectors import severest_first
from apps.projects.selectors import sprint_by_reference

#: More than anybody looks at in one morning; the rest is counted.
MOST_ANOMALIES = 8
SHOWN_ANOMALIES = 3


@dataclass(frozen=True, slots=True)
class NamedAnomaly:
    """Something unusual, with the issues that it is about."""

    anomaly: Any
    issues: Sequence[NamedIssue]

    @property
    def more_issues(self) -> int:
        """Beyond the four that are named."""
        return len(self.issues) - 4


@dataclass(frozen=True)
class ProjectPage:
    """A project, as the page shows it."""

    project: Project
    today: date
    found: ProjectForecast
    summary: ProjectSummary
    sprint: ListedSprint | None
    overview: SprintOverview | None
    anomalies: Sequence[NamedAnomaly]
    more_anomalies: int
    models: Sequence[ServingEvaluation]

    @property
    def first_anomalies(self) -> Sequence[NamedAnomaly]:
        """Those that are seen at a glance."""
        return self.anomalies[:SHOWN_ANOMALIES]

    @property
    def other_anomalies(self) -> Sequence[NamedAnomaly]:
        """Those that are folded away."""
        return self.anomalies[SHOWN_ANOMALIES:]

    @property
    def is_empty(self) -> bool:
        return not self.summary.counts.total

    @property
    def done(self) -> float:
        """Of all issues the share that is completed."""
        return self.summary.completion / 100.0

    @property
    def since(self) -> date:
        """The first day of the burn-up."""
        return localdate(self.found.past[0].at)

    @property
    def target(self) -> float:
        """A chance that a team can promise."""
        return TARGET_PROBABILITY

    @property
    def in_words(self) -> str:
        """The summary as a paragraph, the same that the API gives."""
        chance = self.overview.chance if self.overview and self.overview.sprint.status == "active" else None
        return in_words(self.summary, [] if chance is None else [chance])

    @property
    def trusted(self) -> ServingEvaluation | None:
        """The model that gains most on a naive answer; None where none does."""
        better = [model for model in self.models if model.beats_baseline and model.gain]
        return max(better, key=lambda model: model.gain or 0.0, default=None)

    @property
    def lessons(self) -> str:
        """How many finished issues a first model needs, and how many it could learn from."""
        hours, points = (
            count_outcomes(kind.outcome, self.project.pk)
            for kind in (KINDS["effort_prediction"], KINDS["story_points"])
        )
        words = {"needed": MIN_TRAINING_ISSUES, "hours": hours, "points": points}
        return _("%(needed)s finished issues train one: %(hours)s have hours, %(points)s have points") % words

    @cached_property
    def undated_plan(self) -> Sprint | None:
        """Where no sprint runs or is planned for a day: one that is planned for none."""
        return None if self.sprint else undated_plan(self.project)

    @property
    def last_week(self) -> int:
        return self.found.weeks[-1].finished if self.found.weeks else 0

    @cached_property
    def burn_up(self) -> Picture:
        """What was done since the first day shown, all there is, and where it leads."""
        found, first = self.found, self.found.past[0]
        past = [WorkDay(localdate(each.at), each.done - first.done, each.scope - first.done) for each in found.past]
        now = past[-1]
        words = {"unit": _(found.unit), "day": told_day(past[0].day)}
        label = _("%(unit)s done and in all since %(day)s, with the forecast") % words
        progress = Progress(
            unit=found.unit, past=past, fan=[_fan(each, now) for each in found.fan], target=self.project_target
        )
        return burn_up(progress, label=label)

    @property
    def project_target(self) -> date | None:
        return self.found.forecast.last_day if self.found.forecast else None

    @cached_property
    def weekly(self) -> Picture | None:
        """Issues finished a week, inside their natural limits."""
        if not self.found.weeks:
            return None
        observed = [Observation(week.last_day, week.finished, week.is_signal) for week in self.found.weeks]
        found = self.found.limits
        limits = Limits(found.low, found.centre, found.high) if found else None
        return process_behaviour(observed, limits, label=_("Issues finished a week"), unit=_("issues"))

    @property
    def files(self) -> Mapping[str, Picture | Table]:
        """What can be had as a file, by name."""
        found: dict[str, Picture | Table] = {"burn-up": self.burn_up, "anomalies": _anomaly_table(self.anomalies)}
        return found | ({"weekly": self.weekly} if self.weekly else {})


def project_page(project: Project, *, now: datetime, today: date, shows_people: bool = True) -> ProjectPage:
    """Read a project; what takes a simulation is remembered until something changes."""
    sprint, state = current_sprint(project), state_of(project, now=now)
    found = open_anomalies(project.pk).order_by(severest_first("severity"), "-detected_at", "id")
    anomalies = list(found[:MOST_ANOMALIES])
    names = named_issues(
        project, {id_ for row in anomalies for id_ in row.evidence.get("issues", ())}, shows_people=shows_people
    )
    # Asked for where something is told anew, once.
    history = cache(lambda: TeamHistory(project.pk, now=now))
    return ProjectPage(
        project=project,
        today=today,
        found=remembered(state, "forecast", lambda: _forecast(project, state, history(), now)),
        summary=remembered(state, "summary", lambda: _summary(history(), now)),
        sprint=sprint,
        overview=_sprint(project, sprint.reference, state, now) if sprint else None,
        anomalies=[
            NamedAnomaly(row, [names[id_] for id_ in row.evidence.get("issues", ()) if id_ in names])
            for row in anomalies
        ],
        more_anomalies=max(found.count() - MOST_ANOMALIES, 0) if len(anomalies) == MOST_ANOMALIES else 0,
        models=serving_evaluations([project.pk])[project.pk],
    )


def _forecast(project: Project, state: str, history: TeamHistory, now: datetime) -> ProjectForecast:
    team = _team(project, state, now, history)
    return project_forecast(project.pk, now=now, target=project.target_date, team=team, history=history)


def sprint_figures(
    project: Project, reference: str, *, now: datetime, state: str | None = None
) -> SprintOverview | None:
    """All that is told of a sprint, remembered until something changes; None where there is no such sprint."""
    return _sprint(project, reference, state or state_of(project, now=now), now)


def _sprint(project: Project, reference: str, state: str, now: datetime) -> SprintOverview | None:
    sprint = sprint_by_reference(project, reference)
    if sprint is None:
        return None
    make = lambda: sprint_overview(sprint, now=now, team=_team(project, state, now))  # noqa: E731
    # Its goal is as it is now, whatever is remembered.
    return replace(remembered(state, f"sprint {sprint.pk}", make), sprint=sprint)


def _team(project: Project, state: str, now: datetime, history: TeamHistory | None = None) -> TeamPast:
    """What the forecasts of the project and its sprints rest on, read once for all of them."""
    return remembered(state, "team", lambda: team_past(project.pk, now=now, newest=HISTORY_SPRINTS, history=history))


def _summary(history: TeamHistory, now: datetime) -> ProjectSummary:
    return summarise(history.counts(), history.records(), now=now)


def _fan(day: Any, now: WorkDay) -> FanDay:
    """On top of what is done, and no more than there is."""
    amounts = [min(now.amount + each, now.scope) for each in (day.low, day.lower, day.typical, day.upper, day.high)]
    return FanDay(day.day, *amounts)


def _anomaly_table(anomalies: Sequence[NamedAnomaly]) -> Table:
    columns = (_("Severity"), _("What"), _("Expected"), _("Found"), _("Since"), _("Issues"))
    rows = [
        (
            row.anomaly.severity,
            row.anomaly.description,
            "" if row.anomaly.expected_value is None else number(row.anomaly.expected_value),
            "" if row.anomaly.actual_value is None else number(row.anomaly.actual_value),
            told_day(localdate(row.anomaly.detected_at)),
            " ".join(issue.reference for issue in row.issues),
        )
        for row in anomalies
    ]
    return Table(columns, tuple(rows))
