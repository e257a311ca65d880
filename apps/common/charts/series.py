"""Values along time: a process-behaviour chart with its limits, and lines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from apps.common.charts.numbers import day as told_day
from apps.common.charts.numbers import number
from apps.common.charts.picture import HALF, HALF_NARROW, NARROW_LETTER, WIDE, Picture, Size, picture
from apps.common.charts.plot import Mark, Plot, labelled
from apps.common.charts.scales import AxisScale, number_ticks

#: Lines drawn at most: one class of the sheet each, told apart by dashes too.
MOST_LINES = 4
NARROW_LINES = Size("narrow", 360, 240, letter=NARROW_LETTER, most_ticks=3)


@dataclass(frozen=True, slots=True)
class Observation:
    """One value of a process; `is_signal` where it is more than ordinary variation."""

    day: date
    value: float
    is_signal: bool = False
    href: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Between `low` and `high` lies ordinary variation around `centre`."""

    low: float
    centre: float
    high: float


@dataclass(frozen=True, slots=True)
class Line:
    """A named line along time."""

    name: str
    points: Sequence[tuple[date, float]]


def process_behaviour(
    observed: Sequence[Observation], limits: Limits | None, *, label: str, unit: str = "issues"
) -> Picture:
    """Values along time inside their natural limits; what lies outside is marked.

    Raises
    ------
    ValueError
        Without an observation.

    References
    ----------
    D. J. Wheeler, Understanding Variation (1993).
    """
    days = _days([each.day for each in observed])
    highest = max([each.value for each in observed] + ([limits.high] if limits else []))
    ticks = number_ticks(0.0, highest, most=4, whole=unit == _("issues"))

    def draw(size: Size) -> list[str]:
        plot = Plot(size, _time(days), AxisScale(0.0, ticks[-1]), labelled(ticks, number), _limit_marks(limits))
        plot.days(*days)
        if limits:
            ends = (plot.x.low, plot.x.high)
            plot.band([(x, max(limits.low, 0.0)) for x in ends], [(x, limits.high) for x in ends], "outer")
            plot.across(limits.centre, "line even")
        plot.line([(each.day.toordinal(), each.value) for each in observed], "main")
        for each in observed:
            told = f"{told_day(each.day)}: {number(each.value)}"
            style, radius = ("dot alarm", 5.0) if each.is_signal else ("dot small", 2.5)
            plot.dot((each.day.toordinal(), each.value), title=told, href=each.href, style=style, radius=radius)
        return plot.parts

    rows = [(told_day(each.day), number(each.value), _("signal") if each.is_signal else "") for each in observed]
    has_links = any(each.href for each in observed)
    columns = (_("Day"), unit, _("beyond ordinary variation"))
    return picture(label, draw, columns, rows, sizes=(HALF, HALF_NARROW), has_links=has_links)


def _limit_marks(limits: Limits | None) -> list[Mark]:
    if limits is None:
        return []
    ends = {"low": number(max(limits.low, 0.0)), "high": number(limits.high)}
    return [
        Mark(_("ordinary: %(low)s to %(high)s") % ends, "band outer"),
        Mark(_("mean %(value)s") % {"value": number(limits.centre)}, "line even"),
    ]


def lines_over_time(
    lines: Sequence[Line],
    *,
    label: str,
    told: Callable[[float], str] = number,
    goal: tuple[str, float] | None = None,
    top: float | None = None,
) -> Picture:
    """Lines along time from zero; `told` writes a value, for example `percent`.

    Parameters
    ----------
    lines : sequence of Line
        At most `MOST_LINES`; the first is the one that matters.
    label : str
        What is seen, in a sentence.
    goal : tuple of str and float, optional
        A level line with its name.
    top : float, optional
        The end of the value axis; without it, past the largest value.

    Raises
    ------
    ValueError
        Without a value, or with more lines than styles.
    """
    if len(lines) > MOST_LINES:
        raise ValueError(f"At most {MOST_LINES} lines can be told apart.")
    days = _days([day for line in lines for day, _ in line.points])
    highest = top or max([value for line in lines for _, value in line.points] + ([goal[1]] if goal else []))
    ticks = number_ticks(0.0, highest, most=5)
    marks = [Mark(line.name, f"line series-{number_of}") for number_of, line in enumerate(lines)]

    def draw(size: Size) -> list[str]:
        named = [*marks, Mark(goal[0], "rule")] if goal else marks
        plot = Plot(size, _time(days), AxisScale(0.0, ticks[-1]), labelled(ticks, told), named)
        plot.days(*days)
        if goal:
            plot.across(goal[1], "rule")
        for place, line in enumerate(lines):
            points = [(day.toordinal(), value) for day, value in line.points]
            plot.line(points, f"series-{place}")
            if len(points) == 1:
                plot.dot(points[0])
        return plot.parts

    by_day = [dict(line.points) for line in lines]
    all_days = sorted({day for line in lines for day, _ in line.points})
    rows = [(told_day(day), *(told(each[day]) if day in each else "" for each in by_day)) for day in all_days]
    columns = (_("Day"), *(line.name for line in lines))
    return picture(label, draw, columns, rows, sizes=(WIDE, NARROW_LINES))


def _days(days: Sequence[date]) -> tuple[date, date]:
    if not days:
        raise ValueError("A value at least is needed.")
    return min(days), max(days)


def _time(days: tuple[date, date]) -> AxisScale:
    first, last = (day.toordinal() for day in days)
    return AxisScale(first, max(last, first + 1))
