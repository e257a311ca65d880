"""Scope that moves: how an issue of the demonstration came into a sprint late, or left one, told by its history."""

from datetime import datetime, timedelta
from typing import Any

#: (moment, field, old value, new value).
Entry = tuple[datetime, str, Any, Any]
_ESTIMATES = frozenset({"story_points", "estimated_hours"})


def came_in_late(history: list[Entry], entered_at: datetime) -> list[Entry]:
    """The same history with the move into its first sprint at another moment."""
    return [(entered_at if entry[1:3] == ("sprint", None) else entry[0], *entry[1:]) for entry in history]


def was_in_before(history: list[Entry], sprint: int, *, begins_at: datetime, left_at: datetime) -> list[Entry]:
    """The same history after a visit to an earlier sprint, for whose planning it was estimated."""
    planned_at = begins_at - timedelta(hours=1)
    estimated = [
        (min(at, planned_at) if field in _ESTIMATES and old is None else at, field, old, new)
        for at, field, old, new in history
    ]
    visit: list[Entry] = [(planned_at, "sprint", None, sprint), (left_at, "sprint", sprint, None)]
    return sorted([*estimated, *visit], key=lambda entry: entry[0])
