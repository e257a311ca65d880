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
from apps.ml.core.sprints.outcome.baselines import average_velocity
from apps.ml.core.sprints.outcome.distribution import LARGEST_SHARE
from apps.ml.core.sprints.outcome.record import holds
from apps.ml.core.sprints.outcome.serving import PRIOR_ONLY, outcome_of, sprint_outcome

#: Worlds in which the chances told are right.
N_DRAWS = 40


@dataclass(frozen=True, slots=True)
class SprintAnswer:
    """A sprint with what was said of it; nothing is said where nothing is committed."""

    sprint: PastSprint
    outcome: SprintOutcome | None


def replay(prior: SprintPrior, project: SprintProject) -> dict[int, list[SprintAnswer]]:
    """Answers by moment. The record begins with the first sprint asked about: earlier ones the prior may have seen."""
    return {percent: _replay(prior, sprints) for percent, sprints in project.moments.items()}


def _replay(prior: SprintPrior, sprints: Sequence[PastSprint]) -> list[SprintAnswer]:
    committed = [sprint for sprint in sprints if sprint.scope_points > 0]
    chances = prior.chances([sprint.moment for sprint in committed])
    record, outcomes = OwnRecord(), {}
    for said, sprint in zip(chances, committed, strict=True):
        outcome = outcome_of(prior, said, sprint.moment, record)
        outcomes[id(sprint)] = outcome
        record = record.with_sprint(said, sprint, held=_held(sprint, outcome))
    return [SprintAnswer(sprint, outcomes.get(id(sprint))) for sprint in sprints]


def _held(sprint: PastSprint, outcome: SprintOutcome) -> bool:
    return holds(*outcome.range, sprint)


def scores(answers: Sequence[SprintAnswer]) -> dict[str, Any]:
    """What was served and what the baselines would have said, for one project at one moment."""
    delivered = np.array([one.sprint.delivered_points for one in answers])
    told = [(one.sprint, one.outcome) for one in answers if one.outcome is not None]
    ratio_error = mae(delivered, _points(answers, "scope_ratio_points"))
    hits = np.array([sprint.delivered for sprint, _ in told])
    return {
        "n": len(answers),
        "n_committed": len(told),
        "delivered_share": round(float(hits.mean()), 4),
        "served": {
            **_point_scores(delivered, _points(answers, "typical_points"), ratio_error),
            "auc": _auc(hits, [outcome.probability for _, outcome in told]),
            **_range_scores(told),
            **_chance_scores(told),
            "expected_to_delivered": round(
                sum(outcome.expected_points for _, outcome in told)
                / max(sum(sprint.delivered_points for sprint, _ in told), 1e-9),
                3,
            ),
            "without_own_past": _share([outcome.method == PRIOR_ONLY for _, outcome in told]),
        },
        "baselines": _baselines(answers, told, delivered, hits, ratio_error),
    }


def milliseconds(prior: SprintPrior, sprints: Sequence[PastSprint]) -> dict[str, float]:
    """Time of one answer, from the moment to the outcome, one thread."""
    times = []
    for sprint in [one for one in sprints if one.scope_points > 0][:500]:
        began = perf_counter()
        sprint_outcome(prior, sprint.moment, OwnRecord())
        times.append(1000 * (perf_counter() - began))
    return {"p50": round(float(np.quantile(times, 0.5)), 3), "p95": round(float(np.quantile(times, 0.95)), 3)}


def _chance_scores(told: Sequence[tuple[PastSprint, SprintOutcome]]) -> dict[str, float]:
    """Calibration errors of the chances of nine tenths and of all, and what a perfectly calibrated one would have.

    A hundred outcomes drawn from the very chances told are never spread over ten bins as told: below that error nothing
    can be seen.
    """
    chances = np.array([outcome.probability for _, outcome in told])
    of_all = np.array([outcome.probability_all for _, outcome in told])
    rng = np.random.default_rng(0)
    drawn = [expected_calibration_error(rng.random(len(chances)) < chances, chances) for _ in range(N_DRAWS)]
    hits = np.array([sprint.delivered for sprint, _ in told])
    all_done = np.array([sprint.ratio >= 1.0 - 1e-9 for sprint, _ in told])
    return {
        "chance_calibration_error": round(expected_calibration_error(hits, chances), 4),
        "calibration_error_by_chance": round(float(np.mean(drawn)), 4),
        "all_calibration_error": round(expected_calibration_error(all_done, of_all), 4),
        "crps": round(float(np.mean([_crps(sprint, outcome) for sprint, outcome in told])), 4),
    }


def _crps(sprint: PastSprint, outcome: SprintOutcome) -> float:
    """Continuous ranked probability score in shares of the commitment, by steps of a two-hundredth."""
    steps = np.linspace(0.0, LARGEST_SHARE, 501)
    told = np.interp(steps, outcome.distribution.shares, outcome.distribution.reached, left=1.0, right=0.0)
    came = (steps <= min(sprint.ratio, LARGEST_SHARE)).astype(np.float64)
    return float(np.square(told - came).sum() * (steps[1] - steps[0]))


def _baselines(
    answers: Sequence[SprintAnswer],
    told: Sequence[tuple[PastSprint, SprintOutcome]],
    delivered: Floats,
    hits: Booleans,
    ratio_error: float,
) -> dict[str, Any]:
    velocities = np.array([average_velocity(one.sprint.moment) or 0.0 for one in answers])
    velocity = [(average_velocity(sprint.moment) or 0.0) / sprint.scope_points for sprint, _ in told]
    return {
        "committed met": {
            **_point_scores(delivered, _points(answers, "scope_met_points"), ratio_error),
            "auc": None,
        },
        "average velocity": {
            **_point_scores(delivered, velocities, ratio_error),
            "auc": _auc(hits, velocity),
        },
        "committed x ratio": {
            **_point_scores(delivered, _points(answers, "scope_ratio_points"), ratio_error),
            "auc": _auc(hits, [1.0 if outcome.usual_ratio is None else outcome.usual_ratio for _, outcome in told]),
        },
    }


def _points(answers: Sequence[SprintAnswer], name: str) -> Floats:
    """One number of each answer; nothing where nothing is committed, and the scope where the team has no past."""
    return np.array([0.0 if one.outcome is None else _or_scope(one.outcome, name) for one in answers])


def _or_scope(outcome: SprintOutcome, name: str) -> float:
    said: float | None = getattr(outcome, name)
    return outcome.scope_met_points if said is None else said


def _point_scores(delivered: Floats, said: Floats, ratio_error: float) -> dict[str, Any]:
    error = mae(delivered, said)
    return {"mae": round(error, 3), "relative_mae": round(error / ratio_error, 4) if ratio_error else None}


def _range_scores(told: Sequence[tuple[PastSprint, SprintOutcome]]) -> dict[str, float]:
    held = [_held(sprint, outcome) for sprint, outcome in told]
    ranges = [outcome.range for _, outcome in told]
    widths = [high - low for low, high in ranges]
    return {"coverage": _share(held), "median_width": round(float(np.median(widths)), 3)}


def _auc(hits: Booleans, said: Sequence[float]) -> float | None:
    """Area under the ROC curve; None where all sprints or no sprint delivered."""
    return round(float(roc_auc_score(hits, said)), 4) if 0 < hits.sum() < hits.size else None


def _share(flags: Sequence[bool]) -> float:
    return round(float(np.mean(flags)), 4)
