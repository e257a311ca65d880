"""Which models serve some projects and how they did, and what waits to be looked at: one query each."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from apps.common.heartbeat import CLOCKS_DIFFER
from apps.ml.models import AnomalyDetection, KeptForecast, MLModel, ModelType, PredictionHistory
from apps.projects.models import Project

#: Found, and perhaps looked at; not closed.
OPEN_STATUSES = (AnomalyDetection.Status.DETECTED, AnomalyDetection.Status.INVESTIGATING)
#: Those whose error is compared with a naive answer in the same unit.
_MEASURED = (ModelType.EFFORT_PREDICTION, ModelType.STORY_POINTS)


@dataclass(frozen=True, slots=True)
class ServingEvaluation:
    """A model that serves, and its mean error on issues that it had not seen beside the naive baseline's."""

    model_type: str
    version: str
    error: float | None
    baseline_error: float | None
    beats_baseline: bool

    @property
    def gain(self) -> float | None:
        """By what share its error is smaller: 0.32 is 32 % better; None where nothing was compared."""
        if self.error is None or not self.baseline_error:
            return None
        return 1.0 - self.error / self.baseline_error


def serving_evaluations(project_ids: Collection[UUID]) -> Mapping[UUID, Sequence[ServingEvaluation]]:
    """Of each project those that predict hours and points, its own or else the global ones."""
    own_or_global = Q(project__in=project_ids) | Q(project=None)
    rows = MLModel.objects.filter(own_or_global, is_active=True, model_type__in=_MEASURED).order_by("model_type")
    columns = ("project_id", "model_type", "version", "mae", "metrics__baseline_mae", "metrics__beats_baseline")
    found: dict[UUID | None, dict[str, ServingEvaluation]] = {}
    for project_id, kind, version, error, baseline, beats in rows.values_list(*columns):
        found.setdefault(project_id, {})[kind] = ServingEvaluation(kind, version, error, baseline, bool(beats))
    shared = found.get(None, {})
    return {id_: list((shared | found.get(id_, {})).values()) for id_ in project_ids}


def serving_revision(project_id: UUID, *, now: datetime) -> tuple[object, ...]:
    """Changes with every model that begins or ceases to serve a project, and with what corrects or is compared.

    That is: with outcomes of its predictions, which correct later ranges, and with its kept forecasts. Two queries.
    """
    serving = MLModel.objects.filter(Q(project=project_id) | Q(project=None), is_active=True).order_by("id")
    # What lies ahead a clock told that was set back: it would hide what comes after it.
    until = now + CLOCKS_DIFFER
    kept = KeptForecast.objects.filter(project=OuterRef("pk"), made_at__lte=until).order_by("-made_at")
    scored = [Subquery(_last_scored(kind, until)) for kind in _MEASURED]
    stamps = Project.objects.filter(pk=project_id).values_list(Subquery(kept.values("made_at")[:1]), *scored)
    return (*(id_.hex for id_ in serving.values_list("id", flat=True)), *(stamps.first() or ()))


def _last_scored(kind: ModelType, until: datetime) -> QuerySet[PredictionHistory, Any]:
    scored = PredictionHistory.objects.filter(project=OuterRef("pk"), prediction_type=kind, scored_at__lte=until)
    return scored.order_by("-scored_at").values("scored_at")[:1]


def open_anomalies(project_id: UUID) -> QuerySet[AnomalyDetection]:
    """What was found in a project and nobody has closed."""
    return AnomalyDetection.objects.filter(project=project_id, sprint=None, status__in=OPEN_STATUSES)


def open_anomaly_counts(project_ids: Collection[UUID]) -> Mapping[UUID, int]:
    """How many of these each project has; those without any are absent."""
    rows = AnomalyDetection.objects.filter(project__in=project_ids, sprint=None, status__in=OPEN_STATUSES).order_by()
    return dict(rows.values_list("project_id").annotate(Count("id")))
