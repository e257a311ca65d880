"""When work will be done, by one engine: a sprint's plan, what would change it, and any part of a backlog."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import numpy as np
from django.utils import timezone

from apps.accounts.models import User
from apps.common.api.answers import Joined
from apps.ml.core.forecasts.drops import TARGET_PROBABILITY, Drop, path_to, single_drops
from apps.ml.core.forecasts.forecaster import WorkForecast, WorkForecaster
from apps.ml.core.forecasts.simulation import PERCENTILES, quantiles
from apps.ml.core.forecasts.track_record import track_record
from apps.ml.core.forecasts.units import WorkItem
from apps.ml.core.forecasts.words import how_many_in_words
from apps.ml.core.sprints.duration import SprintPlan
from apps.ml.models import PredictionHistory
from apps.ml.selectors import forecasts
from apps.ml.selectors.issues import issue_titles
from apps.ml.selectors.sprints import running_sprint_of
from apps.ml.serializers.forecasts import ForecastResponse, WhatIfResponse
from apps.ml.services.forecasts.details import days_range, forecast_details, to_be_held_against, typical_days
from apps.ml.services.forecasts.history import TeamHistory, asked_once
from apps.ml.services.forecasts.reading import work_inputs
from apps.ml.services.predictions.record import record_prediction
from apps.ml.services.sprints.future import sprint_future
from apps.projects.models import Project, Sprint
from apps.projects.unknown_past import unknown_to

METHOD = "monte_carlo"
#: More suggestions than anyone reads.
MAX_SUGGESTIONS = 10


@dataclass(frozen=True, slots=True)
class Scenario:
    """What if: issues taken out or added, another capacity, other days."""

    drop_issues: tuple[UUID, ...] = ()
    add_issues: tuple[UUID, ...] = ()
    team_capacity_hours: float | None = None
    #: Working days more (or fewer) than planned.
    extra_days: int = 0
    #: Beside those that the project knows of.
    days_off: tuple[date, ...] = ()
    #: Whether the scope grows as that of past sprints did.
    growth: bool = True


class ForecastService:
    """Answers about the future of sprints and backlogs; every one leaves a row."""

    def what_if(
        self, sprint_id: UUID | str, scenario: Scenario, *, user: User | None = None, now: datetime | None = None
    ) -> dict[str, Any]:
        """The sprint as planned beside the scenario, with what to take out to reach the target.

        Raises `NotEnoughData` with too little history, `SprintIsOver` and `Sprint.DoesNotExist` without a sprint.
        """
        now = now or timezone.now()
        sprint = Sprint.objects.select_related("snapshot", "project").get(pk=sprint_id)
        added = _unfinished(sprint.project_id, scenario.add_issues)
        with_capacity = scenario.team_capacity_hours is not None
        future = sprint_future(sprint, now=now, also=tuple(added), with_capacity=with_capacity)
        question = future.question_or_raise()
        before = question.forecast()
        changed = _changed(question.plan, scenario, added)
        forecaster, pace = question.forecaster(changed, growth=scenario.growth), question.pace(changed)
        after = forecaster.ask(changed.items, pace=pace)
        held_against = to_be_held_against(after, changed.items, first_day=changed.resumes_on)
        row = _record(
            PredictionHistory.Kind.WHAT_IF,
            sprint.project_id,
            after,
            user,
            sprint,
            input=_as_json(scenario),
            first_day=changed.resumes_on,
            held_against=held_against,
        )
        return WhatIfResponse.of(
            prediction_id=row.pk,
            as_planned=before,
            scenario=after,
            probability_change=_difference(before.probability_in_time, after.probability_in_time),
            target_probability=TARGET_PROBABILITY,
            unknown_past=unknown_to(sprint.project, "forecast"),
            **_suggestions(sprint.project_id, forecaster, changed.items, forecasts.expendable_first(sprint), pace=pace),
        )

    def forecast_work(
        self,
        project_id: UUID | str,
        items: Sequence[WorkItem],
        *,
        by: date | None = None,
        days_off: Sequence[date] = (),
        after_work_in_progress: bool = True,
        created: Sequence[float] = (),
        user: User | None = None,
        now: datetime | None = None,
        history: TeamHistory | None = None,
    ) -> dict[str, Any]:
        """When some work of a project is done, begun today and with the whole team; raises `NotEnoughData`.

        All unfinished issues of a running sprint are answered as that sprint is everywhere. `created` are the issues
        that came in each past week, if as many are to come meanwhile. What is known of the team may be at hand.
        """
        now = history.now if history else now or timezone.now()
        project = Project.objects.get(pk=project_id)
        is_plain = after_work_in_progress and not (created or days_off)
        options: dict[str, Any] = {
            "by": by,
            "days_off": days_off,
            "after_work_in_progress": after_work_in_progress,
            "now": now,
            "history": history,
        }
        of_sprint = of_a_sprint(project.pk, items, by=by, now=now) if is_plain else None
        forecaster = of_sprint or work_inputs(project.pk, items, **options).forecaster(created=created)
        found, record = asked_once(forecaster, items), track_record(forecaster.throughput.weekly(forecaster.unit))
        asked = {"issues": len(items), "by": by.isoformat() if by else None, "growth": bool(created)}
        today = project.day_of(now)
        # What supposes other days off, or that nothing else comes first, is no forecast of what will be; and when what
        # came in meanwhile was done, the ends of these issues do not tell.
        held_against = to_be_held_against(found, items, first_day=today) if is_plain else {}
        row = _record(
            PredictionHistory.Kind.FORECAST,
            project.pk,
            found,
            user,
            input=asked,
            first_day=today,
            held_against=held_against,
        )
        return ForecastResponse.of(
            prediction_id=row.pk,
            question="when",
            when=found,
            how_many=None,
            track_record=record,
            unknown_past=unknown_to(project, "forecast"),
        )

    def how_many(
        self,
        project_id: UUID | str,
        *,
        by: date,
        days_off: Sequence[date] = (),
        user: User | None = None,
        now: datetime | None = None,
    ) -> dict[str, Any]:
        """How many issues the team finishes from today to a day, both counted; raises `NotEnoughData`."""
        now = now or timezone.now()
        project = Project.objects.get(pk=project_id)
        history = TeamHistory(project.pk, now=now)
        calendar, past = history.calendar(), history.throughput()
        forecaster = WorkForecaster(past, "issues", calendar.day_of(now), by, calendar.without(days_off))
        # At least so many in 85 % of the runs is the 15th percentile.
        amounts = quantiles(forecaster.runs.amount_within(forecaster.weeks_until(by)), [100 - p for p in PERCENTILES])
        counts = {percent: int(np.floor(amounts[100 - percent])) for percent in PERCENTILES}
        row = record_prediction(
            kind=PredictionHistory.Kind.FORECAST,
            method=METHOD,
            project_id=project.pk,
            user=user,
            input={"by": by.isoformat()},
            predicted_value=float(counts[50]),
            details={
                "at_least": {str(percent): count for percent, count in counts.items()},
            }
            # Other days off are supposed: nobody will see how many it would have been.
            | ({} if days_off else {"first_day": calendar.day_of(now).isoformat(), "last_day": by.isoformat()}),
        )
        at_least = [{"percent": percent, "issues": count} for percent, count in counts.items()]
        return ForecastResponse.of(
            prediction_id=row.pk,
            question="how_many",
            when=None,
            how_many=Joined(forecaster, by=by, at_least=at_least, in_words=how_many_in_words(by, counts)),
            track_record=track_record(past.issues),
            unknown_past=unknown_to(project, "forecast"),
        )


def _record(
    kind: str,
    project_id: UUID,
    found: WorkForecast,
    user: User | None,
    sprint: Sprint | None = None,
    *,
    input: dict[str, Any],
    first_day: date,
    held_against: dict[str, Any],
) -> PredictionHistory:
    return record_prediction(
        kind=kind,
        method=METHOD,
        project_id=project_id,
        user=user,
        sprint_id=sprint.pk if sprint else None,
        input=input,
        predicted_value=typical_days(found, first_day=first_day),
        interval=days_range(found, first_day=first_day),
        details=forecast_details(found) | held_against,
    )


def of_a_sprint(
    project_id: UUID, items: Sequence[WorkItem], *, by: date | None, now: datetime
) -> WorkForecaster | None:
    """The forecaster of the running sprint of which these are the unfinished issues: one answer wherever shown."""
    sprint = running_sprint_of(project_id, (item.issue_id for item in items if item.exists))
    if sprint is None or not all(item.exists for item in items):
        return None
    future = sprint_future(sprint, now=now)
    return future.question_or_raise().forecaster(replace(future.plan, last_day=by))


def _unfinished(project_id: UUID, issue_ids: Sequence[UUID]) -> Sequence[WorkItem]:
    return forecasts.unfinished(project_id, issue_ids=issue_ids) if issue_ids else ()


def _changed(plan: SprintPlan, scenario: Scenario, added: Sequence[WorkItem]) -> SprintPlan:
    dropped = {str(issue_id) for issue_id in scenario.drop_issues}
    present = {item.issue_id for item in plan.items}
    kept = [item for item in plan.items if item.issue_id not in dropped]
    calendar = plan.calendar.without(scenario.days_off)
    return replace(
        plan,
        items=(*kept, *(item for item in added if item.issue_id not in present)),
        team_capacity_hours=scenario.team_capacity_hours,
        last_day=plan.last_day and calendar.shifted(plan.last_day, scenario.extra_days),
        calendar=calendar,
    )


def _suggestions(
    project_id: UUID, forecaster: WorkForecaster, items: Sequence[WorkItem], order: Sequence[str], *, pace: float
) -> dict[str, Any]:
    """What helps most alone, and what to take out in turn until the target is reached."""
    by_id = {item.issue_id: item for item in items}
    # What was added comes first to mind, and goes first.
    ordered = [item for item in items if item.issue_id not in order] + [by_id[id_] for id_ in order if id_ in by_id]
    alone = single_drops(forecaster, items, pace=pace)[:MAX_SUGGESTIONS]
    path = path_to(TARGET_PROBABILITY, forecaster, ordered, pace=pace)
    titles = issue_titles(project_id, {drop.issue_id for drop in (*alone, *path)})
    return {"most_helpful_drops": _named(alone, titles), "drops_to_target": _named(path, titles)}


def _named(drops: Sequence[Drop], titles: Mapping[str, dict[str, str]]) -> list[Joined]:
    """By names that people know; an issue that was deleted while it was asked about has none."""
    return [Joined(drop, **titles.get(drop.issue_id, {"key": "", "title": ""})) for drop in drops]


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else round(after - before, 6)


def _as_json(scenario: Scenario) -> dict[str, Any]:
    return {
        "drop_issues": [str(issue_id) for issue_id in scenario.drop_issues],
        "add_issues": [str(issue_id) for issue_id in scenario.add_issues],
        "team_capacity_hours": scenario.team_capacity_hours,
        "extra_days": scenario.extra_days,
        "days_off": [day.isoformat() for day in scenario.days_off],
        "growth": scenario.growth,
    }
