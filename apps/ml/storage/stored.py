"""What a store holds: what is told of an object, and its bytes, of which no more are read than may be."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from apps.ml.storage.errors import TooLarge


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object as the store lists it.

    Attributes
    ----------
    modified_at : datetime
        By the store's own clock, in UTC.
    """

    key: str
    size_bytes: int
    modified_at: datetime
    etag: str | None


def joined(parts: Iterable[bytes], most_bytes: int) -> bytes:
    """All parts of an object, or `TooLarge` before more is read: what is said of a size beforehand may be wrong."""
    read, kept = 0, list[bytes]()
    for part in parts:
        read += len(part)
        refuse_larger(read, most_bytes)
        kept.append(part)
    return b"".join(kept)


def refuse_larger(size_bytes: int, most_bytes: int) -> None:
    """Raise `TooLarge` if it is."""
    if size_bytes > most_bytes:
        raise TooLarge(f"it is larger than {most_bytes} bytes")
