"""Who takes the next connection: the process that has the fewest.

All processes wait at one socket, and whichever wakes first gets the connection: of four kept ones, one of two processes
had three, and used 80 % of a processor where the other used 25 %. What each has stands in memory that all of them
share; a process that has more than another leaves the other a moment to go first.
"""

import mmap

#: Beyond so many processes some share a place, and deal less evenly.
MOST_PROCESSES = 256
#: A process tells once a second at least; whoever has said nothing for so long is gone, or too busy to take more.
HEARD_SECONDS = 3.0
_FIELDS, _BYTES = 2, 8


class Shares:
    """Connections of each process: made before the first is forked, so that all see the same."""

    def __init__(self) -> None:
        # Of each place: how many connections, and when that was said. Eight bytes are written at once, or not at all.
        self._table = memoryview(mmap.mmap(-1, MOST_PROCESSES * _FIELDS * _BYTES)).cast("d")

    def tell(self, process: int, connections: int, *, now: float) -> None:
        """How many a process has, by its number; `now` is of a clock that all processes share."""
        place = process % MOST_PROCESSES * _FIELDS
        self._table[place], self._table[place + 1] = connections, now

    def others_have_fewer(self, process: int, connections: int, *, now: float) -> bool:
        """Whether a process that was heard of lately has fewer than this one."""
        own, table = process % MOST_PROCESSES, self._table.tolist()
        heard = enumerate(zip(table[::_FIELDS], table[1::_FIELDS], strict=True))
        return any(
            place != own and theirs < connections and now - said_at < HEARD_SECONDS
            for place, (theirs, said_at) in heard
            if said_at
        )
