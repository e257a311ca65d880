"""Which trained model serves whom."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, Q

from apps.ml.models import MLModel


@dataclass(frozen=True, slots=True)
class ActiveModel:
    """What a process needs to load a model: no live row is ever cached."""

    id: UUID
    model_type: str
    version: str
    project_id: UUID | None
    trained_at: datetime
    serving_key: str
    serving_digest: str
    serving_signature: str


def active_model(model_type: str, project_id: UUID | str | None = None) -> ActiveModel | None:
    """The project's own active model, else the global one; never another project's."""
    scope = Q(project__isnull=True) if project_id is None else Q(project__isnull=True) | Q(project_id=project_id)
    row = (
        MLModel.objects.filter(scope, model_type=model_type, is_active=True, status=MLModel.Status.ACTIVE)
        .order_by(F("project_id").desc(nulls_last=True))
        .values(
            "id",
            "model_type",
            "version",
            "project_id",
            "trained_at",
            "serving_key",
            "serving_digest",
            "serving_signature",
        )
        .first()
    )
    return ActiveModel(**row) if row else None
