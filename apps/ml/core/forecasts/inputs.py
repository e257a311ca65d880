"""All that a forecast of some work is told from, so that it can be told again, with one thing changed."""

import hashlib
import marshal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, cast

import numpy as np

from apps.ml.core.forecasts.calendar import Absence, WorkingCalendar
from apps.ml.core.forecasts.forecaster import WorkForecaster
from apps.ml.core.forecasts.links import Link, LinkedWork
from apps.ml.core.forecasts.played.plays import Plays
from apps.ml.core.forecasts.simulation import SEED, Forecast
from apps.ml.core.forecasts.sizes import Spread
from apps.ml.core.forecasts.units import Throughput, Unit, WorkItem

#: Values that are written of a model's distribution of one size: a forecast adds up many of them, and means of groups
#: keep the mean of each exactly.
SPREAD_VALUES = 32
#: Values that are written of the sizes of finished issues.
SIZE_VALUES = 256
#: Digits of a written size: a thousandth of a point, 4 seconds of an hour.
_DIGITS = 3
#: Later versions of `marshal` write equal values in several ways.
_MARSHAL_VERSION = 2


@dataclass(frozen=True, slots=True)
class ForecastInputs:
    """What decides when some work is done."""

    items: tuple[WorkItem, ...]
    throughput: Throughput
    unit: Unit
    #: The first day of the work.
    asked_on: date
    #: By when it should be done.
    target: date | None = None
    calendar: WorkingCalendar = field(default_factory=WorkingCalendar)
    #: What a model says of the size of issues, by id and in `unit`.
    spreads: Mapping[str, Spread] = field(default_factory=dict)
    #: Issues in progress that come first.
    ahead: tuple[WorkItem, ...] = ()
    #: Which issues wait for which; kept with the work in the order in which it is taken up.
    linked: LinkedWork = field(default_factory=LinkedWork)
    seed: int = SEED

    def forecaster(
        self, *, created: Sequence[float] = (), drawn: Forecast | None = None, plays: Plays | None = None
    ) -> WorkForecaster:
        """The engine, with issues coming in as in each past week if told so; raises `NotEnoughData`.

        `drawn` are the team's runs, where they were drawn already, and `plays` what was played of them.
        """
        return WorkForecaster(
            self.throughput,
            self.unit,
            self.asked_on,
            self.target,
            self.calendar,
            self.spreads,
            ahead=self.ahead,
            created=created,
            seed=self.seed,
            drawn=drawn,
            linked=self.linked,
            plays=plays or Plays(),
        )


def fingerprint(forecaster: WorkForecaster, items: Sequence[WorkItem]) -> str:
    """A digest of all that decides what `forecaster.ask(items)` answers: all its draws are seeded."""
    asked = forecaster
    past = asked.throughput
    columns = (
        (past.issues, past.points, past.sizes, past.hours, past.sizes_hours, past.presence),
        [(*_item_row(item), item.exists) for item in items],
        [(*_item_row(item), item.exists) for item in asked.ahead],
        sorted(asked.spreads),
    )
    rest = (
        asked.unit, asked.starts_on, asked.last_day, asked.calendar, tuple(asked.growth), tuple(asked.created),
        asked.asked_on, asked.seed, asked.odds_shift, asked.linked,
    )  # fmt: skip
    found = hashlib.blake2b(marshal.dumps(columns, _MARSHAL_VERSION), digest_size=16)
    found.update(repr(rest).encode())
    for issue_id in sorted(asked.spreads):
        found.update(asked.spreads[issue_id].table.tobytes())
    if asked.carried is not None:
        found.update(asked.carried.tobytes())
    return found.hexdigest()


def as_json(inputs: ForecastInputs) -> dict[str, Any]:
    """Inputs as they are kept: ids and figures, no texts and no people."""
    past = inputs.throughput
    return {
        "items": [_item_row(item) for item in inputs.items],
        "ahead": [_item_row(item) for item in inputs.ahead],
        "unit": inputs.unit,
        "asked_on": inputs.asked_on.isoformat(),
        "target": inputs.target.isoformat() if inputs.target else None,
        "seed": inputs.seed,
        "weeks": {"issues": past.issues, "points": past.points, "hours": past.hours, "presence": past.presence},
        "sizes": {
            "points": thinned(past.sizes, SIZE_VALUES),
            "hours": thinned(past.sizes_hours, SIZE_VALUES),
        },
        "calendar": {
            "days_off": sorted(day.isoformat() for day in inputs.calendar.days_off),
            "people": inputs.calendar.people,
            "absences": [[_day(absence.first), _day(absence.last)] for absence in inputs.calendar.absences],
        },
        "links": {
            "pairs": [[link.blocker, link.blocked] for link in inputs.linked.links],
            "blockers": [_item_row(item) for item in inputs.linked.in_order(inputs.linked.blockers)],
            "elsewhere": sorted(inputs.linked.elsewhere),
            "cycle_weeks": thinned(inputs.linked.cycle_weeks, SIZE_VALUES),
        },
        "spreads": {id_: thinned(spread.table.tolist(), SPREAD_VALUES) for id_, spread in inputs.spreads.items()},
    }


def from_json(kept: Mapping[str, Any]) -> ForecastInputs:
    """Inputs as they were kept."""
    weeks, sizes, calendar = kept["weeks"], kept["sizes"], kept["calendar"]
    return ForecastInputs(
        items=tuple(_item(row) for row in kept["items"]),
        ahead=tuple(_item(row) for row in kept["ahead"]),
        unit=cast("Unit", kept["unit"]),
        asked_on=date.fromisoformat(kept["asked_on"]),
        target=_day_or_none(kept["target"]),
        seed=kept["seed"],
        throughput=Throughput(
            issues=tuple(weeks["issues"]),
            points=tuple(weeks["points"]),
            hours=tuple(weeks["hours"]),
            presence=tuple(weeks["presence"]),
            sizes=tuple(sizes["points"]),
            sizes_hours=tuple(sizes["hours"]),
        ),
        calendar=WorkingCalendar(
            days_off=frozenset(map(date.fromisoformat, calendar["days_off"])),
            people=calendar["people"],
            absences=tuple(Absence(*map(_day_or_none, absence)) for absence in calendar["absences"]),
        ),
        linked=_linked(kept.get("links")),
        spreads={id_: Spread.of(values) for id_, values in kept["spreads"].items()},
    )


def thinned(values: Sequence[float], n_values: int) -> list[float]:
    """At most so many equally likely values: each the mean of a group of neighbours."""
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    groups = np.array_split(ordered, n_values) if len(ordered) > n_values else [ordered]
    means = [float(group.mean()) for group in groups] if len(groups) > 1 else ordered.tolist()
    return [round(value, _DIGITS) for value in means]


def _item_row(item: WorkItem) -> list[Any]:
    return [item.issue_id, item.story_points, item.estimated_hours, item.is_assigned, item.logged_hours]


def _linked(kept: Mapping[str, Any] | None) -> LinkedWork:
    """Links as they were kept; forecasts of before knew none."""
    if kept is None:
        return LinkedWork()
    return LinkedWork(
        links=tuple(Link(*pair) for pair in kept["pairs"]),
        blockers=tuple(_item(row) for row in kept["blockers"]),
        elsewhere=frozenset(kept["elsewhere"]),
        cycle_weeks=tuple(kept["cycle_weeks"]),
    )


def _item(row: Sequence[Any]) -> WorkItem:
    issue_id, points, hours, is_assigned, logged_hours = row
    return WorkItem(issue_id, points, hours, is_assigned, logged_hours)


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _day_or_none(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
