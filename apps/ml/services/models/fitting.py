"""The core's trainings in one shape, so that the trainer's steps are the same for all."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from apps.common.exceptions import ApplicationError
from apps.ml.core.assignment.replay import surprise_of
from apps.ml.core.points import load_prior
from apps.ml.core.records import CompletedIssue
from apps.ml.core.sprints.learned.lessons import SprintLesson
from apps.ml.core.sprints.outcome.prior import load_prior as load_sprint_prior
from apps.ml.core.sprints.outcome.serving import RANGE_LEVEL
from apps.ml.core.training.crowd import People

Progress = Callable[[int, str], None]
#: Project -> its people where a model of all projects is trained, else None.
Everybody = Mapping[str, People] | None
#: Steps 2 to 5 of the nine happen inside the core, which reports its share of the work done.
_FIRST_STEP, _LAST_STEP = 2, 5


class PeopleStayInTheirProject(ApplicationError):
    """Who does what is learned project by project: people of one project mean nothing in another."""

    code = "people_stay_in_their_project"


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a training gave: estimators for joblib, arrays for serving, figures for the row."""

    estimators: dict[str, Any]
    serving: bytes
    metrics: dict[str, Any]
    beats_baseline: bool
    training_samples: int
    #: issue id -> what a model that knew only older issues, and not the team's estimate, said of it; of people and
    #: sprints, how wrong it was.
    test_predictions: dict[str, float]


def fit_effort(
    issues: Sequence[CompletedIssue],
    *,
    now: datetime,
    seed: int,
    version: str,
    people_of: Everybody,
    progress: Progress,
) -> Fitted:
    """Train on hours."""
    from apps.ml.core.effort.training import train_effort_model  # noqa: PLC0415 - loads scikit-learn

    trained = train_effort_model(
        issues,
        now=now,
        level=settings.ML_INTERVAL_LEVEL,
        seed=seed,
        scope="project" if people_of is None else "global",
        version=version,
        progress=_as_steps(progress),
    )
    heads = _json(asdict(trained.metrics))
    return _fitted(trained, heads["plain"] | {"with_estimate": heads["informed"]}, trained.test_predictions)


def fit_points(
    issues: Sequence[CompletedIssue],
    *,
    now: datetime,
    seed: int,
    version: str,
    people_of: Everybody,
    progress: Progress,
) -> Fitted:
    """Train on story points."""
    from apps.ml.core.points.training import train_points_model  # noqa: PLC0415 - loads scikit-learn

    report = _as_steps(progress)
    trained = train_points_model(
        issues,
        now=now,
        prior=load_prior(),
        level=settings.ML_INTERVAL_LEVEL,
        seed=seed,
        version=version,
        progress=lambda share: report("Fitting", share),
        of_all=people_of is not None,
    )
    return _fitted(trained, _json(trained.metrics), trained.test_predictions)


def fit_assignment(
    issues: Sequence[CompletedIssue],
    *,
    now: datetime,
    seed: int,
    version: str,
    people_of: Everybody,
    progress: Progress,
) -> Fitted:
    """Train on who did which issue; the solver draws nothing at random, so there is nothing to seed."""
    from apps.ml.core.assignment.training import train_assignment_model  # noqa: PLC0415 - loads scikit-learn

    trained = train_assignment_model(issues, now=now, version=version, progress=_as_steps(progress))
    surprises = {each.issue_id: surprise_of(each) for each in trained.replayed if each.ranks}
    return _fitted(trained, _json(trained.metrics), surprises)


def fit_sprints(
    lessons: Sequence[SprintLesson], *, now: datetime, seed: int, version: str, people_of: Everybody, progress: Progress
) -> Fitted:
    """Train on completed sprints; the boosters have fixed seeds of their own."""
    from apps.ml.core.sprints.learned.training import train_sprint_model  # noqa: PLC0415 - loads scikit-learn

    trained = train_sprint_model(
        lessons,
        now=now,
        prior=load_sprint_prior(),
        level=RANGE_LEVEL,
        version=version,
        progress=_as_steps(progress),
        people_of=people_of,
    )
    return _fitted(trained, _json(trained.metrics), trained.test_errors)


def _fitted(trained: Any, metrics: dict[str, Any], said: dict[str, float]) -> Fitted:
    """What every training of the core has, with what was said on issues or sprints that it had not seen."""
    return Fitted(
        estimators=trained.estimators,
        serving=trained.serving,
        metrics=metrics,
        beats_baseline=trained.beats_baseline,
        training_samples=trained.training_samples,
        test_predictions=said,
    )


def _json(value: Any) -> Any:
    """Metrics for a JSON column: NaN, which JSON does not know, becomes null."""
    if isinstance(value, dict):
        return {str(name): _json(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_json(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _as_steps(progress: Progress) -> Callable[[str, float], None]:
    def report(text: str, share: float) -> None:
        step = _FIRST_STEP + int(min(max(share, 0.0), 0.999) * (_LAST_STEP - _FIRST_STEP + 1))
        progress(step, text)

    return report
