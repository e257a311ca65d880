"""What a team's own estimates of hours are worth, by what the work then took. Pure."""

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.evaluation.scorecard import MIN_FOR_INTERVAL, Skill, skill
from apps.ml.core.evaluation.words import in_words
from apps.ml.core.records import CompletedIssue, chronological

#: Half to twice: what most people still call a fair estimate.
FAIR_FACTOR = 2.0
#: So many outcomes come before the first that is guessed by their median.
FIRST_GUESS = 10


@dataclass(frozen=True, slots=True)
class OwnEstimates:
    """Estimates beside what the work took, and beside the guess that all work takes as long as the median so far."""

    n: int
    #: Hours taken for each hour estimated: the 10th percentile, the median, the 90th.
    ratios: tuple[float, float, float]
    #: Shares of outcomes between half and twice what was said: by the team, and by the median so far.
    fair: float
    fair_guess: float
    #: Of the estimates against that guess, by log ratio; None with too little to compare.
    skill: Skill | None

    def in_words(self) -> list[str]:
        """Plain sentences, made from these numbers alone."""
        low, middle, high = self.ratios
        told = [
            f"Of {self.n:,} finished issues with an estimate and hours, the typical one took {middle:.2f} h for each "
            f"hour estimated; eight of ten took {low:.2f} to {high:.2f} h.",
            f"{100 * self.fair:.0f} % took between half and twice the estimate.",
        ]
        if self.skill is not None:
            told.append(
                f"To say each time the median of what was finished before is right as nearly for "
                f"{100 * self.fair_guess:.0f} %; measured by ratios, your estimates are {in_words(self.skill)}."
            )
        return told


def own_estimates(issues: Sequence[CompletedIssue], *, rng: "np.random.Generator") -> OwnEstimates | None:
    """Judge a team's estimates in the order in which the work was finished; None with too few.

    Parameters
    ----------
    issues : sequence of CompletedIssue
        Finished issues with hours; those without an estimate are left out, here and in the guess.
    """
    known = [
        (issue.facts.estimated_hours, issue.actual_hours)
        for issue in chronological(issues)
        if issue.facts.estimated_hours and issue.actual_hours
    ]
    if len(known) < MIN_FOR_INTERVAL:
        return None
    said, took = (np.log(np.array(column, dtype=np.float64)) for column in zip(*known, strict=True))
    guess = _medians_so_far(took)
    misses, guessed = np.abs(took - said), np.abs(took - guess)
    compared = ~np.isnan(guess)
    fair = np.log(FAIR_FACTOR)
    low, middle, high = (float(value) for value in np.exp(np.quantile(took - said, (0.1, 0.5, 0.9))))
    return OwnEstimates(
        n=len(known),
        ratios=(low, middle, high),
        fair=float((misses <= fair + _ROUNDING).mean()),
        fair_guess=float((guessed[compared] <= fair + _ROUNDING).mean()),
        skill=skill(misses, guessed, rng=rng),
    )


#: 2 h for 1 h is twice, whatever the logarithms' last digits are.
_ROUNDING = 1e-9


def _medians_so_far(took: Floats) -> Floats:
    """For each outcome the median of those before it, shape (n,); NaN where they are fewer than `FIRST_GUESS`."""
    found = np.full(took.size, np.nan)
    ordered: list[float] = []
    for place, value in enumerate(took):
        if place >= FIRST_GUESS:
            found[place] = _middle(ordered)
        ordered.insert(bisect(ordered, value), float(value))
    return found


def _middle(ordered: Sequence[float]) -> float:
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
