"""How a project's predictions turned out over a window, beside the naive baseline and the team's own estimates."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.evaluation.dated import pinball_loss
from apps.ml.core.evaluation.expected import ExpectedError, expected_error, reckoned
from apps.ml.core.evaluation.scorecard import Score, ScoredPredictions, hit_score, score, team_score
from apps.ml.core.evaluation.words import CHANCE, RANK, inputs_in_words, verdict
from apps.ml.core.sprints.outcome.moment import DELIVERED_SHARE
from apps.ml.core.training.drift import MOST_RECENT, MOST_REFERENCE, InputDrift, input_drift
from apps.ml.models import ModelType, PredictionHistory
from apps.ml.selectors.issues import facts_around
from apps.ml.selectors.registry import active_model
from apps.ml.selectors.scorecard import (
    DATED_KINDS,
    DEFAULT_DAYS,
    SCORED_KINDS,
    OpenPredictions,
    RemovedSums,
    removed_outcomes,
    scored_rows,
    waiting_predictions,
    waiting_ranges,
)
from apps.ml.services.models.kinds import truth_of

Row = Mapping[str, Any]
Kind = PredictionHistory.Kind
#: Of the bootstrap, so that the same outcomes always give the same interval.
SEED = 0
#: Of outcomes of sprints while there is none: what the answers would be in for most teams.
_UNIT_OF_SPRINTS = "points"


@dataclass(frozen=True, slots=True)
class TypeScorecard:
    """One type of prediction: every answer together, each method, the team's own estimates, and a sentence."""

    prediction_type: str
    #: Of all errors: 'h', 'points' or 'issues'.
    unit: str
    verdict: str
    #: None while nothing is scored.
    overall: Score | None
    methods: dict[str, Score]
    #: None where there are no estimates to compare with; a team's points are the truth, not an estimate of it.
    team: Score | None
    #: By method, answers of the window whose rows were removed for age.
    removed: dict[str, RemovedSums]
    waiting: int
    about_no_issue: int
    #: By reason, answers that were given up.
    unscored: dict[str, int]
    #: Outcomes that were still open when the latest date told had passed: what it took is more than was counted.
    cut_short: int
    #: Before outcomes are known: whether what comes in is like what the serving model was trained on, and what error
    #: the answers that wait are likely to have. None where too little is there.
    inputs: InputDrift | None = None
    expected: ExpectedError | None = None
    inputs_in_words: str = ""


@dataclass(frozen=True, slots=True)
class Scorecard:
    """All types over one window of outcomes."""

    project_id: UUID
    days: int
    since: datetime
    until: datetime
    #: Whether older outcomes of the window were left out for their number.
    is_cut: bool
    types: tuple[TypeScorecard, ...]


def project_scorecard(
    project_id: UUID, *, now: datetime, days: int = DEFAULT_DAYS, kind: str | None = None
) -> Scorecard:
    """Score what became known in the last `days`, of one kind or of all that have a truth.

    Four queries, and three more for each kind whose model serves.
    """
    since = now - timedelta(days=days)
    rows, is_cut = scored_rows(project_id, since=since, until=now)
    removed, waiting = removed_outcomes(project_id, since=since), waiting_predictions(project_id)
    cards, ranges = [], waiting_ranges(project_id)
    for each in [kind] if kind else SCORED_KINDS:
        left = {method: sums for (of_kind, method), sums in removed.items() if of_kind == each}
        own = [row for row in rows if row["prediction_type"] == each]
        promised = [row[1:] for row in ranges if row[0] == each]
        for some in _by_unit(each, own):
            card = _card(each, some, left, waiting[each], days)
            cards.append(_before_outcomes(card, some, promised, project_id))
    return Scorecard(project_id, days, since, now, is_cut, tuple(cards))


def _card(
    kind: str, rows: Sequence[Row], removed: dict[str, RemovedSums], waiting: OpenPredictions, days: int
) -> TypeScorecard:
    overall, unit = _score(kind, rows), unit_of(kind, rows[-1] if rows else None)
    return TypeScorecard(
        prediction_type=kind,
        unit=unit,
        verdict=verdict(overall, unit=unit) if overall else _nothing(waiting, days),
        overall=overall,
        methods={name: found for name, own in _by_method(rows).items() if (found := _score(kind, own))},
        team=team_score(_arrays(kind, _first_answers(rows)), rng=_rng()) if rows else None,
        removed=removed,
        waiting=waiting.waiting,
        about_no_issue=waiting.about_no_issue,
        unscored=waiting.unscored,
        cut_short=sum(bool(row["details__at_least_so_long"]) for row in _first_answers(rows)),
    )


def _before_outcomes(
    card: TypeScorecard, rows: Sequence[Row], waiting: Sequence[tuple[float, float, float]], project_id: UUID
) -> TypeScorecard:
    """The same with what can be told without outcomes."""
    if card.prediction_type not in (ModelType.EFFORT_PREDICTION, ModelType.STORY_POINTS):
        return card
    known = _arrays(card.prediction_type, _first_answers(rows)) if rows else None
    expected = _expected(np.asarray(waiting, dtype=np.float64).reshape(-1, 3), known)
    model = active_model(card.prediction_type, project_id)
    drift = None
    if model is not None and model.project_id is not None:
        then, now = facts_around(project_id, model.trained_at, before=MOST_REFERENCE, after=MOST_RECENT)
        drift = input_drift(then, now, rng=_rng())
    return replace(card, inputs=drift, expected=expected, inputs_in_words=inputs_in_words(drift, expected))


def _expected(waiting: Floats, known: ScoredPredictions | None) -> ExpectedError | None:
    promised = reckoned(*waiting.T)
    if known is None:
        return expected_error(promised, np.zeros(0), np.zeros(0))
    positive = (known.actual > 0) & (known.predicted > 0)
    ratio = np.divide(known.predicted, known.actual, out=np.full(len(positive), np.nan), where=positive)
    return expected_error(promised, reckoned(known.low, known.high, known.level), np.abs(np.log(ratio)))


def unit_of(kind: str, row: Row | None) -> str:
    """What an answer of a kind is counted in; of a row it may be told by the answer itself."""
    if kind == ModelType.TASK_ASSIGNMENT:
        return RANK
    if kind == Kind.SPRINT_RISK:
        return CHANCE
    if kind in DATED_KINDS:
        return "issues" if row is not None and row["details__at_least"] else "days"
    if kind == Kind.SPRINT_OUTCOME:
        return (row["details__unit"] if row else None) or _UNIT_OF_SPRINTS
    return truth_of(kind).unit


def _score(kind: str, rows: Sequence[Row]) -> Score | None:
    if not rows:
        return None
    first = _first_answers(rows)
    found = score(_arrays(kind, first), rng=_rng())
    if kind != ModelType.TASK_ASSIGNMENT:
        return found
    return replace(found, hits=hit_score([row["actual_value"] for row in first]))


def _rng() -> "np.random.Generator":
    return np.random.default_rng(SEED)


def _by_unit(kind: str, rows: Sequence[Row]) -> list[Sequence[Row]]:
    """Forecasts of days and of amounts apart; else answers in the unit of the latest alone.

    A team that began to give points is not scored in both at once.
    """
    units = {unit_of(kind, row): None for row in rows}
    if kind != Kind.FORECAST:
        units = {unit: None for unit in units if unit == unit_of(kind, rows[-1])}
    return [[row for row in rows if unit_of(kind, row) == unit] for unit in sorted(units)] or [[]]


def _by_method(rows: Sequence[Row]) -> dict[str, list[Row]]:
    methods: dict[str, list[Row]] = {}
    for row in rows:
        methods.setdefault(row["method"], []).append(row)
    return dict(sorted(methods.items()))


def _first_answers(rows: Sequence[Row]) -> list[Row]:
    """The first answer about each issue or sprint: what was planned with. Later ones share its error.

    Of forecasts, which are about neither, the first of each day.
    """
    first: dict[object, Row] = {}
    for number, row in enumerate(rows):
        of_day = row["created_at"].date() if row["prediction_type"] == Kind.FORECAST else None
        # Answers about deleted issues cannot be told apart: each stands for itself.
        first.setdefault(row["issue_id"] or row["sprint_id"] or of_day or number, row)
    return list(first.values())


def _arrays(kind: str, rows: Sequence[Row]) -> ScoredPredictions:
    def column(read: Callable[[Row], Any]) -> list[float]:
        return [float(value) if (value := read(row)) is not None else float("nan") for row in rows]

    near = [_near(kind, row) for row in rows]
    return ScoredPredictions.of(
        actual=column(lambda row: row["actual_value"]),
        predicted=column(lambda row: row["predicted_value"]),
        low=column(lambda row: row["range_low"]),
        high=column(lambda row: row["range_high"]),
        level=column(lambda row: row["range_level"]),
        confidence=column(lambda row: _chance(kind, row)),
        near_low=[low for low, _ in near],
        near_high=[high for _, high in near],
        # A row holds what its type has: hours, or points, and estimates of hours only.
        baseline=column(lambda row: row["details__baseline_hours"] or row["details__baseline_points"]),
        team=column(lambda row: row["details__estimated_hours"]),
        pinball=column(_pinball),
    )


def _chance(kind: str, row: Row) -> float | None:
    """The stated probability: of dates that of being in time, of risks that of falling short."""
    if kind in DATED_KINDS:
        chance: float | None = row["details__probability_in_time"]
        return chance
    said: float | None = row["predicted_value"] if kind == Kind.SPRINT_RISK else row["confidence"]
    return said


def _pinball(row: Row) -> float | None:
    """Of the percentiles that were told: days until a share is done, or amounts that are exceeded by a share."""
    if row["details__days"]:
        return pinball_loss(row["actual_value"], {int(p) / 100: days for p, days in row["details__days"].items()})
    if row["details__at_least"]:
        amounts = row["details__at_least"].items()
        return pinball_loss(row["actual_value"], {1 - int(p) / 100: amount for p, amount in amounts})
    return None


def _near(kind: str, row: Row) -> tuple[float, float]:
    """What the confidence was about: a factor of two for hours, one step of the scale for points, 90 % for sprints."""
    if kind in DATED_KINDS:
        left = row["details__days_left"]
        return (float("nan"), float("nan")) if left is None else (0.0, float(left))
    if kind == Kind.SPRINT_RISK:
        return 1.0, 1.0
    if kind == ModelType.TASK_ASSIGNMENT:
        return float("nan"), float("nan")
    if kind == Kind.SPRINT_OUTCOME:
        # Earlier answers called the scope what was committed.
        return DELIVERED_SHARE * (row["details__scope"] or row["details__committed"]), float("inf")
    if truth_of(kind).by_ratio:
        return row["predicted_value"] / 2.0, row["predicted_value"] * 2.0
    low, high = row["details__one_step"] or (float("nan"), float("nan"))
    return low, high


def _nothing(waiting: OpenPredictions, days: int) -> str:
    if waiting.waiting:
        return (
            f"No outcome became known in the last {days} days; {waiting.waiting:,} open "
            f"{'prediction waits' if waiting.waiting == 1 else 'predictions wait'} for work to be finished."
        )
    return f"No outcome became known in the last {days} days, and no open prediction waits for one."
