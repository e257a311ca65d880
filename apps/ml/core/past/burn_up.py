"""What was done and what there was in all, week by week, told backwards from today."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Turn = Literal["created", "done", "dropped"]


@dataclass(frozen=True, slots=True)
class BacklogEvent:
    """An issue came in, was finished or was dropped; its size is that of today."""

    at: datetime
    turn: Turn
    size: float


@dataclass(frozen=True, slots=True)
class Standing:
    """A backlog at a moment."""

    at: datetime
    done: float
    #: Done and open together.
    scope: float


def burn_up(now: Standing, events: Iterable[BacklogEvent], moments: Sequence[datetime]) -> tuple[Standing, ...]:
    """A backlog at some earlier moments.

    Parameters
    ----------
    now : Standing
        As it is: the last of the answer.
    events : iterable of BacklogEvent
        At least what happened since the first moment.
    moments : sequence of datetime
        Rising, before now.

    Returns
    -------
    tuple of Standing
        One a moment, and now. Sizes are those of today, so that a line moves only by what came, went or was done.
    """
    happened = sorted(events, key=lambda event: event.at, reverse=True)
    done, scope, place = now.done, now.scope, 0
    standings = [now]
    for moment in reversed(moments):
        while place < len(happened) and happened[place].at > moment:
            event = happened[place]
            done -= event.size * (event.turn == "done")
            scope -= event.size * ((event.turn == "created") - (event.turn == "dropped"))
            place += 1
        standings.append(Standing(moment, round(done, 2), round(scope, 2)))
    return tuple(reversed(standings))
