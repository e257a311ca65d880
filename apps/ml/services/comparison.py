"""Challenger against champion: the same newest issues, which neither trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np

from apps.ml.core.effort import EffortModel
from apps.ml.core.points import PointsModel
from apps.ml.core.records import CompletedIssue
from apps.ml.models import MLModel
from apps.ml.services.fitting import Fitted
from apps.ml.services.model_loader import ModelLoader
from apps.ml.services.model_registry import in_scope

#: Fewer common issues cannot tell two models apart: the seed asks for as many outcomes before it calls an error worse.
MIN_COMMON_ISSUES = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the new model should serve, and why, in words for a person."""

    activate: bool
    reason: str


def compare_with_active(
    model_type: str, project_id: UUID | str | None, fitted: Fitted, issues: Sequence[CompletedIssue]
) -> Verdict:
    """Activate a first model; later ones only if their error on the common issues is smaller."""
    active = in_scope(model_type, project_id).filter(is_active=True).first()
    if active is None:
        return Verdict(True, "It is the first of its kind.")
    champion = ModelLoader().load_active_model(model_type, project_id)
    if champion is None or champion.id != active.id:
        return Verdict(True, f"The active model {active.version} cannot be loaded.")
    common = [issue for issue in issues if issue.issue_id in fitted.test_predictions and _is_new_to(active, issue)]
    if len(common) < MIN_COMMON_ISSUES:
        return Verdict(
            False,
            f"{len(common)} issues were finished since model {active.version} was trained; "
            f"{MIN_COMMON_ISSUES} are needed to compare.",
        )
    return _on_common_issues(active.version, champion.predictor, fitted, common)


def _is_new_to(active: MLModel, issue: CompletedIssue) -> bool:
    return issue.completed_at > datetime.fromisoformat(active.provenance["trained_until"])


def _on_common_issues(
    version: str, champion: EffortModel | PointsModel, fitted: Fitted, common: Sequence[CompletedIssue]
) -> Verdict:
    if isinstance(champion, EffortModel):
        # Hours are log-normal: the mean absolute log ratio is the error to steer by.
        truth = np.log([issue.actual_hours or np.nan for issue in common])
        old = np.log([champion.estimate(issue.facts).predicted_hours for issue in common])
        new = np.log([fitted.test_predictions[issue.issue_id] for issue in common])
    else:
        truth = np.array([issue.story_points or np.nan for issue in common])
        old = np.array([champion.recommend(issue.facts).recommended_points for issue in common])
        new = np.array([fitted.test_predictions[issue.issue_id] for issue in common])
    old_error, new_error = float(np.abs(old - truth).mean()), float(np.abs(new - truth).mean())
    figures = f"on {len(common)} newer issues: error {new_error:.3f}, model {version} {old_error:.3f}."
    if new_error < old_error:
        return Verdict(True, f"It is better {figures}")
    return Verdict(False, f"It is not better {figures}")
