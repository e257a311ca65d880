"""The past as it was: who could have taken each issue, what each had done by then, and who would have been suggested.

Everything is of one moment: an issue counts as somebody's work from when it was known, and as finished work only once
it was finished.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from apps.ml.core.assignment.formula import (
    CANDIDATE_DAYS,
    MemberHistory,
    Skills,
    learned_skills,
    rank_members,
)
from apps.ml.core.assignment.rules import MOST_RECENT, REPORTER, RULES, rule_skills
from apps.ml.core.records import CompletedIssue, IssueFacts

FORMULA, LEARNED, RANDOM = "formula", "learned", "random"
#: What may answer, the simplest first.
STRATEGIES = (FORMULA, MOST_RECENT, REPORTER, LEARNED)
#: Asks for whichever of these named the right person most often.
AUTO = "auto"
#: The model's probability alone, without load, performance and availability.
PROBABILITY = "probability"

#: P(person | issue) of each of some candidates.
Chances = Callable[[IssueFacts, Sequence[str]], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class HitRates:
    """How often the person who did an issue was named first, or among the first three; and the mean of 1 / rank."""

    top_1: float
    top_3: float
    mrr: float


@dataclass(frozen=True, slots=True)
class AssignmentReplay:
    """What each method would have suggested for the last finished issues."""

    n_issues: int
    rates: dict[str, HitRates]

    @property
    def better(self) -> str:
        """The strategy that named the right person first most often; of equals the one with most among three, then
        the simplest."""
        measured = [name for name in STRATEGIES if name in self.rates]
        if len(measured) < 2:
            return FORMULA
        return max(measured, key=lambda name: (self.rates[name].top_1, self.rates[name].top_3))

    def to_json(self) -> dict[str, Any]:
        """Plain data for an artefact's header or a row."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "AssignmentReplay":
        """Read what `to_json` wrote."""
        return cls(found["n_issues"], {name: HitRates(**rates) for name, rates in found["rates"].items()})


class Ledger:
    """Who was given what and finished what, to be asked as of any moment; O(log n) a person."""

    def __init__(self, issues: Sequence[CompletedIssue]) -> None:
        self._given: dict[str, list[datetime]] = defaultdict(list)
        self._finished: dict[str, list[datetime]] = defaultdict(list)
        self._of_type: dict[tuple[str, str], list[datetime]] = defaultdict(list)
        self._of_reporter: dict[tuple[str, str], list[datetime]] = defaultdict(list)
        for issue in issues:
            person = issue.facts.assignee
            self._given[person].append(issue.known_at)
            self._finished[person].append(issue.completed_at)
            self._of_type[person, issue.facts.issue_type].append(issue.completed_at)
            if issue.facts.reporter:
                self._of_reporter[person, issue.facts.reporter].append(issue.known_at)
        for ledger in (self._given, self._finished, self._of_type, self._of_reporter):
            for moments in ledger.values():
                moments.sort()

    def given_lately(self, at: datetime) -> dict[str, int]:
        """People who were given anything in the last CANDIDATE_DAYS before `at`, and how many issues; by id."""
        counts = {person: _lately(moments, at) for person, moments in self._given.items()}
        return {person: counts[person] for person in sorted(counts) if counts[person]}

    def history(self, person: str, facts: IssueFacts, at: datetime) -> MemberHistory:
        """What one person had done before `at`, when an issue was given away."""
        finished = self._finished[person]
        completed = bisect_left(finished, at)
        return MemberHistory(
            user_id=person,
            completed=completed,
            completed_same_type=bisect_left(self._of_type.get((person, facts.issue_type), []), at),
            open_issues=max(bisect_left(self._given[person], at) - completed, 0),
            last_active_at=finished[completed - 1] if completed else None,
            given_lately=_lately(self._given[person], at),
            given_of_reporter=_lately(self._of_reporter.get((person, facts.reporter), []), at),
        )


def _lately(moments: Sequence[datetime], at: datetime) -> int:
    return bisect_left(moments, at) - bisect_left(moments, at - timedelta(days=CANDIDATE_DAYS))


@dataclass(frozen=True, slots=True)
class SuggestionRanks:
    """Where each method would have put the person who did an issue; no ranks if they were not among the candidates."""

    issue_id: str
    n_candidates: int
    ranks: Mapping[str, float]
    #: Highest probability that the model gave, and whether it was this person's; None without a model.
    confidence: float | None = None
    was_right: bool = False


def suggested(issue: CompletedIssue, ledger: Ledger, chances_of: Chances | None) -> SuggestionRanks:
    """Ask every method whom it would have suggested when the issue was given away."""
    facts, person, at = issue.facts, issue.facts.assignee, issue.known_at
    lately = ledger.given_lately(at)
    if person not in lately:
        return SuggestionRanks(issue.issue_id, len(lately), {})
    members = [ledger.history(candidate, facts, at) for candidate in lately]
    skills: dict[str, Skills | None] = {rule: rule_skills(rule, members, facts.reporter) for rule in RULES}
    chances = {} if chances_of is None else chances_of(facts, list(lately))
    if chances:
        skills[LEARNED] = learned_skills(chances)
    totals = {
        strategy: _totals(members, facts.issue_type, at, used) for strategy, used in ({FORMULA: None} | skills).items()
    }
    ranks = {strategy: rank_in(total, person) for strategy, total in totals.items()}
    if not chances:
        return SuggestionRanks(issue.issue_id, len(lately), ranks)
    ranks |= {PROBABILITY: rank_in(chances, person)}
    return SuggestionRanks(issue.issue_id, len(lately), ranks, max(chances.values()), ranks[PROBABILITY] == 1)


def surprise_of(asked: SuggestionRanks, method: str = PROBABILITY) -> float:
    """1 - 1 / rank of the right person: 0 where they were named first, near 1 far down; 1 where nothing was said."""
    rank = asked.ranks.get(method)
    return 1.0 if rank is None else 1.0 - 1.0 / rank


def replay(asked: Sequence[SuggestionRanks]) -> AssignmentReplay:
    """Hit rates of every method over the same issues; a person who was no candidate is everybody's miss."""
    methods = sorted({method for each in asked for method in each.ranks})
    rates = {method: hit_rates([each.ranks.get(method) for each in asked]) for method in methods}
    lots = random_rates([each.n_candidates if each.ranks else None for each in asked])
    return AssignmentReplay(len(asked), rates | {RANDOM: lots})


def rank_in(scores: Mapping[str, float], person: str) -> float:
    """1 for the highest score; equal scores share the average of their ranks."""
    own = scores[person]
    higher = sum(score > own for score in scores.values())
    equal = sum(score == own for score in scores.values())
    return 1 + higher + (equal - 1) / 2


def hit_rates(ranks: Sequence[float | None]) -> HitRates:
    """Rates over issues; None, the person not being a candidate, is a miss.

    Raises
    ------
    ValueError
        Without a single issue.
    """
    if not ranks:
        raise ValueError("Hit rates need at least one issue.")
    found = [rank for rank in ranks if rank is not None]
    return HitRates(
        top_1=sum(rank <= 1 for rank in found) / len(ranks),
        top_3=sum(rank <= 3 for rank in found) / len(ranks),
        mrr=sum(1 / rank for rank in found) / len(ranks),
    )


def random_rates(candidates: Sequence[int | None]) -> HitRates:
    """What drawing lots among so many candidates hits on average; None, the person not being one, is a miss."""
    if not candidates:
        raise ValueError("Hit rates need at least one issue.")
    sizes = [size for size in candidates if size]
    return HitRates(
        top_1=sum(1 / size for size in sizes) / len(candidates),
        top_3=sum(min(3 / size, 1.0) for size in sizes) / len(candidates),
        mrr=sum(sum(1 / rank for rank in range(1, size + 1)) / size for size in sizes) / len(candidates),
    )


def _totals(
    members: Sequence[MemberHistory], issue_type: str, now: datetime, skills: Skills | None
) -> dict[str, float]:
    ranked = rank_members(members, issue_type=issue_type, top_n=len(members), now=now, skills=skills)
    return {score.user_id: score.total for score in ranked}
