"""Hashing a password takes memory and processors on purpose: only so many at a time, or log-ins stop everything."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.hashers import Argon2PasswordHasher

from apps.common.api.busy import Busy
from apps.common.turns import DearWork, NoTurn, WaitingLine

#: In one process. Each takes 100 MiB and, while it lasts, a processor.
AT_ONCE = 2
#: Whoever waits longer is told to come again.
PATIENCE_SECONDS = 10.0
#: Nobody is known yet, so that all are one caller's, in the order in which they come.
_TURNS = DearWork(WaitingLine(at_once=AT_ONCE))


class TooManyLogIns(Busy):
    """So many people log in just now that their passwords wait for each other."""

    default_detail = "Too many people log in just now. Try again."
    wait = 10


@contextmanager
def in_turn(patience_seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Wait until fewer are at it; raises `TooManyLogIns` where that takes too long."""
    try:
        turn = _TURNS.take(patience_seconds=patience_seconds)
    except NoTurn:
        raise TooManyLogIns from None
    try:
        yield
    finally:
        _TURNS.give_back(turn)


class Argon2InTurn(Argon2PasswordHasher):
    """Django's Argon2, some at a time."""

    def encode(self, password: str, salt: str) -> str:
        with in_turn():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with in_turn():
            return super().verify(password, encoded)
