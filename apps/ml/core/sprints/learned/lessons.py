"""Completed sprints as lessons, and how well chances would have served them, in time order."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.past.sprints import SprintTimeline
from apps.ml.core.sprints.outcome.distribution import LARGEST_SHARE, OutcomeDistribution
from apps.ml.core.sprints.outcome.features import features
from apps.ml.core.sprints.outcome.moment import DELIVERED_SHARE, PastSprint
from apps.ml.core.sprints.outcome.record import OwnRecord, holds
from apps.ml.core.sprints.outcome.standing import past_sprints, unit_at

#: A sprint teaches at these shares of its days, as the public ones did that taught the prior.
TAUGHT_AT = (0.0, 0.3, 0.5, 0.8)
#: Where a distribution is held against the outcome: in the middle of every fiftieth of the scope, so that no step lies
#: on a jump.
_STEP = 0.02
_STEPS: Floats = np.arange(_STEP / 2, LARGEST_SHARE, _STEP)


@dataclass(frozen=True, slots=True)
class TaughtMoment:
    """A sprint at one share of its days."""

    #: Without its past: what that told stands in the features.
    sprint: PastSprint
    features: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SprintLesson:
    """A completed sprint with a known commitment, at each of `TAUGHT_AT` at which something was in scope."""

    sprint_id: str
    project_id: str
    completed_at: datetime
    moments: tuple[TaughtMoment, ...]

    @property
    def lesson_id(self) -> str:
        """As of any `Lesson`."""
        return self.sprint_id


@dataclass(frozen=True, slots=True)
class LessonScores:
    """How well sprints would have been told, in the order asked; each array of shape (n_lessons,).

    Means over a sprint's moments.
    """

    #: Continuous ranked probability score, in shares of the scope.
    crps: Floats
    #: Squared error of the chance to deliver nine tenths.
    brier: Floats
    #: Share of the moments whose range held, and the error of the median in shares of the scope.
    held: Floats
    absolute_error: Floats


def lessons_of(project_id: str, timelines: Sequence[SprintTimeline], *, most_past: int) -> list[SprintLesson]:
    """Completed sprints of one project, oldest first, each with at most so many before it as its past."""
    by_unit = {
        unit: [past_sprints(timelines, elapsed_ratio=share, unit=unit) for share in TAUGHT_AT]
        for unit in ("points", "issues")
    }
    known = [each for each in timelines if past_sprints([each], elapsed_ratio=0.0, unit="issues")]
    lessons = []
    for index, timeline in enumerate(known):
        planned, end = timeline.planning_ended_at, timeline.window.ended_at
        assert planned is not None and end is not None  # noqa: S101, PT018 - `past_sprints` leaves others out
        told = [sprints[max(0, index - most_past) : index + 1] for sprints in by_unit[unit_at(timeline, planned)]]
        moments = tuple(_taught(each) for each in told if each[-1].scope_points > 0)
        if moments:
            lessons.append(SprintLesson(timeline.window.sprint_id, project_id, end, moments))
    return lessons


def _taught(sprints: Sequence[PastSprint]) -> TaughtMoment:
    """The last of some sprints at one share of their days."""
    *past, asked = sprints
    row = features(replace(asked.moment, past=tuple(past)))
    return TaughtMoment(asked, tuple(float(value) for value in row))


def rows_of(lessons: Sequence[SprintLesson]) -> tuple[Floats, Floats]:
    """Features and shares done of all moments, sprint after sprint: shapes (n, n_features) and (n,)."""
    moments = [moment for lesson in lessons for moment in lesson.moments]
    return (
        np.array([moment.features for moment in moments]),
        np.array([moment.sprint.moment.done_share for moment in moments]),
    )


def scored(lessons: Sequence[SprintLesson], chances: Floats, *, level: float) -> LessonScores:
    """Walk each project's sprints in time order, mixing its own record into the chances as serving does.

    Parameters
    ----------
    lessons : sequence of SprintLesson
        Oldest first.
    chances : ndarray of shape (n_moments, n_levels)
        Of all moments, in the order of `rows_of`.
    level : float
        What ranges promise to hold.
    """
    records: dict[tuple[str, float], OwnRecord] = defaultdict(OwnRecord)
    told, row = [], 0
    for lesson in lessons:
        each = []
        for moment in lesson.moments:
            whose = (lesson.project_id, moment.sprint.moment.elapsed_ratio)
            record, sprint, said = records[whose], moment.sprint, chances[row]
            distribution = record.distribution(said, sprint.moment)
            held = holds(*distribution.range(record.asked_level(level)), sprint)
            records[whose] = record.with_sprint(said, sprint, held=held)
            each.append((*_scores(distribution, sprint), float(held), abs(distribution.median - sprint.ratio)))
            row += 1
        told.append(np.mean(each, axis=0))
    return LessonScores(*np.array(told).reshape(-1, 4).T)


def _scores(told: OutcomeDistribution, sprint: PastSprint) -> tuple[float, float]:
    """CRPS, and the squared error of the chance to deliver nine tenths."""
    reached = np.interp(_STEPS, told.shares, told.reached, left=1.0, right=0.0)
    came = (min(sprint.ratio, LARGEST_SHARE) >= _STEPS).astype(np.float64)
    crps = float(np.square(reached - came).sum() * _STEP)
    return crps, (told.chance_of(DELIVERED_SHARE) - sprint.delivered) ** 2
