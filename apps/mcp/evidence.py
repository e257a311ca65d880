"""What every answer says of itself: a figure without it is a guess to whoever repeats it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.common.exceptions import Conflict, NotEnoughData
from apps.ml.core.forecasts.forecaster import PROMISED_PERCENT
from apps.ml.core.forecasts.track_record import track_record
from apps.ml.selectors.calendars import working_calendar
from apps.ml.selectors.forecasts import throughput
from apps.ml.services.forecasts.service import METHOD
from apps.ml.services.similar.finished_work import FINISHED_WORK

#: With fewer known issues the answer is what other teams do; with ten, its error beside the team's own median was
#: measured on projects that it had not seen, and is smaller.
MIN_POINTED = 10


class OnlyAGuess(Conflict):
    """The team has too little finished work that speaks about this."""

    code = "not_enough_data"

    def __init__(self) -> None:
        super().__init__(
            "The team has too little finished work that speaks about this: a figure would be an average of anything, "
            "so there is none. It takes finished issues that are alike, or a trained model."
        )


def evidence(
    *,
    method: str,
    n: int,
    what_n_counts: str,
    range: dict[str, Any] | None = None,
    promised_share: float | None = None,
    measured_hold_share: float | None = None,
) -> dict[str, Any]:
    """The same names in every answer; null where nothing is predicted, or nothing was measured yet."""
    return {
        "range": range,
        "promised_share": promised_share,
        "measured_hold_share": measured_hold_share,
        "n": n,
        "what_n_counts": what_n_counts,
        "method": method,
    }


def of_facts(n: int, what_n_counts: str) -> dict[str, Any]:
    """Nothing is predicted."""
    return evidence(method="recorded", n=n, what_n_counts=what_n_counts)


def of_prediction(answer: dict[str, Any], range_of: str = "prediction_range") -> dict[str, Any]:
    """Of an answer that has a range with its measured share."""
    return evidence(
        method=answer["method"],
        n=answer["range_outcomes"],
        what_n_counts="past outcomes that measured_hold_share was measured on",
        range=answer[range_of],
        promised_share=answer["range_level"],
        measured_hold_share=answer["range_measured_coverage"],
    )


def require_own_work(answer: dict[str, Any], project_id: UUID) -> None:
    """Refuse hours that are averages by type, and points of a team of which hardly any are known."""
    if answer["method"] == "heuristic":
        raise OnlyAGuess
    if answer["method"] == "prior":
        known = FINISHED_WORK.of_project(project_id).people.n_with_points
        if known < MIN_POINTED:
            raise NotEnoughData(have=known, needed=MIN_POINTED, what="finished issues with points")


def of_promises(percentiles: Sequence[dict[str, Any]], record: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of a forecast: half of the futures are over by the first day, 85 of 100 by the last, and so were past ones."""
    days = {each["percent"]: each["date"] for each in percentiles}
    kept = next(each for each in record if each["percent"] == PROMISED_PERCENT)
    return evidence(
        method=METHOD,
        n=kept["due"],
        what_n_counts="past weeks in which the same forecast was made and is due",
        range={"min": days[50], "max": days[PROMISED_PERCENT]},
        promised_share=PROMISED_PERCENT / 100,
        measured_hold_share=kept["kept"] / kept["due"] if kept["due"] else None,
    )


def past_promises(project_id: UUID, unit: str, *, now: datetime) -> list[dict[str, Any]]:
    """How the project's forecasts held, for answers that do not say so themselves."""
    past = throughput(project_id, now=now, calendar=working_calendar(project_id, now=now))
    record = track_record(past.weekly(unit))  # type: ignore[arg-type]
    return [{"percent": each.percent, "due": each.due, "kept": each.kept} for each in record]
