"""What readiness asks of the machine learning: its store and its models. Neither makes a process unready."""

import shutil

from django.db.models import Count, Q
from django.utils import timezone

from apps.common.operations.health import Health
from apps.ml.models import MLModel
from apps.ml.selectors.workers import missing_workers
from apps.ml.storage import get_object_store
from apps.ml.storage.keys import NOTHING

#: Below this the next training may not fit; an artefact with its training set takes some hundred kilobytes.
LITTLE_SPACE_BYTES = 200 * 2**20


def store() -> Health:
    """Whether a model store answers, and a directory has room."""
    objects = get_object_store()
    # One short call, and yet it tells a missing bucket, a wrong key, and what is no store.
    objects.require_answer()
    if objects.directory is not None and shutil.disk_usage(objects.directory).free < LITTLE_SPACE_BYTES:
        return Health("degraded", "Its disk is almost full: trainings will fail.")
    return Health("ok", "It answers.")


def whole_store() -> Health:
    """As `store`, and that it lists: for commands, which may take longer than a probe."""
    get_object_store().list(NOTHING)
    return store()


def workers() -> Health:
    """Whether somebody does the background work of all queues."""
    missing = missing_workers(timezone.now())
    return Health("degraded", missing) if missing else Health("ok", "All queues are served.")


def active_models() -> Health:
    """How many models serve, and how many a process that should have served them could not read; none is loaded."""
    # Of a project for which nothing is predicted none is asked.
    is_refused = ~Q(refusal="") & (Q(project=None) | Q(project__predictions_enabled=True))
    refused, active = Count("pk", filter=is_refused), Count("pk")
    found = MLModel.objects.filter(is_active=True).aggregate(refused=refused, active=active)
    if found["active"] == 0:
        return Health("degraded", "No model is active: simple methods answer.")
    if found["refused"]:
        told = f"{found['refused']} of {found['active']} active models cannot be loaded: simple methods answer there."
        return Health("degraded", f"{told} ./run manage diagnose_ml_models says why.")
    return Health("ok", f"{found['active']} active.")
