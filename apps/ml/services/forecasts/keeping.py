"""What was said of a project's end, kept day by day, and why it changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from apps.common.exceptions import NotEnoughData
from apps.ml.core.forecasts.forecaster import WorkForecast
from apps.ml.core.forecasts.inputs import ForecastInputs, as_json, from_json
from apps.ml.core.forecasts.moved import SPLIT_PERCENTS, ForecastAnswer, KeptAnswer, MovedDate, why_it_moved
from apps.ml.core.forecasts.words import moved_in_words
from apps.ml.models import KeptForecast
from apps.ml.selectors import forecasts
from apps.ml.selectors.kept_forecasts import (
    COMPARED_DAYS,
    INPUTS_KEPT_DAYS,
    IS_OF_A_CLOSE,
    IS_OF_THE_END,
    Occasion,
    finished_of,
    latest_kept,
    turned_sprints,
)
from apps.ml.serializers.kept_forecasts import KeptForecastDetailSerializer, MovedResponse
from apps.ml.services.forecasts.reading import work_inputs
from apps.ml.services.forecasts.service import of_a_sprint
from apps.ml.services.heavy import in_turn
from apps.projects.history.days import day_of
from apps.projects.history.reads import MOST_IDS
from apps.projects.models import Project, Sprint
from apps.projects.rows import in_parts
from apps.projects.selectors import names_of

#: Further back two forecasts share hardly an issue.
MOST_DAYS_BACK = 366


def is_comparable(day: date, today: date) -> bool:
    """Whether the forecast of a day can be compared with that of today."""
    return 0 < (today - day).days <= MOST_DAYS_BACK


@dataclass(frozen=True, slots=True)
class Side:
    """One of two forecasts that are compared."""

    day: date
    kept: KeptAnswer
    #: What was said; None where it was told again from the history.
    row: KeptForecast | None

    @property
    def was_said(self) -> bool:
        """Whether it was kept as it was given."""
        return self.row is not None


@dataclass(frozen=True, slots=True)
class Moved:
    """Two forecasts and the parts of their difference."""

    before: Side
    after: Side
    split: MovedDate


def keep_due_forecasts(project: Project, *, now: datetime) -> int:
    """Keep the forecast of the project's day, and of sprints that began or ended just now; returns how many."""
    occasions: list[tuple[str, Sprint | None]] = [(each, sprint) for sprint, each in turned_sprints(project, now=now)]
    today = day_of(now, project.zone)
    if not KeptForecast.objects.filter(project=project, day=today, occasion=Occasion.DAY).exists():
        occasions.append((Occasion.DAY, None))
    if not occasions:
        return 0
    fields = _forecast(project, now=now)
    rows = [
        KeptForecast(project=project, day=today, made_at=now, occasion=occasion, sprint=sprint, **fields)
        for occasion, sprint in occasions
    ]
    return sum(map(_stored, rows))


def _stored(row: KeptForecast) -> bool:
    """False where another worker was faster: what was said first stands, unless at an end that was taken back."""
    try:
        with transaction.atomic():
            if row.occasion == Occasion.SPRINT_CLOSE:
                KeptForecast.objects.filter(IS_OF_A_CLOSE & ~IS_OF_THE_END, sprint=row.sprint).delete()
            row.save(force_insert=True)
    except IntegrityError:
        return False
    return True


def _forecast(project: Project, *, now: datetime) -> dict[str, Any]:
    """The forecast of all open work as it is shown now, with what it is told from."""
    items = forecasts.unfinished(project.pk)
    try:
        inputs = work_inputs(project.pk, items, by=project.target_date, now=now)
        of_sprint = of_a_sprint(project.pk, items, by=project.target_date, now=now)
        found = (of_sprint or inputs.forecaster()).ask(items)
    except NotEnoughData as error:
        return {"issues": len(items), "target": project.target_date, "no_forecast_because": error.message}
    return {**_figures(found), "target": project.target_date, "inputs": as_json(inputs)}


def _figures(found: WorkForecast) -> dict[str, Any]:
    return {
        "finishes": [
            {"percent": each.percent, "date": each.day.isoformat() if each.day else None} for each in found.finishes
        ],
        "chance": found.probability_in_time,
        "issues": found.issues,
        "work": found.work,
        "unit": found.history.unit,
    }


def why_moved(project: Project, *, now: datetime, since: date | None = None) -> Moved:
    """Why the forecast of today differs from the one of a day, or else of a week ago; raises `NotEnoughData`.

    A forecast that was kept is taken as it was said. Where none was, it is told again from the history, which knows how
    every issue stood.
    """
    after = _side(latest_kept(project, day_of(now, project.zone))) or _told_now(project, now)
    day = since or after.day - timedelta(days=COMPARED_DAYS)
    before = _side(latest_kept(project, day)) or _told_as_of(project, day, now)
    later = {item.issue_id for item in after.kept.inputs.items}
    gone = [item.issue_id for item in before.kept.inputs.items if item.issue_id not in later]
    split = why_it_moved(before.kept, after.kept, finished=finished_of(gone, now=now))
    return Moved(before, after, split)


def _side(row: KeptForecast | None) -> Side | None:
    if row is None:
        return None
    said = {each["percent"]: _day(each["date"]) for each in row.finishes}
    days = {percent: said[percent] for percent in SPLIT_PERCENTS}
    return Side(row.day, KeptAnswer(from_json(row.inputs), ForecastAnswer(days, row.chance)), row)


def _told_now(project: Project, now: datetime) -> Side:
    items = forecasts.unfinished(project.pk)
    in_turn(issues=len(items))
    inputs = work_inputs(project.pk, items, by=project.target_date, now=now)
    return _told(inputs, day_of(now, project.zone))


def _told_as_of(project: Project, day: date, now: datetime) -> Side:
    """What a forecast at the same time of another day would have said, by the models and days off of today."""
    moment = now - timedelta(days=(day_of(now, project.zone) - day).days)
    items = forecasts.unfinished_as_of(project.pk, moment)
    in_turn(issues=len(items))
    inputs = work_inputs(project.pk, items, by=project.target_date, now=moment, after_work_in_progress=False)
    return _told(inputs, day)


def _told(inputs: ForecastInputs, day: date) -> Side:
    return Side(day, KeptAnswer(inputs, ForecastAnswer.of(inputs.forecaster().ask(inputs.items))), None)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def moved_answer(project: Project, *, now: datetime, since: date | None = None) -> dict[str, Any]:
    """Why the date moved, as clients see it."""
    moved = why_moved(project, now=now, since=since)
    split = moved.split
    return MovedResponse.of(
        project_id=project.pk,
        before=_compared(moved.before),
        after=_compared(moved.after),
        days=[{"percent": percent, "parts": parts} for percent, parts in split.days.items()],
        chance=split.chance,
        scope={name: len(getattr(split.scope, name)) for name in ("added", "removed", "resized", "finished")},
        in_words=moved_in_words(split),
    )


def _compared(side: Side) -> dict[str, Any]:
    answer = side.kept.answer
    return {
        "day": side.day,
        "was_said": side.was_said,
        "issues": len(side.kept.inputs.items),
        "percentiles": [{"percent": percent, "date": day} for percent, day in answer.days.items()],
        "chance": answer.chance,
    }


def kept_answer(row: KeptForecast) -> dict[str, Any]:
    """A kept forecast with the issues that it counted, one by one, as clients see it."""
    items = from_json(row.inputs).items if row.inputs else ()
    names = _names([item.issue_id for item in items])
    counted = [
        {"issue_id": item.issue_id, "key": key, "title": title, "story_points": item.story_points}
        for item in items
        for key, title in [names.get(item.issue_id, ("", ""))]
    ]
    return KeptForecastDetailSerializer.of(row, items=counted)


def _names(issue_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Key and title by id, in as many queries as the database's parameters need."""
    found: dict[str, tuple[str, str]] = {}
    for some in in_parts(issue_ids, MOST_IDS):
        found |= names_of(some)
    return found


def forget_inputs(*, now: datetime) -> int:
    """Remove what old forecasts of mere days were told from; those of sprints stay whole."""
    old = KeptForecast.objects.filter(occasion=Occasion.DAY, made_at__lt=now - timedelta(days=INPUTS_KEPT_DAYS))
    return old.exclude(inputs={}).update(inputs={})
