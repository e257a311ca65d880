"""Everything that is told of one sprint, read once: its days, its future, its risks, its books, what could leave it.

The same figures as burndown, outcome, risk, what-if and report answer, since they come from the same functions; nothing
is recorded, as looking at a page is no question.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np

from apps.common.exceptions import NotEnoughData
from apps.ml.core.findings import Finding
from apps.ml.core.forecasts.drops import TARGET_PROBABILITY, Drop, path_to, single_drops
from apps.ml.core.forecasts.fan import SHARES, FutureDay, evenly, left_by_day
from apps.ml.core.forecasts.forecaster import WorkForecast
from apps.ml.core.past.sprints import SprintTimeline
from apps.ml.core.sprints.burndown import Burndown, burndown
from apps.ml.core.sprints.outcome import Outlook
from apps.ml.core.sprints.risks import sprint_risks
from apps.ml.selectors import forecasts
from apps.ml.selectors.sprints import HISTORY_SPRINTS, sprint_past, sprint_state
from apps.ml.services.forecasts.sprint import TeamPast, team_past
from apps.ml.services.sprints.future import SprintFuture, sprint_future
from apps.projects.history.snapshots import SprintBooks, books_of
from apps.projects.models import Sprint


@dataclass(frozen=True, slots=True)
class SprintOverview:
    """A sprint: planned ones have no past, completed ones no future."""

    sprint: Sprint
    burndown: Burndown
    books: SprintBooks
    forecast: WorkForecast | None
    outlook: Outlook | None
    #: The chance to be done by the last day; None without one, or where nobody can tell.
    chance: float | None
    #: Why there is no forecast; None where there is one, and for what is over.
    silent_because: str | None
    #: What is left on each day to come, in the outlook's unit; empty where nobody can tell.
    cone: Sequence[FutureDay]
    risks: Sequence[Finding]
    #: What taking out each issue alone would change, and which to take out in turn for the target.
    drops: Sequence[Drop]
    path: Sequence[Drop]


def sprint_overview(sprint: Sprint, *, now: datetime, team: TeamPast | None = None) -> SprintOverview:
    """Read and foresee a sprint; its `snapshot` and `project` should be there already, `team` may be."""
    past = sprint_past(sprint, now=now)
    books = books_of([sprint], now=now)[str(sprint.pk)]
    days = burndown(past, now=now)
    if sprint.status == Sprint.Status.COMPLETED:
        return SprintOverview(sprint, days, books, None, None, None, None, (), (), (), ())
    team = team or team_past(sprint.project_id, now=now, newest=HISTORY_SPRINTS)
    future = sprint_future(sprint, now=now, team=team, state=past)
    forecast = future.forecast()
    drops, path = _drops(sprint, future)
    return SprintOverview(
        sprint=sprint,
        burndown=days,
        books=books,
        forecast=forecast,
        outlook=future.outlook,
        chance=future.probability_in_time,
        silent_because=_silence(future),
        cone=_cone(future, today=sprint.project.day_of(now)),
        risks=_risks(sprint, past, future, forecast, now=now),
        drops=drops,
        path=path,
    )


def _silence(future: SprintFuture) -> str | None:
    reasons: tuple[NotEnoughData | None, ...] = (future.no_outlook, future.no_forecast)
    return next((reason.message for reason in reasons if reason), None)


def _cone(future: SprintFuture, *, today: date) -> Sequence[FutureDay]:
    plan, outlook = future.plan, future.outlook
    if future.question is None or outlook is None or plan.last_day is None or not plan.items:
        return ()
    if plan.last_day < plan.resumes_on or plan.resumes_on > today:
        return ()
    forecaster = future.question.forecaster(plan, growth=False)
    left = max(outlook.outcome.scope_points - outlook.moment.done.points, 0.0)
    days = evenly(today, plan.last_day)
    return left_by_day(forecaster, plan.items, days, left=left, at_the_end=outlook.left_at(np.array(SHARES)))


def _risks(
    sprint: Sprint, past: SprintTimeline, future: SprintFuture, forecast: WorkForecast | None, *, now: datetime
) -> Sequence[Finding]:
    if sprint.status != Sprint.Status.ACTIVE:
        return ()
    state = sprint_state(sprint, past, now=now, calendar=future.team.calendar)
    return sprint_risks(replace(state, forecast=forecast, outlook=future.outlook))


def _drops(sprint: Sprint, future: SprintFuture) -> tuple[Sequence[Drop], Sequence[Drop]]:
    if future.question is None or not future.plan.items:
        return (), ()
    forecaster, items = future.question.forecaster(future.plan), future.plan.items
    by_id = {item.issue_id: item for item in items}
    order = [by_id[issue_id] for issue_id in forecasts.expendable_first(sprint) if issue_id in by_id]
    return single_drops(forecaster, items), path_to(TARGET_PROBABILITY, forecaster, order)
