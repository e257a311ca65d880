"""Many questions to one team's runs: when each of rising amounts is done, every week looked through once for all."""

import numpy as np

from apps.ml.core.arrays import Floats, Integers
from apps.ml.core.forecasts.simulation import CHUNK_WEEKS, MAX_WEEKS, Forecast, WeeklyTotals, columns_of, crossing

N_CHUNKS = -(-MAX_WEEKS // CHUNK_WEEKS)
#: Once runs have come into a chunk so many times, it is added up for all: by then that costs less than their parts.
MAX_PARTS = 20


class Crossings:
    """When each run of a team is through with an amount: asked of amounts that rise, each chunk is looked through once.

    A run stands in the chunk in which it met the last amount, and goes on from there. Asked of less, all begin anew.
    """

    def __init__(self, runs: Forecast, inflow: WeeklyTotals | None = None):
        self._runs, self._inflow = runs, inflow
        self._entered = [0] * N_CHUNKS
        self._begin()

    def _begin(self) -> None:
        n_runs = self._runs.n_runs
        self._wanted: Floats = np.zeros(n_runs)
        #: The chunk in which each run stands; before the first one there is nothing done.
        self._number = np.full(n_runs, -1, dtype=np.int16)
        #: Output by its end, and what of the work is done at the ends of its weeks, and at its start.
        self._output = np.zeros(n_runs, dtype=np.float32)
        self._done = np.zeros((CHUNK_WEEKS, n_runs), dtype=np.float32)
        self._start = np.zeros(n_runs, dtype=np.float32)
        #: The largest amount that each run meets where it stands; in the last chunk none is too large to stay.
        self._most = np.zeros(n_runs, dtype=np.float32)

    def weeks(self, work: float | Floats) -> Floats:
        """Weeks until so much is done, in each run: shape (n_runs,), at most `MAX_WEEKS`."""
        wanted = np.broadcast_to(np.asarray(work, dtype=np.float64), (self._runs.n_runs,))
        if np.any(wanted < self._wanted):
            self._begin()
        self._wanted = np.maximum(wanted, 0.0)
        self._go_on()
        weeks = self._number.astype(np.float64) * CHUNK_WEEKS + crossing(self._done, self._start, wanted)
        return np.where(wanted > 0, weeks, 0.0).clip(max=float(MAX_WEEKS))

    def _go_on(self) -> None:
        """Take each run to the chunk in which it meets what is wanted, or to the last."""
        late = np.flatnonzero(self._most < self._wanted)
        late = late[np.argsort(self._number[late], kind="stable")]
        first_of = np.searchsorted(self._number[late], np.arange(-1, N_CHUNKS))
        runs = late[:0]
        for number in range(N_CHUNKS):
            arrived = late[first_of[number] : first_of[number + 1]]
            runs = np.sort(np.concatenate([runs, arrived])) if len(runs) else arrived
            if len(runs):
                self._enter(runs, number)
                runs = runs[self._most[runs] < self._wanted[runs]]

    def _enter(self, runs: Integers, number: int) -> None:
        """Some runs go on from the chunk before to this one."""
        self._entered[number] += 1
        if self._entered[number] > MAX_PARTS:
            self._runs.totals(number)
        totals = self._runs.totals_of(runs, number, self._output[runs])
        done = totals if self._inflow is None else totals - columns_of(runs, self._inflow.totals(number))
        columns = slice(None) if len(runs) == self._runs.n_runs else runs
        self._start[columns] = self._done[-1, columns]
        self._done[:, columns] = done
        self._output[columns], self._number[columns] = totals[-1], number
        self._most[columns] = done.max(axis=0) if number < N_CHUNKS - 1 else np.inf
