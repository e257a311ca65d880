"""Training sets as they are stored: one JSON line an issue or sprint, compressed, equal input giving equal bytes."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

EXTENSION = "jsonl.gz"


def dump(lessons: Sequence[Any]) -> bytes:
    """Serialise a training set: issues or sprints, which are dataclasses."""
    lines = (json.dumps(lesson, default=_encode, sort_keys=True, ensure_ascii=False) for lesson in lessons)
    # No time stamp in the header: the digest of the same issues must be the same.
    return gzip.compress("\n".join(lines).encode(), mtime=0)


def _encode(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} is not part of a training set")
