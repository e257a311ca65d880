"""The sentences that go with an outcome: where the sprint stands, what the team usually delivers, and who answered."""

from apps.ml.core.sprints.outcome.moment import DELIVERED_SHARE, SprintMoment
from apps.ml.core.sprints.outcome.serving import BASELINE, PRIOR_ONLY, SprintOutcome
from apps.ml.core.wording import one_decimal


def explained(outcome: SprintOutcome, moment: SprintMoment, *, unit: str) -> str:
    """Why the answer is what it is, in numbers."""
    return " ".join((_standing(moment, unit), _usual(outcome), _answer(outcome, unit), _track(outcome)))


def _standing(moment: SprintMoment, unit: str) -> str:
    if moment.elapsed_ratio == 0 and not moment.done.points:
        return f"The sprint has not begun; {moment.committed_points:g} {unit} are planned."
    return (
        f"Of {moment.committed_points:g} {unit} committed, {moment.done.points:g} are done "
        f"with {moment.elapsed_ratio:.0%} of the time gone."
    )


def _usual(outcome: SprintOutcome) -> str:
    if outcome.method == PRIOR_ONLY:
        return "This team has no completed sprint with a commitment yet: the answer is what other teams would deliver."
    return (
        f"The team's latest sprints delivered {outcome.usual_ratio:.0%} of what they had committed to by this share "
        "of their time."
    )


def _answer(outcome: SprintOutcome, unit: str) -> str:
    who = (
        "The usual share of the commitment answers, because it did better on this team's past sprints than the model:"
        if outcome.method == BASELINE
        else "Learned from other teams and corrected by this team's past:"
        if outcome.method != PRIOR_ONLY
        else "Learned from other teams alone:"
    )
    low, high = one_decimal(outcome.interval.low), one_decimal(outcome.interval.high)
    return (
        f"{who} typically {one_decimal(outcome.typical_points)} {unit}, in {outcome.interval.level * 10:.0f} of 10 "
        f"cases {low} to {high}; the chance to deliver at least {DELIVERED_SHARE:.0%} "
        f"({one_decimal(outcome.delivering_points)}) is {outcome.probability:.0%}."
    )


def _track(outcome: SprintOutcome) -> str:
    held = outcome.interval.measured_coverage
    if held is None:
        return "How far the range holds for this team is not known."
    return f"On its last {outcome.replayed_sprints} sprints the range would have held {held:.0%}."
