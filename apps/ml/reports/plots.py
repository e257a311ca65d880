"""Small charts as SVG text: probabilities against outcomes, ranges against their level, shares by name, errors along
time.

Written by hand, since four charts are not worth a plotting library. Colours follow the reader's light or dark scheme,
differ for colour-blind eyes (M. Okabe, K. Ito, Color Universal Design, 2008), and never carry a meaning alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from apps.ml.core.evaluation.reliability import Share

_STYLE = """
.paper{fill:#ffffff}.ink{fill:#222222}.soft{fill:#5a5a5a}.grid{stroke:#dddddd;stroke-width:1}
.axis{stroke:#5a5a5a;stroke-width:1}.ideal{stroke:#8a8a8a;stroke-width:1.5;stroke-dasharray:5 4}
.s0{stroke:#0072b2}.f0{fill:#0072b2}.s1{stroke:#8a8a8a;stroke-dasharray:2 3}.f1{fill:#6a6a6a}
.s2{stroke:#d55e00;stroke-dasharray:7 3}.f2{fill:#d55e00}.line{fill:none;stroke-width:2}.whisker{stroke-width:1.5}
text{font:12px system-ui,"DejaVu Sans",sans-serif}
@media (prefers-color-scheme:dark){.paper{fill:#16181b}.ink{fill:#e8e8e8}.soft{fill:#b0b0b0}.grid{stroke:#34383d}
.axis{stroke:#b0b0b0}.s0{stroke:#56b4e9}.f0{fill:#56b4e9}.f1{fill:#a8a8a8}.s2{stroke:#e69f00}.f2{fill:#e69f00}}
"""
#: Room for labels around the plotting area, in pixels: left, top, right, bottom.
_MARGINS = (58.0, 34.0, 40.0, 46.0)
_LARGEST_DOT, _SMALLEST_DOT = 8.0, 3.0
#: Rows of names: their height, the width of a letter of theirs, and letters shown at most.
_ROW_HEIGHT, _LETTER_WIDTH, _LONGEST_NAME = 20.0, 8.0, 24
_QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)
#: Lines drawn at most: one class of the style each.
MOST_SERIES = 3


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction of a chart: values from `low` to `high`, labelled at `ticks`."""

    label: str
    low: float
    high: float
    #: Value and what is written beside it.
    ticks: tuple[tuple[float, str], ...]

    def share(self, value: float) -> float:
        """Where a value lies between the ends, in [0, 1] inside."""
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Series:
    """A named line: values along the x axis, both of one length."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True, slots=True)
class Frame:
    """A chart's size and axes; turns values into pixels."""

    width: float
    height: float
    x: Axis
    y: Axis
    #: Room for the labels of the y axis, in pixels.
    edge: float = _MARGINS[0]

    def left(self, value: float) -> float:
        inner = self.width - self.edge - _MARGINS[2]
        return self.edge + inner * self.x.share(value)

    def top(self, value: float) -> float:
        inner = self.height - _MARGINS[1] - _MARGINS[3]
        return _MARGINS[1] + inner * (1.0 - self.y.share(value))


def calibration_plot(shares: Sequence[Share], *, title: str, promise: str) -> str:
    """Promised probability against the share that came true; on the dashed line both agree.

    Parameters
    ----------
    shares : sequence of Share
        One dot each, larger for more outcomes, with whiskers at the share's 95 % interval.
    title : str
        Read out in place of the picture.
    promise : str
        What the probability is of, for the x axis.
    """
    return _share_plot(shares, title=title, labels=(promise, "share that came true"))


def range_plot(shares: Sequence[Share], *, title: str) -> str:
    """Level that ranges promised against the share of outcomes inside them; on the dashed line both agree."""
    return _share_plot(shares, title=title, labels=("promised share inside the range", "share that was inside"))


def _share_plot(shares: Sequence[Share], *, title: str, labels: tuple[str, str]) -> str:
    frame = Frame(440, 380, _share_axis(labels[0]), _share_axis(labels[1]))
    ideal = _line(frame, (0.0, 0.0), (1.0, 1.0), "ideal")
    largest = _largest(shares)
    whiskers = [_line(frame, (each.promised, each.low), (each.promised, each.high), "s0 whisker") for each in shares]
    dots = [_dot(frame, share, (share.promised, share.observed), largest) for share in shares]
    return _svg(frame, title, [ideal, *whiskers, *dots])


def strip_plot(rows: Sequence[tuple[str, Share]], *, title: str, x_label: str) -> str:
    """One line a name: the share that came true with its 95 % interval, beside the dashed line of what was promised.

    Raises
    ------
    ValueError
        If there are no rows.
    """
    if not rows:
        raise ValueError("A row at least is needed.")
    names = [name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…" for name, _ in rows]
    # The first row stands at the top.
    heights = [float(len(rows) - number) for number in range(len(rows))]
    y = Axis("", 0.0, len(rows) + 1.0, tuple(zip(heights, names, strict=True)))
    size = _ROW_HEIGHT * (len(rows) + 1) + _MARGINS[1] + _MARGINS[3]
    frame = Frame(760, size, _share_axis(x_label), y, edge=24 + _LETTER_WIDTH * max(map(len, names)))
    largest = _largest([share for _, share in rows])
    marks = []
    for height, (_, share) in zip(heights, rows, strict=True):
        marks.append(_line(frame, (share.promised, height - 0.5), (share.promised, height + 0.5), "ideal"))
        marks.append(_line(frame, (share.low, height), (share.high, height), "s0 whisker"))
        marks.append(_dot(frame, share, (share.observed, height), largest))
    return _svg(frame, title, marks)


def _share_axis(label: str) -> Axis:
    return Axis(label, 0.0, 1.0, tuple((share, f"{100 * share:.0f} %") for share in _QUARTERS))


def _largest(shares: Sequence[Share]) -> int:
    return max((share.n for share in shares), default=1)


def _dot(frame: Frame, share: Share, at: tuple[float, float], largest: int) -> str:
    radius = max(_LARGEST_DOT * (share.n / largest) ** 0.5, _SMALLEST_DOT)
    told = f"promised {100 * share.promised:.0f} %, came true {100 * share.observed:.0f} % of {share.n:,}"
    x, y = frame.left(at[0]), frame.top(at[1])
    return f'<circle class="f0" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"><title>{told}</title></circle>'


def time_plot(series: Sequence[Series], *, title: str, y_label: str, x_ticks: Sequence[tuple[float, str]]) -> str:
    """Lines along time, named at the top; the y axis begins at zero.

    Raises
    ------
    ValueError
        If there is no value to draw or there are more lines than styles.
    """
    values = [value for line in series for value in line.y]
    times = [value for line in series for value in line.x]
    if not values or len(series) > MOST_SERIES:
        raise ValueError(f"One to {MOST_SERIES} lines with values are needed.")
    top, ticks = nice_ticks(max(values))
    latest = max(times) if max(times) > min(times) else min(times) + 1.0
    frame = Frame(760, 320, Axis("", min(times), latest, tuple(x_ticks)), Axis(y_label, 0.0, top, ticks))
    return _svg(frame, title, [_path(frame, line, number) for number, line in enumerate(series)], _legend(series))


def nice_ticks(largest: float) -> tuple[float, tuple[tuple[float, str], ...]]:
    """An axis from zero past `largest` in four to eight round steps: its end and its ticks."""
    step = 10.0**-6
    while largest / step > 8:
        digits = f"{step:e}"[0]
        step *= 2.5 if digits == "2" else 2.0
    count = int(largest / step) + 1
    return count * step, tuple((number * step, f"{number * step:g}") for number in range(count + 1))


def _path(frame: Frame, line: Series, number: int) -> str:
    corners = " ".join(f"{frame.left(x):.1f},{frame.top(y):.1f}" for x, y in zip(line.x, line.y, strict=True))
    return f'<polyline class="line s{number}" points="{corners}"><title>{escape(line.name)}</title></polyline>'


def _legend(series: Sequence[Series]) -> str:
    parts, x = [], _MARGINS[0] + 8
    for number, line in enumerate(series):
        parts.append(f'<line class="line s{number}" x1="{x:.0f}" y1="16" x2="{x + 26:.0f}" y2="16"/>')
        parts.append(f'<text class="f{number}" x="{x + 32:.0f}" y="20">{escape(line.name)}</text>')
        x += 32 + 7.2 * len(line.name) + 20
    return "".join(parts)


def _svg(frame: Frame, title: str, marks: Sequence[str], legend: str = "") -> str:
    size = f'viewBox="0 0 {frame.width:g} {frame.height:g}" width="{frame.width:g}" height="{frame.height:g}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style>"
        f'<rect class="paper" width="{frame.width:g}" height="{frame.height:g}"/>'
        f"{_axes(frame)}{''.join(marks)}{legend}</svg>"
    )


def _axes(frame: Frame) -> str:
    x, y = frame.x, frame.y
    bottom, edge = frame.height - _MARGINS[3], frame.edge
    parts = [_line(frame, (x.low, value), (x.high, value), "grid") for value, _ in y.ticks]
    parts += [_text(edge - 8, frame.top(value) + 4, text, "end") for value, text in y.ticks]
    parts += [_text(frame.left(value), bottom + 18, text, "middle") for value, text in x.ticks]
    parts.append(_line(frame, (x.low, y.low), (x.high, y.low), "axis"))
    parts.append(_text((edge + frame.width) / 2, frame.height - 8, x.label, "middle", "ink"))
    middle = frame.top((y.low + y.high) / 2)
    parts.append(
        f'<text class="ink" text-anchor="middle" transform="translate(14 {middle:.1f}) rotate(-90)">'
        f"{escape(y.label)}</text>"
    )
    return "".join(parts)


def _line(frame: Frame, start: tuple[float, float], end: tuple[float, float], style: str) -> str:
    (x1, y1), (x2, y2) = ((frame.left(x), frame.top(y)) for x, y in (start, end))
    return f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str, style: str = "soft") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
