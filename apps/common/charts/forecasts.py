"""Where work leads: burn-up with the forecast's fan, burndown with its cone."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from apps.common.charts.numbers import day as told_day
from apps.common.charts.numbers import number, percent
from apps.common.charts.picture import Picture, Size, picture
from apps.common.charts.plot import Mark, Plot, Point, labelled
from apps.common.charts.scales import AxisScale, number_ticks

#: Shares of futures in the two bands of a fan.
OUTER_LEVEL, INNER_LEVEL = 0.8, 0.5
#: Of the shares behind a fan those in the table: the ends of the outer band, and its middle.
_TOLD = (0.1, 0.5, 0.9)


@dataclass(frozen=True, slots=True)
class FanDay:
    """What the simulated futures say of one day: quantiles at 10, 25, 50, 75 and 90 % of them, in `unit`."""

    day: date
    low: float
    lower: float
    typical: float
    upper: float
    high: float


@dataclass(frozen=True, slots=True)
class WorkDay:
    """A day of the past: how much was done (burn-up) or left (burndown), and how much there was in all."""

    day: date
    amount: float
    scope: float


@dataclass(frozen=True, slots=True)
class Progress:
    """A past, the futures it leads to, and the day it should end by."""

    #: In the plural: 'points', 'hours' or 'issues'.
    unit: str
    past: Sequence[WorkDay]
    #: From the last day of the past on; empty without a forecast.
    fan: Sequence[FanDay] = ()
    target: date | None = None
    #: Even progress, for a burndown: days and what would be left.
    even: Sequence[tuple[date, float]] = ()

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day drawn.

        Raises
        ------
        ValueError
            Without any day.
        """
        days = [day.day for day in self.past] + [day.day for day in self.fan] + [day for day, _ in self.even]
        if not days:
            raise ValueError("A day at least is needed.")
        return min(days), max([*days, self.target] if self.target else days)


def burn_up(found: Progress, *, label: str) -> Picture:
    """What is done, all there is, and the fan of futures up to it."""
    return _progress(found, label, _("done"), [("scope", _scope(found))])


def burndown(found: Progress, *, label: str) -> Picture:
    """What is left, even progress, and the cone of futures down to nothing."""
    others = [("even", found.even)] if found.even else []
    return _progress(found, label, _("left"), others)


def _scope(found: Progress) -> list[tuple[date, float]]:
    """All there was; what there is today stands for the days to come."""
    past = [(each.day, each.scope) for each in found.past]
    return [*past, (found.fan[-1].day, past[-1][1])] if past and found.fan else past


def _progress(found: Progress, label: str, own: str, others: list[tuple[str, Sequence[tuple[date, float]]]]) -> Picture:
    first, last = found.days
    scope = [each.scope for each in found.past]
    values = [*scope, *(each.amount for each in found.past), *(each.high for each in found.fan)]
    ticks = number_ticks(0.0, max(values, default=1.0), whole=found.unit == "issues")

    def draw(size: Size) -> list[str]:
        plot = Plot(
            size,
            AxisScale(first.toordinal(), max(last.toordinal(), first.toordinal() + 1)),
            AxisScale(0.0, ticks[-1]),
            labelled(ticks, number),
            list(_marks(found, own, others)),
        )
        plot.days(first, last)
        _draw_fan(plot, found)
        for name, points in others:
            plot.line(_placed(points), name)
        plot.line(_placed((each.day, each.amount) for each in found.past), "main")
        if found.past and found.fan:
            plot.moment(found.past[-1].day.toordinal(), _("today"))
        if found.target:
            plot.upright(found.target.toordinal(), "rule")
        return plot.parts

    return picture(label, draw, _columns(found, own), _rows(found))


def _marks(found: Progress, own: str, others: list[tuple[str, Sequence[tuple[date, float]]]]) -> Iterator[Mark]:
    """What is named: at the ends of lines where there is room, else in the key."""
    names = {"scope": _("scope"), "even": _("even progress")}
    end = found.fan[-1] if found.fan else None
    if found.past:
        yield Mark(own, "line main", None if end else found.past[-1].amount)
    for name, points in others:
        yield Mark(names[name], f"line {name}", points[-1][1] if name == "scope" and points else None)
    if end:
        yield Mark(_("typical: %(amount)s") % {"amount": number(end.typical)}, "line next", end.typical)
        yield Mark(_("%(level)s of futures") % {"level": percent(OUTER_LEVEL)}, "band outer")
        yield Mark(_("half of them"), "band inner")
    if found.target:
        yield Mark(_("target %(day)s") % {"day": told_day(found.target)}, "rule")


def _draw_fan(plot: Plot, found: Progress) -> None:
    def along(name: str) -> list[Point]:
        return [(each.day.toordinal(), getattr(each, name)) for each in found.fan]

    if found.fan:
        plot.band(along("low"), along("high"), "outer")
        plot.band(along("lower"), along("upper"), "inner")
        plot.line(along("typical"), "next")


def _placed(points: Iterable[tuple[date, float]]) -> list[Point]:
    return [(day.toordinal(), value) for day, value in points]


def _columns(found: Progress, own: str) -> tuple[str, ...]:
    words = {"own": own, "unit": _(found.unit)}
    return (
        _("Day"),
        _("%(own)s, %(unit)s") % words,
        _("scope"),
        *(_("%(share)s of futures below") % {"share": percent(share)} for share in _TOLD),
    )


def _rows(found: Progress) -> Iterator[tuple[str, ...]]:
    for each in found.past:
        yield told_day(each.day), number(each.amount), number(each.scope), "", "", ""
    for futures in found.fan:
        amounts = map(number, (futures.low, futures.typical, futures.high))
        yield told_day(futures.day), "", "", *amounts
