"""Ranges that would have been served on the past: how many held, and how far the errors of a head are to be trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from apps.ml.core.arrays import Booleans, Floats, Integers
from apps.ml.core.effort.heads import Prequential
from apps.ml.core.effort.neighbours import Neighbours
from apps.ml.core.effort.ranges.own_outcomes import LAST_OUTCOMES, head_share, mixed, own_errors
from apps.ml.core.effort.table import EffortTable
from apps.ml.core.intervals import ErrorPool, corrected_level, is_missed, made_good

#: Shares that a head may earn beyond what the number of outcomes gives it; never all, since errors drift.
EARNED_SHARES = (0.5, 0.75, 0.9)
#: ... where the ranges of its past are better by so many standard errors.
EARNED_IN_STANDARD_ERRORS = 4.0
#: ... on at least so many rows: the luck of fewer made a quarter of the ranges of teams of 50 break.
FEWEST_ROWS = 50
#: Latest rows that decide it: more cost time and say the same.
MOST_ROWS = 300


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
        shares = [given, *(share for share in EARNED_SHARES if share > given)]
        if self.table.neighbours is None or rows.size < FEWEST_ROWS:
            return given
        scores = np.array([self._scores(int(row), self._others(int(row)), shares) for row in rows])
        gains = scores[:, :1] - scores
        needed = EARNED_IN_STANDARD_ERRORS * gains.std(axis=0) / np.sqrt(rows.size)
        earned = np.where(gains.mean(axis=0) > needed, gains.mean(axis=0), 0.0)
        return shares[int(np.argmax(earned))]

    def coverage(self, test: Booleans, share: float) -> float:
        """Share of the `test` rows inside the ranges that would have been served, learned from the rows before."""
        pool = ErrorPool.of(self._standard[~test] if (~test).any() else self._standard)
        return self._held({int(row): pool for row in np.flatnonzero(test)}, share)

    def still_missing(self, test: Booleans, share: float) -> float:
        """What to ask for on top of the level, since the `test` rows lie outside ranges even now that they are known.

        Their errors are among those that serve: where that brings the share back, nothing is missing.
        """
        others = {int(row): self._others(int(row)) for row in np.flatnonzero(test)}
        held, n = self._held(others, share), len(others)
        return made_good(self.level, held, n) if is_missed(self.level, held, n) else 0.0

    @cached_property
    def _standard(self) -> Floats:
        return self.errors / self.past.scale

    @cached_property
    def _estimated(self) -> Integers:
        """Issues that the team had estimated."""
        return np.flatnonzero(~np.isnan(self.table.log_estimates))

    @cached_property
    def _without_one(self) -> tuple[ErrorPool, Integers]:
        """A pool of all errors but one, whose values are to be replaced; and the rank of each error."""
        ranks = np.empty(self._standard.size, dtype=np.intp)
        ranks[np.argsort(self._standard, kind="stable")] = np.arange(ranks.size)
        return ErrorPool.of(self._standard[1:]), ranks

    def _others(self, row: int) -> ErrorPool:
        """The errors of all other rows: sorted once, not once a row."""
        pool, ranks = self._without_one
        return replace(pool, values=np.delete(self._sorted, ranks[row]))

    @cached_property
    def _sorted(self) -> Floats:
        return np.sort(self._standard, kind="stable")

    def _held(self, pools: Mapping[int, ErrorPool], share: float) -> float:
        """Share of rows inside their ranges, each learned from its pool."""
        bands = [self._band(row, pool, [share])[0] for row, pool in pools.items()]
        return float(np.mean([low <= self.errors[row] <= high for row, (low, high) in zip(pools, bands, strict=True)]))

    def _scores(self, row: int, pool: ErrorPool, shares: Sequence[float]) -> list[float]:
        """Interval score of the row's range with each share."""
        error, cost = float(self.errors[row]), 2.0 / (1.0 - self.level)
        return [
            high - low + cost * (max(low - error, 0.0) + max(error - high, 0.0))
            for low, high in self._band(row, pool, shares)
        ]

    def _band(self, row: int, pool: ErrorPool, shares: Sequence[float]) -> list[tuple[float, float]]:
        head, own = pool.scaled(float(self.past.scale[row])), self._own(row)
        asked = corrected_level(self.level, None)
        return [(head if own is None else mixed(own, head, share=share)).band(asked) for share in shares]

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
