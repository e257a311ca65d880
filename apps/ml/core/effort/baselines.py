"""What a team could do without the product: the baselines of the effort benchmark, each refitted with the model."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor

from apps.ml.core.arrays import Floats
from apps.ml.core.records import CompletedIssue, IssueFacts, chronological
from apps.ml.core.similarity import SimilarIssueIndex
from apps.ml.core.text import tokens

#: Answers hours for an issue; None where the baseline has none to give.
Predictor = Callable[[IssueFacts], float | None]
_SMALLEST_HOURS = 0.05


def median(history: Sequence[CompletedIssue]) -> Predictor:
    """The median of everything."""
    level = float(np.median(_hours(history)))
    return lambda _facts: level


def median_of_last_50(history: Sequence[CompletedIssue]) -> Predictor:
    """The median of the last 50 outcomes."""
    return median(history[-50:])


def type_average(history: Sequence[CompletedIssue]) -> Predictor:
    """The mean of the issue type, as the seed's heuristic has it; of everything for an unknown type."""
    by_type: dict[str, list[float]] = {}
    for issue in history:
        by_type.setdefault(issue.facts.issue_type, []).append(issue.actual_hours or 0.0)
    means = {kind: float(np.mean(hours)) for kind, hours in by_type.items()}
    overall = float(_hours(history).mean())
    return lambda facts: means.get(facts.issue_type, overall)


def jaccard(history: Sequence[CompletedIssue]) -> Predictor:
    """The mean of the five most similar finished issues; the median where no word is shared."""
    index, level = SimilarIssueIndex.build(history), float(np.median(_hours(history)))

    def predict(facts: IssueFacts) -> float:
        found = index.query(facts, 5, 0.0)
        return float(np.mean([issue.actual_hours or 0.0 for issue in found])) if found else level

    return predict


def seed_trees(history: Sequence[CompletedIssue]) -> Predictor:
    """The seed's gradient boosting on word counts, type, priority and points, on raw hours; no outlier removed."""
    kinds = {kind: code for code, kind in enumerate(sorted({issue.facts.issue_type for issue in history}))}
    model = GradientBoostingRegressor(random_state=0)
    model.fit(np.array([_seed_features(issue.facts, kinds) for issue in history]), _hours(history))

    def predict(facts: IssueFacts) -> float:
        return max(float(model.predict(np.array([_seed_features(facts, kinds)]))[0]), _SMALLEST_HOURS)

    return predict


def _seed_features(facts: IssueFacts, kinds: Mapping[str, int]) -> list[float]:
    words = (len(tokens(facts.title)), len(tokens(facts.description)))
    return [*words, kinds.get(facts.issue_type, -1), facts.priority or 0.0, facts.story_points or 0.0]


def human(_history: Sequence[CompletedIssue]) -> Predictor:
    """The team's own estimate."""
    return lambda facts: facts.estimated_hours if facts.estimated_hours else None


BASELINES: Mapping[str, Callable[[Sequence[CompletedIssue]], Predictor]] = {
    "median": median,
    "median_last_50": median_of_last_50,
    "type_average": type_average,
    "jaccard_knn": jaccard,
    "seed_trees": seed_trees,
    "human": human,
}


def fitted(history: Sequence[CompletedIssue]) -> dict[str, Predictor]:
    """Every baseline on the same history."""
    ordered = chronological(history)
    return {name: fit(ordered) for name, fit in BASELINES.items()}


def _hours(history: Sequence[CompletedIssue]) -> Floats:
    return np.array([issue.actual_hours or np.nan for issue in history])
