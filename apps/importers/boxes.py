"""Tokens at rest: encrypted, with keys that can be rotated, and never shown."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from django.conf import settings

from apps.importers.records import ImportRefused

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


def sealed(token: str) -> str:
    """A token as it is stored: encrypted with the first key."""
    return _box().encrypt(token.encode()).decode()


def opened(box: str) -> str:
    """The token in a box; raises `ImportRefused` where no key opens it."""
    return _tried(_box().decrypt, box)


def resealed(box: str) -> str:
    """The same token under the first key, for when keys are rotated: the same box where it is; raises likewise."""
    with suppress(ImportRefused):
        _tried(_box(settings.CONNECTION_KEYS[:1]).decrypt, box)
        return box
    return _tried(_box().rotate, box)


def _tried(turn: Callable[[bytes], bytes], box: str) -> str:
    from cryptography.fernet import InvalidToken  # noqa: PLC0415 - see `_box`

    try:
        return turn(box.encode()).decode()
    except InvalidToken as error:
        raise ImportRefused("No key opens the stored token (was CONNECTION_KEYS changed?): give it again.") from error


def _box(secrets: Sequence[str] | None = None) -> "MultiFernet":
    """The first key seals, all of them open; without secrets those of the settings.

    The library is loaded with the first token: few processes see one.
    """
    from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415 - 6 MiB of each web process

    return MultiFernet([Fernet(_key(secret)) for secret in secrets or settings.CONNECTION_KEYS])


def _key(secret: str) -> bytes:
    """32 bytes from a secret of any length; the secrets are random and long, so that one hash is enough."""
    return base64.urlsafe_b64encode(hashlib.sha256(b"apps.importers.boxes" + secret.encode()).digest())
