"""What anybody could say without a model: committed is delivered, the usual is delivered, or the usual share of it."""

from collections.abc import Sequence

from apps.ml.core.sprints.outcome.moment import PastSprint, SprintMoment

#: Sprints that a baseline looks back on, as the reference defines them.
LAST_SPRINTS = 3


def committed_met(moment: SprintMoment) -> float:
    """Exactly what is committed."""
    return moment.committed_points


def average_velocity(moment: SprintMoment) -> float | None:
    """Mean points delivered by the last sprints; None without any."""
    last = moment.past[-LAST_SPRINTS:]
    return sum(sprint.delivered_points for sprint in last) / len(last) if last else None


def committed_ratio(moment: SprintMoment) -> float:
    """Committed points times the share of theirs that the last sprints delivered: the baseline to beat."""
    return moment.committed_points * usual_ratio(moment.past)


def usual_ratio(past: Sequence[PastSprint]) -> float:
    """Points delivered by the last sprints that committed to any, beside what they committed; 1 without such."""
    last = [sprint for sprint in past if sprint.committed_points > 0][-LAST_SPRINTS:]
    committed = sum(sprint.committed_points for sprint in last)
    return sum(sprint.delivered_points for sprint in last) / committed if last else 1.0
