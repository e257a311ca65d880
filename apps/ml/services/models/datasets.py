"""Training sets as they are stored: one JSON line an issue, compressed, equal input giving equal bytes."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from apps.ml.core.records import CompletedIssue, IssueFacts

EXTENSION = "jsonl.gz"


def dump(issues: Sequence[CompletedIssue]) -> bytes:
    """Serialise a training set."""
    lines = (json.dumps(asdict(issue), default=_encode, sort_keys=True, ensure_ascii=False) for issue in issues)
    # No time stamp in the header: the digest of the same issues must be the same.
    return gzip.compress("\n".join(lines).encode(), mtime=0)


def load(data: bytes) -> list[CompletedIssue]:
    """Read a training set back, to train on it again."""
    return [_issue(json.loads(line)) for line in gzip.decompress(data).decode().split("\n")]


def _encode(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not part of a training set")


def _issue(row: dict[str, Any]) -> CompletedIssue:
    facts = row.pop("facts")
    facts = IssueFacts(**facts | {"labels": tuple(facts["labels"])})
    times = {name: datetime.fromisoformat(row[name]) for name in ("known_at", "completed_at")}
    return CompletedIssue(**row | times | {"facts": facts})
