"""A trained points model as plain arrays: one issue to survival values with a few sparse products, no scikit-learn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from apps.ml.core import artifact
from apps.ml.core.arrays import Floats, Integers
from apps.ml.core.points.calibration import PointsCalibration
from apps.ml.core.points.features import BUCKETS, NAMESPACES, SHAPE_NAMES, RawFeatures
from apps.ml.core.points.scales import Scale

KIND = "story_points"
#: The groups of features an answer is explained by, in the order of `FoldedExperts.effects`.
GROUPS = (
    "words of the title",
    "words of the description",
    "type, component, labels and priority",
    "length and form of the text",
    "experience of other projects",
)


#: A question without a description, to a team that always writes one, leaves it unknown: that is no sign of a small
#: issue, and counts as the team's usual description does. Where more issues than this lack one, the lack was learned.
RARELY_WORDLESS = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class FoldedExperts:
    """All experts, weighted and added up, as one linear map from raw features to survival at the thresholds."""

    scale: Scale
    #: shape (n_columns,): namespace * BUCKETS + bucket, ascending; the words that are read.
    columns: Integers
    #: shape (n_columns,)
    idf: Floats
    #: shape (n_columns, n_thresholds)
    words: Floats
    #: shape (n_shape_features, n_thresholds)
    shape: Floats
    #: shape (n_thresholds,): effect of one unit of the prior's score.
    prior: Floats
    #: shape (n_thresholds,)
    intercept: Floats
    #: Smallest and largest prior score and text features that are believed, shape (2, 1 + n_shape_features).
    bounds: Floats
    #: shape (n_groups, n_thresholds): effects of the team's average recent issue, the reference of explanations.
    usual: Floats
    #: shape (n_namespaces,): share of the finished issues that had no known word there.
    wordless: Floats
    #: shape (n_values - 1,): the team's plain marginal, mixed in as a floor.
    marginal: Floats
    #: shape (n_experts,): weight of each expert, its half-life in issues, and its effective issues.
    trust: Floats
    half_lives: Floats
    totals: Floats
    #: shape (n_experts, n_thresholds): the level of each expert, for carrying it on between trainings.
    levels: Floats
    calibration: PointsCalibration
    meta: dict[str, Any]

    @property
    def nbytes(self) -> int:
        """Memory of the arrays, in bytes."""
        return sum(getattr(self, name).nbytes for name in _ARRAYS)

    def effects(self, raw: RawFeatures, score: float) -> Floats:
        """What each group of features adds to survival at the thresholds, shape (n_groups, n_thresholds)."""
        words = [self._word_sum(namespace, raw) for namespace in range(len(NAMESPACES))]
        held = np.clip(np.concatenate([[score], raw.shape]), *self.bounds)
        return np.stack([*words, held[1:] @ self.shape, held[0] * self.prior])

    def survival(self, effects: Floats) -> Floats:
        """Survival at grid[:-1], not yet proper, shape (n_values - 1,)."""
        return self.scale.survival(self.intercept + effects.sum(axis=0))

    def points_per_threshold(self) -> Floats:
        """Expected points gained per unit of survival at each threshold, shape (n_thresholds,)."""
        per_threshold: Floats = self.scale.spread[1:] @ np.diff(self.scale.grid)
        return per_threshold

    def word_weights(self, namespace: int, raw: RawFeatures) -> tuple[Integers, Floats]:
        """Rows of `words` of the known words of one namespace, and their tf-idf values of unit length."""
        found = raw.words[namespace]
        wanted = found.buckets + namespace * BUCKETS
        row = np.searchsorted(self.columns, wanted).clip(0, max(len(self.columns) - 1, 0))
        known = self.columns[row] == wanted if len(self.columns) else np.zeros(len(wanted), dtype=bool)
        row = row[known]
        values = (1.0 + np.log(found.counts[known])) * self.idf[row]
        norm = float(np.sqrt(values @ values))
        return row, values / (norm if norm > 0 else 1.0)

    def _word_sum(self, namespace: int, raw: RawFeatures) -> Floats:
        row, values = self.word_weights(namespace, raw)
        if not len(row) and self.wordless[namespace] < RARELY_WORDLESS:
            return np.asarray(self.usual[namespace])
        total: Floats = values @ self.words[row]
        return total

    def to_bytes(self) -> bytes:
        """The serving artefact."""
        scale, calibration = self.scale, self.calibration
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        arrays |= {name: getattr(scale, name) for name in _SCALE_ARRAYS}
        promises = {name: getattr(calibration, name) for name in _CALIBRATION}
        return artifact.dumps(KIND, arrays, {"facts": self.meta, "calibration": promises, "shape_names": SHAPE_NAMES})


_ARRAYS = (
    *("columns", "idf", "words", "shape", "prior", "intercept", "bounds", "usual", "wordless", "marginal"),
    *("trust", "half_lives", "totals", "levels"),
)
_SCALE_ARRAYS = ("grid", "steps", "thresholds", "spread")
_CALIBRATION = ("sharpness", "range_mass", "level", "record_coverage", "n_record")


def from_bytes(data: bytes) -> FoldedExperts:
    """Read what `FoldedExperts.to_bytes` wrote.

    Raises
    ------
    ArtifactCorrupted
        If the bytes are no points model, or one for other text features or promises than this code reads.
    """
    read = artifact.loads(data, kind=KIND)
    missing = [name for name in (*_ARRAYS, *_SCALE_ARRAYS) if name not in read.arrays]
    if missing or _names(read.meta.get("shape_names", ())) != SHAPE_NAMES:
        raise artifact.ArtifactCorrupted("The points model was made for other features; train it anew.")
    if set(read.meta.get("calibration", ())) != set(_CALIBRATION):
        raise artifact.ArtifactCorrupted("The points model makes other promises than this version; train it anew.")
    return FoldedExperts(
        scale=Scale(**{name: read.arrays[name] for name in _SCALE_ARRAYS}),
        calibration=PointsCalibration(**read.meta["calibration"]),
        meta=read.meta["facts"],
        **{name: read.arrays[name] for name in _ARRAYS},
    )


def _names(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(names)
