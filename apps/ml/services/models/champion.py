"""Challenger against champion and naive baseline: the same newest issues, which neither model trained on.

The rule: a first model serves. A later one serves if its mean error on at least MIN_COMMON_ISSUES common issues is
smaller than the champion's, and it is not worse than the naive baseline there, or abstains and answers with the
baseline itself. Hours are compared as ratios (mean absolute log ratio), points in points, people by 1 - 1 / rank of who
did it, sprints by the CRPS of what they deliver.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from statistics import median
from typing import Any
from uuid import UUID

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.records import CompletedIssue, Lesson
from apps.ml.models import MLModel
from apps.ml.services.models.fitting import Fitted
from apps.ml.services.models.kinds import (
    LASTING_FAULTS,
    ModelKind,
    Predictor,
    Rivals,
    Truth,
    kind_of,
    open_predictor,
    truth_of,
)
from apps.ml.services.models.registry import in_scope

#: Fewer common issues cannot tell two models apart: the seed asks for as many outcomes before it calls an error worse.
MIN_COMMON_ISSUES = 20
#: The naive baseline: the median of so many last outcomes, as the effort core and the scorecard define it.
BASELINE_OUTCOMES = 50
#: Errors of the training kept in the row, newest, for the test of degradation: 100 tell a doubled error from luck.
REFERENCE_ERRORS = 100


@dataclass(frozen=True, slots=True)
class Comparison:
    """Mean errors on the same issues or sprints: log ratios for hours, points for story points."""

    champion: str
    n: int
    challenger_error: float
    champion_error: float
    baseline_error: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the new model should serve, and why, in words for a person."""

    activate: bool
    reason: str
    comparison: Comparison | None = None

    def figures(self) -> dict[str, Any]:
        """What the model's row keeps of it."""
        measured = asdict(self.comparison) if self.comparison else None
        return {"verdict": self.reason, "comparison": measured}


def compare_with_active(
    model_type: str, project_id: UUID | str | None, fitted: Fitted, issues: Sequence[Lesson]
) -> Verdict:
    """Apply the rule.

    Raises
    ------
    StorageError
        If the champion cannot be read because the store is down: the comparison has to wait.
    """
    active = in_scope(model_type, project_id).filter(is_active=True).first()
    if active is None:
        return Verdict(True, "It is the first of its kind.")
    common = [issue for issue in issues if issue.lesson_id in fitted.test_predictions and _is_new_to(active, issue)]
    try:
        # Straight from the store: what this process remembers of the active model may be two seconds old.
        champion = open_predictor(active)
    except LASTING_FAULTS as error:
        return Verdict(True, f"The active model {active.version} cannot be loaded: {error.message}")
    kind = kind_of(model_type)
    if len(common) < MIN_COMMON_ISSUES:
        return Verdict(
            False,
            f"{len(common)} {kind.lessons} were finished since model {active.version} was trained; "
            f"{MIN_COMMON_ISSUES} are needed to compare.",
        )
    compared = _compared(active, champion, fitted, common, issues)
    return _verdict(compared, kind.lessons, abstains=kind.abstains and not fitted.beats_baseline)


def out_of_sample_errors(model_type: str, fitted: Fitted, issues: Sequence[Any]) -> list[float]:
    """Absolute log errors on the newest issues of the test part: what live errors are later compared with.

    None where answers are no single numbers of issues.
    """
    truth = kind_of(model_type).truth
    if truth is None:
        return []
    said = [(fitted.test_predictions.get(issue.issue_id, 0.0), _known(truth, issue)) for issue in issues]
    errors = [abs(math.log(guess) - math.log(took)) for guess, took in said if guess > 0 and took > 0]
    return [round(error, 4) for error in errors[-REFERENCE_ERRORS:]]


def _is_new_to(active: MLModel, issue: Lesson) -> bool:
    known_until = active.provenance.get("trained_until")
    return issue.completed_at > (datetime.fromisoformat(known_until) if known_until else active.trained_at)


def _compared(
    active: MLModel, champion: Predictor, fitted: Fitted, common: Sequence[Any], issues: Sequence[Any]
) -> Comparison:
    kind = kind_of(active.model_type)
    of_champion, of_baseline = (kind.rivals or _numbers(truth_of(active.model_type)))(champion, common, issues)
    said = np.array([fitted.test_predictions[each.lesson_id] for each in common])
    return Comparison(
        champion=active.version,
        n=len(common),
        challenger_error=float(_errors_of(kind, said, common).mean()),
        champion_error=float(of_champion.mean()),
        baseline_error=float(of_baseline.mean()),
    )


def _errors_of(kind: ModelKind, said: Floats, common: Sequence[CompletedIssue]) -> Floats:
    """A training that answers no numbers has told its errors already."""
    truth = kind.truth
    return said if truth is None else truth.errors(said, np.array([_known(truth, issue) for issue in common]))


def _numbers(truth: Truth) -> Rivals:
    def errors(
        champion: Any, common: Sequence[CompletedIssue], issues: Sequence[CompletedIssue]
    ) -> tuple[Floats, Floats]:
        older = [issue for issue in issues if issue.completed_at < common[0].completed_at]
        # As frozen as the champion: what was known before the first common issue was finished.
        baseline = median(_known(truth, issue) for issue in older[-BASELINE_OUTCOMES:])
        took = np.array([_known(truth, issue) for issue in common])
        said = np.array([truth.answer(champion, issue) for issue in common])
        return truth.errors(said, took), truth.errors(np.full(len(common), baseline), took)

    return errors


def _known(truth: Truth, issue: CompletedIssue) -> float:
    known = truth.of(issue)
    if known is None:
        raise ValueError(f"Issue {issue.issue_id} of the training set has no outcome.")
    return known


def _verdict(measured: Comparison, lessons: str, *, abstains: bool) -> Verdict:
    figures = (
        f"on {measured.n} newer {lessons}: error {measured.challenger_error:.3f}, model {measured.champion} "
        f"{measured.champion_error:.3f}, naive baseline {measured.baseline_error:.3f}."
    )
    if not measured.challenger_error < measured.champion_error:
        return Verdict(False, f"It is not better {figures}", measured)
    if abstains:
        return Verdict(True, f"It abstains, answering with the naive baseline, and is better {figures}", measured)
    if measured.challenger_error > measured.baseline_error:
        return Verdict(False, f"It is better than the active model but not than the naive baseline {figures}", measured)
    return Verdict(True, f"It is better {figures}", measured)
