"""What came of an answer about days: how long some issues took, as far as that decides what was said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class DaysTaken:
    """Calendar days from the first day of the work on, both ends counted."""

    days: int
    #: The work was still open when the latest date that was told had passed: it takes longer than `days`.
    at_least: bool = False


def days_taken(
    ends: Sequence[date | None], *, first_day: date, latest_told: date | None, today: date
) -> DaysTaken | None:
    """How long the work took; None while that is open.

    Every date that was told is decided once the latest of them has passed: what is open then takes longer than all.

    Parameters
    ----------
    ends : sequence of date or None
        The day on which each issue was finished or dropped; None while it is open. At least one.
    first_day : date
        The first day of the work.
    latest_told : date or None
        The latest date of the answer; None where it named one beyond ten years.
    today : date
        Not counted as passed.
    """
    known = [end for end in ends if end is not None]
    if len(known) == len(ends):
        return DaysTaken(max((max(known) - first_day).days + 1, 0))
    if latest_told is not None and latest_told < today:
        return DaysTaken((latest_told - first_day).days + 2, at_least=True)
    return None


def pinball_loss(actual: float, told: Mapping[float, float]) -> float:
    """Mean pinball loss of quantiles, by the share of outcomes that each is not to be exceeded by.

    References
    ----------
    Koenker, Bassett: Regression quantiles (1978).
    """
    losses = [
        share * (actual - value) if actual > value else (1.0 - share) * (value - actual)
        for share, value in told.items()
    ]
    return sum(losses) / len(losses)


def told_days(dates: Mapping[int, date | None], *, first_day: date) -> dict[str, int]:
    """Calendar days until each date, by its percent; without those beyond ten years."""
    return {str(percent): (day - first_day).days + 1 for percent, day in dates.items() if day is not None}


def day_after(first_day: date, days: int) -> date:
    """The day that ends so many calendar days, the first one counted."""
    return first_day + timedelta(days=days - 1)
