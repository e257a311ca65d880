"""How much a sprint's scope grows once it is planned, by what the team's own past sprints took in and let go."""

from collections.abc import Sequence

from apps.ml.core.forecasts.units import Unit
from apps.ml.core.past.sprints import Amount, SprintTimeline

#: Fewer past sprints are anecdotes.
MIN_SPRINTS = 5
#: What is left at most doubles: a sprint that was nearly done and took in its next issues is no measure of others.
MAX_GROWTH = 1.0


def later_growth(pasts: Sequence[SprintTimeline], *, elapsed_ratio: float, unit: Unit) -> tuple[float, ...]:
    """What came into each past sprint less what left it after a share of its time, relative to what was left then.

    Parameters
    ----------
    pasts : sequence of SprintTimeline
        Completed sprints, oldest first. Those without times, and those of which it is not recorded what was in them
        when, tell nothing.
    elapsed_ratio : float
        The share of the time that has passed in the sprint asked about, in [0, 1).
    unit : str
        Hours of past scope are not recorded: it is measured in issues then.

    Returns
    -------
    tuple of float
        Between -1 (all that was left was taken out) and `MAX_GROWTH`; empty below `MIN_SPRINTS` sprints.
    """
    shares = [found for past in pasts if (found := _growth_of(past, elapsed_ratio, unit)) is not None]
    return tuple(shares) if len(shares) >= MIN_SPRINTS else ()


def _growth_of(past: SprintTimeline, elapsed_ratio: float, unit: Unit) -> float | None:
    start, end = past.planning_ended_at, past.window.ended_at
    is_recorded = past.scope_is_recorded and past.has_changes
    if start is None or end is None or end <= start or not is_recorded:
        return None
    then, at_end = (past.scope_at(start + share * (end - start)) for share in (elapsed_ratio, 1.0))
    left = _in(unit, then.remaining)
    if left <= 0:
        return None
    net = _in(unit, at_end.added) - _in(unit, at_end.removed) - _in(unit, then.added) + _in(unit, then.removed)
    return min(max(net / left, -1.0), MAX_GROWTH)


def _in(unit: Unit, amount: Amount) -> float:
    return amount.points if unit == "points" else float(amount.issues)
