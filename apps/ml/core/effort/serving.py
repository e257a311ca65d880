"""Serve the effort model from plain arrays: NumPy and look-ups only, a third of a millisecond a call."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from operator import itemgetter
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from apps.ml.core import artifact
from apps.ml.core.arrays import Floats
from apps.ml.core.effort.answer import HeadAnswers, ServedHead, informed_answers, plain_answers
from apps.ml.core.effort.experts import RANGE_BOUNDS, bounded_hours, row_with_points, static_row
from apps.ml.core.effort.explain import Counterfactual, Explained, contributions, reasoning
from apps.ml.core.effort.features import has_estimate, log_estimate, read, with_points
from apps.ml.core.effort.header import KIND, Header, HeadHeader
from apps.ml.core.effort.naive import NaiveLevels
from apps.ml.core.effort.neighbours import Neighbourhood, Neighbours, field_codes, told
from apps.ml.core.effort.outlook import EffortRequest, HoursOutlook
from apps.ml.core.effort.ranges.mixture import AnswerErrors
from apps.ml.core.effort.ranges.own_outcomes import (
    MOST_COMPARED,
    TeamRecord,
    head_share,
    last_known,
    last_outcomes,
    missed_by_strangers,
    own_errors_of,
    strangers_share,
)
from apps.ml.core.intervals import Corrected, RecentOutcomes
from apps.ml.core.reading import IssueReading
from apps.ml.core.records import CompletedIssue, IssueFacts, with_hours
from apps.ml.core.results import EffortEstimate
from apps.ml.core.similarity import DEFAULT_NEIGHBOURS, MINIMUM_SIMILARITY

_TWICE = math.log(2.0)
#: Questions that the heads answer together: their ranges are told from 420 outcomes each, which take 2 MB.
ANSWERED_AT_ONCE = 100
#: With fewer pointed issues what points change is a guess, and is not told.
MINIMUM_POINTED_ISSUES = 20
#: What to compare with where an issue has no points: 'large' on the usual scales.
POINTS_TO_COMPARE = 8.0
#: ... and with points, the next card of the planning deck.
PLANNING_SCALE = (1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 40.0, 100.0)


Told = TypeVar("Told")


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
        """Estimates of many issues, those of `estimate`: heads, ranges and reasons are worked out for many at once."""
        told = partial(self._estimates, level=level or self.header.level)
        return list(self._in_order(asked, recent, team, told, evidence=evidence))

    def hours(
        self, facts: IssueFacts, *, recent: RecentOutcomes | None = None, team: TeamRecord | None = None
    ) -> tuple[Floats, Floats]:
        """Hours that the issue may take and the weight of each, which sum to 1; parameters as of `estimate`."""
        return next(self.hours_of([facts], recent=recent, team=team))

    def hours_of(
        self, asked: Sequence[IssueFacts], *, recent: RecentOutcomes | None = None, team: TeamRecord | None = None
    ) -> Iterator[tuple[Floats, Floats]]:
        """The same of many issues, in their order."""
        return self._in_order(asked, recent, team, _possible_hours)

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
        centres = list(self._in_order(asked, None, None, lambda outlook: outlook.centres.tolist()))
        hours = np.array([issue.actual_hours or np.nan for issue in issues], dtype=np.float64)
        return np.asarray(np.log(hours) - np.array(centres))

    @property
    def abstains(self) -> bool:
        """Whether the naive baseline answers, because nothing beat it."""
        return not self.plain.header.serves_model

    def _in_order(
        self,
        asked: Sequence[IssueFacts],
        recent: RecentOutcomes | None,
        team: TeamRecord | None,
        tell: Callable[[HoursOutlook], Iterable[Told]],
        *,
        evidence: bool = False,
    ) -> Iterator[Told]:
        """What is told of each question, in their order; some of them are answered together."""
        requests = self._requests(asked, team, evidence=evidence)
        while some := list(islice(requests, ANSWERED_AT_ONCE)):
            found = [
                pair
                for head, places, answers in self._answers(some)
                for outlook in [
                    self._outlook(head, places, [some[at] for at in places], answers, recent=recent, team=team)
                ]
                for pair in zip(places, tell(outlook), strict=True)
            ]
            yield from (told for _, told in sorted(found, key=itemgetter(0)))

    def _requests(
        self, asked: Sequence[IssueFacts], team: TeamRecord | None, *, evidence: bool
    ) -> Iterator[EffortRequest]:
        readings = [read(facts, of_all=self.neighbours is None) for facts in asked]
        own = self.neighbours if team is None else team.neighbours
        agreements: dict[tuple[int, ...], NDArray[np.int8]] = {}
        return (self._request(reading, own, agreements, evidence=evidence) for reading in readings)

    def _request(
        self,
        reading: IssueReading,
        own: Neighbours | None,
        agreements: dict[tuple[int, ...], NDArray[np.int8]],
        *,
        evidence: bool,
    ) -> EffortRequest:
        informed = self.informed is not None and has_estimate(reading.facts)
        level, ours = self.levels.of_type(reading.facts.issue_type), self.neighbours
        if ours is None:
            nearby = Neighbourhood(level, 0.0, 0.0, 1.0)
            nearness = None if own is None else _nearness(own, reading, informed)
            return EffortRequest(reading, informed, nearby, static_row(reading, nearby, self.levels), nearness)
        codes = field_codes(reading.facts)
        agreed = agreements.get(codes)
        if agreed is None:
            agreed = agreements[codes] = ours.agreement(codes, ours.log_hours.size)
        near = ours.near(reading.token_set, agreed, len(codes) - codes.count(0))
        nearby = told(near.closeness, ours.log_hours.take(near.nearest), level)
        if own is not ours:
            nearness = None if own is None else _nearness(own, reading, informed)
        elif (last := last_known(ours, ours.log_hours.size, used_estimate=informed)) is None:
            nearness = None
        else:
            similarity = ours.index.similarities_at(last.rows, near.shared, near.n_words)
            nearness = last.nearness(similarity, agreed.take(last.rows))
        return EffortRequest(
            reading,
            informed,
            nearby,
            static_row(reading, nearby, self.levels),
            nearness,
            near.resembles(MINIMUM_SIMILARITY),
            ours.index.best(near.similarity, DEFAULT_NEIGHBOURS, MINIMUM_SIMILARITY, near.rows) if evidence else (),
        )

    def _answers(self, asked: Sequence[EffortRequest]) -> list[tuple[ServedHead, Sequence[int], HeadAnswers]]:
        """Of each head the places of the questions that it answers, and what it says."""
        readings, static = [each.reading for each in asked], np.array([each.static for each in asked])
        similar = np.array([each.nearby.log_hours for each in asked])
        plain, everything = plain_answers(self.plain, self.levels, readings, similar, static), range(len(asked))
        places = [at for at in everything if asked[at].informed]
        if self.informed is None or not places:
            return [(self.plain, everything, plain)]
        others = [at for at in everything if not asked[at].informed]
        known = informed_answers(
            self.informed, self.levels, [readings[at] for at in places], plain.centres[places], static[places]
        )
        informed = (self.informed, places, known)
        return [(self.plain, others, plain.of(others)), informed] if others else [informed]

    def _outlook(
        self,
        head: ServedHead,
        places: Sequence[int],
        requests: Sequence[EffortRequest],
        answers: HeadAnswers,
        *,
        recent: RecentOutcomes | None,
        team: TeamRecord | None,
    ) -> HoursOutlook:
        measured = self._corrected(head, recent)
        shift = 0.0 if team is None else team.shift(used_estimate=head is self.informed)
        errors, missed = AnswerErrors(measured.errors, answers.scales), head.header.missing_coverage
        known = self._own_errors(head, requests, answers.served(head.header) + shift, errors, team)
        if self.neighbours is None:
            missed += missed_by_strangers(0.0 if known.own is None else known.own.size)
        if known.own is None:
            shift = 0.0
        centres = answers.served(head.header) + shift
        otherwise = self._otherwise(head, requests, shift)
        return HoursOutlook(head, places, requests, answers, centres, shift, known, measured, missed, otherwise)

    def _corrected(self, head: ServedHead, recent: RecentOutcomes | None) -> Corrected:
        """The same for every question until further outcomes are read: worked out once."""
        informed = head is self.informed
        known = self.kept.get(informed)
        if known is None or known.recent is not recent:
            known = Corrected.by(recent, head.pool, head.totals, used_estimate=informed)
            self.kept[informed] = known
        return known

    def _own_errors(
        self,
        head: ServedHead,
        requests: Sequence[EffortRequest],
        centres: Floats,
        errors: AnswerErrors,
        team: TeamRecord | None,
    ) -> AnswerErrors:
        """With what the outcomes of the team say: those learned from, or those of the team that asks a global model."""
        informed, own = head is self.informed, self.neighbours if team is None else team.neighbours
        last = None if own is None else last_known(own, own.log_hours.size, used_estimate=informed)
        nearness = [each.nearness for each in requests if each.nearness is not None]
        if last is None or not nearness:
            return errors
        known = own_errors_of(
            last,
            np.array(nearness),
            centres=centres,
            estimates=np.array([log_estimate(each.reading.facts) for each in requests]) if informed else None,
            # What other teams were off by tells more of an unknown one than public data do.
            unknown_spreads=None if team is None else errors.scales * errors.head.spread,
        )
        share = max(head_share(known.size), head.header.head_share) if team is None else strangers_share(known.size)
        return replace(errors, own=known, share=share)

    def _otherwise(
        self, head: ServedHead, asked: Sequence[EffortRequest], shift: float
    ) -> Sequence[Counterfactual | None]:
        """The answers to the same issues with other points; None where points were not learned from."""
        if self.header.n_pointed < MINIMUM_POINTED_ISSUES or not head.header.serves_model:
            return [None] * len(asked)
        points = [_other_points(each.reading.facts.story_points) for each in asked]
        others = [
            each._replace(reading=with_points(each.reading, other), static=row_with_points(each.static, other))
            for each, other in zip(asked, points, strict=True)
            if other is not None
        ]
        # They all have the same head.
        centres = iter(self._answers(others)[0][2].centres.tolist() if others else ())
        return [
            None if other is None else Counterfactual(other, bounded_hours(next(centres) + shift)) for other in points
        ]

    def _estimates(self, outlook: HoursOutlook, *, level: float) -> list[EffortEstimate]:
        hours, served, informed = outlook.hours(), outlook.head.header.serves_model, outlook.head is self.informed
        told = Explained(
            header=self.header,
            head=outlook.head,
            answers=outlook.answers,
            facts=[each.reading.facts for each in outlook.requests],
            hours=hours,
            informed=informed,
            has_similar=[each.has_similar for each in outlook.requests],
            otherwise=outlook.otherwise,
            shift=outlook.shift,
        )
        columns = (
            hours,
            outlook.intervals(hours, level),
            outlook.errors.shares_within(_TWICE),
            reasoning(told),
            outlook.requests,
            contributions(told),
            outlook.answers.scales.tolist(),
        )
        return [
            EffortEstimate(
                predicted_hours=typical,
                expected_hours=min(typical * outlook.measured.totals.mean_factor, RANGE_BOUNDS[1]),
                interval=interval,
                confidence=confidence,
                method="ml_model" if served else "baseline",
                reasoning=reasons,
                model_version=self.header.version or None,
                similar_issues=request.similar,
                contributions=parts,
                log_scale=scale,
                used_estimate=informed,
            )
            for typical, interval, confidence, reasons, request, parts, scale in zip(*columns, strict=True)
        ]


def _nearness(own: Neighbours, reading: IssueReading, informed: bool) -> Floats | None:
    """To the last outcomes of the team that asks a global model."""
    last = last_known(own, own.log_hours.size, used_estimate=informed)
    if last is None:
        return None
    shared, agreed = (
        own.index.shared_with(reading.token_set),
        own.agreement(field_codes(reading.facts), own.log_hours.size),
    )
    similarity = own.index.similarities_at(last.rows, shared, len(reading.token_set))
    return last.nearness(similarity, agreed.take(last.rows))


def _possible_hours(outlook: HoursOutlook) -> Iterator[tuple[Floats, Floats]]:
    for row, centre in enumerate(outlook.centres.tolist()):
        errors = outlook.errors.pool(row)
        yield np.clip(np.exp(centre + errors.values), *RANGE_BOUNDS), errors.weights


def _other_points(now: float | None) -> float | None:
    return POINTS_TO_COMPARE if now is None else next((step for step in PLANNING_SCALE if step > now), None)


def _own(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[str, NDArray[Any]]:
    prefix = f"{name}_"
    return {key[len(prefix) :]: value for key, value in arrays.items() if key.startswith(prefix)}
