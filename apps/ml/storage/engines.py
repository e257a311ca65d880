"""The two engines of the model store, opened from the settings."""

import os
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from obstore.store import LocalStore, S3Store

from apps.ml.storage.bucket import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Bucket
from apps.ml.storage.errors import StorageError
from apps.ml.storage.objects import NOT_THE_CLIENTS, ObjectStore
from apps.ml.storage.slips import slips_of_the_store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from obstore.store import ClientConfig, RetryConfig


def open_store() -> ObjectStore:
    """The engine that the settings name: a bucket if there is one, else a directory."""
    if slip := next(slips_of_the_store(), None):
        raise StorageError(" ".join(slip))
    try:
        if settings.AWS_STORAGE_BUCKET_NAME:
            return open_bucket(settings.AWS_STORAGE_BUCKET_NAME)
        return open_directory(Path(settings.MODEL_STORE_DIR))
    except NOT_THE_CLIENTS:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever the client raises, a panic too, means: no store
        raise StorageError(f"The model store cannot be opened: {type(error).__name__}.") from None


def open_directory(directory: Path) -> ObjectStore:
    """Open a directory as a store; it is made if it is missing.

    Raises
    ------
    StorageError
        If it cannot be made or written to.
    """
    try:
        # For this user only: training sets tell what a team worked on.
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"The model store directory {directory} cannot be made: {error.strerror}.") from error
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        raise StorageError(f"The model store directory {directory} cannot be read and written by this user.")
    root = directory.resolve()
    return ObjectStore("Directory", f"directory {str(root)!r}", LocalStore(root), root)


def open_bucket(bucket: str) -> ObjectStore:
    """Open a bucket with the AWS_* settings; nothing is sent yet."""
    config: dict[str, Any] = {
        "region": settings.AWS_S3_REGION_NAME,
        **({"checksum_algorithm": "SHA256"} if settings.AWS_S3_CHECKSUMS else {}),
        **_address(bucket),
        **_credentials(),
    }
    prefix = settings.AWS_STORAGE_PREFIX.strip("/") or None
    client = S3Store(
        bucket, prefix=prefix, client_options=_timeouts(config.get("endpoint")), retry_config=_retries(), **config
    )
    by_boto3 = Bucket(
        bucket,
        prefix or "",
        connect=partial(_boto3_client, config.get("endpoint")),
        seconds=settings.AWS_S3_TIMEOUT_SECONDS,
        retries=settings.AWS_S3_MAX_RETRIES,
    )
    return ObjectStore("S3", f"bucket {bucket!r}", client, bucket=by_boto3)


def _boto3_client(endpoint: str | None) -> "S3Client":
    from apps.ml.storage.bucket_client import connect  # noqa: PLC0415 - takes 0.8 s, and most processes never list

    return connect(endpoint)


def _address(bucket: str) -> dict[str, Any]:
    """Where the bucket answers: at its own host on AWS, below the path on another endpoint."""
    endpoint, accelerate = settings.AWS_S3_ENDPOINT_URL, settings.AWS_S3_USE_ACCELERATE_ENDPOINT
    if endpoint:
        return {"endpoint": endpoint, "virtual_hosted_style_request": False}
    if accelerate:
        return {"endpoint": f"https://{bucket}.s3-accelerate.amazonaws.com", "virtual_hosted_style_request": True}
    # A dotted name does not match Amazon's wildcard certificate.
    return {"virtual_hosted_style_request": "." not in bucket}


def _credentials() -> dict[str, Any]:
    """The keys of the settings, or boto3's chain: environment, profile, container, instance role."""
    if settings.AWS_ACCESS_KEY_ID and settings.AWS_SECRET_ACCESS_KEY:
        return {"credential_provider": _fixed_credentials()}
    # Here, because boto3 takes 0.8 s to import and is only wanted where a role signs.
    from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415

    try:
        return {"credential_provider": Boto3CredentialProvider()}
    except ValueError as error:
        raise StorageError(
            "No AWS credentials: neither AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY nor a role or profile was found."
        ) from error


def _fixed_credentials() -> Callable[[], dict[str, str | None]]:
    # A provider rather than options, so that no AWS_* variable of the environment is mixed in.
    found = {
        "access_key_id": settings.AWS_ACCESS_KEY_ID,
        "secret_access_key": settings.AWS_SECRET_ACCESS_KEY,
        "token": settings.AWS_SESSION_TOKEN,
        "expires_at": None,
    }
    return lambda: found


def _timeouts(endpoint: str | None) -> "ClientConfig":
    return {
        "connect_timeout": timedelta(seconds=settings.AWS_S3_CONNECT_TIMEOUT_SECONDS),
        "timeout": timedelta(seconds=settings.AWS_S3_TIMEOUT_SECONDS),
        "allow_http": (endpoint or "").startswith("http://"),
    }


def _retries() -> "RetryConfig":
    """No attempt begins after the timeout, so a call takes at most twice as long as it says."""
    return {
        "max_retries": settings.AWS_S3_MAX_RETRIES,
        "retry_timeout": timedelta(seconds=settings.AWS_S3_TIMEOUT_SECONDS),
        "backoff": {
            "init_backoff": timedelta(seconds=FIRST_PAUSE_SECONDS),
            "max_backoff": timedelta(seconds=LONGEST_PAUSE_SECONDS),
            "base": 2,
        },
    }
