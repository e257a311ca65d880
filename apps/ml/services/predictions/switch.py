"""Whether anything is predicted: the installation says so for all, a lead for a project; and what else leads say."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from apps.common.exceptions import Conflict
from apps.ml.selectors.terms import USUAL_TERMS, ProjectTerms, project_terms
from apps.ml.services.models.memory import ProjectMemory, Remembered
from apps.projects.models import Project

#: How long it is trusted before one small query asks again.
TRUSTED_SECONDS = 5.0


def _read(project_id: str, _: Remembered[ProjectTerms] | None) -> Remembered[ProjectTerms]:
    return Remembered(project_terms(project_id).get(UUID(project_id), USUAL_TERMS))


TERMS = ProjectMemory(_read, trusted_seconds=TRUSTED_SECONDS)


class PredictionsOff(Conflict):
    """Predictions are switched off on this installation (ML_PREDICTIONS_ENABLED)."""

    code: ClassVar[str] = "predictions_off"


_OF_PROJECT = "Predictions are switched off for this project; a lead can switch them on (predictions_enabled)."


def require_predictions(project: Project) -> None:
    """Raise `PredictionsOff` where nothing shall be predicted, recorded or learned."""
    _require(is_enabled=project.predictions_enabled)


def require_predictions_of(project_id: UUID | str | None) -> None:
    """The same by id, some seconds after it was said; with None of all projects together."""
    _require(is_enabled=project_id is None or TERMS.of_project(project_id).predictions_enabled)


def texts_erased_at(project_id: UUID | str) -> datetime:
    """When texts of the project were last erased: asked before a question reads any, and looked at where it writes.

    Some seconds behind the database, which only makes more of what was read count as read before.
    """
    return TERMS.of_project(project_id).texts_erased_at


def is_predicted(project: Project) -> bool:
    """Whether something may be predicted for a project."""
    return bool(settings.ML_PREDICTIONS_ENABLED and project.predictions_enabled)


def predicted_projects() -> QuerySet[Project]:
    """Projects that are looked at without being asked."""
    enabled = Project.objects.filter(predictions_enabled=True)
    return enabled if settings.ML_PREDICTIONS_ENABLED else enabled.none()


def _require(*, is_enabled: bool) -> None:
    if not settings.ML_PREDICTIONS_ENABLED:
        raise PredictionsOff
    if not is_enabled:
        raise PredictionsOff(_OF_PROJECT)
