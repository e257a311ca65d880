"""Every type of model in one row: what it learns from, how it is trained and read, what its answers are held against.

A new type is one more row here and in `ModelType`, the package of the core that it names, its fit in `fitting` and its
title on the page of models.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any
from uuid import UUID

import numpy as np
from django.db.models import Q

from apps.common.exceptions import ApplicationError
from apps.ml.core.arrays import Floats
from apps.ml.core.artifact import ArtifactCorrupted
from apps.ml.core.assignment.serving import AssignmentModel
from apps.ml.core.effort import EffortModel
from apps.ml.core.points import PointsModel, load_prior
from apps.ml.core.records import CompletedIssue, IssueFacts
from apps.ml.core.sprints.learned.serving import SprintModel
from apps.ml.core.sprints.outcome.moment import SprintMoment
from apps.ml.core.sprints.outcome.prior import load_prior as load_sprint_prior
from apps.ml.core.training.crowd import People
from apps.ml.core.training.shared_words import SHARED_RULE, shared_by_projects, without_what_few_use
from apps.ml.models import MLModel, ModelType
from apps.ml.selectors.issues import (
    completed_with_hours,
    completed_with_people,
    completed_with_points,
    projects_of_finished_issues,
)
from apps.ml.selectors.registry import ActiveModel, Outcomes
from apps.ml.selectors.sprint_lessons import sprint_lessons
from apps.ml.services.models import rivals
from apps.ml.services.models.fitting import Fitted, fit_assignment, fit_effort, fit_points, fit_sprints
from apps.ml.storage.errors import ArtifactRefused, NotOurs, ObjectMissing
from apps.ml.storage.s3 import S3ModelStorageService
from apps.ml.storage.signing import Identity
from apps.projects.history.sprint_books import Amount

#: What no waiting heals: only a training, or somebody who puts the right bytes back.
LASTING_FAULTS = (ObjectMissing, NotOurs, ArtifactRefused, ArtifactCorrupted)
Predictor = EffortModel | PointsModel | AssignmentModel | SprintModel
#: Errors of a model and of the naive baseline about some of what all was learned from, each of shape (n,).
Rivals = Callable[[Any, Sequence[Any], Sequence[Any]], tuple[Floats, Floats]]


@dataclass(frozen=True, slots=True)
class Truth:
    """What answers that are numbers are held against."""

    #: Of an issue: the column with what it took in the end.
    column: str
    of: Callable[[CompletedIssue], float | None]
    #: What a model says of an issue when it is compared with another.
    answer: Callable[[Any, CompletedIssue], float]
    #: Whether errors are ratios: twice as long is as wrong as half as long.
    by_ratio: bool
    unit: str
    #: What a stated confidence is the probability of.
    promise: str
    #: What the mean absolute error of a training is called.
    error: str
    #: Methods that answer where no model is active or readable.
    fallbacks: tuple[str, ...]

    def errors(self, said: Floats, truth: Floats) -> Floats:
        """Absolute errors, shape (n,): of logarithms, or in the unit."""
        return np.abs(np.log(said) - np.log(truth)) if self.by_ratio else np.abs(said - truth)


@dataclass(frozen=True, slots=True)
class ModelKind:
    """What the product knows of one type of model."""

    #: In commands; of what, in a sentence; above a page.
    name: str
    subject: str
    title: str
    #: What it can learn from, for the database and for a person.
    outcome: Outcomes
    learns_from: str
    #: Finished issues or sprints of a project, or with None of all, oldest outcome first.
    select: Callable[[UUID | str | None], Sequence[Any]]
    fit: Callable[..., Fitted]
    read: Callable[[bytes], Predictor]
    #: Asks a model what nobody wants to know; raises whatever keeps it from answering.
    try_out: Callable[[Any], None]
    #: Whether the model beat the naive baseline where it could not know the outcome.
    beats: str
    does_not_beat: str
    #: None where answers are no single numbers of an issue; then `rivals` compares.
    truth: Truth | None = None
    rivals: Rivals | None = None
    #: What it is counted in.
    lessons: str = "issues"
    #: Whether one that does not beat the baseline answers with it, and so cannot be worse.
    abstains: bool = True
    #: What a model of all projects may learn of this: nothing that would tell strangers what one team works on.
    of_all: Callable[[Sequence[Any], Mapping[str, People]], Sequence[Any]] = lambda lessons, people_of: lessons
    #: People of one project mean nothing in another.
    stays_in_project: bool = False


def _points_model(data: bytes) -> PointsModel:
    return PointsModel.from_bytes(data, prior=load_prior())


def _sprint_model(data: bytes) -> SprintModel:
    return SprintModel.from_bytes(data, prior=load_sprint_prior())


def _points(model: PointsModel, issue: CompletedIssue) -> float:
    return model.recommend(issue.facts).recommended_points


def _hours(model: EffortModel, issue: CompletedIssue) -> float:
    # Without the team's estimate, as the challenger's answers are made: like is compared with like.
    return model.estimate(replace(issue.facts, estimated_hours=None)).predicted_hours


_NOTHING = Amount(0, 0.0)
_QUESTION = IssueFacts("Change the label of the page", "The label has to change.", "bug", 2.0)


def _require(answers: Iterable[float]) -> None:
    if not all(math.isfinite(answer) and answer >= 0 for answer in answers):
        raise ArtifactCorrupted("The model answers with what is no number.")


def _try_hours(model: EffortModel) -> None:
    for facts in (_QUESTION, IssueFacts(""), replace(_QUESTION, estimated_hours=2.0, story_points=3.0)):
        told = model.estimate(facts)
        _require([told.predicted_hours, told.expected_hours, *told.interval[:2], told.confidence, told.log_scale])


def _try_points(model: PointsModel) -> None:
    for facts in (_QUESTION, IssueFacts("")):
        told = model.recommend(facts)
        _require([told.recommended_points, told.confidence, *told.interval[:2], *told.probabilities.values()])


def _try_people(model: AssignmentModel) -> None:
    people = [*list(model.people)[:2], "somebody new"]
    _require(model.answer(_QUESTION, people, explained=people).probabilities.values())


def _try_sprints(model: SprintModel) -> None:
    few = Amount(4, 8.0)
    begun = SprintMoment(0.5, at_start=few, added=_NOTHING, removed=_NOTHING, to_do=few, in_progress=few, done=few)
    chances = model.chances([begun])
    _require(chances.ravel())
    if (chances > 1).any():
        raise ArtifactCorrupted("The model answers with what is no chance.")


def _with_shared_words(issues: Sequence[CompletedIssue], people_of: Mapping[str, People]) -> Sequence[CompletedIssue]:
    shared = shared_by_projects(issues, projects_of_finished_issues(), people_of=people_of)
    return without_what_few_use(issues, shared)


def _with_shared_points(issues: Sequence[CompletedIssue], people_of: Mapping[str, People]) -> Sequence[CompletedIssue]:
    return [issue for issue in _with_shared_words(issues, people_of) if issue.story_points is not None]


_BEATS = "It beats the naive baseline{} on issues it had not seen."
_ABSTAINS = "Nothing beats the naive baseline here yet: the model answers with the baseline and says so."
_NO_BETTER = (
    "It does not beat both the formula and the most recent assignee; 'auto' takes the better of the two totals."
)
KINDS: Mapping[str, ModelKind] = {
    ModelType.EFFORT_PREDICTION: ModelKind(
        name="effort", subject="effort", title="Hours",
        outcome=Outcomes(Q(worked_hours__gt=0)), learns_from="completed issues with hours", select=completed_with_hours,
        fit=fit_effort, read=EffortModel.from_bytes, try_out=_try_hours,
        beats=_BEATS.format(""), does_not_beat=_ABSTAINS, of_all=_with_shared_words,
        truth=Truth(
            column="worked_hours", of=attrgetter("actual_hours"), answer=_hours, by_ratio=True, unit="h",
            promise="within a factor of two", error="MAE without estimate", fallbacks=("similarity", "heuristic"),
        ),
    ),
    ModelType.STORY_POINTS: ModelKind(
        name="points", subject="story points", title="Story points",
        outcome=Outcomes(Q(story_points__gt=0)), learns_from="completed issues with story points",
        select=completed_with_points,
        fit=fit_points, read=_points_model, try_out=_try_points,
        beats=_BEATS.format(" in its probabilities"), does_not_beat=_ABSTAINS, of_all=_with_shared_points,
        truth=Truth(
            column="story_points", of=attrgetter("story_points"), answer=_points, by_ratio=False, unit="points",
            promise="within one step of the scale", error="MAE", fallbacks=("prior", "heuristic"),
        ),
    ),
    ModelType.TASK_ASSIGNMENT: ModelKind(
        name="assignment", subject="who does what", title="Who does what",
        outcome=Outcomes(Q(assignee__isnull=False)), learns_from="completed issues with an assignee",
        select=completed_with_people, fit=fit_assignment, read=AssignmentModel.from_bytes, try_out=_try_people,
        beats=_BEATS.format(""), does_not_beat=_NO_BETTER, stays_in_project=True, rivals=rivals.people,
        abstains=False,
    ),
    ModelType.SPRINT_DURATION: ModelKind(
        name="sprint", subject="sprints", title="Sprints",
        outcome=Outcomes(None), learns_from="completed sprints with a known commitment", select=sprint_lessons,
        fit=fit_sprints, read=_sprint_model, try_out=_try_sprints,
        beats="Own sprints add to what other teams' sprints teach, measured on sprints it had not seen.",
        does_not_beat="Own sprints add nothing to what other teams' sprints teach, beyond chance: the prior answers.",
        rivals=rivals.sprints, lessons="sprints",
    ),
}  # fmt: skip


def kind_of(model_type: str) -> ModelKind:
    """The row of a type; ValueError if there is no such type."""
    return KINDS[ModelType(model_type)]


def truth_of(model_type: str) -> Truth:
    """What numbers of a type are held against; ValueError where its answers are none."""
    truth = kind_of(model_type).truth
    if truth is None:
        raise ValueError(f"Answers of {model_type} are no numbers.")
    return truth


def identity_of(model: MLModel | ActiveModel) -> Identity:
    """Whose artefacts a row names."""
    return Identity(model.model_type, model.project_id, model.version)


def serving_bytes(model: MLModel | ActiveModel) -> bytes:
    """The serving artefact, proven to be what was stored and signed here.

    Raises
    ------
    StorageError
        If it is missing or the store cannot be used.
    ArtifactRefused
        If it is damaged, was exchanged, or was not signed here.
    """
    return S3ModelStorageService().verified_model(
        model.serving_key,
        of=identity_of(model),
        digest=model.serving_digest,
        signature=model.serving_signature,
    )


def open_predictor(model: MLModel | ActiveModel) -> Predictor:
    """Download, prove, read, and ask once: what loads and cannot answer would fail in every request.

    Raises as `serving_bytes`, and ArtifactCorrupted if it is of another layout, does not answer, or learned of projects
    together what they may not tell each other any more.
    """
    if model.project_id is None and model.provenance.get("shared_rule") != SHARED_RULE:
        raise ArtifactCorrupted("It learned what projects do not tell each other any more; train it anew.")
    data, kind = serving_bytes(model), kind_of(model.model_type)
    try:
        predictor = kind.read(data)
        kind.try_out(predictor)
    except ApplicationError:
        raise
    except Exception as error:  # arrays of another layout raise whatever they raise
        raise ArtifactCorrupted(f"The model loads and cannot answer: {type(error).__name__}.") from error
    return predictor
