"""Completed sprints as numbers, and many of them as bytes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from apps.ml.core import artifact
from apps.ml.core.past.curves import COLUMNS, ScopeCurve
from apps.ml.core.past.velocity import SprintRecord

KIND = "completed_sprints"


@dataclass(frozen=True, slots=True)
class CompletedSprint:
    """What is told of a completed sprint, but for what stands in its own row."""

    curve: ScopeCurve
    #: People who had work of it when planning ended; None where nobody had any.
    team_size: int | None
    record: SprintRecord

    def __len__(self) -> int:
        """Lines of its books, a few an issue."""
        return len(self.curve.begins)


def to_bytes(sprints: Mapping[str, CompletedSprint], versions: Mapping[str, str]) -> bytes:
    """Sprints by the names of their readings, and which readings hold."""
    curves = [sprint.curve for sprint in sprints.values()]
    arrays = {column: np.concatenate([getattr(curve, column) for curve in curves]) for column in COLUMNS}
    told = [
        {
            "name": name,
            "team_size": sprint.team_size,
            "record": asdict(sprint.record),
            "curve": [sprint.curve.has_changes, sprint.curve.first, sprint.curve.last],
        }
        for name, sprint in sprints.items()
    ]
    arrays["sizes"] = np.array([len(sprint) for sprint in sprints.values()], np.int64)
    return artifact.dumps(KIND, arrays, {"sprints": told, "versions": dict(versions)}, compressed=False)


def from_bytes(data: bytes) -> tuple[dict[str, CompletedSprint], dict[str, str]]:
    """Read what `to_bytes` wrote; raises `ArtifactCorrupted`."""
    read = artifact.loads(data, kind=KIND)
    borders = pairwise([0, *np.cumsum(read.arrays["sizes"]).tolist()])
    sprints = {}
    for told, (begin, end) in zip(read.meta["sprints"], borders, strict=True):
        columns: dict[str, Any] = {column: read.arrays[column][begin:end] for column in COLUMNS}
        curve = ScopeCurve(*told["curve"], **columns)
        sprints[told["name"]] = CompletedSprint(curve, told["team_size"], SprintRecord(**told["record"]))
    return sprints, read.meta["versions"]
