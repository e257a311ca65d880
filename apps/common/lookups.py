"""Names looked up within a time: a name server that is silent, maybe on purpose, keeps nobody else waiting."""

import ipaddress
import socket
import threading
from collections.abc import Sequence
from typing import Any

from apps.common.addresses import Resolver


class Lookup:
    """Like `socket.getaddrinfo`, which has no deadline of its own (10 s and more for each name server).

    Parameters
    ----------
    seconds : float
        How long whoever asks waits.
    most_at_once : int
        How many names may be looked up at the same time in this process, those included that nobody waits for any
        more. What comes on top is not looked up.

    Raises
    ------
    TimeoutError
        If the answer is not there in time, or too many others are looked up.
    OSError
        As `socket.getaddrinfo` does.
    """

    def __init__(self, *, seconds: float, most_at_once: int, resolve: Resolver = socket.getaddrinfo) -> None:
        self._seconds = seconds
        self._free = threading.BoundedSemaphore(most_at_once)
        self._resolve = resolve

    def __call__(self, host: str, *args: Any, **kwargs: Any) -> Sequence[Any]:
        if _is_address(host):
            return self._resolve(host, *args, **kwargs)
        if not self._free.acquire(blocking=False):
            raise TimeoutError("Too many names are looked up.")
        answers: list[Sequence[Any] | OSError | UnicodeError] = []

        def ask() -> None:
            try:
                answers.append(self._resolve(host, *args, **kwargs))
            except (OSError, UnicodeError) as error:
                answers.append(error)
            finally:
                self._free.release()

        # Of its own, not of a pool: the end of the process waits for no name server.
        asking = threading.Thread(target=ask, daemon=True, name="lookup")
        asking.start()
        asking.join(self._seconds)
        if not answers:
            raise TimeoutError("No name server answers.")
        if isinstance(answers[0], Exception):
            raise answers[0]
        return answers[0]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
