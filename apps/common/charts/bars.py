"""Bars that stand in a line of text or a cell: a range, a chance beside its goal, parts that add up."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from apps.common.charts.numbers import number, percent, signed
from apps.common.charts.picture import HALF, HALF_NARROW, NARROW_LETTER, Markup, Picture, Size, picture, svg
from apps.common.charts.plot import shortened, words_at
from apps.common.charts.scales import AxisScale

_INTERVAL, _GAUGE = Size("small", 160, 16), Size("small", 300, 20)
#: Beyond the ends of an interval's line: room for its dot.
_DOT = 4.0
_ROW = 26.0
#: Of a chart of parts: the largest share of its width for names, the share for the value behind a bar.
_NAMES, _VALUE = 0.42, 0.16
#: Between a name and its bar.
_GAP = 10.0


@dataclass(frozen=True, slots=True)
class Range:
    """A prediction: the typical value, and the range that `level` of the outcomes keep to."""

    low: float
    typical: float
    high: float
    #: In the plural, as it is read out: 'hours', 'points'.
    unit: str
    level: float = 0.8


@dataclass(frozen=True, slots=True)
class Part:
    """A named part of a sum."""

    name: str
    effect: float


def interval_bar(found: Range, *, top: float) -> Markup:
    """A dot at the typical value in a band, on a line from zero to `top`; room grows towards small values.

    Bars of one table share `top`, the largest value in it, so that they can be compared.
    """
    scale = AxisScale(0.0, max(top, found.high, found.typical), math.sqrt)
    low, typical, high = (_DOT + (_INTERVAL.width - 2 * _DOT) * scale.share(max(each, 0.0)) for each in _values(found))
    parts = (
        f'<line class="grid" x1="{_DOT:g}" x2="{_INTERVAL.width - _DOT:g}" y1="8" y2="8"/>',
        f'<rect class="band inner" x="{low:.1f}" y="4.5" width="{high - low:.1f}" height="7" rx="3.5"/>',
        f'<circle class="dot" cx="{typical:.1f}" cy="8" r="{_DOT:g}"/>',
    )
    return svg(told_range(found), _INTERVAL, parts, kind="interval")


def told_range(found: Range) -> str:
    """The same in words: 'typically 4 hours, 80 % between 2 and 9'."""
    words = dict(zip(("low", "typical", "high"), map(number, _values(found)), strict=True))
    told = _("typically %(typical)s %(unit)s, %(level)s between %(low)s and %(high)s")
    return told % {**words, "unit": _(found.unit), "level": percent(found.level)}


def _values(found: Range) -> tuple[float, float, float]:
    return found.low, found.typical, found.high


def gauge(chance: float, *, goal: float | None, label: str) -> Markup:
    """A chance in [0, 1] as a filled bar, with a mark at its goal."""
    filled = _GAUGE.width * min(max(chance, 0.0), 1.0)
    parts = [
        f'<rect class="band outer" x="0" y="5" width="{_GAUGE.width:g}" height="10" rx="5"/>',
        f'<rect class="dot" x="0" y="5" width="{filled:.1f}" height="10" rx="5"/>',
    ]
    if goal is not None:
        parts.append(
            f'<line class="rule" x1="{_GAUGE.width * goal:.1f}" x2="{_GAUGE.width * goal:.1f}" y1="0" y2="20"/>'
        )
    return svg(label, _GAUGE, parts, kind="gauge")


def contributions(parts: Sequence[Part], *, label: str, unit: str) -> Picture:
    """Parts that add up: each bar begins where the one before ended, the last row is their sum.

    Raises
    ------
    ValueError
        Without a part.
    """
    if not parts:
        raise ValueError("A part at least is needed.")
    total = math.fsum(part.effect for part in parts)
    height = _ROW * (len(parts) + 1) + 8
    sizes = (Size("wide", HALF.width, height, HALF.letter), Size("narrow", HALF_NARROW.width, height, NARROW_LETTER))
    rows = [(part.name, signed(part.effect)) for part in parts] + [(_("together"), number(total))]
    return picture(label, lambda size: _steps(parts, total, size), (_("Part"), unit), rows, sizes=sizes)


def _steps(parts: Sequence[Part], total: float, size: Size) -> list[str]:
    ends = [math.fsum(part.effect for part in parts[:count]) for count in range(len(parts) + 1)]
    scale = AxisScale(min(0.0, *ends), max(0.0, *ends))
    room = size.width * _NAMES
    longest = int(room / size.letter) - 1
    # Short names leave their room to the bars.
    letters = max(len(name) for name in (*(part.name for part in parts), _("together")))
    left = min(room, letters * size.letter + _GAP)
    width = size.width * (1 - _VALUE) - left

    def across(value: float) -> float:
        return left + width * scale.share(value)

    drawn = [f'<line class="grid" x1="{across(0):.1f}" x2="{across(0):.1f}" y1="0" y2="{size.height:.1f}"/>']
    bars = [
        (part.name, signed(part.effect), ends[place], ends[place + 1], "bar more" if part.effect >= 0 else "bar less")
        for place, part in enumerate(parts)
    ]
    bars.append((_("together"), number(total), 0.0, total, "dot"))
    for place, (name, told, start, end, style) in enumerate(bars):
        y, x = _ROW * place + 4, min(across(start), across(end))
        length = max(abs(across(end) - across(start)), 1.0)
        drawn.append(words_at(left - _GAP, y + 14, shortened(name, longest), anchor="end"))
        drawn.append(f'<rect class="{style}" x="{x:.1f}" y="{y + 3:.1f}" width="{length:.1f}" height="15" rx="2"/>')
        drawn.append(words_at(size.width - 4, y + 14, told, anchor="end", style="ink"))
    return drawn
