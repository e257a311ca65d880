"""Ranges that would have been served on the past: how many held, and how far the errors of a head are to be trusted."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from apps.ml.core.arrays import Booleans, Floats, Integers
from apps.ml.core.effort.heads import Prequential
from apps.ml.core.effort.neighbours import Neighbours
from apps.ml.core.effort.ranges.own_outcomes import LAST_OUTCOMES, head_share, mixed, own_errors
from apps.ml.core.effort.table import EffortTable
from apps.ml.core.intervals import MAX_TRAINING_ERRORS, ErrorPool, corrected_level, is_missed, made_good

#: Shares that a head may earn beyond what the number of outcomes gives it; never all, since errors drift. Each with the
#: rows it takes: the luck of fewer than 50 made a quarter of the ranges of teams of 50 break, and of 70 rows a head
#: that had earned .9 promised a team of 100 ranges that held 60 %.
EARNED_SHARES = {0.5: 50, 0.75: 150, 0.9: 250}
#: ... where the ranges of its past are better by so many standard errors.
EARNED_IN_STANDARD_ERRORS = 4.0
#: Latest rows that decide it: more cost time and say the same.
MOST_ROWS = 300
#: Rows of the test part whose ranges are looked at, evenly spread: the share that holds is known to .012 then.
MOST_LOOKED_AT = 1_200


@dataclass(frozen=True, slots=True)
class Held:
    """What was measured of ranges that would have been served."""

    #: Ranges that were looked at.
    n: int
    #: Share of the outcomes inside ranges that were learned from the rows before them.
    share: float
    #: What to ask for on top of the level, since outcomes lie outside even now that their errors are among those that
    #: serve; where those bring the share back, nothing is missing.
    missing: float


@dataclass(frozen=True)
class PastRanges:
    """Out-of-sample answers of one head whose ranges are looked at."""

    table: EffortTable
    past: Prequential
    #: Log hours that were served, shape (n_rows,).
    served: Floats
    level: float
    informed: bool

    @cached_property
    def errors(self) -> Floats:
        """Log errors, shape (n_rows,)."""
        return self.table.log_hours[self.past.rows] - self.served

    def share(self) -> float:
        """How much of a range the head's errors make: what its number of outcomes gives, or more if it earned it."""
        rows = np.arange(len(self.served))[-MOST_ROWS:]
        known = self.table.n_estimated if self.informed else len(self.table)
        given = head_share(known)
        earned = [share for share, fewest in EARNED_SHARES.items() if share > given and rows.size >= fewest]
        if self.table.neighbours is None or not earned:
            return given
        shares = [given, *earned]
        scores = np.array([self._scores(int(row), shares) for row in rows])
        gains = scores[:, :1] - scores
        needed = EARNED_IN_STANDARD_ERRORS * gains.std(axis=0) / np.sqrt(rows.size)
        found = np.where(gains.mean(axis=0) > needed, gains.mean(axis=0), 0.0)
        return shares[int(np.argmax(found))]

    def held(self, test: Booleans, share: float) -> Held:
        """How the ranges of `test` rows did, many rows being represented by some that are evenly spread."""
        earlier = self._standard[~test] if (~test).any() else self._standard
        before = ErrorPool.of(earlier[-MAX_TRAINING_ERRORS:])
        rows = np.flatnonzero(test)
        rows = rows[:: math.ceil(rows.size / MOST_LOOKED_AT)]
        inside = np.array([self._inside(int(row), before, share) for row in rows])
        then, now = inside.mean(axis=0).tolist()
        missed = is_missed(self.level, now, rows.size)
        return Held(rows.size, then, made_good(self.level, now, rows.size) if missed else 0.0)

    @cached_property
    def _standard(self) -> Floats:
        return self.errors / self.past.scale

    @cached_property
    def _estimated(self) -> Integers:
        """Issues that the team had estimated."""
        return np.flatnonzero(~np.isnan(self.table.log_estimates))

    @cached_property
    def _serving(self) -> Floats:
        """The errors that serve, sorted."""
        return np.sort(self._standard[-MAX_TRAINING_ERRORS:], kind="stable")

    @cached_property
    def _pools(self) -> tuple[ErrorPool, ErrorPool]:
        """The pool of the errors that serve, and one of all but one of them, whose values are to be replaced."""
        return ErrorPool.of(self._serving), ErrorPool.of(self._serving[1:])

    def _others(self, row: int) -> ErrorPool:
        """The errors that serve without that of the row: sorted once, not once a row."""
        everything, without_one = self._pools
        if row < self._standard.size - self._serving.size:
            return everything
        own = int(np.searchsorted(self._serving, self._standard[row]))
        return replace(without_one, values=np.delete(self._serving, own))

    def _inside(self, row: int, before: ErrorPool, share: float) -> tuple[bool, bool]:
        """Whether the row lies in the range learned before the test, and in the one learned from all others."""
        own, error = self._own(row), self.errors[row]
        bands = [self._band(row, own, pool, share) for pool in (before, self._others(row))]
        first, second = (bool(low <= error <= high) for low, high in bands)
        return first, second

    def _scores(self, row: int, shares: Sequence[float]) -> list[float]:
        """Interval score of the row's range with each share."""
        error, cost = float(self.errors[row]), 2.0 / (1.0 - self.level)
        own, others = self._own(row), self._others(row)
        bands = [self._band(row, own, others, share) for share in shares]
        return [high - low + cost * (max(low - error, 0.0) + max(error - high, 0.0)) for low, high in bands]

    def _band(self, row: int, own: ErrorPool | None, pool: ErrorPool, share: float) -> tuple[float, float]:
        head = pool.scaled(float(self.past.scale[row]))
        return (head if own is None else mixed(own, head, share=share)).band(corrected_level(self.level, None))

    def _own(self, row: int) -> ErrorPool | None:
        """What the team's outcomes told at the time of the row."""
        table, neighbours = self.table, self.table.neighbours
        if neighbours is None:
            return None
        issue = int(self.past.rows[row])
        similarity = self._similarity(neighbours, issue)
        facts, centre = table.readings[issue].facts, float(self.served[row])
        return own_errors(neighbours, similarity, facts, centre=centre, used_estimate=self.informed)

    def _similarity(self, neighbours: Neighbours, issue: int) -> Floats:
        """Of the issue to the outcomes known then; 0 to those that are too long ago to be looked at."""
        known = int(self.table.known_outcomes[issue])
        usable = self._estimated[: np.searchsorted(self._estimated, known)] if self.informed else np.arange(known)
        first = int(usable[-LAST_OUTCOMES:][0]) if usable.size else known
        similarity = np.zeros(known)
        similarity[first:] = neighbours.index.similarities_between(self.table.readings[issue].token_set, first, known)
        return similarity
