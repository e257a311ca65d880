"""Serve the effort model from plain arrays: NumPy and look-ups only, half a millisecond a call."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.ml.core import artifact
from apps.ml.core.arrays import Floats
from apps.ml.core.effort.answer import HeadAnswer, ServedHead, informed_answers, plain_answers
from apps.ml.core.effort.experts import (
    RANGE_BOUNDS,
    as_row,
    bounded_hours,
    static_row,
    static_with_points,
)
from apps.ml.core.effort.explain import Counterfactual, Explanation, contributions, reasoning
from apps.ml.core.effort.features import has_estimate, read, with_points
from apps.ml.core.effort.header import KIND, Header, HeadHeader
from apps.ml.core.effort.naive import NaiveLevels
from apps.ml.core.effort.neighbours import Neighbourhood, Neighbours, ask
from apps.ml.core.effort.ranges.own_outcomes import (
    MOST_COMPARED,
    TeamRecord,
    head_share,
    last_outcomes,
    missed_by_strangers,
    mixed,
    own_errors,
    strangers_share,
)
from apps.ml.core.intervals import Corrected, ErrorPool, RecentOutcomes, corrected_level
from apps.ml.core.reading import IssueReading
from apps.ml.core.records import CompletedIssue, IssueFacts, with_hours
from apps.ml.core.results import EffortEstimate, Interval, SimilarIssue
from apps.ml.core.similarity import DEFAULT_NEIGHBOURS, MINIMUM_SIMILARITY

_TWICE = math.log(2.0)
#: Questions that the heads answer together: their similarities to 20,000 issues take 16 MB.
ANSWERED_AT_ONCE = 100
#: With fewer pointed issues what points change is a guess, and is not told.
MINIMUM_POINTED_ISSUES = 20
#: What to compare with where an issue has no points: 'large' on the usual scales.
POINTS_TO_COMPARE = 8.0
#: ... and with points, the next card of the planning deck.
PLANNING_SCALE = (1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 40.0, 100.0)


@dataclass(frozen=True, slots=True)
class EffortRequest:
    """One request, read."""

    reading: IssueReading
    #: Similarity of its words to each finished issue, shape (n_issues,); None for a global model.
    similarity: Floats | None
    nearby: Neighbourhood
    #: What trees and error sizes are predicted from, shape (1, n_static).
    static: Floats
    recent: RecentOutcomes | None
    team: TeamRecord | None


@dataclass(frozen=True, slots=True)
class HeadOutlook:
    """What a head says of a request, and how far off it may be."""

    head: ServedHead
    answer: HeadAnswer
    #: Log hours.
    centre: float
    #: What a global model's answer was moved by, for the team that asks; in `centre`.
    shift: float
    #: Errors to expect on the log scale of hours.
    errors: ErrorPool
    #: What came of the last answers of this head, for whoever asks.
    measured: Corrected
    #: What to ask of a range on top of its level, as long as no served outcome tells better.
    missed: float


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
    #: Of the two heads, by whether one is the informed one.
    kept: dict[bool, Corrected] = field(default_factory=dict, init=False, repr=False, compare=False)

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
        self,
        facts: IssueFacts,
        *,
        recent: RecentOutcomes | None = None,
        team: TeamRecord | None = None,
        level: float | None = None,
        evidence: bool = True,
    ) -> EffortEstimate:
        """Estimate the hours of an issue.

        Parameters
        ----------
        facts : IssueFacts
            Unknown types, words and people add nothing; they are no error.
        recent : RecentOutcomes, optional
            What came of the last predictions of this project: corrects range, confidence and expected hours.
        team : TeamRecord, optional
            What the team that asks a global model has finished: the answer is moved to it, and range and confidence
            are of it. A model of a project knows its team.
        level : float, optional
            Share of outcomes the range shall hold, in (0, 1); the trained level where not given.
        evidence : bool
            Whether the answer lists the issues most like it of those learned from.
        """
        return self.estimates([facts], recent=recent, team=team, level=level, evidence=evidence)[0]

    def estimates(
        self,
        asked: Sequence[IssueFacts],
        *,
        recent: RecentOutcomes | None = None,
        team: TeamRecord | None = None,
        level: float | None = None,
        evidence: bool = True,
    ) -> list[EffortEstimate]:
        """Estimates of many issues, those of `estimate`: words are compared with all finished issues at once."""
        return [
            self._estimate(request, outlook, level or self.header.level, evidence=evidence)
            for request, outlook in self._outlooks(asked, recent, team)
        ]

    def hours(
        self, facts: IssueFacts, *, recent: RecentOutcomes | None = None, team: TeamRecord | None = None
    ) -> tuple[Floats, Floats]:
        """Hours that the issue may take and the weight of each, which sum to 1; parameters as of `estimate`."""
        return next(self.hours_of([facts], recent=recent, team=team))

    def hours_of(
        self, asked: Sequence[IssueFacts], *, recent: RecentOutcomes | None = None, team: TeamRecord | None = None
    ) -> Iterator[tuple[Floats, Floats]]:
        """The same of many issues, in their order."""
        for _, outlook in self._outlooks(asked, recent, team):
            hours = np.exp(outlook.centre + outlook.errors.values)
            yield np.clip(hours, *RANGE_BOUNDS), outlook.errors.weights

    def record_of(self, history: Sequence[CompletedIssue]) -> TeamRecord | None:
        """What this model, of all projects, says of a team's last finished issues; None where none has hours."""
        outcomes = last_outcomes(history)
        if outcomes is None:
            return None
        last = with_hours(history)[-MOST_COMPARED:]
        estimated = [issue for issue in last if has_estimate(issue.facts)]
        plain = self._errors([replace(issue.facts, estimated_hours=None) for issue in last], last)
        return TeamRecord(outcomes, {False: plain, True: self._errors([each.facts for each in estimated], estimated)})

    def _errors(self, asked: Sequence[IssueFacts], issues: Sequence[CompletedIssue]) -> Floats:
        """Log errors of the answers to what is asked about issues."""
        centres = [outlook.centre for _, outlook in self._outlooks(asked, None, None)]
        hours = np.array([issue.actual_hours or np.nan for issue in issues], dtype=np.float64)
        return np.asarray(np.log(hours) - np.array(centres))

    def _outlooks(
        self, asked: Sequence[IssueFacts], recent: RecentOutcomes | None, team: TeamRecord | None
    ) -> Iterator[tuple[EffortRequest, HeadOutlook]]:
        """Each question as it is read, with what is to be expected, in their order."""
        requests = self._requests(asked, recent, team)
        while some := list(islice(requests, ANSWERED_AT_ONCE)):
            for request, (head, answer) in zip(some, self._answers(some), strict=True):
                yield request, self._outlook(request, head, answer)

    def _requests(
        self, asked: Sequence[IssueFacts], recent: RecentOutcomes | None, team: TeamRecord | None
    ) -> Iterator[EffortRequest]:
        readings = [read(facts, with_people=self.neighbours is not None) for facts in asked]
        if self.neighbours is None:
            yield from (self._request(reading, None, recent, team) for reading in readings)
            return
        similarities = self.neighbours.index.similarities_of([reading.token_set for reading in readings])
        for reading, similarity in zip(readings, similarities, strict=True):
            yield self._request(reading, similarity, recent, team)

    def _request(
        self, reading: IssueReading, similarity: Floats | None, recent: RecentOutcomes | None, team: TeamRecord | None
    ) -> EffortRequest:
        nearby = self._look_around(reading, similarity)
        static = as_row(static_row(reading, nearby, self.levels))
        return EffortRequest(reading, similarity, nearby, static, recent, team)

    @property
    def abstains(self) -> bool:
        """Whether the naive baseline answers, because nothing beat it."""
        return not self.plain.header.serves_model

    def _answers(self, asked: Sequence[EffortRequest]) -> list[tuple[ServedHead, HeadAnswer]]:
        """Of each request the head that answers it, and what it says."""
        readings, static = [each.reading for each in asked], np.concatenate([each.static for each in asked])
        plain = plain_answers(self.plain, self.levels, readings, [each.nearby for each in asked], static)
        answers = [(self.plain, answer) for answer in plain]
        places = [at for at, reading in enumerate(readings) if has_estimate(reading.facts)]
        if self.informed is None or not places:
            return answers
        known = informed_answers(
            self.informed, self.levels, [readings[at] for at in places], [plain[at] for at in places], static[places]
        )
        for at, answer in zip(places, known, strict=True):
            answers[at] = (self.informed, answer)
        return answers

    def _otherwise(self, asked: EffortRequest, outlook: HeadOutlook) -> Counterfactual | None:
        """The answer to the same issue with other points; None where points were not learned from."""
        if self.header.n_pointed < MINIMUM_POINTED_ISSUES or not outlook.head.header.serves_model:
            return None
        now = asked.reading.facts.story_points
        points = POINTS_TO_COMPARE if now is None else next((step for step in PLANNING_SCALE if step > now), None)
        if points is None:
            return None
        static = static_with_points(asked.static, points)
        other = replace(asked, reading=with_points(asked.reading, points), static=static)
        return Counterfactual(points, bounded_hours(self._answers([other])[0][1].centre + outlook.shift))

    def _look_around(self, reading: IssueReading, similarity: Floats | None) -> Neighbourhood:
        level = self.levels.of_type(reading.facts.issue_type)
        if self.neighbours is None or similarity is None:
            return Neighbourhood(level, 0.0, 0.0, 1.0)
        return ask(self.neighbours.closeness(similarity, reading.facts), self.neighbours.log_hours, level)

    def _similar(self, similarity: Floats | None) -> tuple[SimilarIssue, ...]:
        if self.neighbours is None or similarity is None:
            return ()
        return self.neighbours.index.best(similarity, DEFAULT_NEIGHBOURS, MINIMUM_SIMILARITY)

    def _outlook(self, asked: EffortRequest, head: ServedHead, answer: HeadAnswer) -> HeadOutlook:
        informed = head is self.informed
        centre = answer.centre if head.header.serves_model else float(answer.experts[head.header.baseline])
        measured = self._corrected(head, asked.recent)
        shift = 0.0 if asked.team is None else asked.team.shift(used_estimate=informed)
        own, missed = self._own_errors(asked, centre + shift, informed), head.header.missing_coverage
        if self.neighbours is None:
            missed += missed_by_strangers(0.0 if own is None else own.effective_size)
        if own is None:
            return HeadOutlook(head, answer, centre, 0.0, measured.errors.scaled(answer.scale), measured, missed)
        n_own = own.effective_size
        share = max(head_share(n_own), head.header.head_share)
        if asked.team is not None:
            share = strangers_share(n_own)
        errors = mixed(own, measured.errors.scaled(answer.scale), share=share)
        return HeadOutlook(head, answer, centre + shift, shift, errors, measured, missed)

    def _corrected(self, head: ServedHead, recent: RecentOutcomes | None) -> Corrected:
        """The same for every question until further outcomes are read: worked out once."""
        informed = head is self.informed
        known = self.kept.get(informed)
        if known is None or known.recent is not recent:
            known = Corrected.by(recent, head.pool, head.totals, used_estimate=informed)
            self.kept[informed] = known
        return known

    def _own_errors(self, asked: EffortRequest, centre: float, informed: bool) -> ErrorPool | None:
        """What the outcomes of the team say: those learned from, or those of the team that asks a global model."""
        neighbours, similarity = self.neighbours, asked.similarity
        if asked.team is not None:
            neighbours = asked.team.neighbours
            similarity = neighbours.index.similarities(asked.reading.token_set)
        if neighbours is None or similarity is None:
            return None
        return own_errors(neighbours, similarity, asked.reading.facts, centre=centre, used_estimate=informed)

    def _estimate(self, asked: EffortRequest, outlook: HeadOutlook, level: float, *, evidence: bool) -> EffortEstimate:
        head, answer = outlook.head, outlook.answer
        informed, hours = head is self.informed, bounded_hours(outlook.centre)
        explained = Explanation(
            header=self.header,
            head=head.header,
            facts=asked.reading.facts,
            answer=answer,
            hours=hours,
            informed=informed,
            has_similar=asked.similarity is not None and bool((asked.similarity >= MINIMUM_SIMILARITY).any()),
            otherwise=self._otherwise(asked, outlook),
            shift=outlook.shift,
        )
        return EffortEstimate(
            predicted_hours=hours,
            expected_hours=min(hours * outlook.measured.totals.mean_factor, RANGE_BOUNDS[1]),
            interval=_interval(outlook, hours, level),
            confidence=outlook.errors.share_within(_TWICE),
            method="ml_model" if head.header.serves_model else "baseline",
            reasoning=reasoning(explained),
            model_version=self.header.version or None,
            similar_issues=self._similar(asked.similarity) if evidence else (),
            contributions=contributions(explained, head.weights, head.linear),
            log_scale=answer.scale,
            used_estimate=informed,
        )


def _interval(outlook: HeadOutlook, hours: float, level: float) -> Interval:
    outcomes = outlook.measured.outcomes
    low, high = outlook.errors.band(corrected_level(level, outcomes, outlook.missed))
    return Interval(
        low=min(bounded_hours(math.log(hours) + low, RANGE_BOUNDS), hours),
        high=max(bounded_hours(math.log(hours) + high, RANGE_BOUNDS), hours),
        level=level,
        measured_coverage=outcomes.measured_coverage if outcomes is not None else None,
        n_outcomes=len(outcomes) if outcomes is not None else 0,
    )


def _own(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[str, NDArray[Any]]:
    prefix = f"{name}_"
    return {key[len(prefix) :]: value for key, value in arrays.items() if key.startswith(prefix)}
