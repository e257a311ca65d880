"""How work flows: days from start to done, work by state along time, and how old the work in each state is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from django.utils.translation import gettext as _

from apps.common.charts.numbers import day as told_day
from apps.common.charts.numbers import number, percent
from apps.common.charts.picture import HALF, HALF_NARROW, Picture, Size, picture
from apps.common.charts.plot import Mark, Plot, Point, labelled, shortened
from apps.common.charts.scales import AxisScale, growing_ticks, number_ticks

#: Areas that the sheet can tell apart.
MOST_LAYERS = 6
#: Of the width of a state, how much its issues are spread over, so that equal ages do not hide each other.
_SPREAD = 0.6


@dataclass(frozen=True, slots=True)
class Dot:
    """A finished issue: when, after how many days, and where it is shown."""

    day: date
    days: float
    name: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Layer:
    """A named area: one value a day."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class State:
    """A state of the board and the ages, in days, that rising shares of finished issues had in it: its pace bands."""

    name: str
    paces: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Age:
    """An open issue, its state, and its age in days."""

    state: str
    days: float
    name: str
    href: str = ""


def cycle_scatter(dots: Sequence[Dot], percentiles: Sequence[tuple[float, float]], *, label: str) -> Picture:
    """Days from start to done by day of finish, with a line at each percentile; room grows towards few days.

    Parameters
    ----------
    dots : sequence of Dot
        One each; narrow drawings, where a finger hits several, have no links.
    percentiles : sequence of tuple of float and float
        Share in [0, 1] and the days that it kept to.
    label : str
        What is seen, in a sentence.

    Raises
    ------
    ValueError
        Without a dot.
    """
    if not dots:
        raise ValueError("A finished issue at least is needed.")
    first, last = min(dot.day for dot in dots), max(dot.day for dot in dots)
    high = max([dot.days for dot in dots] + [days for _, days in percentiles] + [1.0])
    marks = [Mark(f"{percent(share)}: {number(days)}", "line even", days) for share, days in percentiles]

    def draw(size: Size) -> list[str]:
        x = AxisScale(first.toordinal(), max(last.toordinal(), first.toordinal() + 1))
        plot = Plot(size, x, AxisScale(0.0, high, math.log1p), labelled(growing_ticks(high), number), marks)
        plot.days(first, last)
        for _share, days in percentiles:
            plot.across(days, "line even")
        if size.is_narrow:
            plot.many([(dot.day.toordinal(), dot.days) for dot in dots])
        else:
            for dot in dots:
                title = f"{dot.name}: {number(dot.days)}"
                plot.dot((dot.day.toordinal(), dot.days), title=title, href=dot.href, style="faint", radius=3.5)
        return plot.parts

    rows = [(dot.name, told_day(dot.day), number(dot.days)) for dot in sorted(dots, key=lambda dot: -dot.days)]
    columns = (_("Issue"), _("Done"), _("Days from start to done"))
    has_links = any(dot.href for dot in dots)
    return picture(label, draw, columns, rows, sizes=(HALF, HALF_NARROW), has_links=has_links)


def stacked_areas(days: Sequence[date], layers: Sequence[Layer], *, label: str) -> Picture:
    """Layers on top of each other along time, the first at the bottom: a cumulative flow.

    Raises
    ------
    ValueError
        Without two days, or with other than one to `MOST_LAYERS` layers.
    """
    if len(days) < 2 or not 1 <= len(layers) <= MOST_LAYERS:
        raise ValueError(f"Two days and one to {MOST_LAYERS} layers are needed.")
    tops = [[0.0] * len(days)]
    for layer in layers:
        tops.append([below + value for below, value in zip(tops[-1], layer.values, strict=True)])
    ticks = number_ticks(0.0, max(tops[-1]), whole=True)
    marks = [Mark(layer.name, f"band layer-{place}") for place, layer in enumerate(layers)]

    def draw(size: Size) -> list[str]:
        x = AxisScale(days[0].toordinal(), days[-1].toordinal())
        plot = Plot(size, x, AxisScale(0.0, ticks[-1]), labelled(ticks, number), marks)
        plot.days(days[0], days[-1])
        for place, (lower, upper) in enumerate(pairwise(tops)):
            plot.band(_along(days, lower), _along(days, upper), f"layer-{place}")
        return plot.parts

    rows = [(told_day(day), *(number(layer.values[place]) for layer in layers)) for place, day in enumerate(days)]
    return picture(label, draw, (_("Day"), *(layer.name for layer in layers)), rows)


def ageing(states: Sequence[State], ages: Sequence[Age], *, label: str) -> Picture:
    """Open issues by state and age, above bands of how long finished issues took there.

    Raises
    ------
    ValueError
        Without a state, or where an issue is in none of them.
    """
    places = {state.name: place for place, state in enumerate(states)}
    if not states or any(age.state not in places for age in ages):
        raise ValueError("Every issue needs a state that is shown.")
    high = max([age.days for age in ages] + [pace for state in states for pace in state.paces] + [1.0])
    ticks = number_ticks(0.0, high)
    marks = [Mark(_("ordinary pace"), "band outer"), Mark(_("slower than usual"), "band inner")]

    def draw(size: Size) -> list[str]:
        has_bands = any(state.paces for state in states)
        y_labels = labelled(ticks, number)
        x = AxisScale(0.0, len(states))
        plot = Plot(size, x, AxisScale(0.0, ticks[-1]), y_labels, marks if has_bands else (), _("age in days by state"))
        room = int((plot.left(1.0) - plot.left(0.0)) / size.letter)
        plot.below([(place + 0.5, shortened(state.name, room)) for place, state in enumerate(states)])
        for place, state in enumerate(states):
            _draw_paces(plot, place, state.paces)
            _draw_ages(plot, place, [age for age in ages if age.state == state.name], state.paces)
        return plot.parts

    rows = [(age.name, age.state, number(age.days)) for age in sorted(ages, key=lambda age: -age.days)]
    columns = (_("Issue"), _("State"), _("Age in days"))
    return picture(label, draw, columns, rows, has_links=any(age.href for age in ages))


def _draw_paces(plot: Plot, place: int, paces: Sequence[float]) -> None:
    """From nothing to the first pace is ordinary; between the following ones it is slower and slower."""
    for number_of, (low, high) in enumerate(pairwise((0.0, *paces))):
        ends = (place + 0.05, place + 0.95)
        style = "outer" if number_of == 0 else "inner"
        plot.band([(x, low) for x in ends], [(x, high) for x in ends], style)


def _draw_ages(plot: Plot, place: int, ages: Sequence[Age], paces: Sequence[float]) -> None:
    for number_of, age in enumerate(ages):
        x = place + 0.5 + _SPREAD * ((number_of + 0.5) / len(ages) - 0.5)
        is_late = bool(paces) and age.days > paces[-1]
        title = f"{age.name}: {number(age.days)}"
        plot.dot((x, age.days), title=title, href=age.href, style="dot alarm" if is_late else "dot")


def _along(days: Sequence[date], values: Sequence[float]) -> list[Point]:
    return [(day.toordinal(), value) for day, value in zip(days, values, strict=True)]
