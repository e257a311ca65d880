"""A team's recorded sprints as the model's moments: each as it stood when the same share of its days had passed."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from apps.ml.core.past.sprints import SprintTimeline
from apps.ml.core.past.velocity import counts_in_points
from apps.ml.core.sprints.outcome.moment import PastSprint, SprintMoment
from apps.projects.history.days import beginning_of
from apps.projects.history.sprint_books import Amount, SprintScope


def unit_at(sprint: SprintTimeline, at: datetime) -> str:
    """'points' if most of the issues in the sprint carry some, else 'issues'."""
    there = [issue for issue in sprint.issues if issue.place_at(at) == sprint.window.sprint_id]
    inside = [issue for issue in there if issue.category_at(at) != "dropped"]
    pointed = [points for issue in inside if (points := issue.points_at(at)) is not None]
    return "points" if counts_in_points(len(pointed), len(inside)) and sum(pointed) > 0 else "issues"


def moment_at(
    sprint: SprintTimeline,
    at: datetime,
    *,
    elapsed_ratio: float,
    unit: str,
    past: tuple[PastSprint, ...] = (),
    is_over: bool = False,
) -> SprintMoment:
    """A sprint as it stood; sizes found different since planning ended count as if planned so."""
    scope = _counted(sprint.scope_at(at), unit)
    return SprintMoment(
        elapsed_ratio=elapsed_ratio,
        at_start=scope.total - scope.added + scope.removed,
        added=scope.added,
        removed=scope.removed,
        to_do=scope.to_do,
        in_progress=scope.in_progress,
        done=scope.done,
        team_size=float(sprint.team_size or 0),
        past=past,
        committed_points=scope.committed.points if sprint.scope_is_recorded else None,
        is_over=is_over,
    )


def past_sprints(sprints: Sequence[SprintTimeline], *, elapsed_ratio: float, unit: str) -> tuple[PastSprint, ...]:
    """Completed sprints with planned days, oldest first, each at the moment that matches.

    A sprint of which nobody knows what it had committed tells nothing of the share that it delivered: it seems to have
    delivered all that is still in it.
    """
    past = []
    for sprint in sprints:
        days, end = sprint.planned_days, sprint.window.ended_at
        if days is None or end is None or sprint.planning_ended_at is None or not sprint.scope_is_recorded:
            continue
        begin = beginning_of(days[0], sprint.window.zone)
        # A sprint that was closed early stood at its end from then on.
        at = min(max(begin + elapsed_ratio * (days[1] - days[0] + timedelta(days=1)), sprint.planning_ended_at), end)
        moment = moment_at(sprint, at, elapsed_ratio=elapsed_ratio, unit=unit)
        past.append(PastSprint(moment, delivered_points=_counted(sprint.scope_at(end), unit).done.points))
    return tuple(past)


def _counted(scope: SprintScope, unit: str) -> SprintScope:
    """Each issue as one point where issues are the unit."""
    if unit == "points":
        return scope
    return SprintScope(
        at=scope.at,
        committed=_as_points(scope.committed),
        added=_as_points(scope.added),
        removed=_as_points(scope.removed),
        to_do=_as_points(scope.to_do),
        in_progress=_as_points(scope.in_progress),
        done=_as_points(scope.done),
    )


def _as_points(amount: Amount) -> Amount:
    return Amount(amount.issues, float(amount.issues))
