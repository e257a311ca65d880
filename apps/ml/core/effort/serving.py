"""Serve the effort model from plain arrays: NumPy and look-ups only, half a millisecond a call."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.ml.core import artifact
from apps.ml.core.arrays import Floats
from apps.ml.core.effort.answer import HeadAnswer
from apps.ml.core.effort.experts import (
    RANGE_BOUNDS,
    as_row,
    bounded_hours,
    informed_inputs,
    plain_inputs,
    scale_from_log,
    scale_inputs,
    static_row,
    widened,
    without_trees,
)
from apps.ml.core.effort.explain import Counterfactual, Explanation, contributions, reasoning
from apps.ml.core.effort.features import Reading, has_estimate, log_estimate, read, with_points
from apps.ml.core.effort.header import KIND, Header, HeadHeader
from apps.ml.core.effort.linear import FoldedLinear
from apps.ml.core.effort.naive import NaiveLevels
from apps.ml.core.effort.neighbours import Neighbourhood, Neighbours, ask
from apps.ml.core.intervals import ErrorPool, RecentOutcomes, Totals, corrected_level, corrected_pool, corrected_totals
from apps.ml.core.records import IssueFacts
from apps.ml.core.results import EffortEstimate, Interval, SimilarIssue
from apps.ml.core.similarity import DEFAULT_NEIGHBOURS, MINIMUM_SIMILARITY
from apps.ml.core.trees import FlatTrees

_TWICE = math.log(2.0)
#: With fewer pointed issues what points change is a guess, and is not told.
MINIMUM_POINTED_ISSUES = 20
#: What to compare with where an issue has no points: 'large' on the usual scales.
POINTS_TO_COMPARE = 8.0
#: ... and with points, the next card of the planning deck.
PLANNING_SCALE = (1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 40.0, 100.0)


@dataclass(frozen=True, slots=True)
class ServedHead:
    """One head, folded."""

    header: HeadHeader
    linear: FoldedLinear
    trees: FlatTrees | None
    weights: Floats
    scale_dense: Floats
    pool: ErrorPool
    totals: Totals

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], header: HeadHeader) -> "ServedHead":
        return cls(
            header=header,
            linear=FoldedLinear.from_arrays(arrays),
            trees=FlatTrees.from_arrays(arrays, "trees_") if "trees_roots" in arrays else None,
            weights=arrays["weights"],
            scale_dense=arrays["scale_dense"],
            pool=ErrorPool.of(arrays["standard_errors"]),
            totals=Totals(**header.totals),
        )


@dataclass(frozen=True, slots=True)
class EffortRequest:
    """One request."""

    facts: IssueFacts
    similar: tuple[SimilarIssue, ...]
    recent: RecentOutcomes | None
    level: float


@dataclass(frozen=True, slots=True)
class EffortModel:
    """A trained model as it is served: immutable, safe to share between threads."""

    header: Header
    levels: NaiveLevels
    #: None for a global model, which keeps no single issue.
    neighbours: Neighbours | None
    plain: ServedHead
    informed: ServedHead | None
    nbytes: int

    @classmethod
    def from_bytes(cls, data: bytes) -> "EffortModel":
        """Read a serving artefact; imports no scikit-learn.

        Raises
        ------
        ArtifactCorrupted
            If the bytes are no effort model, or one of another layout.
        """
        found = artifact.loads(data, kind=KIND)
        try:
            return cls._from_artifact(found)
        except (KeyError, TypeError, ValueError) as error:
            raise artifact.ArtifactCorrupted(f"The effort model is incomplete: {error}.") from error

    @classmethod
    def _from_artifact(cls, found: artifact.Artifact) -> "EffortModel":
        meta = dict(found.meta)
        levels, heads = NaiveLevels.from_json(meta.pop("levels")), meta.pop("heads")
        served = {name: ServedHead.from_arrays(_own(found.arrays, name), HeadHeader(**heads[name])) for name in heads}
        return cls(
            header=Header(**meta),
            levels=levels,
            neighbours=Neighbours.from_arrays(found.arrays) if "neighbour_fields" in found.arrays else None,
            plain=served["plain"],
            informed=served.get("informed"),
            nbytes=found.nbytes,
        )

    def estimate(
        self, facts: IssueFacts, *, recent: RecentOutcomes | None = None, level: float | None = None
    ) -> EffortEstimate:
        """Estimate the hours of an issue.

        Parameters
        ----------
        facts : IssueFacts
            Unknown types, words and people add nothing; they are no error.
        recent : RecentOutcomes, optional
            What came of the last predictions of this project: corrects range, confidence and expected hours.
        level : float, optional
            Share of outcomes the range shall hold, in (0, 1); the trained level where not given.
        """
        reading = read(facts, with_people=self.neighbours is not None)
        similarity = None if self.neighbours is None else self.neighbours.index.similarities(reading.token_set)
        nearby = self._look_around(reading, similarity)
        head, answer = self._answer(reading, nearby)
        asked = EffortRequest(facts, self._similar(similarity), recent, level or self.header.level)
        return self._estimate(asked, head, answer, self._otherwise(reading, nearby, head))

    @property
    def abstains(self) -> bool:
        """Whether the naive baseline answers, because nothing beat it."""
        return not self.plain.header.serves_model

    def errors(self, *, used_estimate: bool, recent: RecentOutcomes | None = None) -> ErrorPool:
        """Errors to expect of its estimates, in units of their `log_scale`."""
        head = self.informed if used_estimate and self.informed is not None else self.plain
        return corrected_pool(head.pool, None if recent is None else recent.like(used_estimate=used_estimate))

    def _answer(self, reading: Reading, nearby: Neighbourhood) -> tuple[ServedHead, HeadAnswer]:
        static = as_row(static_row(reading, nearby, self.levels))
        plain = self.answer_plain(reading, nearby, static)
        if self.informed is None or not has_estimate(reading.facts):
            return self.plain, plain
        return self.informed, self.answer_informed(self.informed, reading, plain, static)

    def _otherwise(self, reading: Reading, nearby: Neighbourhood, head: ServedHead) -> Counterfactual | None:
        """The answer to the same issue with other points; None where points were not learned from."""
        if self.header.n_pointed < MINIMUM_POINTED_ISSUES or not head.header.serves_model:
            return None
        now = reading.facts.story_points
        points = POINTS_TO_COMPARE if now is None else next((step for step in PLANNING_SCALE if step > now), None)
        if points is None:
            return None
        return Counterfactual(points, bounded_hours(self._answer(with_points(reading, points), nearby)[1].centre))

    def _look_around(self, reading: Reading, similarity: Floats | None) -> Neighbourhood:
        level = self.levels.of_type(reading.facts.issue_type)
        if self.neighbours is None or similarity is None:
            return Neighbourhood(level, 0.0, 0.0, 1.0)
        return ask(self.neighbours.closeness(similarity, reading.facts), self.neighbours.log_hours, level)

    def _similar(self, similarity: Floats | None) -> tuple[SimilarIssue, ...]:
        if self.neighbours is None or similarity is None:
            return ()
        return self.neighbours.index.best(similarity, DEFAULT_NEIGHBOURS, MINIMUM_SIMILARITY)

    def answer_plain(self, reading: Reading, nearby: Neighbourhood, static: Floats) -> HeadAnswer:
        """The head that does not know the team's estimate."""
        head = self.plain
        parts = head.linear.parts(reading.features)
        linear = float(head.linear.intercepts[0] + parts[:, 0].sum())
        trees, lean = _boosted(head, np.array([linear]), static)
        naive = (self.levels.overall, self.levels.recent, self.levels.of_type(reading.facts.issue_type))
        experts = np.array([*naive, nearby.log_hours, linear, trees])
        centre = float(experts @ head.weights)
        return HeadAnswer(centre, _scale(head, parts, experts, centre, static), experts, parts, lean=lean)

    def answer_informed(self, head: ServedHead, reading: Reading, plain: HeadAnswer, static: Floats) -> HeadAnswer:
        """The head that knows it: everything is a ratio to the team's own number."""
        own = log_estimate(reading.facts)
        parts = head.linear.parts(reading.features)
        ratio = float(head.linear.intercepts[0] + parts[:, 0].sum())
        inputs = informed_inputs(np.array([ratio]), np.array([plain.centre]), np.array([own]), static)
        trees = ratio if head.trees is None else head.trees.predict(inputs[0])
        experts = np.array([own, self.levels.recent, plain.centre, own + ratio, own + trees])
        centre = float(experts @ head.weights)
        keep = abs(centre - own) < head.header.snap
        centre = own if keep else centre
        lean = 1.0 if head.trees is None else 0.0
        scale = widened(_scale(head, parts, experts, centre, static), head.header.beyond(own))
        return HeadAnswer(centre, scale, experts, parts, keep, lean)

    def _estimate(
        self, asked: EffortRequest, head: ServedHead, answer: HeadAnswer, otherwise: Counterfactual | None
    ) -> EffortEstimate:
        informed = head is self.informed
        centre = answer.centre if head.header.serves_model else float(answer.experts[head.header.baseline])
        hours = bounded_hours(centre)
        outcomes = None if asked.recent is None else asked.recent.like(used_estimate=informed)
        pool = corrected_pool(head.pool, outcomes)
        low, high = pool.band(corrected_level(asked.level, outcomes))
        explained = Explanation(
            self.header, head.header, asked.facts, answer, hours, informed, len(asked.similar), otherwise
        )
        return EffortEstimate(
            predicted_hours=hours,
            expected_hours=min(hours * corrected_totals(head.totals, outcomes).mean_factor, RANGE_BOUNDS[1]),
            interval=Interval(
                low=min(bounded_hours(math.log(hours) + low * answer.scale, RANGE_BOUNDS), hours),
                high=max(bounded_hours(math.log(hours) + high * answer.scale, RANGE_BOUNDS), hours),
                level=asked.level,
                measured_coverage=outcomes.measured_coverage if outcomes is not None else None,
                n_outcomes=len(outcomes) if outcomes is not None else 0,
            ),
            confidence=pool.share_within(_TWICE / answer.scale),
            method="ml_model" if head.header.serves_model else "baseline",
            reasoning=reasoning(explained),
            model_version=self.header.version or None,
            similar_issues=asked.similar,
            contributions=contributions(explained, head.weights, head.linear),
            log_scale=answer.scale,
            used_estimate=informed,
        )


def _boosted(head: ServedHead, linear: Floats, static: Floats) -> tuple[float, float]:
    """The last plain expert, and how much of it is the linear one."""
    if head.trees is None:
        return float(without_trees(linear, static)[0]), float(static[0, -1])
    return head.trees.predict(plain_inputs(linear, static)[0]), 0.0


def _scale(head: ServedHead, parts: Floats, experts: Floats, centre: float, static: Floats) -> float:
    dense = scale_inputs(np.array([centre]), experts[None, :], static)[0]
    size = head.linear.intercepts[1] + parts[:, 1].sum() + dense @ head.scale_dense
    return float(scale_from_log(size))


def _own(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[str, NDArray[Any]]:
    prefix = f"{name}_"
    return {key[len(prefix) :]: value for key, value in arrays.items() if key.startswith(prefix)}
