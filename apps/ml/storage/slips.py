"""Slips in the settings of the model store: told at start, since the client would tell some only in a request."""

import re
from collections.abc import Iterator

from django.conf import settings

from apps.common.operations.slips import slip_in_url
from apps.ml.storage.errors import KeyRefused
from apps.ml.storage.keys import checked_key

#: What Amazon and the servers that speak like it take for a name; the underscore is of older buckets.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]", re.ASCII)
_SENT = re.compile(r"[!-~]*")
_REGION = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)


def slips_of_the_store() -> Iterator[tuple[str, str]]:
    """What is wrong, and what would be right."""
    yield from _slips_in_the_address()
    bucket = settings.AWS_STORAGE_BUCKET_NAME
    if bucket and not _BUCKET.fullmatch(bucket):
        yield (
            f"AWS_STORAGE_BUCKET_NAME {bucket!r:.80} is no name of a bucket.",
            "It has 3 to 63 letters, digits, dots and hyphens.",
        )
    if not _REGION.fullmatch(settings.AWS_S3_REGION_NAME):
        yield "AWS_S3_REGION_NAME is no name of a region.", "It is like eu-central-1."
    if not _is_prefix(settings.AWS_STORAGE_PREFIX):
        yield (
            f"AWS_STORAGE_PREFIX {settings.AWS_STORAGE_PREFIX!r:.80} cannot stand before a key.",
            "It is like team-a or team-a/models: letters, digits, dots, hyphens, and single strokes between them.",
        )
    if bool(settings.AWS_ACCESS_KEY_ID) != bool(settings.AWS_SECRET_ACCESS_KEY):
        yield "Of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set.", "Set both, or neither to use a role."
    elif settings.AWS_SESSION_TOKEN and not settings.AWS_ACCESS_KEY_ID:
        yield "AWS_SESSION_TOKEN is set without keys, and means nothing.", "Set the keys that came with it, too."
    yield from _slips_in_the_keys()
    for name in ("AWS_S3_ENDPOINT_URL", "AWS_STORAGE_PREFIX"):
        if getattr(settings, name) and not bucket:
            yield f"{name} is set, but no bucket: a folder is used.", "Set AWS_STORAGE_BUCKET_NAME."


def _slips_in_the_keys() -> Iterator[tuple[str, str]]:
    """Told without their values. Two are sent as they stand; the secret is only reckoned with."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"):
        if not _SENT.fullmatch(getattr(settings, name) or ""):
            yield f"{name} holds what no key holds.", "It is of letters, digits and signs of ASCII, without blanks."
    secret = settings.AWS_SECRET_ACCESS_KEY or ""
    if secret != secret.strip():
        yield "AWS_SECRET_ACCESS_KEY begins or ends with a blank.", "It is to the letter as the store gave it."


def _slips_in_the_address() -> Iterator[tuple[str, str]]:
    endpoint = settings.AWS_S3_ENDPOINT_URL
    if not endpoint:
        return
    if slip := slip_in_url(endpoint, schemes=("http", "https")):
        yield f"AWS_S3_ENDPOINT_URL {slip}.", "It is like https://storage.example.com or http://127.0.0.1:9000."
    elif "?" in endpoint or "@" in endpoint:
        yield (
            "AWS_S3_ENDPOINT_URL holds a question or a password.",
            "Keys are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        )
    if settings.AWS_S3_USE_ACCELERATE_ENDPOINT:
        yield "AWS_S3_ENDPOINT_URL and AWS_S3_USE_ACCELERATE_ENDPOINT exclude each other.", "Take one of them away."


def _is_prefix(prefix: str) -> bool:
    plain = prefix.strip("/")
    try:
        return not plain or bool(checked_key(plain))
    except KeyRefused:
        return False
