"""Training sets as they are stored: one JSON line an issue, compressed, equal input giving equal bytes."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from apps.ml.core.records import CompletedIssue

EXTENSION = "jsonl.gz"


def dump(issues: Sequence[CompletedIssue]) -> bytes:
    """Serialise a training set."""
    lines = (json.dumps(asdict(issue), default=_encode, sort_keys=True, ensure_ascii=False) for issue in issues)
    # No time stamp in the header: the digest of the same issues must be the same.
    return gzip.compress("\n".join(lines).encode(), mtime=0)


def _encode(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not part of a training set")
