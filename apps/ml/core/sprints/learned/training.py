"""Learn from the installation's own sprints, and find out on later ones whether that adds to the prior that ships."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from apps.common.exceptions import NotEnoughData
from apps.ml.core.arrays import Floats
from apps.ml.core.sprints.learned.lessons import LessonScores, SprintLesson, rows_of, scored
from apps.ml.core.sprints.learned.serving import SprintModel, mixed, own_log_odds
from apps.ml.core.sprints.outcome.distribution import LEVELS
from apps.ml.core.sprints.outcome.folding import fold_boosters
from apps.ml.core.sprints.outcome.prior import SprintPrior, falling_chances
from apps.ml.core.sprints.outcome.training import SprintTable, fit_boosters, taught_rows
from apps.ml.core.training.crowd import Crowd, People
from apps.ml.core.training.retraining import MIN_TRAINING_ISSUES
from apps.ml.core.trees import FlatTrees

Progress = Callable[[str, float], None]
#: Fewer trees, and smaller leaves, than the prior has: a leaf rests on at least 200 of the 64 rows a sprint gives.
N_TREES, MIN_SAMPLES_LEAF = 60, 200
#: So many own sprints have as much say as the prior: between 75 and 150 the gain on public projects is flat, and the
#: larger number loses less where it loses.
EQUAL_SAY_SPRINTS = 150.0
#: The newest share of the sprints is asked, in blocks, each by trees that know only what came before it.
TEST_SHARE, N_BLOCKS = 0.4, 2
#: The own trees speak if their mean gain on these is larger than so many of its standard errors. On public projects
#: cut at 50 to 150 sprints they then lost at most 1.4 % of the CRPS anywhere; asked for any gain at all, 3.1 %.
LEAST_GAIN_ERRORS = 1.0


@dataclass(frozen=True, slots=True)
class TrainedSprintModel:
    """A training: estimators for joblib, arrays for serving, what was measured."""

    estimators: dict[str, Any]
    serving: bytes
    metrics: dict[str, Any]
    #: Whether the own sprints added to the prior beyond chance; else the prior answers.
    beats_baseline: bool
    training_samples: int
    #: Sprint id -> CRPS of what was said of it by trees that knew only earlier ones.
    test_errors: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Walked:
    """The newest sprints, told with and without own trees."""

    with_own: LessonScores
    prior: LessonScores
    #: Mean gain in CRPS in units of its standard error.
    gain_errors: float


def train_sprint_model(
    lessons: Sequence[SprintLesson],
    *,
    now: datetime,
    prior: SprintPrior,
    level: float,
    version: str = "",
    progress: Progress | None = None,
    people_of: Mapping[str, People] | None = None,
) -> TrainedSprintModel:
    """Train on completed sprints.

    Parameters
    ----------
    lessons : sequence of SprintLesson
        Those completed after `now` are left out.
    now : datetime
        The moment of the training.
    prior : SprintPrior
        The one that ships.
    level : float
        What ranges promise to hold.
    version : str
        Told with every answer.
    progress : callable, optional
        Told what is done and the share of the work that is behind, in [0, 1].
    people_of : mapping, optional
        Project -> its people, of a model of all projects: whatever its trees tell apart is told of as many projects as
        `Crowd` says are enough.

    Raises
    ------
    NotEnoughData
        With fewer than MIN_TRAINING_ISSUES sprints.
    """
    report = progress or (lambda text, share: None)
    known = sorted((each for each in lessons if each.completed_at <= now), key=_when)
    if len(known) < MIN_TRAINING_ISSUES:
        raise NotEnoughData(have=len(known), needed=MIN_TRAINING_ISSUES, what="completed sprints with a commitment")
    report("Replaying the last completed sprints", 0.0)
    n_train = round(len(known) * (1.0 - TEST_SHARE))
    walked = _walked(known, n_train, prior, level, people_of)
    report("Fitting", 0.7)
    boosters = _boosters(known)
    beats = walked.gain_errors > LEAST_GAIN_ERRORS
    model = SprintModel(
        prior, _own_trees(known, boosters, people_of), _own_share(len(known)) if beats else 0.0, version
    )
    served = walked.with_own if beats else walked.prior
    return TrainedSprintModel(
        estimators={"boosters": boosters},
        serving=model.to_bytes(),
        metrics=_metrics(walked, served, n_train) | {"own_share": model.own_share},
        beats_baseline=beats,
        training_samples=len(known),
        test_errors=dict(zip([each.lesson_id for each in known[n_train:]], served.crps.tolist(), strict=True)),
    )


def _when(lesson: SprintLesson) -> tuple[datetime, str]:
    return lesson.completed_at, lesson.sprint_id


def _own_share(n_sprints: int) -> float:
    return n_sprints / (n_sprints + EQUAL_SAY_SPRINTS)


def _walked(
    known: Sequence[SprintLesson],
    n_train: int,
    prior: SprintPrior,
    level: float,
    people_of: Mapping[str, People] | None,
) -> _Walked:
    """Both teachers walk all sprints, so that a team's record is there; only the newest are scored."""
    rows, done_share = rows_of(known)
    of_prior = prior.log_odds_of(rows, done_share)
    with_own = of_prior.copy()
    ends = np.cumsum([len(each.moments) for each in known])
    blocks = np.array_split(np.arange(n_train, len(known)), N_BLOCKS)
    for block in blocks:
        first, last = block[0], block[-1]
        asked = slice(ends[first - 1], ends[last])
        trees = _own_trees(known[:first], _boosters(known[:first]), people_of)
        own = own_log_odds(trees, rows[asked], done_share[asked])
        with_own[asked] = mixed(of_prior[asked], own, _own_share(int(first)))
    newest = [_newest(scored(known, falling_chances(each), level=level), n_train) for each in (with_own, of_prior)]
    gains = newest[1].crps - newest[0].crps
    error = float(gains.std(ddof=1)) / np.sqrt(len(gains))
    return _Walked(newest[0], newest[1], float(gains.mean() / error) if error > 0 else 0.0)


def _newest(scores: LessonScores, n_train: int) -> LessonScores:
    return LessonScores(*(getattr(scores, name)[n_train:] for name in LessonScores.__slots__))


def _boosters(lessons: Sequence[SprintLesson]) -> list[Any]:
    return fit_boosters(_table(lessons), n_trees=N_TREES, min_samples_leaf=MIN_SAMPLES_LEAF)


def _own_trees(
    lessons: Sequence[SprintLesson], boosters: Sequence[Any], people_of: Mapping[str, People] | None
) -> FlatTrees:
    """The boosters as they serve: of all projects without what they learned of a few."""
    trees = fold_boosters(boosters)
    if people_of is None:
        return trees
    table = _table(lessons)
    rows, open_levels = taught_rows(table)
    crowd = Crowd([people_of.get(project, People()) for project in _projects(lessons)])
    return trees.resting_on(
        rows,
        table.project.repeat(len(LEVELS))[open_levels],
        lambda numbers: crowd.hides(sum(crowd.bits[number] for number in numbers)),
    )


def _projects(lessons: Sequence[SprintLesson]) -> list[str]:
    return sorted({each.project_id for each in lessons})


def _table(lessons: Sequence[SprintLesson]) -> SprintTable:
    rows, done_share = rows_of(lessons)
    sprints = [moment.sprint for lesson in lessons for moment in lesson.moments]
    numbers = {project: number for number, project in enumerate(_projects(lessons))}
    return SprintTable(
        rows=rows,
        ratio=np.array([sprint.ratio for sprint in sprints]),
        done_share=done_share,
        delivered=np.array([sprint.delivered for sprint in sprints], dtype=bool),
        scope=np.array([sprint.scope_points for sprint in sprints]),
        elapsed=np.array([sprint.moment.elapsed_ratio for sprint in sprints]),
        project=np.repeat([numbers[each.project_id] for each in lessons], [len(each.moments) for each in lessons]),
    )


def _metrics(walked: _Walked, served: LessonScores, n_train: int) -> dict[str, Any]:
    """What is served beside the prior alone; errors in shares of the scope."""
    return {
        "n_train": n_train,
        "n_test": len(served.crps),
        "gain_errors": walked.gain_errors,
        **_means(served, ""),
        **_means(walked.prior, "baseline_"),
    }


def _means(scores: LessonScores, prefix: str) -> dict[str, float]:
    figures: dict[str, Floats] = {
        "mae": scores.absolute_error, "crps": scores.crps, "brier": scores.brier, "coverage": scores.held
    }  # fmt: skip
    return {prefix + name: float(values.mean()) for name, values in figures.items()}
