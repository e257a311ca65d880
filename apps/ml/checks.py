"""What `./run manage check --deploy` says of the model store and the models."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError

from apps.common.operations.checks import unhealthy
from apps.common.operations.health import Check
from apps.common.operations.slips import SETTINGS
from apps.ml import health
from apps.ml.models import MLModel
from apps.ml.storage.slips import slips_of_the_store


@register(Tags.compatibility, deploy=True)
def models_lie_in_a_bucket(**_: Any) -> list[CheckMessage]:
    if settings.AWS_STORAGE_BUCKET_NAME:
        return []
    return [
        Warning(
            "Models lie in a folder of this machine: workers elsewhere cannot hand theirs over.",
            hint="Set AWS_STORAGE_BUCKET_NAME, or share the folder that MODEL_STORE_DIR names.",
            id="ml.W001",
        )
    ]


@register(Tags.compatibility, deploy=True)
def a_model_serves(**_: Any) -> list[CheckMessage]:
    try:
        if MLModel.objects.filter(is_active=True).exists():
            return []
    except DatabaseError:
        # common.E004 says what is wrong, or the migrations are missing; there is nothing to add.
        return []
    return [
        Warning(
            "No model is active: simple methods answer.",
            hint="Once a project has finished 50 issues: ./run manage train_ml_model effort_prediction --project KEY",
            id="ml.W002",
        )
    ]


@register(SETTINGS)
def the_store_is_named_rightly(**_: Any) -> list[CheckMessage]:
    return [Error(text, hint=hint, id="ml.E001") for text, hint in slips_of_the_store()]


@register(Tags.compatibility, deploy=True)
def the_store_works(**_: Any) -> list[CheckMessage]:
    """What the store itself says, unless its settings say already why it cannot."""
    if any(slips_of_the_store()):
        return []
    hint = "Check the AWS_* settings or MODEL_STORE_DIR; ./run manage diagnose_ml_models tries every model."
    return unhealthy(Check(health.whole_store), "The model store cannot be used", hint, "ml.E001")
