"""What was said of a project's end, and why it changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.utils.dateparse import parse_date
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from apps.common.charts.bars import Part, contributions
from apps.common.charts.numbers import percent, signed
from apps.common.charts.picture import Picture, Table
from apps.common.charts.series import Line, lines_over_time
from apps.common.exceptions import NotEnoughData
from apps.dashboard.memory import remembered, state_of
from apps.dashboard.types import Project
from apps.ml.selectors.kept_forecasts import kept_forecasts
from apps.ml.services.forecasts.keeping import is_comparable, kept_answer, moved_answer

#: The promise whose parts are drawn.
PROMISED = 85
#: Kept forecasts that the panel lists, and its own page; the file has all.
FEW_ROWS, MOST_ROWS = 8, 100
#: Kept forecasts in the picture of the chance: a year of days.
MOST_POINTS = 366
CAUSES: Mapping[str, str | Promise] = {
    "scope": pgettext_lazy("why a date moved", "scope"),
    "speed": pgettext_lazy("why a date moved", "speed"),
    "calendar": pgettext_lazy("why a date moved", "calendar"),
    "order": pgettext_lazy("why a date moved", "order"),
    "model": pgettext_lazy("why a date moved", "model"),
}
OCCASIONS: Mapping[str, str | Promise] = {
    "day": "",
    "sprint_start": gettext_lazy("start of"),
    "sprint_close": gettext_lazy("close of"),
}


class MovedPanel:
    """Why the date moved since a day; `answer` is that of the API, None where nothing can be compared."""

    def __init__(self, answer: Mapping[str, Any] | None, *, silent_because: str = "") -> None:
        self.answer, self.silent_because = answer, silent_because

    @property
    def parts(self) -> Mapping[str, int] | None:
        """Days of each cause."""
        if self.answer is None:
            return None
        found: Mapping[str, int] | None = next(
            each["parts"] for each in self.answer["days"] if each["percent"] == PROMISED
        )
        return found

    @property
    def moved_days(self) -> int:
        """How far the date moved, in either direction."""
        return abs(self.parts["total"]) if self.parts else 0

    @property
    def days(self) -> tuple[date | None, date | None]:
        """The promised day before and now."""
        return self._promised("before"), self._promised("after")

    def _promised(self, side: str) -> date | None:
        if self.answer is None:
            return None
        text = next(each["date"] for each in self.answer[side]["percentiles"] if each["percent"] == PROMISED)
        return parse_date(text) if text else None

    @property
    def since(self) -> date | None:
        """The day that is compared with."""
        return parse_date(self.answer["before"]["day"]) if self.answer else None

    @cached_property
    def picture(self) -> Picture | None:
        """The parts, each beginning where the one before ended."""
        if not self.parts:
            return None
        parts = [Part(str(name), float(self.parts[cause])) for cause, name in CAUSES.items()]
        return contributions(parts, label=_("What moved the date, in days"), unit=_("days"))

    @property
    def chance(self) -> Sequence[tuple[str | Promise, str]]:
        """What each cause did to the chance of the target, in percentage points; only those that did something."""
        found = self.answer["chance"] if self.answer else None
        return [(name, signed(found[cause] / 10)) for cause, name in CAUSES.items() if found[cause]] if found else []


def moved_panel(project: Project, asked: str, *, now: datetime) -> MovedPanel:
    """Why the date moved since the day that an address names, or else since a week ago."""
    since = _day_or_none(asked)
    today = now.astimezone(project.zone).date()
    day = since if since and is_comparable(since, today) else None
    try:
        return MovedPanel(
            remembered(state_of(project, now=now), f"moved {day}", lambda: moved_answer(project, now=now, since=day))
        )
    except NotEnoughData as error:
        return MovedPanel(None, silent_because=error.message)


def _day_or_none(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class SaidRow:
    """One kept forecast."""

    forecast: Any
    #: 'start of Sprint 5', for a forecast that stays.
    occasion: str
    half: date | None
    most: date | None


class SaidPanel:
    """What was said, the latest first."""

    def __init__(self, project: Project, *, now: datetime, is_part: bool = False) -> None:
        self.project, self.now, self.is_part = project, now, is_part

    @cached_property
    def _kept(self) -> Sequence[Any]:
        return list(kept_forecasts(self.project, now=self.now)[:MOST_POINTS])

    @cached_property
    def rows(self) -> Sequence[SaidRow]:
        """All of them."""
        return [_row(kept) for kept in self._kept]

    @property
    def latest(self) -> Sequence[SaidRow]:
        """Those that the panel lists."""
        return self.rows[: FEW_ROWS if self.is_part else MOST_ROWS]

    @cached_property
    def chances(self) -> Picture | None:
        """The chance of the target date over time; None before two days were kept with one."""
        told = {kept.day: kept.chance for kept in self._kept if kept.chance is not None}
        if len(told) < 2:
            return None
        line = Line(_("chance of the target"), sorted(told.items()))
        return lines_over_time(
            [line], label=_("Chance of the target date, as it was told each day"), told=percent, top=1.0
        )

    @cached_property
    def files(self) -> Mapping[str, Picture | Table]:
        """What can be had as a file, by name."""
        pictures = {"chances": self.chances} if self.chances is not None else {}
        return {"said": self._table(), **pictures}

    def _table(self) -> Table:
        columns = (_("Day"), _("Occasion"), "50 %", "85 %", _("Target"), _("Chance"), _("Issues"))
        return Table(columns, tuple(tuple(map(_plain, _cells(row))) for row in self.rows))


def _cells(row: SaidRow) -> tuple[object, ...]:
    kept = row.forecast
    return kept.day, row.occasion, row.half, row.most, kept.target, kept.chance, kept.issues


def _plain(value: object) -> str:
    return "" if value is None else str(value)


def _row(kept: Any) -> SaidRow:
    days = {each["percent"]: parse_date(each["date"]) if each["date"] else None for each in kept.finishes}
    occasion = f"{OCCASIONS[kept.occasion]} {kept.sprint.name}" if kept.sprint else ""
    return SaidRow(kept, occasion, days.get(50), days.get(PROMISED))


def kept_forecast(
    project: Project, forecast_id: UUID, *, now: datetime
) -> tuple[SaidRow, Sequence[Mapping[str, Any]]] | None:
    """One kept forecast with the issues that it counted; None where the project has no such one."""
    kept = kept_forecasts(project, now=now).defer(None).select_related("sprint").filter(id=forecast_id).first()
    return None if kept is None else (_row(kept), kept_answer(kept)["items"])
