"""How many rows a list has: counted, and of a large one remembered until a row of it changes."""

import time
from collections.abc import Callable, Hashable
from typing import Any

from django.db.models import QuerySet

#: Fewer are counted in the time that it takes to ask whether they have changed, unless a filter reads many others.
LARGE = 1_000
#: What a stamp does not tell counts by then: an issue that somebody else's deletion leaves without a sprint, say.
SECONDS = 60.0
#: Lists remembered: some hundred bytes each.
MOST = 2_000

#: Large lists: their stamp, their count and until when it holds; no stamp before the list is asked for again.
_KNOWN: dict[str, tuple[Hashable, int, float]] = {}


def count_of(rows: "QuerySet[Any]", what: str, stamp: Callable[[], Hashable] | None) -> int:
    """The number of rows.

    Parameters
    ----------
    what
        Names the list with its filters; it has the same rows for whoever may see it.
    stamp
        Changes when a row is added, edited or deleted, and is cheaper than counting; None: the rows are counted.
    """
    known = _KNOWN.get(what)
    if stamp is None or known is None:
        counted = rows.count()
        if stamp is not None and counted >= LARGE:
            _remember(what, None, counted)
        return counted
    # Looked at before the rows are: what is added between the two is counted next time.
    seen = stamp()
    if known[0] == seen and known[2] > time.monotonic():
        return known[1]
    return _remember(what, seen, rows.count())


def _remember(what: str, stamp: Hashable, counted: int) -> int:
    if len(_KNOWN) >= MOST:
        _KNOWN.clear()
    _KNOWN[what] = (stamp, counted, time.monotonic() + SECONDS)
    return counted
