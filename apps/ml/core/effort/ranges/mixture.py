"""The errors to expect of some answers: of each a mixture of what the team's outcomes say and a head's errors.

To merge 3,400 errors takes longer than all the rest of an answer. Both parts are in order already, so that some ten
looks into each tell what the merged pool would: a test compares them.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from apps.ml.core.arrays import Floats
from apps.ml.core.effort.ranges.own_outcomes import OwnErrors, mixed
from apps.ml.core.intervals import ROUNDING, ErrorPool


@dataclass(frozen=True, slots=True)
class AnswerErrors:
    """Log errors to expect of n answers of one head."""

    #: Of the head, in units of the predicted scale.
    head: ErrorPool
    #: Predicted scales, shape (n,).
    scales: Floats
    own: OwnErrors | None = None
    #: How much of each distribution the head's errors make.
    share: float = 1.0

    def bands(self, level: float) -> list[tuple[float, float]]:
        """Of each answer the central band that holds `level` of the weight, as `ErrorPool.band`."""
        tail = (1.0 - level) / 2 - 0.5 / (self._size + 1.0)
        return [(each.quantile(tail), each.quantile(1.0 - tail)) for each in self._mixtures()]

    def shares_within(self, distance: float) -> list[float]:
        """Of each answer the weight of errors of at most this size, as `ErrorPool.share_within`."""
        edge, size = distance + ROUNDING, self._size
        held = [each.below(edge) - each.below(-edge) for each in self._mixtures()]
        return [(max(within, 0.0) * size + 1.0) / (size + 2.0) for within in held]

    def pool(self, row: int) -> ErrorPool:
        """Those of one answer, merged."""
        head = self.head.scaled(float(self.scales[row]))
        return head if self.own is None else mixed(self.own.pool(row), head, share=self.share)

    @property
    def _size(self) -> float:
        return self.head.effective_size if self.own is None else max(self.own.size, self.head.effective_size)

    def _mixtures(self) -> list["_Mixture"]:
        # Views: single numbers of an array are Python's own then, and found three times as fast.
        head, scales = (self.head.values.data, self.head.cumulative.data), self.scales.tolist()
        if self.own is None:
            return [_Mixture(head, scale, ((), ()), 1.0) for scale in scales]
        rows = zip(scales, self.own.values, self.own.cumulative, strict=True)
        return [_Mixture(head, scale, (values.data, cumulative.data), self.share) for scale, values, cumulative in rows]


#: Errors in order, and the weight at or below each.
_Ordered = tuple[Sequence[float], Sequence[float]]


@dataclass(slots=True)
class _Mixture:
    """Errors of a head, times a scale, and own ones; `share` is that of the head."""

    head: _Ordered
    scale: float
    own: _Ordered
    share: float

    def below(self, error: float) -> float:
        """Weight of the errors below this one."""
        return self.share * _below(self.head, error / self.scale) + (1.0 - self.share) * _below(self.own, error)

    def quantile(self, share: float) -> float:
        """The smallest error with at least `share` of the weight at or below it."""
        wanted, of_head, of_own = min(max(share, 0.0), 1.0) - ROUNDING, self.share, 1.0 - self.share
        (errors, weights), (values, cumulative), scale = self.head, self.own, self.scale

        def reached(place: int) -> float:
            """Weight at or below an own outcome, with what of the head is below it."""
            n_below = bisect_left(errors, values[place] / scale)
            return of_own * cumulative[place] + (of_head * weights[n_below - 1] if n_below else 0.0)

        first = bisect_left(range(len(values)), wanted, key=reached)
        # Between the own outcome before it and itself an error of the head may do.
        before = of_own * cumulative[first - 1] if first else 0.0
        place = bisect_left(weights, (wanted - before) / of_head)
        found = [values[first]] if first < len(values) else []
        if place < len(errors):
            found.append(errors[place] * scale)
        return min(found)


def _below(ordered: _Ordered, error: float) -> float:
    n_below = bisect_left(ordered[0], error)
    return ordered[1][n_below - 1] if n_below else 0.0
