"""The sentences that go with an outcome: where the sprint stands, what the team usually delivers, and who answered."""

from apps.ml.core.sprints.outcome.moment import DELIVERED_SHARE, SprintMoment
from apps.ml.core.sprints.outcome.serving import LEARNED, POOLED, PRIOR_ONLY, SprintOutcome
from apps.ml.core.wording import counted, one_decimal

_WHO = {
    LEARNED: "Learned from other teams and mixed with this team's past",
    PRIOR_ONLY: "Learned from other teams alone",
    POOLED: "Learned from other teams, mixed with this team's past and pooled with a simulation of its weeks",
}


def explained(outcome: SprintOutcome, moment: SprintMoment, *, unit: str, unrecorded_sprints: int = 0) -> str:
    """Why the answer is what it is, in numbers."""
    parts = (_standing(moment, unit), _usual(outcome, unrecorded_sprints), _answer(outcome, unit), _track(outcome))
    return " ".join(parts)


def _standing(moment: SprintMoment, unit: str) -> str:
    if moment.elapsed_ratio == 0 and not moment.done.points:
        return f"The sprint has not begun; {one_decimal(moment.scope_points)} {unit} are planned."
    committed = moment.committed_points
    known = "the commitment is unknown" if committed is None else f"{one_decimal(committed)} were committed"
    return (
        f"Of {one_decimal(moment.scope_points)} {unit} in the sprint ({known}), "
        f"{one_decimal(moment.done.points)} are done with {moment.elapsed_ratio:.0%} of the time gone."
    )


def _usual(outcome: SprintOutcome, unrecorded: int) -> str:
    if unrecorded and outcome.usual_ratio is None:
        return (
            f"Of the team's {counted(unrecorded, 'completed sprint')} nobody knows what was committed: the answer is "
            "what other teams would deliver."
        )
    if outcome.usual_ratio is None:
        return "This team has no completed sprint with a commitment yet: the answer is what other teams would deliver."
    return f"The team's latest sprints delivered {outcome.usual_ratio:.0%} of their scope at this share of their time."


def _answer(outcome: SprintOutcome, unit: str) -> str:
    interval = outcome.interval
    low, high = one_decimal(interval.low), one_decimal(interval.high)
    return (
        f"{_WHO[outcome.method]}: typically {one_decimal(outcome.typical_points)} {unit}, in "
        f"{interval.level * 10:.0f} of 10 cases {low} to {high}; the chance to deliver at least {DELIVERED_SHARE:.0%} "
        f"({one_decimal(outcome.delivering_points)}) is {outcome.probability:.0%}, all "
        f"{one_decimal(outcome.scope_points)} {outcome.probability_all:.0%}."
    )


def _track(outcome: SprintOutcome) -> str:
    held = outcome.range_held
    if held is None:
        return "How far the range holds for this team is not known."
    return f"On its last {outcome.replayed_sprints} sprints the range would have held {held:.0%}."
