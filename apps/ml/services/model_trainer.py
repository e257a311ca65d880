"""The seed's nine training steps, for every type of model that is trained."""

import io
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps import __version__
from apps.common.exceptions import ApplicationError
from apps.common.operations.metrics import TRAININGS
from apps.ml.core.records import Lesson
from apps.ml.core.training.shared_words import SHARED_RULE
from apps.ml.models import MLModel, ModelType
from apps.ml.selectors.projects import people_of_projects
from apps.ml.services.model_loader import ModelLoader
from apps.ml.services.models import datasets
from apps.ml.services.models import registry as model_registry
from apps.ml.services.models.champion import Verdict, compare_with_active, out_of_sample_errors
from apps.ml.services.models.estimators import library_versions
from apps.ml.services.models.fitting import Fitted, PeopleStayInTheirProject
from apps.ml.services.models.kinds import kind_of
from apps.ml.services.upkeep.installation import note_activity, our_names
from apps.ml.storage.errors import StorageError
from apps.ml.storage.s3 import S3ModelStorageService, StoredArtifact, StoredTraining
from apps.projects.rows import enter

if TYPE_CHECKING:
    from apps.accounts.models import User

logger = logging.getLogger(__name__)

Progress = Callable[[int, str], None]
#: Fixed, so that the same issues give the same model.
SEED = 0


@dataclass(frozen=True, slots=True)
class Training:
    """A stored training and whether it serves now."""

    model: MLModel
    verdict: Verdict


class ModelTrainer:
    """Trains, stores, records and, if better, activates models."""

    def train_effort_prediction_model(
        self, project_id: UUID | str | None = None, user: "User | None" = None, **options: Any
    ) -> MLModel:
        """Train the hours model of a project, or with None the global one.

        Raises
        ------
        NotEnoughData
            If fewer than 50 finished issues have actual hours.
        StorageError
            If the artefacts cannot be stored; the training is then recorded as failed.
        """
        return self.train(ModelType.EFFORT_PREDICTION, project_id, user, **options).model

    def train_story_points_model(
        self, project_id: UUID | str | None = None, user: "User | None" = None, **options: Any
    ) -> MLModel:
        """Train the story points model of a project, or with None the global one; raises as the hours model does."""
        return self.train(ModelType.STORY_POINTS, project_id, user, **options).model

    def train(
        self,
        model_type: str,
        project_id: UUID | str | None = None,
        user: "User | None" = None,
        *,
        now: datetime | None = None,
        progress: Progress = lambda step, text: None,
        on_registered: Callable[[MLModel], None] = lambda model: None,
        keep_failure: bool = True,
    ) -> Training:
        """The nine steps; a crash at any point leaves at most an object without a row, never a row without objects.

        `on_registered` runs in the transaction that stores and activates the model; if it raises, neither happened.
        A store that fails is recorded as a failed model, unless the caller will try again and `keep_failure` is false.
        """
        kind = kind_of(model_type)
        if project_id is None and kind.stays_in_project:
            raise PeopleStayInTheirProject
        version = model_registry.next_version(model_type, project_id)
        job = _Job(model_type, project_id, version, user, now or timezone.now())
        progress(1, f"Collecting completed {kind.lessons}")
        issues, people_of = kind.select(project_id), None
        if project_id is None:
            people_of = people_of_projects()
            issues = kind.of_all(issues, people_of)
        fitted = kind.fit(issues, now=job.now, seed=SEED, version=version, people_of=people_of, progress=progress)
        # Before anything is stored: a store that is down is noticed here, and leaves nothing behind.
        verdict = compare_with_active(model_type, project_id, fitted, issues)
        progress(6, "Serialising")
        content, dataset = _joblib_bytes(fitted.estimators), datasets.dump(issues)
        progress(7, "Storing model, serving artefact and training set")
        with job.nothing_in_vain():
            try:
                stored = job.store(content, fitted.serving, dataset)
            except StorageError as error:
                job.note_failure(error.message)
                if keep_failure:
                    record_failure(model_type, project_id, error.message, user=user, now=job.now)
                raise
            progress(8, "Recording")
            model = job.row(fitted, stored)
            model.metrics |= verdict.figures()
            model.metrics |= {"reference_errors": out_of_sample_errors(model_type, fitted, issues)}
            model.provenance = _provenance(issues, stored)
            progress(9, "Activating" if verdict.activate else "Keeping the active model")
            job.register(model, verdict, on_registered)
        return Training(model, verdict)


@dataclass(frozen=True, slots=True)
class _Stored:
    """What lies in the store for one training."""

    artefacts: StoredTraining
    dataset: StoredArtifact


@dataclass(slots=True)
class _Job:
    """One training: of what, for whom, by whom, when."""

    model_type: str
    project_id: UUID | str | None
    version: str
    user: "User | None"
    now: datetime
    storage: S3ModelStorageService = field(default_factory=S3ModelStorageService)
    #: What lies in the store by now, for a row that is not there yet.
    keys: list[str] = field(default_factory=list)
    #: Its end may be the database's secret: one that is never answered may have been heard.
    is_committing: bool = False

    @contextmanager
    def nothing_in_vain(self) -> Iterator[None]:
        """Whatever ends it before its row is there takes what it stored away.

        What it had read may be erased by now, and no search comes after that of the erasure.
        """
        try:
            yield
        except (ApplicationError, IntegrityError):
            # Refused, and so for certain not kept.
            self.discard()
            raise
        except BaseException:
            # A row without objects would be worse than objects without a row, which the sweep finds.
            if not self.is_committing:
                self.discard()
            raise

    def store(self, model: bytes, serving: bytes, dataset: bytes) -> _Stored:
        self.storage = S3ModelStorageService(our_names())
        training_set = self.storage.upload_dataset(self.project_id, dataset, extension=datasets.EXTENSION, now=self.now)
        self.keys.append(training_set.key)
        artefacts = self.storage.upload_model(
            model_type=self.model_type,
            version=self.version,
            model=model,
            serving=serving,
            now=self.now,
            project_id=self.project_id,
        )
        self.keys += [artefacts.serving.key, artefacts.model.key]
        return _Stored(artefacts, training_set)

    def discard(self) -> None:
        """Remove what no row will name; the database, which may be away, is not asked."""
        try:
            for key in self.keys:
                self.storage.delete_object(key)
        except StorageError as error:
            logger.warning("What a training stored in vain goes with other strays: %s", error.message)

    def row(self, fitted: Fitted, stored: _Stored) -> MLModel:
        model, serving, training_set = stored.artefacts.model, stored.artefacts.serving, stored.dataset
        return MLModel(
            **self._identity(),
            s3_key=model.key,
            digest=model.digest,
            signature=model.signature,
            serving_key=serving.key,
            serving_digest=serving.digest,
            serving_signature=serving.signature,
            dataset_key=training_set.key,
            dataset_digest=training_set.digest,
            mae=fitted.metrics.get("mae"),
            rmse=fitted.metrics.get("rmse"),
            r2_score=fitted.metrics.get("r2"),
            metrics=fitted.metrics | {"beats_baseline": fitted.beats_baseline},
            training_samples=fitted.training_samples,
        )

    def register(self, model: MLModel, verdict: Verdict, on_registered: Callable[[MLModel], None]) -> None:
        with transaction.atomic():
            if model.project_id is not None:
                enter(UUID(str(model.project_id)))
            # Its run before any model, as an erasure takes trainings away before it drops models.
            note_activity(timezone.now())
            on_registered(model)
            model.save(force_insert=True)
            if verdict.activate:
                model_registry.activate(model, now=self.now, by=self.user)
            self.is_committing = True
        if verdict.activate:
            ModelLoader().clear_cache()
        TRAININGS.labels(type=self.model_type, outcome="activated" if verdict.activate else "kept").inc()

    def note_failure(self, reason: str) -> None:
        TRAININGS.labels(type=self.model_type, outcome="failed").inc()
        logger.error("Training failed type=%s project=%s reason=%s", self.model_type, self.project_id, reason)

    def _identity(self) -> dict[str, Any]:
        return {
            "model_type": self.model_type,
            "project_id": self.project_id,
            "version": self.version,
            "trained_at": self.now,
            "trained_by": self.user,
        }


def record_failure(
    model_type: str, project_id: UUID | str | None, reason: str, *, user: "User | None", now: datetime
) -> MLModel:
    """A row without artefacts, so that the registry shows what was tried in vain."""
    return MLModel.objects.create(
        model_type=model_type,
        project_id=project_id,
        version=model_registry.next_version(model_type, project_id),
        trained_at=now,
        trained_by=user,
        status=MLModel.Status.FAILED,
        failure_reason=reason,
    )


def _joblib_bytes(estimators: dict[str, Any]) -> bytes:
    import joblib  # noqa: PLC0415 - only trainings need it; web processes import this module too

    buffer = io.BytesIO()
    joblib.dump(estimators, buffer, compress=3)
    return buffer.getvalue()


def _provenance(issues: Sequence[Lesson], stored: _Stored) -> dict[str, Any]:
    return {
        "code": __version__,
        "seed": SEED,
        "rows": len(issues),
        "trained_until": max(issue.completed_at for issue in issues).isoformat(),
        "feature_schema": model_registry.FEATURE_SCHEMA,
        "shared_rule": SHARED_RULE,
        "libraries": library_versions(),
        "size_bytes": {"model": stored.artefacts.model.size_bytes, "serving": stored.artefacts.serving.size_bytes},
    }
