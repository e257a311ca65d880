"""Cells into people and priorities. Pure; what cannot be read says why."""

import re
from collections.abc import Mapping

from apps.importers.records import Person
from apps.importers.sources.csv.cells import BadValue, is_empty, quoted, single_spaced
from apps.importers.sources.csv.languages import PRIORITIES, names_in, plain

#: Names of the trackers' default schemes, plain; 1 is the most urgent.
PRIORITY_NAMES: Mapping[str, int] = {
    **{name: rank for rank, row in PRIORITIES.items() for name in names_in(row)},
    "blocker": 1,
    "highest": 1,
    "urgent": 1,
    "critical": 1,
    "immediate": 1,
    "high": 2,
    "major": 2,
    "medium": 3,
    "normal": 3,
    "moderate": 3,
    "low": 4,
    "minor": 4,
    "lowest": 5,
    "trivial": 5,
}
MOST_PRIORITY = 32_767  # what the column holds
MOST_PRIORITY_DIGITS = 6  # with a sign
# The dot is looked for once, ahead: two runs with a dot between them would try every dot of a long row of dots.
_ADDRESS = re.compile(r"[^@\s<>]+@(?=[^@\s<>]+\.[^@\s<>])[^@\s<>]+")
_NAME_AND_ADDRESS = re.compile(r"(?P<name>.*)<(?P<email>[^<>]+)>")


def priority(text: str) -> int | None:
    """The rank of a priority, 1 the most urgent: a number, a number with a word ('2 - High', 'P2'), or a known word.

    Raises
    ------
    BadValue
        If a number is out of range. An unknown word is None: teams name priorities as they like.
    """
    if is_empty(text):
        return None
    if match := re.match(r"[Pp]?(-?[0-9]+)(?:\.0+)?(?![0-9.])", text.strip()):
        # By length first: Python refuses to read numbers of thousands of digits.
        rank = int(match[1]) if len(match[1]) <= MOST_PRIORITY_DIGITS else -1
        if not 0 <= rank <= MOST_PRIORITY:
            raise BadValue(f"priority is out of range: {quoted(text)}")
        return rank
    return PRIORITY_NAMES.get(plain(text))


def person(text: str) -> Person | None:
    """Somebody named 'Ada', 'ada@example.org' or 'Ada <ada@example.org>'; None for an empty cell."""
    text = single_spaced(text)
    if is_empty(text):
        return None
    if match := _NAME_AND_ADDRESS.fullmatch(text):
        name, address = match["name"].strip('" '), match["email"]
        return Person(name, address) if _ADDRESS.fullmatch(address) else Person(name or address)
    return Person("", text) if _ADDRESS.fullmatch(text) else Person(text)
