"""The estimate of a duration read from the forecast of the same work; the division by velocity stays as a witness."""

from dataclasses import replace
from datetime import date

from apps.ml.core.forecasts.forecaster import EARLY_PERCENT, PROMISED_PERCENT, WorkForecast
from apps.ml.core.results import Interval
from apps.ml.core.sprints.duration import SprintDurationEstimate, SprintPlan, late_in_words


def read_from_forecast(
    estimate: SprintDurationEstimate, plan: SprintPlan, forecast: WorkForecast
) -> SprintDurationEstimate:
    """The estimate with days, date, range and confidence of the forecast, so that one sprint has one finish date.

    One more risk factor says so where velocity alone lies outside what 70 of 100 futures hold. An empty plan, and work
    that does not end within ten years, keep the estimate.
    """
    sentence = _disagreement(estimate, plan, forecast)
    factors = (*estimate.risk_factors, sentence) if sentence else estimate.risk_factors
    typical, early = forecast.typical, forecast.early
    days = _days(plan, typical.day)
    if not plan.items or typical.day is None or days is None or early is None:
        return replace(estimate, risk_factors=factors)
    return replace(
        estimate,
        estimated_days=days,
        working_days=float(typical.working_days or 0),
        finish_date=typical.day,
        days_range=Interval(
            low=_days(plan, early.day) or days,
            high=_days(plan, forecast.promised.day) or (plan.horizon - plan.first_day).days + 1,
            level=(PROMISED_PERCENT - EARLY_PERCENT) / 100.0,
        ),
        confidence=forecast.near_typical,
        risk_factors=_with_lateness(factors, plan, was=estimate.finish_date, now=typical.day),
    )


def _with_lateness(factors: tuple[str, ...], plan: SprintPlan, *, was: date, now: date) -> tuple[str, ...]:
    """The sentence about the last day, of this finish date in place of another."""
    if plan.last_day is None:
        return factors
    old, new = late_in_words(plan.last_day, was), late_in_words(plan.last_day, now)
    kept = tuple(factor for factor in factors if factor != old)
    return (new, *kept) if new else kept


def _disagreement(estimate: SprintDurationEstimate, plan: SprintPlan, forecast: WorkForecast) -> str | None:
    if not plan.items or forecast.early is None:
        return None
    estimated_days = estimate.estimated_days
    early, late = (_days(plan, finish.day) for finish in (forecast.early, forecast.promised))
    if early is None and plan.is_beyond_horizon(estimate.working_days):
        return None
    if early is not None and early <= estimated_days and (late is None or estimated_days <= late):
        return None
    expected = f"{early or 'more than 3650'} to {late or 'more than 3650'}"
    return (
        f"Velocity alone says {estimated_days} calendar days; the forecast, which also knows what comes first and what "
        f"comes on top, says {expected} ({EARLY_PERCENT}% and {PROMISED_PERCENT}% of its runs are done by then)."
    )


def _days(plan: SprintPlan, day: date | None) -> int | None:
    """Calendar days from the sprint's first day, both counted, as the estimate counts them."""
    return None if day is None else (day - plan.first_day).days + 1
