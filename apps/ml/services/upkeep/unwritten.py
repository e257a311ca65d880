"""What killed uploads leave in a store that is a folder whose files need a name (NFS): it may hold texts of people.

Nobody has marked it, and nobody ever reads it, whichever installation wrote it.
"""

import logging
from collections.abc import Iterator
from datetime import datetime

from apps.ml.storage import get_object_store
from apps.ml.storage.keys import MARKS, TOPS

logger = logging.getLogger(__name__)


def remove_unwritten(*, now: datetime) -> int:
    """Remove what has rested for so long that its upload was killed; returns how many files.

    Raises
    ------
    StorageError
        If the store cannot be used.
    """
    store = get_object_store()
    if removed := sum(store.remove_unwritten(prefix, now=now) for prefix in TOPS):
        logger.info("Files that killed uploads left were removed files=%d", removed)
    return removed


def unwritten() -> Iterator[str]:
    """Where files lie that are being written, or that a killed upload left a moment ago; those of marks are empty."""
    store = get_object_store()
    for prefix in TOPS:
        yield from (each.key for each in store.unwritten(prefix) if prefix != MARKS)
