"""The division by velocity beside the forecast of the same work: where they disagree, the answer says so."""

from dataclasses import replace
from datetime import date

from apps.ml.core.forecasts.forecaster import EARLY_PERCENT, LIKELY_PERCENT, WorkForecast
from apps.ml.core.sprints.duration import SprintDurationEstimate, SprintPlan


def beside_forecast(
    estimate: SprintDurationEstimate, plan: SprintPlan, forecast: WorkForecast
) -> SprintDurationEstimate:
    """The estimate with one more risk factor where it lies outside what 70 of 100 futures hold."""
    sentence = _disagreement(estimate, plan, forecast)
    return replace(estimate, risk_factors=(*estimate.risk_factors, sentence)) if sentence else estimate


def _disagreement(estimate: SprintDurationEstimate, plan: SprintPlan, forecast: WorkForecast) -> str | None:
    if not plan.items or forecast.early is None:
        return None
    estimated_days = estimate.estimated_days
    early, late = (_days(plan, finish.day) for finish in (forecast.early, forecast.likely))
    if early is None and plan.is_beyond_horizon(estimate.working_days):
        return None
    if early is not None and early <= estimated_days and (late is None or estimated_days <= late):
        return None
    expected = f"{early or 'more than 3650'} to {late or 'more than 3650'}"
    return (
        f"Velocity alone says {estimated_days} calendar days; the forecast, which also knows what comes first and what "
        f"comes on top, says {expected} ({EARLY_PERCENT}% and {LIKELY_PERCENT}% of its runs are done by then)."
    )


def _days(plan: SprintPlan, day: date | None) -> int | None:
    """Calendar days from the sprint's first day, both counted, as the estimate counts them."""
    return None if day is None else (day - plan.first_day).days + 1
