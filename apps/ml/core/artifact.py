"""The serving artefact: plain arrays and JSON in one zip, nothing that could run.

A web process loads this and nothing else. Integrity is the caller's business: digest and signature are checked over the
bytes before `loads` sees them.
"""

import io
import json
import math
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.common.exceptions import ApplicationError

#: Raised when the layout of the arrays changes; an artefact of another format is refused, never guessed at.
FORMAT = 1
#: By kind, the layouts that this code reads: what arrays and header hold, and what it means. The last is the one that
#: it writes; a test holds the digest of a fresh artefact against its number, so that none changes unnoticed. A layout
#: that is not read any more is refused, and the next training replaces it.
LAYOUTS: Mapping[str, tuple[int, ...]] = {
    "effort": (1, 2),
    "story_points": (1,),
    "task_assignment": (1,),
    "sprint_duration": (1,),
    "completed_sprints": (1,),
    "recent_work": (1,),
}
_ONLY_ONE = (1,)
_META = "__meta__"
#: What bytes that are no artefact make their readers raise.
_UNREADABLE = (
    ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, AttributeError, TypeError, struct.error
)  # fmt: skip
#: Where the header of a file in a zip tells the sizes of its name and of what follows it, which end that header.
_NAME_SIZE = 26


class ArtifactCorrupted(ApplicationError):
    """The serving artefact cannot be read."""

    code = "artifact_corrupted"


@dataclass(frozen=True, slots=True)
class Artifact:
    """Named arrays and their JSON header."""

    kind: str
    arrays: dict[str, NDArray[Any]]
    meta: dict[str, Any]

    @property
    def nbytes(self) -> int:
        """Memory of the arrays, in bytes."""
        return sum(array.nbytes for array in self.arrays.values())


def dumps(kind: str, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any], *, compressed: bool = True) -> bytes:
    """Serialise arrays and a JSON header; equal input gives equal bytes.

    What is written and read often is not `compressed`, which takes most of the time.

    Raises
    ------
    ValueError
        If an array holds Python objects, which only a pickle could store.
    """
    facts = {"format": FORMAT, "kind": kind, "layout": LAYOUTS.get(kind, _ONLY_ONE)[-1], "meta": dict(meta)}
    header = json.dumps(facts, sort_keys=True, allow_nan=False)
    named = {_META: np.frombuffer(header.encode(), dtype=np.uint8), **arrays}
    buffer, method = io.BytesIO(), zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name in sorted(named):
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(named[name]), allow_pickle=False)
            # A fixed date, so that the same training gives the same digest.
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), member.getvalue(), method)
    return buffer.getvalue()


def loads(data: bytes, *, kind: str) -> Artifact:
    """Read what `dumps` wrote.

    Raises
    ------
    ArtifactCorrupted
        If the bytes are no artefact, one of another kind, or one of another format.
    """
    try:
        arrays = _read(data)
        header = json.loads(arrays.pop(_META).tobytes())
        found, version, meta = header["kind"], header["format"], header["meta"]
        layout = header.get("layout", 1)
    except _UNREADABLE as error:
        raise ArtifactCorrupted(f"The serving artefact cannot be read: {type(error).__name__}.") from error
    if (found, version) != (kind, FORMAT):
        raise ArtifactCorrupted(
            f"Expected artefact {kind!r} of format {FORMAT}, found {found!r} of format {version!r}."
        )
    if layout not in LAYOUTS.get(kind, _ONLY_ONE):
        raise ArtifactCorrupted(f"Artefact {kind!r} has layout {layout!r}, which is not read any more; train it anew.")
    return Artifact(kind=kind, arrays=arrays, meta=meta)


def _read(data: bytes) -> dict[str, NDArray[Any]]:
    """The arrays by name. Those that are not compressed stay where they are: of 30 MB no byte is copied."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {
            member.filename.removesuffix(".npy"): _in_place(data, member)
            if member.compress_type == zipfile.ZIP_STORED
            else np.lib.format.read_array(io.BytesIO(archive.read(member)), allow_pickle=False)
            for member in archive.infolist()
        }


def _in_place(data: bytes, member: zipfile.ZipInfo) -> NDArray[Any]:
    """An array where it lies in the file, which cannot be written to."""
    file = io.BytesIO(data)
    file.seek(member.header_offset + _NAME_SIZE)
    name_size, extra_size = struct.unpack("<HH", file.read(4))
    file.seek(name_size + extra_size, io.SEEK_CUR)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("another version of the format of arrays")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if is_fortran or dtype.hasobject:
        raise ValueError("an array that this service does not write")
    return np.frombuffer(data, dtype, count=math.prod(shape), offset=file.tell()).reshape(shape)
