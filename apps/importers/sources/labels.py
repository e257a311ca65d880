"""Labels that bear a figure: one rule for what is written, read back, removed and kept out of imports. Pure."""

import re
from collections.abc import Iterable

from apps.common.texts.composing import normalized
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
    """Raise `ImportRefused` where a tracker would make another label of it than was written."""
    changed = {sign for sign in beginning if not (sign.isalnum() or sign in _SIGNS)}
    if changed or normalized("NFC", beginning) != beginning:
        raise ImportRefused(
            f"Trackers would change a label that begins with {beginning!a}: take letters, digits and signs such as - : "
            "without blanks or commas, ml-hours: for instance."
        )
    if len(beginning) > LONGEST_BEGINNING:
        raise ImportRefused(f"What a label begins with has {LONGEST_BEGINNING} characters at most.")


def _written(beginning: str) -> str:
    """Earlier versions took blanks, and wrote hyphens for them."""
    return beginning.replace(" ", "-")
