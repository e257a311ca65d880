"""A team's recorded sprints as the model's moments: each as it stood when the same share of its days had passed."""

from collections.abc import Sequence
from datetime import UTC, datetime, time

from apps.ml.core.past.sprints import SprintTimeline
from apps.ml.core.past.velocity import counts_in_points
from apps.ml.core.sprints.outcome.moment import PastSprint, SprintMoment
from apps.projects.history.sprint_books import Amount, SprintScope


def unit_at(sprint: SprintTimeline, at: datetime) -> str:
    """'points' if most of the issues in the sprint carry some, else 'issues'."""
    inside = [issue for issue in sprint.issues if issue.place_at(at) == sprint.window.sprint_id]
    pointed = [points for issue in inside if (points := issue.points_at(at)) is not None]
    return "points" if counts_in_points(len(pointed), len(inside)) and sum(pointed) > 0 else "issues"


def elapsed_ratio_at(sprint: SprintTimeline, at: datetime) -> float | None:
    """Share of the planned time that has passed, in [0, 1]; None without planned days."""
    span = _planned(sprint)
    if span is None:
        return None
    start, end = span
    return min(max((at - start) / (end - start), 0.0), 1.0)


def moment_at(
    sprint: SprintTimeline, at: datetime, *, elapsed_ratio: float, unit: str, past: tuple[PastSprint, ...] = ()
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
    )


def past_sprints(sprints: Sequence[SprintTimeline], *, elapsed_ratio: float, unit: str) -> tuple[PastSprint, ...]:
    """Completed sprints with planned days, oldest first, each at the moment that matches."""
    past = []
    for sprint in sprints:
        span, end = _planned(sprint), sprint.window.ended_at
        if span is None or end is None:
            continue
        # A sprint that was closed early stood at its end from then on.
        at = min(max(span[0] + elapsed_ratio * (span[1] - span[0]), sprint.planning_ended_at or span[0]), end)
        moment = moment_at(sprint, at, elapsed_ratio=elapsed_ratio, unit=unit)
        past.append(PastSprint(moment, delivered_points=_counted(sprint.scope_at(end), unit).done.points))
    return tuple(past)


def _planned(sprint: SprintTimeline) -> tuple[datetime, datetime] | None:
    """The planned start and end; None where they are unknown, or the sprint began after its last day."""
    start = sprint.window.started_at
    if start is None or sprint.last_day is None:
        return None
    end = datetime.combine(sprint.last_day, time.max, tzinfo=UTC)
    return (start, end) if start < end else None


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
