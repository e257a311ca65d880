"""Heavy questions in turns: who asks one after the other is refused nothing because of those who ask many at once.

A process has few threads, and what computes in one takes time from the others. So of one person's heavy questions one
is worked out at a time, few more wait, and the rest is told to come again; whoever has none yet comes before those who
have (`WaitingLine`). That is counted for each process by itself: threads are what runs out, and each process has its
own; between processes the system shares the processors.

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
from apps.common.turns import DearWork, NoTurn, Piece, WaitingLine

#: Whoever waits longer is told to come again.
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


class NoRoom(Busy):
    """The folder of temporary files takes no upload: the disk is full, or refuses what is written."""

    default_detail = "There is no room for this file just now, and nothing was changed. Send it again later."
    default_code = "no_room"
    wait = 60


def turns_of(threads: int) -> DearWork:
    """Half of the threads work on heavy questions; in one of the rest somebody new waits, and one is for what is light.

    One person's hold half of the threads at most, at work and waiting.
    """
    half = max(threads // 2, 1)
    return DearWork(WaitingLine(at_once=1, waiting=half - 1, at_once_of_all=half, of_all=max(threads - 1, 1)))


TURNS = turns_of(settings.WEB_THREADS)


@dataclass(slots=True)
class _Asker:
    """Whose request this thread answers."""

    #: Told where it is not known who asks.
    address: Callable[[], str]
    #: A digest of the key, log-in or session that the request shows.
    shown: bytes = b""
    person: str = ""
    #: Whose link is read.
    project: str = ""
    place: Piece | None = None

    def take_place(self, patience_seconds: float) -> None:
        """Guests come after people: whoever makes many links is no more people for it."""
        name = self.person or self.project or self.address()
        self.place = TURNS.take(name, is_guest=not self.person, patience_seconds=patience_seconds)


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
        if asker.place:
            TURNS.give_back(asker.place)


def asked_by(person: object) -> None:
    """Who asks is known now: all keys, log-ins and sessions of a person are one asker."""
    if (asker := _ASKER.get()) is not None:
        asker.person = str(person)
        if asker.shown:
            ASKERS.learn(asker.shown, asker.person)


def asked_by_guest_of(project: object) -> None:
    """A link of a project is read: whoever reads them without log-in is one asker, whatever the address."""
    if (asker := _ASKER.get()) is not None:
        asker.project = str(project)


def heavy_question() -> None:
    """What follows takes long: wait for this person's turn; raises `Busy`. Nobody is asked for it outside of a request.

    Who waits holds nothing that others need: in a transaction nobody does.
    """
    asker = _ASKER.get()
    if asker is None or asker.place:
        return
    try:
        asker.take_place(0.0 if connection.in_atomic_block else PATIENCE_SECONDS)
    except NoTurn as error:
        raise (TooManyAtOnce if error.is_own else Busy) from None
