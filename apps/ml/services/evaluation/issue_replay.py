"""Replay a team's own past: what would have been answered, month by month, with nothing known that was not known then.

The training and serving code is that of the product. Each month begins with a model of everything finished before it;
every issue is asked about at the moment its work began, and the answer is compared with what it took.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import numpy as np
from django.conf import settings

from apps.common.exceptions import ApplicationError, NotEnoughData
from apps.ml.core.arrays import Booleans, Floats
from apps.ml.core.effort import EffortModel, RecentOutcomes
from apps.ml.core.effort.baselines import Predictor
from apps.ml.core.effort.replay import EffortReplay, ReplayedIssue
from apps.ml.core.evaluation.months import by_month, month_starts
from apps.ml.core.evaluation.scorecard import ScoredPredictions
from apps.ml.core.points import PointsModel, PointsPrior, load_prior
from apps.ml.core.points.baselines import BASELINES as POINTS_BASELINES
from apps.ml.core.points.basis import BASIS_GROWTH, Basis
from apps.ml.core.points.features import RawFeatures
from apps.ml.core.points.history import points_of
from apps.ml.core.points.training import train_points_model
from apps.ml.core.records import CompletedIssue, chronological
from apps.ml.core.results import PointsRecommendation
from apps.ml.core.training.retraining import MIN_TRAINING_ISSUES
from apps.ml.models import ModelType
from apps.ml.selectors.issues import source_keys
from apps.ml.services.models.kinds import kind_of

Progress = Callable[[int, str], None]
#: Issues replayed at most, the newest: a team wants to know of its present, and a replay takes some minutes.
MOST_REPLAYED = 2_000
#: Levels at which ranges are compared with what they held, besides the one that is served.
LEVELS = (0.5, 0.8, 0.9, 0.95)
#: What each baseline is called, in the order shown; the first is 'the naive baseline'.
EFFORT_BASELINES: Mapping[str, str] = {
    "median": "median",
    "median_last_50": "median of the last 50",
    "type_average": "average of the issue type",
    "jaccard_knn": "most similar issues (Jaccard)",
    "seed_trees": "boosted trees on word counts",
    "human": "the team's own estimate",
}


class NothingToReplay(ApplicationError):
    """There is no issue whose work began after the first 50 were finished, so none can be asked about as of then."""

    code = "nothing_to_replay"


@dataclass(frozen=True, slots=True)
class IssueReplayPlan:
    """What is to be replayed."""

    kind: str
    #: Everything finished, oldest outcome first.
    issues: Sequence[CompletedIssue]
    #: The issues asked about, in the order in which their work began; the first moment is the start.
    asked: Sequence[CompletedIssue]
    #: Moments at which a model is made; one step of progress each.
    months: Sequence[datetime]
    #: Where the issues came from: tells whether the shipped prior has seen them.
    source_keys: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class IssueReplay:
    """What would have been answered and what it took; rows in the order in which the work began."""

    kind: str
    asked_at: Sequence[datetime]
    #: Issues finished before the first was asked about.
    n_known: int
    #: Models made: at the first question, then at the start of each month.
    n_models: int
    #: `baseline` holds the median of everything known, `team` the team's own estimates (hours only).
    served: ScoredPredictions
    #: What each simple method would have said, by its name for people, shape (n,); NaN where it has no answer.
    baselines: Mapping[str, Floats]
    #: Levels of ranges, and whether each truth lay inside its range of each level, shape (n, n_levels).
    levels: Sequence[float]
    inside: Booleans
    #: What to know when reading the figures.
    notes: Sequence[str] = field(default=())


def plan_replay(project_id: UUID, kind: str, *, newest: int = MOST_REPLAYED) -> IssueReplayPlan:
    """Read a project's finished issues and plan their replay; raises as `plan_of`."""
    return plan_of(kind, kind_of(kind).select(project_id), newest=newest, source_keys=source_keys(project_id))


def plan_of(
    kind: str, issues: Sequence[CompletedIssue], *, newest: int = MOST_REPLAYED, source_keys: Sequence[str] = ()
) -> IssueReplayPlan:
    """Choose which of the finished issues to ask about: the newest of those that can be.

    Raises
    ------
    NotEnoughData
        Below 50 finished issues.
    NothingToReplay
        If no work began after the first 50 were finished.
    """
    finished = chronological(issues)
    if len(finished) < MIN_TRAINING_ISSUES:
        raise NotEnoughData(have=len(finished), needed=MIN_TRAINING_ISSUES, what=kind_of(kind).learns_from)
    first_model = finished[MIN_TRAINING_ISSUES - 1].completed_at
    later = sorted((each for each in finished if each.known_at > first_model), key=_when_asked)
    if not later:
        raise NothingToReplay
    asked = later[-newest:]
    months = list(month_starts(asked[0].known_at, asked[-1].known_at))
    return IssueReplayPlan(kind, finished, asked, months, source_keys)


def replay(plan: IssueReplayPlan, *, progress: Progress) -> IssueReplay:
    """Carry out a plan; `progress` is told the months done, of `len(plan.months)`, and what was done."""
    return _REPLAYS[plan.kind](plan, progress)


def _when_asked(issue: CompletedIssue) -> tuple[datetime, str]:
    return issue.known_at, issue.issue_id


def _known_before(plan: IssueReplayPlan, moment: datetime) -> list[CompletedIssue]:
    return [issue for issue in plan.issues if issue.completed_at < moment]


class _RangesReplay(EffortReplay):
    """The replay of the benchmark, which also asks for ranges of other levels."""

    def __init__(self, plan: IssueReplayPlan, *, write: Callable[[str], None]) -> None:
        super().__init__(plan.issues, rolling=True, level=settings.ML_INTERVAL_LEVEL, write=write)
        self.inside: list[list[bool]] = []

    def _serve(
        self, model: EffortModel, predictors: dict[str, Predictor], issue: CompletedIssue, recent: RecentOutcomes | None
    ) -> ReplayedIssue:
        ranges = [model.estimate(issue.facts, recent=recent, level=level).interval for level in LEVELS]
        hours = issue.actual_hours or math.nan
        self.inside.append([each.low <= hours <= each.high for each in ranges])
        return super()._serve(model, predictors, issue, recent)


def _replay_effort(plan: IssueReplayPlan, progress: Progress) -> IssueReplay:
    done = 0

    def month_done(line: str) -> None:
        nonlocal done
        done += 1
        progress(done, line)

    walk = _RangesReplay(plan, write=month_done)
    served = walk.run(plan.asked, plan.months[0])
    said = {name: [_or_nan(each.baselines.get(name)) for each in served] for name in EFFORT_BASELINES}
    return IssueReplay(
        kind=plan.kind,
        asked_at=[each.issue.known_at for each in served],
        n_known=len(_known_before(plan, plan.months[0])),
        n_models=len(plan.months),
        served=_effort_predictions(served, said),
        baselines={called: np.array(said[name]) for name, called in EFFORT_BASELINES.items()},
        levels=LEVELS,
        inside=np.array(walk.inside, dtype=bool),
    )


def _effort_predictions(served: Sequence[ReplayedIssue], said: Mapping[str, Sequence[float]]) -> ScoredPredictions:
    """Answers that use the team's estimate where there is one, as the product does."""
    answers = [each.informed or each.plain for each in served]
    return ScoredPredictions.of(
        actual=[_or_nan(each.issue.actual_hours) for each in served],
        predicted=[answer.predicted_hours for answer in answers],
        low=[answer.interval.low for answer in answers],
        high=[answer.interval.high for answer in answers],
        level=[answer.interval.level for answer in answers],
        confidence=[answer.confidence for answer in answers],
        near_low=[answer.predicted_hours / 2 for answer in answers],
        near_high=[answer.predicted_hours * 2 for answer in answers],
        baseline=said["median"],
        team=said["human"],
    )


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


@dataclass(slots=True)
class _PointsMonths:
    """Models of story points, one a month; features are kept, and the vocabulary until the history has grown."""

    plan: IssueReplayPlan
    prior: PointsPrior | None
    cache: dict[str, RawFeatures] = field(default_factory=dict)
    basis: Basis | None = None
    basis_size: int = 0

    def model_at(self, month: datetime, known: Sequence[CompletedIssue]) -> PointsModel:
        if len(known) > BASIS_GROWTH * self.basis_size:
            self.basis, self.basis_size = None, len(known)
        trained = train_points_model(
            known,
            now=month,
            prior=self.prior,
            level=settings.ML_INTERVAL_LEVEL,
            basis=self.basis,
            cache=self.cache,
        )
        self.basis = trained.basis
        return PointsModel.from_bytes(trained.serving, prior=self.prior)

    def answers(self, month: datetime, asked: Sequence[CompletedIssue]) -> list[PointsRecommendation]:
        """Answers of the month's model, which follows what was finished since, as the service does."""
        model = self.model_at(month, _known_before(self.plan, month))
        later = (issue for issue in self.plan.issues if issue.completed_at >= month)
        since = [(each.completed_at, each.story_points) for each in later if each.story_points is not None]
        return [
            model.recommend(each.facts, recent=np.array([p for at, p in since if at < each.known_at], dtype=np.float64))
            for each in asked
        ]


def _replay_points(plan: IssueReplayPlan, progress: Progress) -> IssueReplay:
    shipped = load_prior()
    is_seen, by_months = shipped.knows(plan.source_keys), by_month(plan.asked, plan.months[0])
    months = _PointsMonths(plan, None if is_seen else shipped)
    answers: list[PointsRecommendation] = []
    said: dict[str, list[float]] = {}
    for number, (month, asked) in enumerate(by_months, start=1):
        if asked:
            answers += months.answers(month, asked)
            for name, predicted in _points_baselines(_known_before(plan, month), asked).items():
                said.setdefault(name, []).extend(predicted)
        progress(number, f"{month:%Y-%m}  {len(asked):4d} issues  {len(answers):5d} of {len(plan.asked)}")
    points = points_of(plan.asked)
    low, high = (np.array([getattr(each.interval, side) for each in answers]) for side in ("low", "high"))
    return IssueReplay(
        kind=plan.kind,
        asked_at=[each.known_at for each in plan.asked],
        n_known=len(_known_before(plan, plan.months[0])),
        n_models=sum(bool(asked) for _, asked in by_months),
        served=_points_predictions(points, answers, said["median"]),
        baselines={name: np.array(values) for name, values in said.items()},
        # A range of whole steps holds more than it was asked for; only the served level is calibrated to what it held.
        levels=(settings.ML_INTERVAL_LEVEL,),
        inside=((points >= low) & (points <= high))[:, None],
        notes=[_SEEN_BY_PRIOR] if is_seen else [],
    )


_SEEN_BY_PRIOR = (
    "The knowledge of other projects that ships with the product was learned on these very issues among others; "
    "it is left out here, so the figures are of the team's own history alone."
)


def _points_predictions(
    points: Floats, answers: Sequence[PointsRecommendation], median: Sequence[float]
) -> ScoredPredictions:
    near = [each.one_step or (math.nan, math.nan) for each in answers]
    return ScoredPredictions.of(
        actual=points,
        predicted=[each.recommended_points for each in answers],
        low=[each.interval.low for each in answers],
        high=[each.interval.high for each in answers],
        level=[each.interval.level for each in answers],
        confidence=[each.confidence for each in answers],
        near_low=[low for low, _ in near],
        near_high=[high for _, high in near],
        baseline=median,
    )


def _points_baselines(known: Sequence[CompletedIssue], asked: Sequence[CompletedIssue]) -> dict[str, list[float]]:
    said = {name: baseline(known, asked).predicted.tolist() for name, baseline in POINTS_BASELINES.items()}
    return {**said, "average of the issue type": _type_averages(known, asked)}


def _type_averages(known: Sequence[CompletedIssue], asked: Sequence[CompletedIssue]) -> list[float]:
    by_type: dict[str, list[float]] = {}
    for issue in known:
        by_type.setdefault(issue.facts.issue_type, []).append(issue.story_points or 0.0)
    overall = float(points_of(known).mean())
    means = {kind: float(np.mean(points)) for kind, points in by_type.items()}
    return [means.get(each.facts.issue_type, overall) for each in asked]


_REPLAYS: Mapping[str, Callable[[IssueReplayPlan, Progress], IssueReplay]] = {
    ModelType.EFFORT_PREDICTION: _replay_effort,
    ModelType.STORY_POINTS: _replay_points,
}
