"""What is asked of parts that may be away, all at the same time and by somebody with a deadline: a probe, a scrape.

Each is asked in a thread that nobody has to wait for, so one that hangs holds up neither who asks nor the others.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from django.db import connections

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")


class Inquiry(Generic[Answer]):
    """One question, from when it is asked."""

    def __init__(self, name: str, question: Callable[[], Answer], clock: Callable[[], float]) -> None:
        self.began = clock()
        #: How long it took; None while it is under way.
        self.seconds: float | None = None
        #: Whether somebody has had the answer, or what was raised.
        self.is_told = False
        self._question, self._clock = question, clock
        self._answer: Answer | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._ask, name=f"inquiry-{name}", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            # Of processes and threads a limit is reached: whoever asks waits.
            logger.warning("No thread is to be had to ask part=%s", name)
            self._ask()

    @property
    def is_under_way(self) -> bool:
        return self._thread.is_alive()

    def answer(self, within_seconds: float) -> Answer | None:
        """None where there is none by then; raises what the question raised."""
        if self.is_under_way:
            self._thread.join(max(within_seconds, 0))
        self.is_told = self.seconds is not None
        if self._error is not None:
            raise self._error
        return self._answer

    def _ask(self) -> None:
        try:
            self._answer = self._question()
        except BaseException as error:  # noqa: BLE001 - whoever waits for the answer is told
            self._error = error
        finally:
            self.seconds = self._clock() - self.began
            # The thread's own connections would otherwise stay open when it ends.
            connections.close_all()


class Inquiries(Generic[Answer]):
    """The last question to each part. What came of it, an answer or none, is used again for as long as it is fresh."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: dict[str, Inquiry[Answer]] = {}
        self._starting = threading.Lock()

    def ask(
        self, name: str, question: Callable[[], Answer], *, fresh_seconds: float, late_seconds: float = 0.0
    ) -> Inquiry[Answer]:
        """Where the last one is under way, that one: asking again would only pile up threads.

        Parameters
        ----------
        late_seconds : float
            An answer that came when nobody waited any more is one for who asks within so long.
        """
        with self._starting:
            last = self._last.get(name)
            if last is None or not (last.is_under_way or self._is_of_now(last, fresh_seconds, late_seconds)):
                last = self._last[name] = Inquiry(name, question, self._clock)
            return last

    def _is_of_now(self, last: Inquiry[Answer], fresh_seconds: float, late_seconds: float) -> bool:
        return self._clock() - last.began < (fresh_seconds if last.is_told else max(fresh_seconds, late_seconds))

    def forget(self) -> None:
        """Ask everything anew."""
        self._last.clear()
