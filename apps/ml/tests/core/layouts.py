"""What a serving artefact holds, as one digest, beside the number of its layout."""

import hashlib
import io
import json

import numpy as np

#: By kind and number, digest of a fresh artefact's layout. A test that fails here says that the layout changed: add the
#: next number to `LAYOUTS` in `core/artifact.py` (and leave the earlier ones only if they are read as they were meant),
#: and the digest here; never change a line.
DIGESTS = {
    ("effort", 1): "b2ec15996d6d1879",
    ("effort", 2): "32926cf6f11b1406",
    ("story_points", 1): "066c56bfce87895a",
    ("task_assignment", 1): "56bef9ebe2177e62",
    ("sprint_duration", 1): "39b6c14ff933bbe5",
    ("text_index", 1): "941679e38ea51686",
}


def assert_layout_has_its_number(data: bytes) -> None:
    """The artefact's layout is the one that its number stands for."""
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    header = json.loads(arrays.pop("__meta__").tobytes())
    described = {
        "arrays": {name: [array.dtype.kind, array.ndim] for name, array in arrays.items()},
        "meta": _keys(header["meta"]),
    }
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]

    found = f"{header['kind']}: {digest} of\n{json.dumps(described, indent=1, sort_keys=True)}"
    assert DIGESTS.get((header["kind"], header["layout"])) == digest, found


def _keys(value: object) -> object:
    """Names of a header's facts, whatever their values."""
    if isinstance(value, dict):
        return {name: _keys(inner) for name, inner in value.items()}
    return "list" if isinstance(value, list) else "value"
