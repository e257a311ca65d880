"""The canvas of every chart with two axes: margins, axes, lines, bands, dots and labels."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from html import escape

from django.utils.formats import date_format

from apps.common.charts.picture import Size
from apps.common.charts.scales import AxisScale, day_ticks, spread

_TOP, _BOTTOM, _EDGE = 14.0, 28.0, 10.0
#: Between labels at the end of lines, and of the lines of the key.
_LINE_HEIGHT = 15.0
_SWATCH = 22.0
#: What a link may lead to; a tracker's text could name a script.
_SAFE_LINKS = ("/", "http://", "https://", "#", "?")

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Mark:
    """A named style: how the key and the label at a line's end show what is meant."""

    name: str
    style: str
    #: Where the label stands in a wide chart; without it only the key names it.
    at: float | None = None


@dataclass(slots=True)
class Plot:
    """A canvas that turns values into SVG; parts are drawn in the order they come."""

    size: Size
    x: AxisScale
    y: AxisScale
    y_labels: Sequence[tuple[float, str]] = ()
    marks: Sequence[Mark] = ()
    #: A line of words below the labels of the x axis.
    x_title: str = ""
    parts: list[str] = field(default_factory=list)
    _edges: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        letter = self.size.letter
        left = 14 + letter * max((len(text) for _, text in self.y_labels), default=0)
        ends = [mark for mark in self.marks if mark.at is not None]
        right = _EDGE if self.size.is_narrow or not ends else 14 + letter * max(len(mark.name) for mark in ends)
        key_rows = self._key()
        top = _TOP + _LINE_HEIGHT * len(key_rows)
        bottom = _BOTTOM + (16.0 if self.x_title else 0.0)
        self._edges = (left, top, max(right, _EDGE + letter), bottom)
        for row, entries in enumerate(key_rows):
            self.parts += (_key_entry(mark, x, _TOP + _LINE_HEIGHT * row) for x, mark in entries)
        self._frame()
        if not self.size.is_narrow:
            self.parts += self._end_labels(ends)

    def left(self, value: float) -> float:
        """Units from the left edge."""
        left, _, right, _ = self._edges
        return left + (self.size.width - left - right) * self.x.share(value)

    def top(self, value: float) -> float:
        """Units from the top edge."""
        _, top, _, bottom = self._edges
        return top + (self.size.height - top - bottom) * (1.0 - self.y.share(value))

    def line(self, points: Iterable[Point], style: str) -> None:
        corners = self._corners(points)
        if corners:
            self.parts.append(f'<polyline class="line {style}" points="{corners}"/>')

    def band(self, lower: Sequence[Point], upper: Sequence[Point], style: str) -> None:
        """The area between two lines."""
        corners = self._corners((*upper, *reversed(lower)))
        self.parts.append(f'<polygon class="band {style}" points="{corners}"/>')

    def across(self, value: float, style: str) -> None:
        """A level line from edge to edge."""
        self.segment((self.x.low, value), (self.x.high, value), style)

    def upright(self, value: float, style: str) -> None:
        """An upright line from edge to edge."""
        self.segment((value, self.y.low), (value, self.y.high), style)

    def moment(self, value: float, words: str) -> None:
        """A thin upright line with words at its foot."""
        self.upright(value, "grid")
        self.text(self.left(value) - 5, self.top(self.y.low) - 6, words, anchor="end")

    def segment(self, start: Point, end: Point, style: str) -> None:
        (x1, y1), (x2, y2) = ((self.left(x), self.top(y)) for x, y in (start, end))
        self.parts.append(f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')

    def dot(self, at: Point, *, title: str = "", href: str = "", style: str = "dot", radius: float = 4.0) -> None:
        """A dot that tells its figures when pointed at, and leads to its issue."""
        told = f"<title>{escape(title)}</title>" if title else ""
        x, y = self.left(at[0]), self.top(at[1])
        self.parts.append(linked(f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}">{told}</circle>',
                                 href, title))  # fmt: skip

    def many(self, points: Iterable[Point]) -> None:
        """Dots that only show where most lie: one path, a tenth of the weight."""
        places = "".join(f"M{self.left(x):.0f} {self.top(y):.0f}h0" for x, y in points)
        self.parts.append(f'<path class="many" d="{places}"/>')

    def text(self, x: float, y: float, words: str, *, anchor: str = "middle", style: str = "") -> None:
        """Words at a place in units."""
        self.parts.append(words_at(x, y, words, anchor=anchor, style=style))

    def days(self, first: date, last: date) -> None:
        """Labels of days below the axis; the x scale counts days as `date.toordinal` does."""
        ticks = day_ticks(first, last, most=self.size.most_ticks)
        self.below([(day.toordinal(), date_format(day, ticks.format)) for day in ticks.days])

    def below(self, ticks: Iterable[tuple[float, str]]) -> None:
        """Labels below the x axis, kept inside the drawing."""
        height = self.size.height - 10 - (16.0 if self.x_title else 0.0)
        for value, words in ticks:
            half = len(words) * self.size.letter / 2
            x = min(max(self.left(value), half), self.size.width - half)
            self.text(x, height, words)

    def _corners(self, points: Iterable[Point]) -> str:
        return " ".join(f"{self.left(x):.1f},{self.top(y):.1f}" for x, y in points)

    def _frame(self) -> None:
        left = self._edges[0]
        for value, words in self.y_labels:
            self.across(value, "grid")
            self.text(left - 8, self.top(value) + 4, words, anchor="end")
        if self.x_title:
            self.text((left + self.size.width) / 2, self.size.height - 6, self.x_title, style="ink")

    def _end_labels(self, ends: Sequence[Mark]) -> Iterator[str]:
        x = self.size.width - self._edges[2] + 8
        heights = [self.top(mark.at) + 4 for mark in ends if mark.at is not None]
        low, high = self._edges[1] + 4, self.size.height - self._edges[3] + 4
        for mark, y in zip(ends, spread(heights, gap=_LINE_HEIGHT, low=low, high=high), strict=True):
            yield words_at(x, y, mark.name, anchor="start", style=f"said {mark.style}")

    def _key(self) -> list[list[tuple[float, Mark]]]:
        """Rows of the key: everything in a narrow chart, in a wide one what no label at an end names."""
        rows: list[list[tuple[float, Mark]]] = []
        x = self.size.width
        for mark in self.marks:
            if mark.at is not None and not self.size.is_narrow:
                continue
            needed = _SWATCH + 20 + self.size.letter * len(mark.name)
            if x + needed > self.size.width:
                rows.append([])
                x = 8.0
            rows[-1].append((x, mark))
            x += needed
        return rows


def _key_entry(mark: Mark, x: float, y: float) -> str:
    shown = (
        f'<rect class="{mark.style}" x="{x:.1f}" y="{y - 9:.1f}" width="{_SWATCH:g}" height="10"/>'
        if mark.style.startswith("band")
        else f'<line class="{mark.style}" x1="{x:.1f}" y1="{y - 4:.1f}" x2="{x + _SWATCH:.1f}" y2="{y - 4:.1f}"/>'
    )
    return shown + words_at(x + _SWATCH + 6, y, mark.name, anchor="start")


def words_at(x: float, y: float, words: str, *, anchor: str = "middle", style: str = "") -> str:
    """Text at a place in units; `anchor` is 'start', 'middle' or 'end'."""
    names = f' class="{style}"' if style else ""
    return f'<text{names} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def linked(drawn: str, href: str, title: str) -> str:
    """A mark that leads somewhere; anything but an address of the web leads nowhere."""
    if not href.startswith(_SAFE_LINKS):
        return drawn
    return f'<a href="{escape(href)}" aria-label="{escape(title)}">{drawn}</a>'


def shortened(words: str, longest: int) -> str:
    """At most so many letters, the last an ellipsis where some are missing."""
    return words if len(words) <= longest else f"{words[: max(longest - 1, 1)]}…"


def labelled(ticks: Sequence[float], told: Callable[[float], str]) -> list[tuple[float, str]]:
    """Ticks with what is written beside them."""
    return [(tick, told(tick)) for tick in ticks]
