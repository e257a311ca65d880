"""The seed's troubleshooting and production checklist as findings, each with what to do."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal
from uuid import UUID, uuid4

from django.conf import settings
from django.core.checks import ERROR, run_checks
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Q

from apps.common.exceptions import ApplicationError
from apps.ml.core.wording import counted
from apps.ml.health import workers
from apps.ml.models import MLModel, PredictionHistory
from apps.ml.services.model_loader import ModelLoader
from apps.ml.services.models.estimators import LibraryMismatch, open_estimators
from apps.ml.services.models.kinds import KINDS, kind_of, serving_bytes
from apps.ml.storage import get_object_store
from apps.ml.storage.errors import StorageError
from apps.ml.storage.keys import DATASETS, INDEXES, MODELS, NOTHING
from apps.projects.models import Project
from apps.projects.unknown_past import STANDSTILLS, standstills_of

Level = Literal["ok", "warning", "error"]
#: Shares of fallback answers among the last predictions that call for a look.
RECENT_PREDICTIONS = 200
MANY_FALLBACKS_RATIO = 0.5
#: Connections that one line names.
MOST_NAMED = 5
#: The next model would push another out, and both would be loaded again and again.
ALMOST_FULL_RATIO = 0.9


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of the checklist."""

    check: str
    level: Level
    message: str
    seconds: float = 0.0


Check = Callable[[], Iterator[CheckResult]]


def diagnose(project_id: UUID | None = None) -> list[CheckResult]:
    """Run every check; none stops the others. With a project only the models that answer it, and its predictions."""
    of_project = (partial(check, project_id) for check in (_connections, _active_models, _fallbacks))
    checks: tuple[Check, ...] = (*_CHECKS, *of_project, _cache)
    return [finding for check in checks for finding in _timed(check)]


def _timed(check: Check) -> Iterator[CheckResult]:
    started = time.perf_counter()
    for finding in check():
        yield CheckResult(finding.check, finding.level, finding.message, time.perf_counter() - started)
        started = time.perf_counter()


def _migrations() -> Iterator[CheckResult]:
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if pending:
        yield CheckResult("migrations", "error", f"{len(pending)} are not applied: ./run manage migrate")
    else:
        yield CheckResult("migrations", "ok", "All are applied.")


def _store() -> Iterator[CheckResult]:
    """All that the store is ever asked: list, write, read, delete."""
    probe, content = f"{NOTHING}/{uuid4()}", b"A checklist wrote this and removes it."
    try:
        store = get_object_store()
        stored = [found for prefix in (MODELS, DATASETS, INDEXES) for found in store.list(prefix)]
        store.put(probe, content)
        is_same = store.get(probe) == content
        store.delete(probe)
    except StorageError as error:
        yield CheckResult("model store", "error", f"{error.message} Check the AWS_* settings or MODEL_STORE_DIR.")
        return
    if not is_same:
        yield CheckResult("model store", "error", f"{store.place} gives back other bytes than were written.")
        return
    yield CheckResult(
        "model store", "ok", f"{store.engine} engine, {store.place}: written, read, deleted; {len(stored)} objects."
    )


def _work() -> Iterator[CheckResult]:
    """Whether workers of all queues were seen lately."""
    found = workers()
    yield CheckResult("workers", "ok" if found.status == "ok" else "warning", found.message)


def _deployment() -> Iterator[CheckResult]:
    """What `check --deploy` says of settings, database, broker and mail; of models and store the other lines do."""
    told = run_checks(include_deployment_checks=True)
    messages = [each for each in told if not each.is_silenced() and not str(each.id).startswith("ml.")]
    if not messages:
        yield CheckResult("settings", "ok", "./run manage check --deploy finds nothing.")
    for each in messages:
        level: Level = "error" if each.level >= ERROR else "warning"
        yield CheckResult("settings", level, " ".join(filter(None, [each.msg, each.hint])))


def _monitoring() -> Iterator[CheckResult]:
    if settings.METRICS_TOKEN:
        yield CheckResult("monitoring", "ok", "/metrics answers who has the METRICS_TOKEN.")
    else:
        yield CheckResult("monitoring", "warning", "METRICS_TOKEN is not set: /metrics answers this machine only.")


def _credentials() -> Iterator[CheckResult]:
    if settings.AWS_STORAGE_BUCKET_NAME and settings.AWS_ACCESS_KEY_ID:
        yield CheckResult(
            "credentials", "warning", "Fixed access keys are set; an IAM role needs none in the environment."
        )


def _connections(project_id: UUID | None) -> Iterator[CheckResult]:
    """Whether a tracker has not been read for long: models and figures then learn nothing of what happens there."""
    projects = Project.objects.filter(unknown_past__has_key=STANDSTILLS)
    projects = projects if project_id is None else projects.filter(pk=project_id)
    found = [f"{each.key}: {told.sentence()}" for each in projects.order_by("key") for told in standstills_of(each)]
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    if found:
        yield CheckResult("connections", "warning", f"{'; '.join(found[:MOST_NAMED])}{more}. Its last import says why.")
    else:
        yield CheckResult("connections", "ok", "None has been out of step for a day.")


def _active_models(project_id: UUID | None) -> Iterator[CheckResult]:
    active = MLModel.objects.filter(is_active=True).select_related("project")
    if project_id is not None:
        # Where a project has no model of its own, the one of all projects answers.
        active = active.filter(Q(project_id=project_id) | Q(project_id=None))
    if not active:
        yield CheckResult(
            "active models",
            "warning",
            "None, so simple methods answer: ./run manage train_ml_model effort_prediction --project KEY",
        )
    yield from map(_artefacts_of, active)


def _artefacts_of(model: MLModel) -> CheckResult:
    """Both artefacts are read, checked and opened as a web process and a training would."""
    try:
        serving_bytes(model)
        open_estimators(model)
    except LibraryMismatch as error:
        return CheckResult(str(model), "warning", error.message)
    except ApplicationError as error:
        return CheckResult(str(model), "error", f"{error.message} Roll back or train again.")
    if ModelLoader().load_active_model(model.model_type, model.project_id) is None:
        return CheckResult(str(model), "error", "Its serving artefact cannot be read. Roll back or train again.")
    return _healthy(model)


def _healthy(model: MLModel) -> CheckResult:
    beats = "beats" if model.metrics.get("beats_baseline") else "does not beat"
    kind = kind_of(model.model_type)
    rmse = "" if model.rmse is None else f" (RMSE {model.rmse:.2f})"
    error = (
        ""
        if model.mae is None or kind.truth is None
        else f" {kind.truth.error} {model.mae:.2f}{rmse} on unseen issues,"
    )
    learned = f"{model.training_samples:,} {kind.lessons}"
    return CheckResult(str(model), "ok", f"Loads;{error} {learned}; {beats} the baseline.")


def _cache() -> Iterator[CheckResult]:
    """Whether a process can hold what serves: the lines above loaded it here, as every process does at its start."""
    stats = ModelLoader().get_cache_stats()
    used, limit = int(str(stats["total_bytes"])), settings.ML_MODEL_CACHE_BYTES
    room = f"{used / 2**20:.1f} of {limit / 2**20:.0f} MiB (ML_MODEL_CACHE_MIB)"
    loaded = f"{counted(n := int(str(stats['total_cached'])), 'model')} {'is' if n == 1 else 'are'}"
    level: Level = "warning" if used > ALMOST_FULL_RATIO * limit else "ok"
    yield CheckResult("cache", level, f"{loaded} loaded, as at every start: {room}.")


def _fallbacks(project_id: UUID | None) -> Iterator[CheckResult]:
    for model_type, kind in KINDS.items():
        if kind.truth is None:
            continue
        asked = PredictionHistory.objects.filter(prediction_type=model_type)
        if project_id is not None:
            asked = asked.filter(project_id=project_id)
        serving = MLModel.objects.filter(model_type=model_type, is_active=True)
        with_model = set(serving.values_list("project_id", flat=True))
        recent = asked.order_by("-created_at").values_list("method", "project_id")[:RECENT_PREDICTIONS]
        # A global model answers every project.
        answers = [(method in kind.truth.fallbacks, bool({None, of} & with_model)) for method, of in recent]
        yield _share_without_model(f"{kind.name} answers", answers)


def _share_without_model(check: str, answers: Sequence[tuple[bool, bool]]) -> CheckResult:
    """Of each answer: whether it is a fallback, and whether there is a model that should have given it."""
    if not answers:
        return CheckResult(check, "ok", "Nobody has asked for one yet.")
    fallbacks = [has_model for is_fallback, has_model in answers if is_fallback]
    expected = sum(has_model for _, has_model in answers)
    level: Level = "warning" if sum(fallbacks) > MANY_FALLBACKS_RATIO * expected else "ok"
    told = f"{len(fallbacks)} of the last {len(answers)} were given without a trained model."
    if without := len(fallbacks) - sum(fallbacks):
        told += f" {without} of them for projects that have none yet."
    return CheckResult(check, level, told)


_CHECKS = (_migrations, _deployment, _store, _credentials, _work, _monitoring)
