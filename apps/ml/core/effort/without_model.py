"""Hours without a model: from the team's estimate, similar issues or averages of types, honest about what is known."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from apps.ml.core.arrays import Booleans, Floats, Integers
from apps.ml.core.effort.features import has_estimate, log_estimate
from apps.ml.core.effort.neighbours import Neighbours
from apps.ml.core.effort.ranges.own_outcomes import UNKNOWN_RATIO_SPREAD, UNKNOWN_SPREAD, own_errors, spread_of
from apps.ml.core.intervals import with_drift
from apps.ml.core.records import CompletedIssue, IssueFacts, chronological
from apps.ml.core.results import Contribution, EffortEstimate, Interval, SimilarIssue
from apps.ml.core.similarity import DEFAULT_NEIGHBOURS, MINIMUM_SIMILARITY, SimilarIssueIndex, token_set

#: The seed's default where nothing is known: one working day.
DEFAULT_HOURS = 8.0
#: Fewer estimates with an outcome do not tell how a team estimates.
MINIMUM_RATIOS = 5
#: A type's level moves towards the overall one as if this many outcomes of that size were known already.
TYPE_SHRINKAGE = 5.0
#: Outcomes lose half their weight after so many newer ones: teams change.
HALF_LIFE_OUTCOMES = 100.0
#: No model follows the team yet, and it changes most: so much more is asked of ranges of 80 %, half of it from 20
#: outcomes on (with fewer the spread of an unknown team is wide enough).
DRIFT_ALLOWANCE, DRIFT_OUTCOMES = 0.03, 20.0
_TWICE = math.log(2.0)


@dataclass(frozen=True, slots=True)
class TypeOutcomes:
    """What finished issues took, oldest outcome first, with the type of each.

    Attributes
    ----------
    log_hours : ndarray of shape (n_issues,)
    types : ndarray of shape (n_issues,)
        Places in `names`.
    """

    log_hours: Floats
    types: Integers
    names: tuple[str, ...]

    @classmethod
    def of(cls, history: Iterable[CompletedIssue]) -> "TypeOutcomes":
        """Those with hours, of issues in any order."""
        done = chronological([issue for issue in history if issue.actual_hours is not None and issue.actual_hours > 0])
        names = {name: place for place, name in enumerate(dict.fromkeys(issue.facts.issue_type for issue in done))}
        return cls(
            log_hours=np.log(np.array([issue.actual_hours or np.nan for issue in done], dtype=np.float64)),
            types=np.array([names[issue.facts.issue_type] for issue in done], dtype=np.int64),
            names=tuple(names),
        )

    def are_of(self, issue_type: str) -> Booleans:
        """Which are of a type, shape (n_issues,)."""
        place = self.names.index(issue_type) if issue_type in self.names else -1
        return np.asarray(self.types == place)


def estimate_without_model(
    facts: IssueFacts,
    history: TypeOutcomes,
    index: SimilarIssueIndex,
    outcomes: Neighbours | None,
    *,
    level: float = 0.8,
) -> EffortEstimate:
    """Hours from the team's own estimate and what others came to, else from similar issues, else from the type.

    Parameters
    ----------
    history : TypeOutcomes
        Of the team's finished issues.
    index : SimilarIssueIndex
        Over the same issues.
    outcomes : Neighbours or None
        The last of them with hours, from `last_outcomes`: range and confidence are what these tell.
    level : float
        Share of outcomes the range shall hold, in (0, 1).
    """
    if outcomes is None:
        return estimate_from_type(facts, history, level=level)
    estimate = (
        estimate_from_estimate(facts, outcomes, level=level)
        or estimate_from_similar(facts, index, level=level)
        or estimate_from_type(facts, history, level=level)
    )
    return _with_range_of(outcomes, estimate, facts)


def _with_range_of(outcomes: Neighbours, estimate: EffortEstimate, facts: IssueFacts) -> EffortEstimate:
    centre, level = math.log(estimate.predicted_hours), estimate.interval.level
    similarity = outcomes.index.similarities(token_set(facts))
    errors = own_errors(outcomes, similarity, facts, centre=centre, used_estimate=estimate.used_estimate)
    if errors is None:
        return estimate
    n_known = errors.effective_size
    low, high = errors.band(with_drift(level, DRIFT_ALLOWANCE * n_known / (n_known + DRIFT_OUTCOMES)))
    return replace(
        estimate,
        interval=Interval(low=math.exp(centre + min(low, 0.0)), high=math.exp(centre + max(high, 0.0)), level=level),
        confidence=errors.share_within(_TWICE),
    )


def estimate_from_estimate(facts: IssueFacts, outcomes: Neighbours, *, level: float = 0.8) -> EffortEstimate | None:
    """The team's own estimate times what earlier ones came to; None without it, or where fewer than 5 tell."""
    ratios = outcomes.log_hours - outcomes.log_estimates
    ratios = ratios[~np.isnan(ratios)]
    if not has_estimate(facts) or ratios.size < MINIMUM_RATIOS:
        return None
    own, usual = log_estimate(facts), float(np.median(ratios))
    centre = own + usual * ratios.size / (ratios.size + TYPE_SHRINKAGE)
    return replace(
        _estimate(
            centre,
            spread_of(ratios - usual, UNKNOWN_RATIO_SPREAD),
            level=level,
            method="heuristic",
            reasoning=(
                f"Your estimate of {math.exp(own):.1f} h, and what {ratios.size} estimated issues took: "
                f"typically {math.exp(usual):.2f} times theirs. No trained model answered."
            ),
            parts=(("your own estimate", own), ("the team's usual overrun", centre)),
        ),
        used_estimate=True,
    )


def estimate_from_similar(
    facts: IssueFacts,
    index: SimilarIssueIndex,
    *,
    level: float = 0.8,
    k: int = DEFAULT_NEIGHBOURS,
    minimum: float = MINIMUM_SIMILARITY,
) -> EffortEstimate | None:
    """Hours from what similar finished issues took.

    Parameters
    ----------
    facts : IssueFacts
    index : SimilarIssueIndex
        Finished issues; those without hours are passed over.
    level : float
        Share of outcomes the range shall hold, in (0, 1).
    k, minimum : int, float
        At most so many neighbours, each at least this similar.

    Returns
    -------
    estimate : EffortEstimate or None
        Method 'similarity'. None where no finished issue with hours is similar enough: texts with nothing in common
        say nothing about each other.
    """
    similarity = np.where(np.isnan(index.hours) | ~(index.hours > 0), 0.0, index.similarities(token_set(facts)))
    neighbours = index.best(similarity, k, minimum)
    if not neighbours:
        return None
    history = np.log(index.hours[index.hours > 0])
    centre, spread = _neighbour_level(neighbours, history)
    return _estimate(
        centre,
        spread,
        level=level,
        method="similarity",
        reasoning=_similar_sentence(neighbours),
        similar=neighbours,
        parts=(("typical hours of the team", float(np.median(history))), ("similar issues", centre)),
    )


def _neighbour_level(neighbours: Sequence[SimilarIssue], history: Floats) -> tuple[float, float]:
    """Weighted mean of the neighbours' log hours, drawn towards the team's level, and the spread to expect."""
    weights = np.array([found.similarity for found in neighbours])
    values = np.log([found.actual_hours or np.nan for found in neighbours])
    # Neighbours speak with the weight of their similarity; what the nearest lacks to one, the team's level has.
    doubt = max(1.0 - float(weights.max()), 0.05)
    centre = float((weights @ values + doubt * np.median(history)) / (weights.sum() + doubt))
    overall = spread_of(history - np.median(history), UNKNOWN_SPREAD)
    own = float(weights @ (values - centre) ** 2)
    # A near-twin halves the uncertainty at best: five neighbours that agree by luck are common.
    variance = (own + (1.0 + doubt) * overall**2) / (weights.sum() + 1.0 + doubt)
    return centre, math.sqrt(variance)


def estimate_from_type(facts: IssueFacts, history: TypeOutcomes, *, level: float = 0.8) -> EffortEstimate:
    """Hours from the recent average of the issue type, shrunk to that of all types.

    Averages are of log hours, so that one epic does not double every estimate. With no history at all the answer is the
    seed's 8 hours with a range so wide that it promises nothing, and says so.
    """
    log_hours, of_type = history.log_hours, history.are_of(facts.issue_type)
    if not log_hours.size:
        return _nothing_known(level)
    weights = 0.5 ** (np.arange(log_hours.size - 1, -1, -1) / HALF_LIFE_OUTCOMES)
    overall = float(weights @ log_hours / weights.sum())
    mass = float(weights[of_type].sum())
    centre = float((weights[of_type] @ log_hours[of_type] + TYPE_SHRINKAGE * overall) / (mass + TYPE_SHRINKAGE))
    return _estimate(
        centre,
        spread_of(log_hours - np.where(of_type, centre, overall), UNKNOWN_SPREAD),
        level=level,
        method="heuristic",
        reasoning=_type_sentence(facts, int(of_type.sum()), log_hours.size, math.exp(centre)),
        parts=(("typical hours of the team", overall), ("issue type", centre)),
    )


def _nothing_known(level: float) -> EffortEstimate:
    return _estimate(
        math.log(DEFAULT_HOURS),
        UNKNOWN_SPREAD,
        level=level,
        method="heuristic",
        reasoning=(
            "Nothing is known yet: no finished issue has hours. One working day stands in for a guess; "
            "the range is as wide as teams differ."
        ),
        parts=(("default of one working day", math.log(DEFAULT_HOURS)),),
    )


def _estimate(
    centre: float,
    spread: float,
    *,
    level: float,
    method: str,
    reasoning: str,
    parts: Sequence[tuple[str, float]],
    similar: tuple[SimilarIssue, ...] = (),
) -> EffortEstimate:
    """An estimate whose log error is taken to be normal with the given spread."""
    reach = NormalDist().inv_cdf((1.0 + level) / 2)
    hours = math.exp(centre)
    return EffortEstimate(
        predicted_hours=hours,
        expected_hours=hours * math.exp(spread**2 / 2),
        interval=Interval(low=math.exp(centre - reach * spread), high=math.exp(centre + reach * spread), level=level),
        confidence=math.erf(_TWICE / spread / math.sqrt(2.0)),
        method=method,
        reasoning=reasoning,
        similar_issues=similar,
        contributions=_steps(parts, hours),
        log_scale=spread,
    )


def _steps(parts: Sequence[tuple[str, float]], hours: float) -> tuple[Contribution, ...]:
    """Hours by which each part moves the answer from where the one before had led; they sum to the answer."""
    told, before = [], 0.0
    for name, log_level in parts[:-1]:
        told.append(Contribution(name, math.exp(log_level) - before))
        before = math.exp(log_level)
    return (*told, Contribution(parts[-1][0], hours - before))


def _similar_sentence(neighbours: Sequence[SimilarIssue]) -> str:
    hours = sorted(found.actual_hours or 0.0 for found in neighbours)
    count = "One finished issue reads" if len(hours) == 1 else f"{len(hours)} finished issues read"
    took = f"it took {hours[0]:.1f} h" if len(hours) == 1 else f"they took {hours[0]:.1f} to {hours[-1]:.1f} h"
    best = max(found.similarity for found in neighbours)
    return f"{count} alike ({best:.0%} of the words shared at best); {took}. No trained model answered."


def _type_sentence(facts: IssueFacts, n_type: int, n_all: int, hours: float) -> str:
    issues = "issue" if n_all == 1 else "issues"
    if not n_type:
        kind = f"of type {facts.issue_type!r}" if facts.issue_type else "without a type"
        return f"No finished issue {kind} is known; typical hours of all {n_all} finished {issues}: {hours:.1f} h."
    return f"Typical hours of {n_type} finished {facts.issue_type or 'untyped'} issues among {n_all}: {hours:.1f} h."
