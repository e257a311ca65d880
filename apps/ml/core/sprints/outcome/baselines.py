"""What anybody could say without a model: the scope is delivered, or the usual amount, or the usual share of it."""

from collections.abc import Sequence

from apps.ml.core.sprints.outcome.moment import PastSprint, SprintMoment

#: Sprints that a baseline looks back on, as the reference defines them.
LAST_SPRINTS = 3


def scope_met(moment: SprintMoment) -> float:
    """Exactly what is in the sprint."""
    return moment.scope_points


def average_velocity(moment: SprintMoment) -> float | None:
    """Mean points delivered by the last sprints; None without any."""
    last = moment.past[-LAST_SPRINTS:]
    return sum(sprint.delivered_points for sprint in last) / len(last) if last else None


def scope_ratio(moment: SprintMoment) -> float | None:
    """Points in scope times the share of theirs that the last sprints delivered: the baseline to beat; None without."""
    ratio = usual_ratio(moment.past)
    return None if ratio is None else moment.scope_points * ratio


def usual_ratio(past: Sequence[PastSprint]) -> float | None:
    """Points delivered by the last sprints that had any in scope, beside these; None without such."""
    last = [sprint for sprint in past if sprint.scope_points > 0][-LAST_SPRINTS:]
    committed = sum(sprint.scope_points for sprint in last)
    return sum(sprint.delivered_points for sprint in last) / committed if last else None
