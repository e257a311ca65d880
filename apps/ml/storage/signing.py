"""Digest and signature of an artefact, checked before one byte of it is interpreted.

What is signed is whose bytes they are, too: type, project and version. A sound artefact of one project is refused under
another's row, and so is an older version under a newer one's.

The digest tells damage, the signature tells who wrote it: whoever can write to the bucket, or to the database, still
cannot make this service load bytes that no holder of a signing key has signed.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from apps.ml.storage.errors import DigestMismatch, SignatureInvalid

_SCHEME = "hs256-2"
# What is signed says what it is for: a signature made for anything else with the same key is worth nothing here.
_PURPOSE = "scrum-ml artefact 2"
_KEY_ID_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose artefact it is; without a project that of all together."""

    model_type: str
    project_id: object | None
    version: str

    def __str__(self) -> str:
        # One writing for each: no part of it holds a line break.
        return f"{self.model_type}\n{self.project_id or 'global'}\n{self.version}"


def digest(data: bytes) -> str:
    """SHA-256 of the bytes, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sign(artifact_digest: str, *, of: Identity, keys: Sequence[str] | None = None) -> str:
    """Sign a digest with the first key: `hs256-2:{key id}:{HMAC-SHA256}`, 81 characters."""
    return _signature(_keys(keys)[0], artifact_digest, of)


def verify(data: bytes, *, digest: str, signature: str, of: Identity, keys: Sequence[str] | None = None) -> None:
    """Return only if the bytes are those of the digest and the digest was signed for this owner with one of the keys.

    Raises
    ------
    DigestMismatch
        If the bytes are damaged or were exchanged.
    SignatureInvalid
        If the signature is missing, malformed, by an unknown key, of another digest or another owner.
    """
    found = hashlib.sha256(data).hexdigest()
    if not hmac.compare_digest(found.encode(), digest.encode()):
        raise DigestMismatch
    if not any(hmac.compare_digest(_signature(key, found, of).encode(), signature.encode()) for key in _keys(keys)):
        raise SignatureInvalid


def _keys(keys: Sequence[str] | None) -> Sequence[str]:
    found = settings.ML_SIGNING_KEYS if keys is None else keys
    if not found or not all(found):
        raise ImproperlyConfigured("ML_SIGNING_KEYS needs at least one key, and no empty one.")
    return list(found)


def _signature(key: str, artifact_digest: str, of: Identity) -> str:
    told = f"{_PURPOSE}\n{of}\n{artifact_digest}"
    mac = hmac.new(key.encode(), told.encode(), hashlib.sha256).hexdigest()
    return f"{_SCHEME}:{_key_id(key)}:{mac}"


def _key_id(key: str) -> str:
    """A short name of a key; it makes rotation visible in the database."""
    return hmac.new(key.encode(), b"scrum-ml key id", hashlib.sha256).hexdigest()[:_KEY_ID_LENGTH]
