"""What the prediction history keeps of a forecast."""

from typing import Any

from apps.ml.core.forecasts.forecaster import WorkForecast


def forecast_details(found: WorkForecast) -> dict[str, Any]:
    """The days, the chance and what they were told from."""
    return {
        "working_days": {str(finish.percent): finish.working_days for finish in found.finishes},
        "probability_in_time": found.probability_in_time,
        "unit": found.history.unit,
        "sizes": dict(found.sizes),
        "seed": found.seed,
    }
