"""JSON of somebody else's, bounded in what is built of it.

Sixty million brackets are 60 MB of text, some 300 kB of it packed, and gigabytes of objects.
"""

import json
from typing import Any

#: A page of a hundred issues with long histories holds some 300,000; built, the dearest million takes some 250 MiB.
MOST_VALUES = 1_000_000
#: Many times those of any tracker. What can just be read is too deep to be written out, a few calls further down.
MOST_LEVELS = 300


def parsed(text: bytes) -> Any:
    """What it says; raises ValueError for what is no JSON, too deep, or of more than `MOST_VALUES` values."""
    # Whatever is built begins with a bracket or follows a comma; commas of texts are few beside them.
    if sum(map(text.count, (b"[", b"{", b","))) > MOST_VALUES:
        raise ValueError(f"it holds more than {MOST_VALUES:,} values")
    try:
        found = json.loads(text.decode("utf-8-sig"))
    except RecursionError as error:
        raise ValueError("it is too deep") from error
    _empty_the_deep(found)
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
