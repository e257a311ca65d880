"""What one import may cost: whoever runs the tracker says how much there is to ask, to read and to keep."""

import resource
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from apps.importers.records import ImportRefused

Told = TypeVar("Told")
#: Beside it a worker of two gigabytes has room for one more page of answers, built (`bounded_json`).
MOST_MEMORY_MIB = 1_000.0


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
