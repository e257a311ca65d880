"""Every sprint of a project predicted in its order, with only what was known by then, beside the baselines."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from apps.ml.benchmarks.sprints.data import SprintProject
from apps.ml.core.arrays import Booleans, Floats
from apps.ml.core.evaluation.metrics import expected_calibration_error, mae
from apps.ml.core.sprints.outcome import OwnRecord, PastSprint, SprintOutcome, SprintPrior
from apps.ml.core.sprints.outcome.features import matrix
from apps.ml.core.sprints.outcome.serving import BASELINE, PRIOR_ONLY, RANGE_LEVEL, outcome_of


@dataclass(frozen=True, slots=True)
class SprintAnswer:
    """A sprint with what was said of it; nothing is said where nothing is committed."""

    sprint: PastSprint
    outcome: SprintOutcome | None


def replay(prior: SprintPrior, project: SprintProject) -> dict[int, list[SprintAnswer]]:
    """Answers by moment. The record begins with the first sprint asked about: earlier ones the prior may have seen."""
    return {percent: _replay(prior, sprints) for percent, sprints in project.moments.items()}


def _replay(prior: SprintPrior, sprints: Sequence[PastSprint]) -> list[SprintAnswer]:
    committed = [sprint for sprint in sprints if sprint.committed_points > 0]
    raw = prior.ask(matrix([sprint.moment for sprint in committed]))
    record, outcomes = OwnRecord(), {}
    for index, sprint in enumerate(committed):
        one = raw[index : index + 1]
        outcome = outcome_of(prior, one, sprint.moment, record, level=RANGE_LEVEL)
        outcomes[id(sprint)] = outcome
        record = record.with_sprint(one, sprint, held=_held(sprint, outcome))
    return [SprintAnswer(sprint, outcomes.get(id(sprint))) for sprint in sprints]


def _held(sprint: PastSprint, outcome: SprintOutcome) -> bool:
    return outcome.interval.low <= sprint.delivered_points <= outcome.interval.high


def scores(answers: Sequence[SprintAnswer]) -> dict[str, Any]:
    """What was served and what the baselines would have said, for one project at one moment."""
    delivered = np.array([one.sprint.delivered_points for one in answers])
    told = [(one.sprint, one.outcome) for one in answers if one.outcome is not None]
    ratio_error = mae(delivered, _points(answers, "committed_ratio_points"))
    hits = np.array([sprint.delivered for sprint, _ in told])
    return {
        "n": len(answers),
        "n_committed": len(told),
        "delivered_share": round(float(hits.mean()), 4),
        "served": {
            **_point_scores(delivered, _points(answers, "typical_points"), ratio_error),
            "auc": _auc(hits, [outcome.probability for _, outcome in told]),
            **_range_scores(told),
            "chance_calibration_error": round(
                expected_calibration_error(hits, [outcome.probability for _, outcome in told]), 4
            ),
            "expected_to_delivered": round(
                sum(outcome.expected_points for _, outcome in told)
                / max(sum(sprint.delivered_points for sprint, _ in told), 1e-9),
                3,
            ),
            "baseline_answered": _share([outcome.method == BASELINE for _, outcome in told]),
            "without_own_past": _share([outcome.method == PRIOR_ONLY for _, outcome in told]),
        },
        "baselines": _baselines(answers, told, delivered, hits, ratio_error),
    }


def milliseconds(prior: SprintPrior, sprints: Sequence[PastSprint]) -> dict[str, float]:
    """Time of one answer, from the moment to the outcome, one thread."""
    times = []
    for sprint in [one for one in sprints if one.committed_points > 0][:500]:
        began = perf_counter()
        outcome_of(prior, prior.ask(matrix([sprint.moment])), sprint.moment, OwnRecord(), level=RANGE_LEVEL)
        times.append(1000 * (perf_counter() - began))
    return {"p50": round(float(np.quantile(times, 0.5)), 3), "p95": round(float(np.quantile(times, 0.95)), 3)}


def _baselines(
    answers: Sequence[SprintAnswer],
    told: Sequence[tuple[PastSprint, SprintOutcome]],
    delivered: Floats,
    hits: Booleans,
    ratio_error: float,
) -> dict[str, Any]:
    velocity = [(outcome.average_velocity_points or 0.0) / outcome.committed_points for _, outcome in told]
    return {
        "committed met": {
            **_point_scores(delivered, _points(answers, "committed_met_points"), ratio_error),
            "auc": None,
        },
        "average velocity": {
            **_point_scores(delivered, _points(answers, "average_velocity_points"), ratio_error),
            "auc": _auc(hits, velocity),
        },
        "committed x ratio": {
            **_point_scores(delivered, _points(answers, "committed_ratio_points"), ratio_error),
            "auc": _auc(hits, [outcome.usual_ratio for _, outcome in told]),
        },
    }


def _points(answers: Sequence[SprintAnswer], name: str) -> Floats:
    """One number of each answer; nothing where nothing is committed or, for velocity, there is no past."""
    return np.array([0.0 if one.outcome is None else getattr(one.outcome, name) or 0.0 for one in answers])


def _point_scores(delivered: Floats, said: Floats, ratio_error: float) -> dict[str, Any]:
    error = mae(delivered, said)
    return {"mae": round(error, 3), "relative_mae": round(error / ratio_error, 4) if ratio_error else None}


def _range_scores(told: Sequence[tuple[PastSprint, SprintOutcome]]) -> dict[str, float]:
    held = [_held(sprint, outcome) for sprint, outcome in told]
    widths = [(outcome.interval.high - outcome.interval.low) / outcome.committed_points for _, outcome in told]
    return {"coverage": _share(held), "median_width": round(float(np.median(widths)), 3)}


def _auc(hits: Booleans, said: Sequence[float]) -> float | None:
    """Area under the ROC curve; None where all sprints or no sprint delivered."""
    return round(float(roc_auc_score(hits, said)), 4) if 0 < hits.sum() < hits.size else None


def _share(flags: Sequence[bool]) -> float:
    return round(float(np.mean(flags)), 4)
