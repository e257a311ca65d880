"""From a request's (type, project) to a model in memory: cache, database, store, digest and signature, arrays."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from apps.common.exceptions import ApplicationError
from apps.common.operations.metrics import FALLBACKS
from apps.ml.core.artifact import ArtifactCorrupted
from apps.ml.selectors.registry import ActiveModel, active_model
from apps.ml.services.models.cache import LoadedModel, ModelCache
from apps.ml.services.models.kinds import LASTING_FAULTS, open_predictor
from apps.ml.services.models.registry import forget_refusal, note_refusal
from apps.ml.services.models.single_flight import SingleFlight
from apps.ml.storage.errors import ArtifactRefused, StorageError

logger = logging.getLogger(__name__)

#: How long a model stays in memory without being loaded again, in seconds.
CACHE_TTL = 3600
#: How long a process trusts what it knows of the active model: an activation reaches every process within this time,
#: well inside the promised five seconds, for one indexed query each two seconds.
ACTIVATION_CHECK_SECONDS = 2.0
#: After a failed load the store is left alone this long, so that an outage costs one timeout and not one a request.
RETRY_SECONDS = 5.0
#: Resolutions kept in memory; beyond this, projects are looked up again.
MAX_RESOLUTIONS = 10_000


class ModelUnavailable(ApplicationError):
    """The active model could not be loaded."""

    code = "model_unavailable"


@dataclass(frozen=True, slots=True)
class _Resolution:
    """Which model was active when it was last asked."""

    active: ActiveModel | None
    checked_at: float


class _Process:
    """What all loaders of a process share."""

    def __init__(self) -> None:
        self.cache = ModelCache()
        self.loading = SingleFlight()
        self.lock = threading.Lock()
        self.resolutions: dict[tuple[str, str], _Resolution] = {}
        self.failed_at: dict[UUID, float] = {}


_PROCESS = _Process()


def cache_key(model_type: str, project_id: UUID | str | None) -> str:
    """`{model_type}_{project_id|global}`."""
    return f"{model_type}_{project_id or 'global'}"


class ModelLoader:
    """Finds and loads active models; instances are cheap and share one cache a process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock

    def load_active_model(self, model_type: str, project_id: UUID | str | None = None) -> LoadedModel | None:
        """The project's active model, else the global one; None if there is none or it cannot be loaded now."""
        try:
            return self.load_or_raise(model_type, project_id)
        except ModelUnavailable:
            return None

    def load_or_raise(self, model_type: str, project_id: UUID | str | None = None) -> LoadedModel | None:
        """As `load_active_model`, but tells 'there is no model' (None) from 'it cannot be loaded'.

        Raises
        ------
        ModelUnavailable
            If the store is down or the artefact is refused; logged and counted already.
        """
        active = self._resolve(model_type, project_id)
        if active is None:
            return None
        key = cache_key(active.model_type, active.project_id)
        return self._cached(key, active) or self._load(key, active)

    def preload_models(self, model_types: Iterable[str], project_ids: Iterable[UUID | str] = ()) -> dict[str, bool]:
        """Load global models, and those of the projects given; says of each cache key whether it is ready."""
        scopes: list[UUID | str | None] = [None, *project_ids]
        wanted = [(model_type, project_id) for model_type in model_types for project_id in scopes]
        return {
            model_type if project_id is None else cache_key(model_type, project_id): self.load_active_model(
                model_type, project_id
            )
            is not None
            for model_type, project_id in wanted
        }

    def get_cache_stats(self) -> dict[str, object]:
        """`total_cached`, `cached_keys`, `total_bytes`, `hits` and `misses` of this process."""
        return _PROCESS.cache.stats(now=self._clock())

    def clear_cache(self) -> None:
        """Forget everything; the next request loads anew."""
        with _PROCESS.lock:
            _PROCESS.resolutions.clear()
            _PROCESS.failed_at.clear()
        _PROCESS.cache.clear()

    def _resolve(self, model_type: str, project_id: UUID | str | None) -> ActiveModel | None:
        scope = (model_type, str(project_id or "global"))
        known = _PROCESS.resolutions.get(scope)
        if known is not None and self._clock() - known.checked_at < ACTIVATION_CHECK_SECONDS:
            return known.active
        active = active_model(model_type, project_id)
        with _PROCESS.lock:
            if len(_PROCESS.resolutions) >= MAX_RESOLUTIONS:
                _PROCESS.resolutions.clear()
            _PROCESS.resolutions[scope] = _Resolution(active, self._clock())
        return active

    def _cached(self, key: str, active: ActiveModel) -> LoadedModel | None:
        found = _PROCESS.cache.get(key, now=self._clock())
        return found if found is not None and found.id == active.id else None

    def _load(self, key: str, active: ActiveModel) -> LoadedModel:
        with _PROCESS.loading.turn(key):
            if (found := self._cached(key, active)) is not None:
                return found
            if self._clock() - _PROCESS.failed_at.get(active.id, -RETRY_SECONDS) < RETRY_SECONDS:
                FALLBACKS.labels(type=active.model_type, reason="waiting_to_retry").inc()
                raise ModelUnavailable
            try:
                model = self._read(active)
            except (StorageError, ArtifactRefused, ArtifactCorrupted) as error:
                self._note_failure(active, error)
                raise ModelUnavailable from error
            _PROCESS.failed_at.pop(active.id, None)
            if active.refusal:
                forget_refusal(active.id)
            _PROCESS.cache.put(key, model, now=self._clock(), ttl_seconds=CACHE_TTL, most=settings.ML_MODEL_CACHE_BYTES)
            return model

    def _read(self, active: ActiveModel) -> LoadedModel:
        predictor = open_predictor(active)
        logger.info("Model loaded type=%s version=%s project=%s", active.model_type, active.version, active.project_id)
        return LoadedModel(
            active.id, active.model_type, active.version, active.project_id, active.trained_at, predictor
        )

    def _note_failure(self, active: ActiveModel, error: ApplicationError) -> None:
        _PROCESS.failed_at[active.id] = self._clock()
        if isinstance(error, LASTING_FAULTS):
            note_refusal(active.id, error.message)
        FALLBACKS.labels(type=active.model_type, reason=error.code).inc()
        is_away = isinstance(error, StorageError)
        logger.log(
            logging.ERROR if is_away else logging.WARNING,
            "%s type=%s version=%s project=%s reason=%s",
            "Failed to download model from S3" if is_away else "Model cannot be loaded",
            active.model_type,
            active.version,
            active.project_id,
            error.message,
        )
