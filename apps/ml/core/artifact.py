"""The serving artefact: plain arrays and JSON in one zip, nothing that could run.

A web process loads this and nothing else. Integrity is the caller's business: digest and signature are checked over the
bytes before `loads` sees them. What they become is bounded all the same: a signature does not say how large that is.
"""

import io
import json
import math
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.common.exceptions import ApplicationError
from apps.ml.core import zipped

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
#: A header of 1,000 sprints or 200 people has some 100 kB; read, it takes up to 25 times as much memory.
MOST_HEADER_BYTES = 4 * 2**20
#: What bytes that are no artefact make their readers raise: a locked zip or deep brackets a RuntimeError.
_UNREADABLE = (
    ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, zlib.error, AttributeError, TypeError, struct.error,
    RuntimeError, OverflowError,
)  # fmt: skip
#: Where the header of a file in a zip tells the sizes of its name and of what follows it, which end that header.
_NAME_SIZE, _SIZES_SIZE = 26, 4
#: The description before an array of the format's first version, whose size is told in two bytes.
_MOST_DESCRIPTION_BYTES = 10 + 2**16


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
        If the bytes are no artefact, one of another kind or format, or one that becomes larger than any of ours.
    """
    try:
        arrays = _read(data)
        header = json.loads(_bounded(arrays.pop(_META)).tobytes())
        found, version, meta = header["kind"], header["format"], header["meta"]
        layout = header.get("layout", 1)
    except zipped.TooMuch as error:
        raise ArtifactCorrupted(f"The serving artefact is refused: {error}.") from error
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
    with zipped.opened(data) as archive:
        zipped.require_bounded(archive)
        return {
            member.filename.removesuffix(".npy"): _array(
                _in_place(data, member)
                if member.compress_type == zipfile.ZIP_STORED
                else memoryview(zipped.unpacked(archive, member))
            )
            for member in archive.infolist()
        }


def _in_place(data: bytes, member: zipfile.ZipInfo) -> memoryview:
    """A file where it lies in the zip, which cannot be written to."""
    begin = member.header_offset + _NAME_SIZE
    name_size, extra_size = struct.unpack_from("<HH", data, begin)
    begin += _SIZES_SIZE + name_size + extra_size
    return memoryview(data)[begin : begin + member.file_size]


def _array(content: memoryview) -> NDArray[Any]:
    """An array without a copy: one that says it is longer than its file is none."""
    file = io.BytesIO(content[:_MOST_DESCRIPTION_BYTES])
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("another version of the format of arrays")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if is_fortran or dtype.hasobject or min(shape, default=0) < 0:
        raise ValueError("an array that this service does not write")
    return np.frombuffer(content, dtype, count=math.prod(shape), offset=file.tell()).reshape(shape)


def _bounded(header: NDArray[Any]) -> NDArray[Any]:
    if header.nbytes > MOST_HEADER_BYTES:
        raise zipped.TooMuch(f"its header has more than {MOST_HEADER_BYTES // 2**20} MiB")
    return header
