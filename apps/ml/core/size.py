"""How much memory a value takes, told from some of its parts: long lists are alike from end to end."""

import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields, is_dataclass
from itertools import islice
from typing import Any

import numpy as np

#: Parts of a collection that are looked at; the others are taken to be as large.
LOOKED_AT = 32
#: Deeper parts are small beside those that hold them.
DEPTH = 8


def bytes_of(value: Any, *, depth: int = DEPTH) -> int:
    """The bytes of a value and of what it holds.

    Parameters
    ----------
    value : object
        Containers, dataclasses and objects are gone into; arrays tell their own size, as does whatever has `nbytes`.
    depth : int
        How deep.

    Returns
    -------
    int
        An estimate: parts that are shared count as often as they are held, so that it is rather too large.
    """
    own = getattr(value, "nbytes", None)
    if isinstance(own, int) and not isinstance(value, type):
        return own
    size = sys.getsizeof(value)
    if depth == 0 or isinstance(value, str | bytes | int | float | type):
        return size
    if isinstance(value, Mapping):
        return size + _of_many(value.keys(), depth) + _of_many(value.values(), depth)
    if isinstance(value, list | tuple | set | frozenset):
        return size + _of_many(value, depth)
    return size + sum(bytes_of(part, depth=depth - 1) for part in _parts(value))


def _of_many(parts: Collection[Any], depth: int) -> int:
    """As large as some parts, evenly spread, are on the average."""
    step = max(len(parts) // LOOKED_AT, 1)
    some = list(islice(parts, 0, None, step))
    return round(sum(bytes_of(part, depth=depth - 1) for part in some) * len(parts) / len(some)) if some else 0


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, np.generic):
        return ()
    if is_dataclass(value):
        return [getattr(value, each.name, None) for each in fields(value)]
    return list(vars(value).values()) if hasattr(value, "__dict__") else ()
