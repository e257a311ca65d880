"""What was promised beside what came true."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from django.utils.translation import gettext as _

from apps.common.charts.numbers import number, percent
from apps.common.charts.picture import NARROW_LETTER, Picture, Size, picture
from apps.common.charts.plot import Mark, Plot, labelled, shortened
from apps.common.charts.scales import AxisScale

_QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)
_LARGEST_DOT, _SMALLEST_DOT = 9.0, 3.5
_SIZES = Size("wide", 440, 340, most_ticks=5), Size("narrow", 360, 320, letter=NARROW_LETTER, most_ticks=4)
_ROW = 22.0
#: Letters of a row's name that are shown.
_LONGEST_NAME = {"wide": 26, "narrow": 14}


class Kept(Protocol):
    """A promised share beside the observed one, with its 95 % interval; `Share` of the core is one."""

    @property
    def promised(self) -> float: ...
    @property
    def observed(self) -> float: ...
    @property
    def n(self) -> int: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Row:
    """A named share; `href` leads to what it is made of."""

    name: str
    share: Kept
    href: str = ""


def calibration(shares: Sequence[Kept], *, label: str, promise: str) -> Picture:
    """Promised probability against the share that came true; on the dashed line a promise is kept exactly.

    Parameters
    ----------
    shares : sequence of Kept
        One dot each, larger in area for more outcomes, with whiskers at the 95 % interval.
    label : str
        What is seen, in a sentence.
    promise : str
        What the probability is of, below the x axis.
    """
    largest = _largest(shares)

    def draw(size: Size) -> list[str]:
        marks = [Mark(_("kept exactly"), "line even")]
        plot = Plot(size, AxisScale(0.0, 1.0), AxisScale(0.0, 1.0), labelled(_QUARTERS, percent), marks, promise)
        plot.below(labelled(_QUARTERS, percent))
        plot.segment((0.0, 0.0), (1.0, 1.0), "line even")
        for each in shares:
            plot.segment((each.promised, each.low), (each.promised, each.high), "whisker")
        for each in shares:
            plot.dot((each.promised, each.observed), title=told_share(each), radius=_radius(each, largest))
        return plot.parts

    columns = (promise, _("came true"), _("outcomes"), _("%(level)s interval") % {"level": percent(0.95)})
    return picture(label, draw, columns, map(_cells, shares), sizes=_SIZES)


def strip(rows: Sequence[Row], *, label: str) -> Picture:
    """One line a name: the share that came true with its interval, beside a mark at what was promised.

    Raises
    ------
    ValueError
        Without a row.
    """
    if not rows:
        raise ValueError("A row at least is needed.")
    height = _ROW * (len(rows) + 1) + 60
    sizes = Size("wide", 760, height, most_ticks=5), Size("narrow", 360, height, letter=NARROW_LETTER, most_ticks=4)
    largest = _largest([row.share for row in rows])
    # The first row stands at the top.
    heights = [float(len(rows) - place) for place in range(len(rows))]

    def draw(size: Size) -> list[str]:
        names = [shortened(row.name, _LONGEST_NAME[size.name]) for row in rows]
        y = AxisScale(0.0, len(rows) + 1.0)
        plot = Plot(
            size, AxisScale(0.0, 1.0), y, list(zip(heights, names, strict=True)), [Mark(_("promised"), "line even")]
        )
        plot.below(labelled(_QUARTERS, percent))
        for at, row in zip(heights, rows, strict=True):
            share = row.share
            plot.segment((share.promised, at - 0.5), (share.promised, at + 0.5), "line even")
            plot.segment((share.low, at), (share.high, at), "whisker")
            title = f"{row.name}: {told_share(share)}"
            plot.dot((share.observed, at), title=title, href=row.href, radius=_radius(share, largest))
        return plot.parts

    columns = (
        _("Name"),
        _("promised"),
        _("came true"),
        _("outcomes"),
        _("%(level)s interval") % {"level": percent(0.95)},
    )
    cells = [(row.name, *_cells(row.share)) for row in rows]
    return picture(label, draw, columns, cells, sizes=sizes, has_links=any(row.href for row in rows))


def told_share(share: Kept) -> str:
    """A share in words."""
    words = {"promised": percent(share.promised), "observed": percent(share.observed), "n": number(share.n)}
    return _("promised %(promised)s, came true %(observed)s of %(n)s") % words


def _cells(share: Kept) -> tuple[str, ...]:
    interval = f"{percent(share.low)}–{percent(share.high)}"
    return percent(share.promised), percent(share.observed), number(share.n), interval


def _largest(shares: Sequence[Kept]) -> int:
    return max((share.n for share in shares), default=1)


def _radius(share: Kept, largest: int) -> float:
    return max(_LARGEST_DOT * math.sqrt(share.n / largest), _SMALLEST_DOT)
