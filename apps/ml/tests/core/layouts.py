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
    ("completed_sprints", 1): "3275dcdfc0775eb3",
    ("recent_work", 1): "1e1009360ee84efb",
}


def assert_layout_has_its_number(data: bytes, *, rows: bool = False) -> None:
    """The artefact's layout is the one that its number stands for; with `rows` those of its header belong to it."""
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    header = json.loads(arrays.pop("__meta__").tobytes())
    described = {
        "arrays": {name: [array.dtype.kind, array.ndim] for name, array in arrays.items()},
        "meta": _keys(header["meta"], rows),
    }
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]

    found = f"{header['kind']}: {digest} of\n{json.dumps(described, indent=1, sort_keys=True)}"
    assert DIGESTS.get((header["kind"], header["layout"])) == digest, found


def _keys(value: object, rows: bool) -> object:
    """Names of a header's facts, whatever their values."""
    if isinstance(value, dict):
        return {name: _keys(inner, rows) for name, inner in value.items()}
    if isinstance(value, list):
        return [_keys(value[0], rows)] if rows and value and isinstance(value[0], dict) else "list"
    return "value"
