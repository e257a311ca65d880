"""What a listing tells of an object."""

from dataclasses import dataclass
from datetime import datetime


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
