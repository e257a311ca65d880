"""What a forecast would have said in past weeks, beside what came, at the moments of the reference."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from apps.ml.benchmarks.forecasts.data import WeeklyProject
from apps.ml.core.arrays import Floats
from apps.ml.core.forecasts.replay import (
    FIRST_ORIGIN_WEEKS,
    HORIZONS_WEEKS,
    MIN_WEEKLY_MEAN,
    REPLAY_RUNS,
    SERVED,
    STEP_WEEKS,
    TEXTBOOK,
    Question,
    ReplayRecord,
    answered_questions,
    questions,
    recent_pace,
    replay,
)
from apps.ml.core.forecasts.simulation import PERCENTILES


def asked(project: WeeklyProject) -> list[Question]:
    """All moments at which a project is asked."""
    weekly = project.resolved.astype(np.float64)
    origins = range(FIRST_ORIGIN_WEEKS, len(weekly), STEP_WEEKS)
    return [each for each in questions(weekly, origins) if recent_pace(each.past) >= MIN_WEEKLY_MEAN]


def when(projects: Sequence[WeeklyProject], *, n_runs: int, step: int = 1) -> dict[str, Any]:
    """Ask every method at every moment (every `step`-th of them) and score the answers."""
    put = [question for project in projects for question in asked(project)[::step]]
    return {name: figures(record) for name, record in replay(put, n_runs=n_runs).items()}


def each_week(projects: Sequence[WeeklyProject], *, step: int = 1) -> dict[str, Any]:
    """Asked in each past week in which the engine answers, every promise counted once its own week is over.

    For all projects and for every other one from the first and from the second on: settings were chosen on the first.
    """
    records = [
        replay(asked_there, n_runs=REPLAY_RUNS)
        for each in projects
        if (asked_there := answered_questions(each.resolved.astype(np.float64))[::step])
    ]
    parts = {"all": records, "first half": records[0::2], "second half": records[1::2]}
    return {name: _promises_of(part) for name, part in parts.items() if part}


def _promises_of(records: Sequence[Mapping[str, ReplayRecord]]) -> dict[str, Any]:
    served, textbook = (ReplayRecord.joined([each[name] for each in records]) for name in (SERVED, TEXTBOOK))
    is_known = ~np.isnan(served.taken)
    losses = [float(record.loss(85)[is_known].mean()) for record in (served, textbook)]
    return {
        "forecasts": len(is_known),
        "kept_percent": {
            str(percent): _percent(column[~np.isnan(column)])
            for percent, column in zip(PERCENTILES, served.kept.T, strict=True)
        },
        "pinball_p85": round(losses[0], 3),
        "relative_to_textbook": round(losses[0] / losses[1], 3),
    }


def figures(record: ReplayRecord) -> dict[str, Any]:
    """Shares in percent, of the forecasts whose work was done before the file ends, as the reference counts them."""
    is_known = ~np.isnan(record.taken)
    met = record.kept_of_done[is_known]
    held = {h: column[~np.isnan(column)] for h, column in zip(HORIZONS_WEEKS, record.held.T, strict=True)}
    return {
        "forecasts": int(is_known.sum()),
        "met_percent": {str(p): _percent(met[:, column]) for column, p in enumerate(PERCENTILES)},
        "pinball_p85": round(float(record.loss(85)[is_known].mean()), 3) if is_known.any() else None,
        "held_percent": {str(h): _percent(hits) for h, hits in held.items() if hits.size},
    }


def _percent(hits: Floats) -> float | None:
    return round(100.0 * float(np.mean(hits)), 1) if hits.size else None
