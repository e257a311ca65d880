"""The protocols: what is known when which issues are asked about, and the served and baseline answers to them.

Times are CPU seconds of this process: what the work costs, whatever else the machine does meanwhile.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from apps.ml.benchmarks.points.data import PointsProject
from apps.ml.core.arrays import Floats
from apps.ml.core.evaluation.metrics import grouped_calibration_error
from apps.ml.core.points import MIN_TRAINING_ISSUES, PointsModel, recommend_with_little_history, scores
from apps.ml.core.points.baselines import Baseline, Distribution
from apps.ml.core.points.basis import BASIS_GROWTH, Basis
from apps.ml.core.points.features import RawFeatures
from apps.ml.core.points.history import points_of
from apps.ml.core.points.little_history import team_marginal
from apps.ml.core.points.prior import PointsPrior
from apps.ml.core.points.scales import mass_between, scale_of, shortest_ranges, snapped, step_range
from apps.ml.core.points.training import train_points_model
from apps.ml.core.records import CompletedIssue, IssueFacts
from apps.ml.core.results import PointsRecommendation

ROLLING_BATCH = 20
SMALL_TEAM_BATCH = 50
LEVEL = 0.8
_SCORES = ("mae", "log_loss", "rps", "coverage", "width", "confidence", "within_one_step")


@dataclass(frozen=True, slots=True)
class Batch:
    """Issues asked about at one moment, and what is known then, oldest first."""

    known: Sequence[CompletedIssue]
    asked: Sequence[CompletedIssue]


def batches(project: PointsProject, *, protocol: str, n_known: int | None) -> Iterator[Batch]:
    """All test rows at once ('frozen'), 20 at a time ('rolling'), or rolling with the last `n_known` issues known."""
    everything = (*project.known, *project.test)
    size = SMALL_TEAM_BATCH if n_known else ROLLING_BATCH if protocol == "rolling" else len(project.test)
    for start in range(len(project.known), len(everything), size):
        first = max(0, start - n_known) if n_known else 0
        yield Batch(everything[first:start], everything[start : start + size])


@dataclass(frozen=True, slots=True)
class Answers:
    """What a method says about one batch: a distribution, an 80 % range, and the chance of lying within one step."""

    said: Distribution
    #: shape (n,)
    low: Floats
    high: Floats
    confidence: Floats
    #: The steps of the team's scale, shape (n_steps,).
    steps: Floats


@dataclass(slots=True)
class ScoreRecord:
    """Scores of one method on one project, one array a batch."""

    scored: dict[str, list[Floats]] = field(default_factory=lambda: {name: [] for name in _SCORES})
    fit_seconds: list[float] = field(default_factory=list)
    predict_seconds: list[float] = field(default_factory=list)

    def add(self, answers: Answers, points: Floats) -> None:
        """Score the answers to one batch."""
        said = answers.said
        below, above = step_range(snapped(said.predicted, answers.steps), answers.steps)
        found = (
            np.abs(said.predicted - points),
            scores.log_losses(said.chances, said.grid, points),
            scores.ranked_scores(said.chances, said.grid, points),
            ((points >= answers.low) & (points <= answers.high)).astype(np.float64),
            answers.high - answers.low,
            answers.confidence,
            ((points >= below) & (points <= above)).astype(np.float64),
        )
        for name, values in zip(_SCORES, found, strict=True):
            self.scored[name].append(values)

    def figures(self, project: PointsProject) -> dict[str, float]:
        """The figures of the report."""
        issue = {name: np.concatenate(values) for name, values in self.scored.items()}
        points, mae = points_of(project.test), float(issue["mae"].mean())
        usual = float(np.abs(points - np.median(points_of(project.known))).mean())
        times = np.array(self.predict_seconds) * 1e3
        return {
            **{name: float(issue[name].mean()) for name in ("mae", "log_loss", "rps", "coverage", "width")},
            "rmae": mae / usual if usual > 0 else 1.0,
            "sa": scores.standardised_accuracy(mae, points, points_of(project.known[: project.n_train])),
            "ece": grouped_calibration_error(issue["within_one_step"], issue["confidence"]),
            "fit_seconds": self.fit_seconds[0],
            "refit_seconds": float(np.mean(self.fit_seconds[1:] or self.fit_seconds)),
            "predict_ms_p50": float(np.percentile(times, 50)),
            "predict_ms_p95": float(np.percentile(times, 95)),
        }


def baseline_record(baseline: Baseline, todo: Sequence[Batch]) -> ScoreRecord:
    """Scores of a baseline over the batches; its fit is part of each prediction."""
    record = ScoreRecord()
    for batch in todo:
        started = time.process_time()
        said = baseline(batch.known, batch.asked)
        record.predict_seconds.append((time.process_time() - started) / len(batch.asked))
        record.fit_seconds.append(0.0)
        record.add(_as_answers(said, batch), points_of(batch.asked))
    return record


def _as_answers(said: Distribution, batch: Batch) -> Answers:
    known = points_of(batch.known)
    steps = scale_of(known, np.ones(len(known))).steps
    low, high = shortest_ranges(said.chances, said.grid, LEVEL)
    below, above = step_range(snapped(said.predicted, steps), steps)
    return Answers(said, low, high, mass_between(said.chances, said.grid, below, above), steps)


def served_record(todo: Sequence[Batch], *, prior: PointsPrior | None, progress: Callable[[int], None]) -> ScoreRecord:
    """Scores of the served recommendations, through training and the folded artefact."""
    record, trainer = ScoreRecord(), _Trainer(prior)
    for index, batch in enumerate(todo):
        started = time.process_time()
        recommend, steps = trainer.ready(batch)
        record.fit_seconds.append(time.process_time() - started)
        answers = [_timed(recommend, issue, record.predict_seconds) for issue in batch.asked]
        record.add(_collected(answers, steps), points_of(batch.asked))
        progress(index + 1)
    return record


def _timed(
    recommend: Callable[[IssueFacts], PointsRecommendation], issue: CompletedIssue, seconds: list[float]
) -> PointsRecommendation:
    started = time.process_time()
    answer = recommend(issue.facts)
    seconds.append(time.process_time() - started)
    return answer


def _collected(answers: Sequence[PointsRecommendation], steps: Floats) -> Answers:
    grid = np.array(list(answers[0].probabilities))
    chances = np.array([list(answer.probabilities.values()) for answer in answers])
    said = Distribution(np.array([answer.recommended_points for answer in answers]), grid, chances)
    low, high = (np.array([getattr(answer.interval, side) for answer in answers]) for side in ("low", "high"))
    return Answers(said, low, high, np.array([answer.confidence for answer in answers]), steps)


@dataclass(slots=True)
class _Trainer:
    """Trains before each batch as a live system would, keeping features and, for a while, the vocabulary."""

    prior: PointsPrior | None
    cache: dict[str, RawFeatures] = field(default_factory=dict)
    basis: Basis | None = None
    basis_size: int = 0

    def ready(self, batch: Batch) -> tuple[Callable[[IssueFacts], PointsRecommendation], Floats]:
        """How to answer a batch, and the steps of the team's scale."""
        known = batch.known
        if len(known) < MIN_TRAINING_ISSUES:
            steps = team_marginal(points_of(known))[0].steps
            return partial(recommend_with_little_history, history=known, prior=self.prior), steps
        if len(known) > BASIS_GROWTH * self.basis_size:
            self.basis, self.basis_size = None, len(known)
        trained = train_points_model(
            known,
            now=max(issue.completed_at for issue in known),
            prior=self.prior,
            level=LEVEL,
            basis=self.basis,
            cache=self.cache,
            horizon=len(batch.asked),
        )
        self.basis = trained.basis
        model = PointsModel.from_bytes(trained.serving, prior=self.prior)
        return model.recommend, model.folded.scale.steps
