"""Whether a folder takes what is written: asked by a file without a name, since a disk that refuses may not say so."""

import os
import shutil
import tempfile
from pathlib import Path

#: One transaction's log of changes, with room to spare.
LEAST_FREE_BYTES = 4 * 2**20
#: More than a message, a row or the schedule takes.
ROOM_BYTES = 2**16


def write_something(folder: Path, *, n_bytes: int = ROOM_BYTES, lasting: bool = True) -> None:
    """Raises what the folder answers: it is for reading only or full, a quota is reached, or its disk has failed.

    Parameters
    ----------
    n_bytes : int
        How much it has to take.
    lasting : bool
        Wait until the disk has it, which takes as long as all that others have written before.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(n_bytes))
        file.flush()
        if lasting:
            os.fsync(file.fileno())


def unwritable(file: str) -> str:
    """Why SQLite could not write; nothing where it can. One in memory has no file."""
    place = Path(file)
    if not place.is_file():
        return ""
    if not (os.access(file, os.W_OK) and os.access(place.parent, os.W_OK)):
        return "its file or folder is for reading only"
    if shutil.disk_usage(place.parent).free < LEAST_FREE_BYTES:
        return "the disk is full"
    try:
        # Whom the rights allow it, a disk that has failed may refuse it, and a quota.
        # Requests wait for no disk either: what SQLite has written is in its log (synchronous = NORMAL).
        write_something(place.parent, lasting=False)
    except OSError as error:
        return f"its folder takes nothing ({error.strerror})"
    return ""
