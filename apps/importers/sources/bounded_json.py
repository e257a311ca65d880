"""JSON of somebody else's, bounded in what is built of it.

Sixty million brackets are 60 MB of text, some 300 kB of it packed, and gigabytes of objects.
"""

import json
from typing import Any

import numpy as np

#: A page of a hundred issues with long histories holds some 300,000; built, the dearest million takes some 250 MiB.
MOST_VALUES = 1_000_000
#: Many times those of any tracker. What can just be read is too deep to be written out, a few calls further down.
MOST_LEVELS = 300
BEGINNINGS = (b"[", b"{", b",")
#: Looked at together: what is made of them is as large, several times.
PIECE_SIGNS = 2**20


class TooManyValues(ValueError):
    """It would be more in memory than may be built of one answer."""


def parsed(text: bytes) -> Any:
    """What it says; raises ValueError for what is no JSON or too deep, `TooManyValues` for more than `MOST_VALUES`."""
    # Whatever is built begins with a bracket or follows a comma. Texts may hold any number of them, and are looked at
    # where there are many.
    if sum(map(text.count, BEGINNINGS)) > MOST_VALUES and _beginnings_outside_of_texts(text) > MOST_VALUES:
        raise TooManyValues(f"it holds more than {MOST_VALUES:,} values")
    try:
        found = json.loads(text.decode("utf-8-sig"))
    except RecursionError as error:
        raise ValueError("it is too deep") from error
    _empty_the_deep(found)
    return found


def _beginnings_outside_of_texts(text: bytes) -> int:
    """Piece by piece and not sign by sign, which would take long of millions of empty texts."""
    signs = np.frombuffer(text.replace(rb"\\", b"").replace(rb"\"", b""), dtype=np.uint8)
    found, quotes = 0, 0
    for at in range(0, len(signs), PIECE_SIGNS):
        piece = signs[at : at + PIECE_SIGNS]
        # An even number of quotes is in front of what is in no text; the count may wrap around.
        before = np.cumsum(piece == ord('"'), dtype=np.uint8) + np.uint8(quotes)
        found += sum(int(np.count_nonzero((before % 2 == 0) & (piece == ord(sign)))) for sign in BEGINNINGS)
        quotes = int(before[-1]) % 2
    return found


def _empty_the_deep(found: Any) -> None:
    """What is deeper goes, and costs nothing beside it: level by level, since recursion is what this guards."""
    level = [found] if isinstance(found, list | dict) else []
    for _ in range(MOST_LEVELS - 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, list | dict)
        ]
    for each in level:
        each.clear()
