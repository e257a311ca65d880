"""Which trained model serves: versions, registration, activation, rollback."""

import logging
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from apps.common.exceptions import Conflict
from apps.common.heartbeat import CLOCKS_DIFFER
from apps.ml.models import MLModel
from apps.ml.services.models.kinds import LASTING_FAULTS, open_predictor
from apps.projects.rows import enter

if TYPE_CHECKING:
    from apps.accounts.models import User

logger = logging.getLogger(__name__)

#: MAJOR of every version: raised when the features or the layout of the artefacts change.
FEATURE_SCHEMA = 1


class ActivationConflict(Conflict):
    """Another process activated a model of the same type and scope at the same moment."""

    code = "activation_conflict"


class NothingToRollBackTo(Conflict):
    """There is no earlier model of this type and scope."""

    code = "nothing_to_roll_back_to"


class NotActivatable(Conflict):
    """A model without stored artefacts cannot serve."""

    code = "not_activatable"


def in_scope(model_type: str, project_id: UUID | str | None) -> QuerySet[MLModel]:
    """All trainings of one type and scope."""
    if project_id is None:
        return MLModel.objects.filter(model_type=model_type, project__isnull=True)
    return MLModel.objects.filter(model_type=model_type, project_id=project_id)


def next_version(model_type: str, project_id: UUID | str | None) -> str:
    """`MAJOR.MINOR.PATCH`, MINOR counting the trainings of this type and scope."""
    taken = in_scope(model_type, project_id).filter(version__startswith=f"{FEATURE_SCHEMA}.")
    minors = [int(version.split(".")[1]) for version in taken.values_list("version", flat=True)]
    return f"{FEATURE_SCHEMA}.{max(minors, default=-1) + 1}.0"


def activate(model: MLModel, *, now: datetime, by: "User | None" = None) -> MLModel:
    """Let a model serve in place of the one that does, in one transaction.

    Raises
    ------
    ActivationConflict
        If two activations met; exactly one of them holds.
    NotActivatable
        If the model has no artefacts.
    """
    if not (model.s3_key and model.serving_key):
        raise NotActivatable
    try:
        with transaction.atomic():
            if model.project_id is not None:
                enter(model.project_id)
            # The scope's rows are locked first, so that two activations queue up instead of meeting at the constraint;
            # by id, because two that lock in different orders wait for each other (seen where trainings are as old).
            list(in_scope(model.model_type, model.project_id).order_by("id").select_for_update().values_list("id"))
            in_scope(model.model_type, model.project_id).filter(is_active=True).exclude(id=model.id).update(
                is_active=False, status=MLModel.Status.DEPRECATED
            )
            model.is_active, model.status, model.activated_at = True, MLModel.Status.ACTIVE, now
            model.save(update_fields=["is_active", "status", "activated_at"])
    except IntegrityError as error:
        raise ActivationConflict from error
    logger.info("Model activated type=%s version=%s project=%s by=%s", *_identity(model), by.id if by else None)
    return model


def note_refusal(model_id: UUID, reason: str) -> None:
    """Remember that a model could not be served: it is due, however few issues are new; written once."""
    MLModel.objects.filter(id=model_id, refusal="").update(refusal=reason)


def forget_refusal(model_id: UUID) -> None:
    """It can be served again: somebody has put the right bytes, or the key, back."""
    MLModel.objects.filter(id=model_id).exclude(refusal="").update(refusal="")


def require_sound(model: MLModel) -> None:
    """Refuse to let a model serve whose arrays cannot be served, or that does not answer.

    Raises
    ------
    NotActivatable
        If its serving artefact is gone, damaged, not signed here, or does not answer.
    StorageError
        If the store cannot be asked.
    """
    if not model.serving_key:
        raise NotActivatable
    try:
        open_predictor(model)
    except LASTING_FAULTS as error:
        # The kind of error only: its text names bucket or folder, and this one is shown to leads of projects.
        raise NotActivatable(f"Model {model.version} cannot serve: {(error.__doc__ or '').strip()}") from error


def roll_back(model_type: str, project_id: UUID | str | None, *, now: datetime, by: "User | None" = None) -> MLModel:
    """Let the model that served before the present one serve again."""
    earlier = in_scope(model_type, project_id).filter(is_active=False, activated_at__isnull=False)
    # What lies ahead a clock told that was set back since: what was activated after it is later.
    is_ahead = Q(activated_at__gt=now + CLOCKS_DIFFER)
    previous = earlier.annotate(is_ahead=is_ahead).order_by("is_ahead", "-activated_at").first()
    if previous is None:
        raise NothingToRollBackTo
    return activate(previous, now=now, by=by)


def _identity(model: MLModel) -> tuple[str, str, UUID | None]:
    return model.model_type, model.version, model.project_id
