"""Forecasts as the API shows them, and what the prediction history keeps of them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from apps.ml.core.forecasts.drops import Drop
from apps.ml.core.forecasts.forecaster import WorkForecast
from apps.ml.core.forecasts.simulation import ForecastHistory
from apps.ml.core.forecasts.track_record import track_record
from apps.ml.core.forecasts.words import forecast_in_words


def forecast_answer(found: WorkForecast) -> dict[str, Any]:
    """A forecast as the API shows it."""
    return {
        "percentiles": [
            {
                "percent": finish.percent,
                "working_days": finish.working_days,
                "date": iso_day(finish.day),
            }
            for finish in found.finishes
        ],
        "probability_in_time": found.probability_in_time,
        "last_day": iso_day(found.last_day),
        "working_days_left": found.working_days_left,
        "issues": found.issues,
        "work": found.work,
        "sizes": dict(found.sizes),
        "work_in_progress": {"issues": found.ahead_issues, "work": found.ahead_work},
        "carried_over": found.carried_over,
        "expected_growth": found.expected_growth,
        "weekly_inflow": found.weekly_inflow,
        "pace": found.pace,
        "history": history_answer(found.history),
        "seed": found.seed,
        "in_words": forecast_in_words(found),
    }


def iso_day(day: date | None) -> str | None:
    """A day as the API shows it; None stays None."""
    return None if day is None else day.isoformat()


def forecast_details(found: WorkForecast) -> dict[str, Any]:
    """What the prediction history keeps of a forecast."""
    return {
        "working_days": {str(finish.percent): finish.working_days for finish in found.finishes},
        "probability_in_time": found.probability_in_time,
        "unit": found.history.unit,
        "sizes": dict(found.sizes),
        "seed": found.seed,
    }


def history_answer(history: ForecastHistory) -> dict[str, Any]:
    """What a forecast was made from."""
    return {
        "unit": history.unit,
        "weeks": history.weeks,
        "active_weeks": history.active_weeks,
        "weekly_mean": round(history.weekly_mean, 2),
        "level_sigma": round(history.level_sigma, 3),
        "past_forecasts": history.past_forecasts,
    }


def record_answer(weekly: Sequence[float]) -> list[dict[str, Any]]:
    """The team's own track record."""
    return [asdict(kept) for kept in track_record(weekly)]


#: An issue that was deleted while it was asked about.
_NAMELESS = {"key": "", "title": ""}


def drop_answers(drops: Sequence[Drop], titles: Mapping[str, dict[str, str]]) -> list[dict[str, Any]]:
    """Issues that could be taken out, by names that people know."""
    return [
        {"issue_id": drop.issue_id, **titles.get(drop.issue_id, _NAMELESS), "probability_after": drop.probability_after}
        for drop in drops
    ]
