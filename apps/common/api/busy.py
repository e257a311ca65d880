"""Heavy questions in turns: who asks one after the other is always answered, and nobody makes others wait.

A process has few threads, and what computes in one takes time from the others. So of one person's heavy questions one
is worked out at a time, few more wait, and the rest is told to come again. That is counted for each process by itself:
threads are what runs out, and each process has its own; between processes the system shares the processors.

Which question is heavy is told by whoever answers it, once its size is read: `heavy_question`. The place is held until
the request is answered, whatever it is answered with.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from rest_framework.exceptions import APIException

from apps.common.api.askers import ASKERS
from apps.common.turns import DearWork, NoTurn

#: Whoever waits longer for the own question before is told to come again.
PATIENCE_SECONDS = 10.0
#: Most heavy questions take less.
_ASK_AGAIN_AFTER = 3


class Busy(APIException):
    """What is asked is so dear that it is done a few at a time, and there is no place."""

    status_code = 503
    default_detail = "Too much that is asked just now takes long to work out. Ask again in a few seconds."
    default_code = "busy"
    #: Seconds until it is worth while to ask again.
    wait = _ASK_AGAIN_AFTER


class TooManyAtOnce(Busy):
    """Of one person's heavy questions others are worked out already."""

    status_code = 429
    default_detail = (
        "Others of your questions that take long to work out are not answered yet. Ask one after the other, "
        "and this one again in a few seconds."
    )
    default_code = "too_many_at_once"


def turns_of(threads: int) -> DearWork:
    """One person's heavy questions hold half of the threads at most, and those of all leave one for what is light."""
    return DearWork(at_once=1, waiting=max(threads // 2 - 1, 0), of_all=max(threads - 1, 1))


TURNS = turns_of(settings.WEB_THREADS)


@dataclass(slots=True)
class _Asker:
    """Whose request this thread answers."""

    #: Told where it is not known who asks.
    address: Callable[[], str]
    #: A digest of the key, log-in or session that the request shows.
    shown: bytes = b""
    person: str = ""
    #: By which name there is a place; empty without one.
    has_place_as: str = ""


_ASKER: ContextVar[_Asker | None] = ContextVar("asker", default=None)


@contextmanager
def answering(address: Callable[[], str], shown: bytes = b"") -> Iterator[None]:
    """All that is done for a request from an address; the place of a heavy question comes free at its end."""
    asker = _Asker(address, shown)
    before = _ASKER.set(asker)
    try:
        yield
    finally:
        _ASKER.reset(before)
        if asker.has_place_as:
            TURNS.give_back(asker.has_place_as)


def asked_by(person: object) -> None:
    """Who asks is known now: all keys, log-ins and sessions of a person are one asker."""
    if (asker := _ASKER.get()) is not None:
        asker.person = str(person)
        if asker.shown:
            ASKERS.learn(asker.shown, asker.person)


def heavy_question() -> None:
    """What follows takes long: wait for this person's turn; raises `Busy`. Nobody is asked for it outside of a request.

    Who waits holds nothing that others need: in a transaction nobody does.
    """
    asker = _ASKER.get()
    if asker is None or asker.has_place_as:
        return
    name = asker.person or asker.address()
    try:
        TURNS.take(name, patience_seconds=0.0 if connection.in_atomic_block else PATIENCE_SECONDS)
    except NoTurn as error:
        raise (TooManyAtOnce if error.is_own else Busy) from None
    asker.has_place_as = name
