"""Labels that bear a figure: one rule for what is written, read back, removed and kept out of imports. Pure."""

import re
from collections.abc import Iterable

from apps.importers.records import ImportRefused

#: GitHub takes labels of 50 characters, and the longest figure has 12.
LONGEST_BEGINNING = 38
#: What every tracker keeps as it is, beside letters and digits: blanks and commas part labels, others are unescaped.
_SIGNS = frozenset("-_.:/=#+@~|()[]")
#: A number as `:g` writes it, or a day.
_FIGURE = re.compile(r"[0-9][0-9.e+-]*")


def label_of(beginning: str, figure: str) -> str:
    """'forecast:2026-03-12'; empty without a figure."""
    return _written(beginning) + figure if figure else ""


def figure_in(label: str, beginning: str) -> str:
    """The figure in a label of this beginning; empty in every other label.

    In any case of letters: GitHub gives a label that is there already in the case of whoever made it.
    """
    lowered, begun = label.lower(), _written(beginning).lower()
    figure = lowered.removeprefix(begun)
    return figure if lowered.startswith(begun) and _FIGURE.fullmatch(figure) else ""


def figures_in(labels: Iterable[str], beginning: str) -> frozenset[str]:
    """All figures in labels of this beginning."""
    return frozenset(filter(None, (figure_in(label, beginning) for label in labels)))


def refuse_beginning(beginning: str) -> None:
    """Raise `ImportRefused` where a tracker would make another label of it, or people read another than was written.

    Letters of English alone: of others there are doubles in other scripts, widths and with marks that are not drawn,
    which trackers take for one label or for two, each in its own way.
    """
    if any(not ((sign.isascii() and sign.isalnum()) or sign in _SIGNS) for sign in beginning):
        raise ImportRefused(
            f"Trackers would change a label that begins with {beginning!a}, or people take it for another: take "
            "letters from a to z, digits and signs such as - : without blanks or commas, ml-hours: for instance."
        )
    if len(beginning) > LONGEST_BEGINNING:
        raise ImportRefused(f"What a label begins with has {LONGEST_BEGINNING} characters at most.")


def meet(one: str, other: str) -> bool:
    """Whether a label of one beginning may be one of the other, too: 'ml:' and 'ML:', or 'ml-' and 'ml-2'."""
    return any(figure_in(label_of(begun, "3"), other_begun) for begun, other_begun in ((one, other), (other, one)))


def _written(beginning: str) -> str:
    """Earlier versions took blanks, and wrote hyphens for them."""
    return beginning.replace(" ", "-")
