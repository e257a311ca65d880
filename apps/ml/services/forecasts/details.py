"""What the prediction history keeps of a forecast, and what its outcome will be held against."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from apps.ml.core.evaluation.dated import told_days
from apps.ml.core.forecasts.forecaster import EARLY_PERCENT, PROMISED_PERCENT, WorkForecast
from apps.ml.core.forecasts.units import WorkItem
from apps.ml.core.results import Interval

#: Answers about more issues than these are not scored one by one: their ids would fill the history, and the replay of
#: the whole project's dates tells how these hold. 200 ids are 8 kB.
MOST_SCORED_ISSUES = 200


def forecast_details(found: WorkForecast) -> dict[str, Any]:
    """The days, the chance and what they were told from."""
    return {
        "working_days": {str(finish.percent): finish.working_days for finish in found.finishes},
        "probability_in_time": found.probability_in_time,
        "unit": found.history.unit,
        "sizes": dict(found.sizes),
        "seed": found.seed,
    }


def to_be_held_against(found: WorkForecast, items: Sequence[WorkItem], *, first_day: date) -> dict[str, Any]:
    """Which issues the dates are about, and each date in calendar days; nothing where no outcome can tell."""
    if not items or len(items) > MOST_SCORED_ISSUES or not all(item.exists for item in items):
        return {}
    dates = {finish.percent: finish.day for finish in found.finishes}
    return {
        "issues": [item.issue_id for item in items],
        "first_day": first_day.isoformat(),
        "days": told_days(dates, first_day=first_day),
        "days_left": (found.last_day - first_day).days + 1 if found.last_day else None,
        "last_day": found.last_day.isoformat() if found.last_day else None,
    }


def typical_days(found: WorkForecast, *, first_day: date) -> float | None:
    """Calendar days until the work is done in half of the futures; None beyond ten years."""
    return None if found.typical.day is None else float((found.typical.day - first_day).days + 1)


def days_range(found: WorkForecast, *, first_day: date) -> Interval | None:
    """From early to promised, in calendar days; None where one of them is beyond ten years."""
    early = found.early.day if found.early else None
    if early is None or found.promised.day is None:
        return None
    low, high = ((day - first_day).days + 1.0 for day in (early, found.promised.day))
    return Interval(low=low, high=high, level=(PROMISED_PERCENT - EARLY_PERCENT) / 100.0)
