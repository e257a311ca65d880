"""What a replay showed: figures for a script, and the verdict in plain words."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.ml.core.arrays import Floats
from apps.ml.core.evaluation.metrics import log_width
from apps.ml.core.evaluation.reliability import Share, observed_share, reliability, stretches
from apps.ml.core.evaluation.scorecard import Score, ScoredPredictions, Skill, came_true, score, skill, with_confidence
from apps.ml.core.evaluation.words import in_words, verdict
from apps.ml.services.evaluation.issue_replay import EFFORT_BASELINES, IssueReplay
from apps.ml.services.evaluation.scorecard import SEED
from apps.ml.services.models.kinds import truth_of


@dataclass(frozen=True, slots=True)
class Rival:
    """A simple method beside the predictions, on the outcomes for which it had an answer."""

    name: str
    n: int
    mean_absolute_error: float
    #: None where a value is zero somewhere.
    mean_absolute_log_ratio: float | None
    #: Of the predictions against it.
    skill: Skill | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Mean errors of consecutive issues: in points, or as mean absolute log ratios of hours."""

    asked_at: datetime
    n: int
    served: float
    median: float
    #: None where fewer than half of the issues were estimated by the team.
    team: float | None


@dataclass(frozen=True, slots=True)
class Backtest:
    """All that is reported of one replay."""

    project: str
    kind: str
    unit: str
    replay: IssueReplay
    score: Score
    rivals: Sequence[Rival]
    calibration: Sequence[Share]
    ranges: Sequence[Share]
    over_time: Sequence[Stretch]
    verdict: str


def backtest_of(replay: IssueReplay, *, project: str) -> Backtest:
    """Score a replay."""
    found = score(replay.served, rng=_rng())
    rivals = [_rival(name, replay.served, said) for name, said in replay.baselines.items() if not np.isnan(said).all()]
    unit = truth_of(replay.kind).unit
    return Backtest(
        project=project,
        kind=replay.kind,
        unit=unit,
        replay=replay,
        score=found,
        rivals=rivals,
        calibration=_calibration(replay.served),
        ranges=[
            observed_share(level, held)
            for level, held in zip(replay.levels, replay.inside.T.astype(np.float64), strict=True)
        ],
        over_time=_over_time(replay),
        verdict=_verdict(found, rivals, unit),
    )


def _rng() -> "np.random.Generator":
    return np.random.default_rng(SEED)


def _rival(name: str, served: ScoredPredictions, said: Floats) -> Rival:
    answered = ~np.isnan(said)
    own = ScoredPredictions.of(actual=served.actual[answered], predicted=said[answered])
    found = score(own, rng=_rng())
    errors, others = np.abs(served.predicted - served.actual), np.abs(said - served.actual)
    return Rival(
        name=name,
        n=found.n,
        mean_absolute_error=found.mean_absolute_error,
        mean_absolute_log_ratio=found.mean_absolute_log_ratio if found.n_log == found.n else None,
        skill=skill(errors, others, rng=_rng()),
    )


def _calibration(served: ScoredPredictions) -> Sequence[Share]:
    told = with_confidence(served)
    return reliability(told.confidence, came_true(told))


def _over_time(replay: IssueReplay) -> list[Stretch]:
    served = replay.served
    # By ratio, since one epic would hide every other issue of its stretch, were hours compared by their difference.
    errors = {name: truth_of(replay.kind).errors(getattr(served, name), served.actual) for name in _LINES}
    return [_stretch(replay.asked_at, rows, errors) for rows in stretches(len(served))]


_LINES = ("predicted", "baseline", "team")


def _stretch(asked_at: Sequence[datetime], rows: NDArray[np.intp], errors: Mapping[str, Floats]) -> Stretch:
    team = errors["team"][rows]
    estimated = ~np.isnan(team)
    return Stretch(
        asked_at=asked_at[int(rows[rows.size // 2])],
        n=int(rows.size),
        served=float(errors["predicted"][rows].mean()),
        median=float(errors["baseline"][rows].mean()),
        team=float(team[estimated].mean()) if 2 * int(estimated.sum()) >= rows.size else None,
    )


_NAMED_ALREADY = ("median", EFFORT_BASELINES["human"])


def _verdict(found: Score, rivals: Sequence[Rival], unit: str) -> str:
    """The scorecard's sentences, and whether a simple method did better than the naive baseline."""
    others = [rival for rival in rivals if rival.n == found.n and rival.name not in _NAMED_ALREADY]
    best = min(others, key=lambda rival: rival.mean_absolute_error)
    against = found.against_baseline
    if against is None or best.mean_absolute_error >= against.reference_error:
        return f"{verdict(found, unit=unit)} No other simple method was better than the naive baseline."
    told = f": {in_words(best.skill)}" if best.skill else ""
    return (
        f"{verdict(found, unit=unit)} The strongest simple method was '{best.name}', "
        f"off by {best.mean_absolute_error:.1f} {unit}{told}."
    )


def figures(found: Backtest) -> dict[str, Any]:
    """The JSON document; shaped and named as the benchmarks' one."""
    replay = found.replay
    project = {
        "project": found.project,
        "type": found.kind,
        "unit": found.unit,
        "n": found.score.n,
        "n_known_before": replay.n_known,
        "n_models": replay.n_models,
        "from": replay.asked_at[0].isoformat(),
        "until": replay.asked_at[-1].isoformat(),
        "verdict": found.verdict,
        "notes": list(replay.notes),
        "served": _served(found),
        "baselines": {rival.name: _rival_figures(rival) for rival in found.rivals},
        "calibration": [asdict(share) for share in found.calibration],
        "ranges": [asdict(share) for share in found.ranges],
        "over_time": [asdict(each) | {"asked_at": each.asked_at.isoformat()} for each in found.over_time],
    }
    return {"protocol": "rolling", "projects": [project]}


def _served(found: Backtest) -> dict[str, Any]:
    score_, served = found.score, found.replay.served
    ranges, told, against = score_.ranges, score_.confidence, score_.against_baseline
    by_ratio = truth_of(found.kind).by_ratio
    width = log_width(served.low, served.high) if by_ratio else float((served.high - served.low).mean())
    return {
        "mae": score_.mean_absolute_error,
        "rmse": score_.root_mean_squared_error,
        # Against the median known at each moment, which is a harder rival than the one before the first.
        "rmae": 1.0 - against.value if against else None,
        "malr": score_.mean_absolute_log_ratio,
        "median_absolute_error": score_.median_absolute_error,
        "bias": score_.bias,
        "bias_factor": score_.bias_factor,
        "coverage": ranges.coverage if ranges else None,
        "width": width,
        "brier": told.brier if told else None,
        "ece": told.ece if told else None,
        "against_team": asdict(score_.against_team) if score_.against_team else None,
    }


def _rival_figures(rival: Rival) -> dict[str, Any]:
    return {
        "n": rival.n,
        "mae": rival.mean_absolute_error,
        "malr": rival.mean_absolute_log_ratio,
        "skill": asdict(rival.skill) if rival.skill else None,
    }
