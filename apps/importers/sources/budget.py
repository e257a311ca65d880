"""What one import may cost: whoever runs the tracker says how much there is to ask, to read and to keep."""

import random
import resource
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from apps.importers.records import ImportRefused

Told = TypeVar("Told")
#: Beside it a worker of two gigabytes has room for one more page of answers, built (`bounded_json`).
MOST_MEMORY_MIB = 1_000.0
FIRST_PAUSE_SECONDS = 1.0


class BudgetSpent(ImportRefused):
    """More was asked for, read, kept or waited than was allowed; a later import goes on from here."""

    code = "budget_spent"


def peak_mib() -> float:
    """The most memory that this process ever had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


@dataclass(slots=True)
class Budget:
    """Counts down; each raises `BudgetSpent` at its end."""

    requests: int = 50_000
    bytes: int = 4 * 2**30
    #: Spent asleep because the tracker asked for it.
    wait_seconds: float = 2 * 3_600.0
    memory_mib: float = MOST_MEMORY_MIB
    #: What an earlier import of this process needed is no fault of this one.
    _peak_before_mib: float = field(default_factory=peak_mib, init=False, repr=False)

    def ask(self) -> None:
        """Before each request. What the answers so far were made into is measured, whatever it is."""
        self.requests -= 1
        if self.requests < 0:
            raise BudgetSpent("The import has used up the requests it may make.")
        self.hold()

    def watching(self, told: Iterable[Told]) -> Iterator[Told]:
        """The same, measured at each issue too: between two requests there may be a thousand of them, read and kept."""
        for each in told:
            self.hold()
            yield each

    def hold(self) -> None:
        """After something was made of answers."""
        peak = peak_mib()
        if peak > self.memory_mib and peak > self._peak_before_mib:
            raise BudgetSpent(
                f"What the tracker tells needs more memory than an import may ({self.memory_mib:,.0f} MiB)."
            )

    def read(self, n_bytes: int) -> None:
        """After each piece of an answer."""
        self.bytes -= n_bytes
        if self.bytes < 0:
            raise BudgetSpent("The import has read all that it may read.")

    def wait(self, seconds: float) -> None:
        """Before each pause that the tracker asks for."""
        self.wait_seconds -= seconds
        if self.wait_seconds < 0:
            raise BudgetSpent(f"The tracker wants us to wait {seconds:,.0f} s more, longer than an import may.")


def growing_pause(failures: int) -> float:
    """Twice as long each time, never quite the same, so that several clients do not come back together."""
    return FIRST_PAUSE_SECONDS * 2.0 ** (failures - 1) * random.uniform(1.0, 1.5)  # noqa: S311 - no secret


def told_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds, by Retry-After (seconds or a date) or else by the time of reset (epoch seconds or ISO)."""
    after = headers.get("retry-after", "").strip()
    if _is_number(after) and len(after) < 8:
        return float(after) or None
    reset = headers.get("x-ratelimit-reset", "").strip()
    moment = _moment(after) or (
        datetime.fromtimestamp(int(reset), UTC) if _is_number(reset) and len(reset) < 12 else _moment(reset)
    )
    return max((moment - now).total_seconds(), 1.0) if moment else None


def _is_number(text: str) -> bool:
    """Of plain digits: '²' is a digit to Python and no number."""
    return text.isascii() and text.isdigit()


def _moment(text: str) -> datetime | None:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(text)
        except (ValueError, TypeError, OverflowError):
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None
