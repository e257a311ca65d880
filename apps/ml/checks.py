"""What `./run manage check --deploy` says of the model store and the models."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError

from apps.common.operations.checks import unhealthy
from apps.common.operations.health import Check
from apps.ml import health
from apps.ml.models import MLModel


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


@register(Tags.compatibility, deploy=True)
def the_store_works(**_: Any) -> list[CheckMessage]:
    """Contradictions in the settings, else what the store itself says."""
    mistakes: list[CheckMessage] = [Error(text, hint=hint, id="ml.E001") for text, hint in _mistakes()]
    hint = "Check the AWS_* settings or MODEL_STORE_DIR; ./run manage diagnose_ml_models tries every model."
    return mistakes or unhealthy(Check(health.store), "The model store cannot be used", hint, "ml.E001")


def _mistakes() -> Iterator[tuple[str, str]]:
    endpoint = settings.AWS_S3_ENDPOINT_URL
    if bool(settings.AWS_ACCESS_KEY_ID) != bool(settings.AWS_SECRET_ACCESS_KEY):
        yield "Of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set.", "Set both, or neither to use a role."
    if endpoint and not endpoint.startswith(("http://", "https://")):
        yield "AWS_S3_ENDPOINT_URL is no address.", "It begins with http:// or https://."
    if endpoint and settings.AWS_S3_USE_ACCELERATE_ENDPOINT:
        yield "AWS_S3_ENDPOINT_URL and AWS_S3_USE_ACCELERATE_ENDPOINT exclude each other.", "Take one of them away."
    if endpoint and not settings.AWS_STORAGE_BUCKET_NAME:
        yield "AWS_S3_ENDPOINT_URL is set, but no bucket: a folder is used.", "Set AWS_STORAGE_BUCKET_NAME."
