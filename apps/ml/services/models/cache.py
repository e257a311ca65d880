"""The models of a process, bounded by bytes and expiring."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.common.operations.metrics import CACHE_LOOKUPS
from apps.ml.services.models.kinds import Predictor
from apps.ml.services.models.memory import BoundedCache


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model ready to answer."""

    id: UUID
    model_type: str
    version: str
    project_id: UUID | None
    trained_at: datetime
    predictor: Predictor

    @property
    def nbytes(self) -> int:
        return self.predictor.nbytes


class ModelCache(BoundedCache[LoadedModel]):
    """Bounded by bytes; each lookup is counted for monitoring."""

    def __init__(self) -> None:
        super().__init__(size=lambda model: model.nbytes)

    def get(self, key: str, *, now: float) -> LoadedModel | None:
        found = super().get(key, now=now)
        CACHE_LOOKUPS.labels(outcome="miss" if found is None else "hit").inc()
        return found
