"""Answer from a trained model or, for a young team, from the prior and pooling. Imports no scikit-learn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from apps.ml.core import artifact
from apps.ml.core.arrays import Booleans, Floats
from apps.ml.core.points import explain
from apps.ml.core.points import folded as fold
from apps.ml.core.points.features import extract
from apps.ml.core.points.prior import PointsPrior
from apps.ml.core.points.promise import promises_of
from apps.ml.core.points.recent import NO_POINTS, drift
from apps.ml.core.points.scales import proper
from apps.ml.core.records import IssueFacts
from apps.ml.core.results import PointsRecommendation

_NO_OUTCOMES: Booleans = np.zeros(0, dtype=bool)


@dataclass(frozen=True, slots=True, eq=False)
class PointsModel:
    """A trained model, ready to answer."""

    folded: fold.FoldedExperts
    prior: PointsPrior | None

    @classmethod
    def from_bytes(cls, data: bytes, *, prior: PointsPrior | None) -> "PointsModel":
        """Read a serving artefact.

        Raises
        ------
        ArtifactCorrupted
            If the bytes are no points model, or one trained with another version of the prior.
        """
        model = fold.from_bytes(data)
        wanted, given = model.meta["prior_version"], None if prior is None else prior.version
        if wanted is not None and wanted != given:
            raise artifact.ArtifactCorrupted(f"The points model needs prior {wanted!r}, not {given!r}; train it anew.")
        return cls(model, prior if wanted is not None else None)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays, in bytes; the prior is shared by all models and not counted."""
        return self.folded.nbytes

    @property
    def abstains(self) -> bool:
        """Whether the naive baseline answers, because nothing beat it."""
        return bool(self.folded.meta["method"] == "baseline")

    @property
    def version(self) -> str:
        """The version given at training."""
        return str(self.folded.meta["version"])

    def recommend(
        self,
        facts: IssueFacts,
        *,
        recent: Floats = NO_POINTS,
        inside: Booleans = _NO_OUTCOMES,
        names_words: bool = True,
    ) -> PointsRecommendation:
        """Recommend story points for an issue.

        Parameters
        ----------
        facts : IssueFacts
            Points and hours in it are not looked at.
        recent : ndarray of shape (n,)
            Points that became known after the training, oldest first: the short memories follow them.
        inside : ndarray of shape (n,)
            Whether the ranges of the last answers held what came: they correct this one.
        names_words : bool
            Whether the reasons say which words moved it: not those of a model of several teams, which would tell one
            what others write about.
        """
        return self.recommendations([facts], recent=recent, inside=inside, names_words=names_words)[0]

    def recommendations(
        self,
        asked: Sequence[IssueFacts],
        *,
        recent: Floats = NO_POINTS,
        inside: Booleans = _NO_OUTCOMES,
        names_words: bool = True,
    ) -> list[PointsRecommendation]:
        """Recommendations for many issues, those of `recommend`: what all have in common is worked out once."""
        if not asked:
            return []
        model, raws = self.folded, [extract(facts) for facts in asked]
        effects = [model.effects(raw, 0.0 if self.prior is None else self.prior.score(raw)) for raw in raws]
        moved = drift(model, recent)
        survival = proper(np.stack([model.survival(np.vstack([each, moved])) for each in effects]))
        promises = promises_of(
            model.calibration.calibrated(survival, model.marginal), model.scale, model.calibration.corrected(inside)
        )
        words: list[list[tuple[str, float]]] = [[] for _ in asked]
        if names_words:
            read = zip(raws, asked, strict=True)
            words = [explain.strongest_words(model, self.prior, raw, facts.title) for raw, facts in read]
        return [
            PointsRecommendation(
                recommended_points=promise.recommended,
                confidence=promise.confidence,
                probabilities=promise.probabilities,
                interval=promise.interval._replace(
                    measured_coverage=float(inside.mean()) if inside.size else None,
                    n_outcomes=inside.size,
                ),
                method=model.meta["method"],
                reasoning=explain.reasoning(model, promise, said),
                model_version=self.version,
                contributions=explain.contributions(model, facts, each, moved, promise.recommended),
                one_step=promise.one_step,
            )
            for facts, each, promise, said in zip(asked, effects, promises, words, strict=True)
        ]
