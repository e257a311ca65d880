"""When each part of the open work is done, and finished stories to compare with."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from django.utils.dateparse import parse_date
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.common.charts.picture import Table
from apps.common.exceptions import NotEnoughData
from apps.dashboard.memory import remembered, state_of
from apps.dashboard.types import Project
from apps.ml.selectors.parts import PartKind
from apps.ml.services.flow import references_answer
from apps.ml.services.forecasts.parts import parts_answer

KINDS: Mapping[str, str | Promise] = {
    "epic": gettext_lazy("epics"),
    "label": gettext_lazy("labels"),
    "component": gettext_lazy("components"),
    "type": gettext_lazy("types"),
}


class PartsPanel:
    """Forecasts of the parts of one kind; `answer` is that of the API."""

    def __init__(self, answer: Mapping[str, Any] | None, by: str, *, silent_because: str = "") -> None:
        self.answer, self.by, self.silent_because, self.kinds = answer, by, silent_because, KINDS

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Each part with its typical and its promised day."""
        parts = self.answer["parts"] if self.answer else ()
        return [{**part, "days": _by_percent(part["percentiles"])} for part in parts]

    @property
    def table(self) -> Table:
        """The same as a file."""
        columns = (_("Part"), _("Key"), _("Open issues"), "50 %", "70 %", "85 %", "95 %", _("Chance of the target"))
        return Table(columns, tuple(tuple(map(_plain, _cells(row))) for row in self.rows))


def parts_panel(project: Project, asked: str, *, now: datetime) -> PartsPanel:
    """The parts of a kind; of the first kind that there is where an address names none."""
    if asked in KINDS:
        return _panel(project, asked, now)
    panels = (_panel(project, by, now) for by in KINDS)
    return next((panel for panel in panels if panel.rows or panel.silent_because), PartsPanel(None, "epic"))


def _panel(project: Project, by: str, now: datetime) -> PartsPanel:
    kind = cast("PartKind", by)
    try:
        return PartsPanel(
            remembered(state_of(project, now=now), f"parts {by}", lambda: parts_answer(project, kind, now=now)), by
        )
    except NotEnoughData as error:
        return PartsPanel(None, by, silent_because=error.message)


def references_panel(project: Project, *, now: datetime) -> dict[str, Any]:
    """Reference stories by points, as the API answers."""
    return remembered(state_of(project, now=now), "references", lambda: references_answer(project, now=now))


def _by_percent(percentiles: list[dict[str, Any]]) -> dict[str, Any]:
    return {f"p{each['percent']}": parse_date(each["date"]) if each["date"] else None for each in percentiles}


def _cells(row: Mapping[str, Any]) -> tuple[object, ...]:
    return row["name"], row["key"], row["issues"], *row["days"].values(), row["probability_in_time"]


def _plain(value: object) -> str:
    return "" if value is None else str(value)
