"""Hashing a password takes memory and processors on purpose: only so many at a time, or log-ins stop everything."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.hashers import Argon2PasswordHasher
from rest_framework.exceptions import APIException

#: In one process. Each takes 100 MiB and, while it lasts, a processor.
AT_ONCE = 2
#: Whoever waits longer is told to come again.
PATIENCE_SECONDS = 10.0
_turn = threading.BoundedSemaphore(AT_ONCE)


class TooManyLogIns(APIException):
    """So many people log in just now that their passwords wait for each other."""

    status_code = 503
    default_detail = "Too many people log in just now. Try again."
    default_code = "busy"
    wait = 10


@contextmanager
def in_turn(patience_seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Wait until fewer are at it; raises `TooManyLogIns` where that takes too long."""
    if not _turn.acquire(timeout=patience_seconds):
        raise TooManyLogIns
    try:
        yield
    finally:
        _turn.release()


class Argon2InTurn(Argon2PasswordHasher):
    """Django's Argon2, some at a time."""

    def encode(self, password: str, salt: str) -> str:
        with in_turn():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with in_turn():
            return super().verify(password, encoded)
