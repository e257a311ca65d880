"""Whether anything is predicted: the installation says so for all, a lead for a project."""

from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from apps.common.exceptions import Conflict
from apps.projects.models import Project


class PredictionsOff(Conflict):
    """Predictions are switched off on this installation (ML_PREDICTIONS_ENABLED)."""

    code: ClassVar[str] = "predictions_off"


_OF_PROJECT = "Predictions are switched off for this project; a lead can switch them on (predictions_enabled)."


def require_predictions(project: Project) -> None:
    """Raise `PredictionsOff` where nothing shall be predicted, recorded or learned."""
    _require(is_enabled=project.predictions_enabled)


def require_predictions_of(project_id: UUID | str | None) -> None:
    """The same by id, in one query; with None of all projects together."""
    _require(is_enabled=project_id is None or Project.objects.filter(id=project_id, predictions_enabled=True).exists())


def predicted_projects() -> QuerySet[Project]:
    """Projects that are looked at without being asked."""
    enabled = Project.objects.filter(predictions_enabled=True)
    return enabled if settings.ML_PREDICTIONS_ENABLED else enabled.none()


def _require(*, is_enabled: bool) -> None:
    if not settings.ML_PREDICTIONS_ENABLED:
        raise PredictionsOff
    if not is_enabled:
        raise PredictionsOff(_OF_PROJECT)
