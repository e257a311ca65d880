"""Answers whose truth takes more than a column: who did it, whether a sprint fell short, when work was done.

Each answer gets its truth once, or the reason why it will never have one. What books told goes with them (`opening`).
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet

from apps.common.operations.database_faults import by_itself
from apps.ml.core.evaluation.dated import days_taken
from apps.ml.models import ModelType, PredictionHistory
from apps.projects.history.days import beginning_of, day_of, end_of
from apps.projects.levels import COUNTED
from apps.projects.models import Issue, SprintSnapshot
from apps.projects.rows import IDS_PER_QUERY, few_of_each, in_parts

logger = logging.getLogger(__name__)

Kind = PredictionHistory.Kind
#: Answers about days.
DATED = (ModelType.SPRINT_DURATION, Kind.FORECAST, Kind.WHAT_IF)
#: Answers about a sprint that its books judge; all others are judged by what became of issues.
BY_BOOKS = (Kind.SPRINT_OUTCOME, Kind.SPRINT_RISK, Kind.WHAT_IF)
_STAYED = "What was to be taken out stayed in the sprint."
_NOT_ADDED = "What was to be added is not in the sprint."
_ENDED_OTHERWISE = "The sprint ended on another day than supposed."
_OTHERS_CAME_IN = "Other issues came in."
#: Why an answer will never have a truth, as far as its sprint's end tells: another end may tell otherwise.
REASONS_OF_BOOKS = (_STAYED, _NOT_ADDED, _ENDED_OTHERWISE, _OTHERS_CAME_IN)
#: Rows that are judged in one transaction, and hold each other up.
BATCH_ROWS = 200
#: Rows that are judged in one run of the tasks of every minute: half a second.
MOST_AT_ONCE = IDS_PER_QUERY
#: Sums of decimals: 0.9 x 10 is reached by 9.
_TOLERANCE_POINTS = 1e-9


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of an answer; without a value nothing ever will, for the reason in `kept`."""

    value: float | None
    #: Kept beside the answer's details.
    kept: Mapping[str, Any] = field(default_factory=dict)


#: Of some rows, read together: what came of each, or None where it is not known yet.
Judge = Callable[[Sequence[PredictionHistory], datetime], Callable[[PredictionHistory], Judged | None]]


def _never(reason: str) -> Judged:
    return Judged(None, {"unscored": reason})


def held_books(sprint_ids: Iterable[UUID | None]) -> dict[UUID | None, SprintSnapshot]:
    """The books of some sprints, as they stay until this transaction ends: who opens them waits, and sees its scores.

    Those that somebody is opening now are left for the next look. Their sums alone: of a stranger's sprint the rest may
    be megabytes.
    """
    held: dict[UUID | None, SprintSnapshot] = {}
    for some in in_parts(sorted({each for each in sprint_ids if each is not None})):
        rows = SprintSnapshot.objects.filter(pk__in=some).defer("standings", "pasts")
        held |= {books.pk: books for books in rows.select_for_update(skip_locked=True)}
    return held


def judge_people(rows: QuerySet[PredictionHistory], *, now: datetime) -> int:
    """Suggested people against who did the issue: 1 / rank, 0 for somebody else. Closes what is known; how many."""
    finished = rows.filter(
        prediction_type=ModelType.TASK_ASSIGNMENT, details__was_assigned=False, issue__resolved_at__gt=F("created_at")
    )
    finished = finished.select_related("issue").defer("issue__description")
    return _judge(finished, _people, now, most=MOST_AT_ONCE)


def judge_risks(rows: QuerySet[PredictionHistory], *, now: datetime) -> int:
    """The chance that a sprint falls short against its books: 1 if it did. `rows` are about sprints that are told."""
    closed = rows.filter(prediction_type=Kind.SPRINT_RISK, details__has_key="least_amount")
    return _judge(closed, _shortfalls, now, most=MOST_AT_ONCE)


def judge_dates(rows: QuerySet[PredictionHistory], *, now: datetime) -> int:
    """Days and amounts against what was finished when; once a day is often enough for days."""
    dated = rows.filter(prediction_type__in=DATED, details__has_key="first_day")
    return _judge(dated.select_related("project", "sprint"), _dates, now)


def _judge(rows: QuerySet[PredictionHistory], judge: Judge, now: datetime, *, most: int | None = None) -> int:
    """In batches, each locked; what another worker holds is left to it.

    With `most` those that come next, of each project in turn.
    """
    open_rows = rows.filter(actual_value__isnull=True, details__unscored__isnull=True)
    if most is not None:
        open_rows = open_rows.filter(pk__in=list(few_of_each(open_rows, most, order=["?"])))
    # What was asked is read of those alone that are judged by it.
    open_rows = open_rows.defer("input").order_by("id")
    closed, after = 0, None
    while True:
        with transaction.atomic():
            some = open_rows.filter(id__gt=after) if after else open_rows
            batch = list(some.select_for_update(skip_locked=True, of=("self",))[:BATCH_ROWS])
            judged = judge(batch, now)
            for row in batch:
                # What an earlier version noted, or left out, ends the judgement of one answer and not of all after it.
                with by_itself("judge_answers", row):
                    closed += (found := judged(row)) is not None and _keep(row, found, now)
        if len(batch) < BATCH_ROWS:
            return closed
        after = batch[-1].id


def _keep(row: PredictionHistory, found: Judged, now: datetime) -> bool:
    row.details |= found.kept
    if found.value is None:
        row.save(update_fields=["details"])
        return False
    row.actual_value, row.scored_at = found.value, now
    row.save(update_fields=["details", "actual_value", "scored_at"])
    return True


def _people(rows: Sequence[PredictionHistory], now: datetime) -> Callable[[PredictionHistory], Judged | None]:
    return _rank


def _rank(row: PredictionHistory) -> Judged:
    person = str(row.issue.assignee_id) if row.issue and row.issue.assignee_id else ""
    if not person:
        return _never("Nobody is named as having done the issue.")
    suggested = row.details["suggested"]
    return Judged(1.0 / (suggested.index(person) + 1) if person in suggested else 0.0)


def _shortfalls(rows: Sequence[PredictionHistory], now: datetime) -> Callable[[PredictionHistory], Judged | None]:
    held = held_books(row.sprint_id for row in rows)
    return lambda row: _shortfall(row, held.get(row.sprint_id))


def _shortfall(row: PredictionHistory, books: SprintSnapshot | None) -> Judged | None:
    if books is None:
        return None
    unit = row.details["unit"]
    delivered = getattr(books, f"completed_{unit}") + getattr(books, f"done_outside_{unit}")
    return Judged(float(delivered < row.details["least_amount"] - _TOLERANCE_POINTS))


def _dates(rows: Sequence[PredictionHistory], now: datetime) -> Callable[[PredictionHistory], Judged | None]:
    wanted = {issue for row in rows for issue in row.details.get("issues", ())}
    ends = {
        str(id_): resolved_at or dropped_at
        for id_, resolved_at, dropped_at in Issue.objects.filter(id__in=wanted)
        .order_by()
        .values_list("id", "resolved_at", "dropped_at")
    }
    held = held_books(row.sprint_id for row in rows if row.prediction_type in BY_BOOKS)
    return lambda row: (
        _amount(row, now) if "at_least" in row.details else _work(row, ends, held.get(row.sprint_id), now)
    )


def _amount(row: PredictionHistory, now: datetime) -> Judged | None:
    """How many issues were finished from the day of the question to the day asked about."""
    first, last = (date.fromisoformat(row.details[name]) for name in ("first_day", "last_day"))
    zone = row.project.zone
    if day_of(now, zone) <= last:
        return None
    stretch = (beginning_of(first, zone), end_of(last, zone))
    finished = Issue.objects.filter(COUNTED, project_id=row.project_id, resolved_at__range=stretch)
    return Judged(float(finished.count()))


def _work(
    row: PredictionHistory, ends: Mapping[str, datetime | None], books: SprintSnapshot | None, now: datetime
) -> Judged | None:
    if any(issue not in ends for issue in row.details["issues"]):
        return _never("An issue that it was about is gone.")
    if row.prediction_type == Kind.WHAT_IF:
        if books is None:
            return None
        if reason := not_as_supposed(row, books):
            return _never(reason)
    zone, first_day = row.project.zone, date.fromisoformat(row.details["first_day"])
    days = [moment and day_of(moment, zone) for moment in (ends[issue] for issue in row.details["issues"])]
    taken = days_taken(days, first_day=first_day, latest_told=_latest_told(row, first_day), today=day_of(now, zone))
    return None if taken is None else Judged(float(taken.days), {"at_least_so_long": True} if taken.at_least else {})


def _latest_told(row: PredictionHistory, first_day: date) -> date | None:
    """After this day every date and chance of the answer is decided; None where one lies beyond ten years."""
    told, days = row.details["days"], row.details["days_left"]
    forecast = row.details.get("forecast") or row.details
    if len(told) < len(forecast["working_days"]):
        return None
    return first_day + timedelta(days=max(*told.values(), days or 0) - 1)


def not_as_supposed(row: PredictionHistory, books: SprintSnapshot) -> str:
    """Why a scenario did not come about, as the closed sprint shows it; empty if it did."""
    supposed = row.input
    if supposed["team_capacity_hours"] is not None or supposed["days_off"]:
        return "Nobody can see whether the team had the supposed hours and days."
    # Read here and kept by nobody: of one sprint at a time.
    standings = SprintSnapshot.objects.values_list("standings", flat=True).get(pk=books.pk)
    inside = {entry["issue_id"] for entry in standings if entry["is_in"] and entry["category"] != "dropped"}
    if inside & set(supposed["drop_issues"]):
        return _STAYED
    if set(supposed["add_issues"]) - inside:
        return _NOT_ADDED
    last_day = row.sprint.end_date.isoformat() if row.sprint and row.sprint.end_date else None
    if last_day != row.details["last_day"]:
        return _ENDED_OTHERWISE
    if not supposed["growth"] and _came_in_later(row, standings) - set(supposed["add_issues"]):
        return _OTHERS_CAME_IN
    return ""


def _came_in_later(row: PredictionHistory, standings: Sequence[Mapping[str, Any]]) -> set[str]:
    entries = [(entry["issue_id"], datetime.fromisoformat(entry["entered_at"])) for entry in standings]
    return {issue for issue, entered_at in entries if entered_at > row.created_at}
