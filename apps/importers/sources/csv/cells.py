"""What every reader of a cell shares: the empty cell, and the cell that cannot be read. Pure."""

from apps.common.exceptions import ApplicationError

#: How exports and people write "nothing" and "not known yet".
EMPTY_WORDS = frozenset(
    {"", "-", "--", "—", "none", "null", "n/a", "na", "n.a.", "unassigned", "no priority", "not set", "?", "tbd"}
    # As trackers write an issue that nobody has, in other languages.
    | {"nicht zugewiesen", "non attribué", "non assigné", "sin asignar", "não atribuído", "não atribuída"}
    | {"non assegnato", "niet toegewezen", "nieprzydzielone", "nieprzypisane", "не назначен", "未割り当て"}
)

#: As much of a cell tells what is wrong with it.
LONGEST_QUOTE = 40


class BadValue(ApplicationError):
    """The cell cannot be read."""

    code = "bad_value"


def is_empty(text: str) -> bool:
    """Whether the cell says nothing."""
    return text.strip().casefold() in EMPTY_WORDS


def quoted(text: str) -> str:
    """The beginning of a cell as a report quotes it, which is kept: no address of anybody is."""
    words = text.split(maxsplit=LONGEST_QUOTE)[:LONGEST_QUOTE]
    return " ".join("…@…" if "@" in word else word for word in words)[:LONGEST_QUOTE]


def single_spaced(text: str) -> str:
    """Each blank once: patterns with blanks in several places would share a long row of them out in every way."""
    return " ".join(text.split())
