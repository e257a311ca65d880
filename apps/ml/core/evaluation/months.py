"""The months of a replay: each begins with a model of what was finished before it."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from apps.ml.core.records import CompletedIssue


def month_starts(first: datetime, last: datetime) -> Iterator[datetime]:
    """`first`, then the first day of every later month up to `last`."""
    start = first
    while start <= last:
        yield start
        year, month = (start.year + 1, 1) if start.month == 12 else (start.year, start.month + 1)
        start = start.replace(year=year, month=month, day=1, hour=0, minute=0, second=0, microsecond=0)


def by_month(asked: Sequence[CompletedIssue], first: datetime) -> list[tuple[datetime, Sequence[CompletedIssue]]]:
    """The start of each month from `first` on with the issues asked about in it, of which there may be none.

    Parameters
    ----------
    asked : sequence of CompletedIssue
        At least one, in the order of `known_at`; those before `first` are left out.
    """
    moments = [issue.known_at for issue in asked]
    starts = list(month_starts(first, moments[-1]))
    cuts = [*(bisect_left(moments, start) for start in starts), len(asked)]
    return [(start, asked[begin:end]) for start, (begin, end) in zip(starts, pairwise(cuts), strict=True)]
