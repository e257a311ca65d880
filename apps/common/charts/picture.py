"""A drawing in a wide and a narrow form, its label, and the same figures as a table."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

from django.utils.translation import gettext as _

_SHEET = Path(__file__).resolve().parent.parent / "static" / "common" / "charts.css"


class Markup(str):
    """Text that is HTML or SVG already: templates do not escape it again."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


#: Text is a little larger on narrow canvases.
NARROW_LETTER = 7.8


@dataclass(frozen=True, slots=True)
class Size:
    """A canvas in its own units; the sheet shows the narrow one on narrow screens, where a wide one's text is dust."""

    name: str
    width: float
    height: float
    #: Width of a letter in the sheet's text, of the widest font that a system is likely to have.
    letter: float = 7.2
    #: Labels along the x axis at most.
    most_ticks: int = 7

    @property
    def is_narrow(self) -> bool:
        return self.name == "narrow"


WIDE, NARROW = Size("wide", 760, 300), Size("narrow", 360, 260, letter=NARROW_LETTER, most_ticks=4)
#: Half a page wide.
HALF, HALF_NARROW = Size("wide", 520, 240, most_ticks=5), Size("narrow", 360, 220, letter=NARROW_LETTER, most_ticks=4)


@dataclass(frozen=True, slots=True)
class Table:
    """The figures of a picture as text, for who cannot see it or wants the numbers."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def html(self) -> Markup:
        """Everything in it is escaped; the first cell names the row."""
        head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in self.columns)
        body = "".join(
            f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in others)}</tr>'
            for first, *others in self.rows
        )
        return Markup(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


@dataclass(frozen=True, slots=True)
class Picture:
    """What a drawing function returns."""

    label: str
    wide: Markup
    narrow: Markup
    table: Table

    @property
    def svg(self) -> Markup:
        """Both forms; the sheet shows the one that fits."""
        return Markup(self.wide + self.narrow)

    @property
    def figure(self) -> Markup:
        """Both forms and the figures behind them, folded."""
        title = escape(_("Figures"))
        return Markup(
            f'<figure class="chart-figure">{self.svg}<details><summary>{title}</summary>'
            f'<div class="scroll">{self.table.html}</div></details></figure>'
        )

    @property
    def file(self) -> str:
        """The wide form as an SVG file that needs nothing else; the reader's scheme decides its colours."""
        start, rest = self.wide.split(">", 1)
        return f"{start}><style>:root{{color-scheme:light dark}}{sheet()}</style>{rest}"


def picture(
    label: str,
    draw: Callable[[Size], Iterable[str]],
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    sizes: tuple[Size, Size] = (WIDE, NARROW),
    has_links: bool = False,
) -> Picture:
    """Draw both forms; `label` says in a sentence what is seen."""
    wide, narrow = (svg(label, size, draw(size), has_links=has_links) for size in sizes)
    return Picture(label, wide, narrow, Table(tuple(columns), tuple(tuple(row) for row in rows)))


def svg(label: str, size: Size, parts: Iterable[str], *, kind: str = "", has_links: bool = False) -> Markup:
    """One drawing. Inside a picture nothing can be reached by keyboard, so one with links is a group."""
    names = " ".join(filter(None, ("chart", size.name, kind)))
    return Markup(
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{names}" viewBox="0 0 {size.width:g} {size.height:g}" '
        f'role="{"group" if has_links else "img"}" aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


@cache
def sheet() -> str:
    """The style sheet of drawings, for documents that carry it along."""
    return _SHEET.read_text(encoding="utf-8")
