"""Who could take an issue: a weighted total of skill, workload, performance and availability, with a reason for each.

Measured on public data the seed's formula picks the person who took the task no more often than chance: it balances
load, it does not know expertise. With the learned probability of the person as the skill, and other weights, the same
total says who would normally do it. So the answer names its strategy; totals are to compare, not probabilities.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

#: The seed's bands: up to so many open issues, this score; more than the last band's is `OVERLOADED_SCORE`.
WORKLOAD_BANDS = ((0, 1.0), (3, 0.8), (6, 0.5), (10, 0.3))
OVERLOADED_SCORE = 0.1
#: How long ago the person last moved work of their own, and what that says. A week covers a weekend and a day off, a
#: fortnight a sprint, a month a holiday; whoever moved nothing for longer, or ever, is not known to be there.
AVAILABILITY_BANDS = ((timedelta(days=7), 1.0), (timedelta(days=14), 0.8), (timedelta(days=30), 0.4))
#: Whoever was given nothing for so long was not there, or does other work: the candidates of the reference, and what
#: "lately" is to the rules. Tasks of 2006 and 2007 were met as often with a year, and less often with all of the past.
CANDIDATE_DAYS = 120
#: From here a reason calls the skill strong, and below the second figure it says there is little.
STRONG_SKILL, SOME_SKILL = 0.7, 0.3


@dataclass(frozen=True, slots=True)
class Weights:
    """What each score counts in the total; they sum to 1."""

    skill: float
    workload: float
    performance: float
    availability: float


#: The seed's.
FORMULA_WEIGHTS = Weights(skill=0.4, workload=0.3, performance=0.2, availability=0.1)
#: For a learned skill, "who would normally do this": measured 3 points of top-1 better than the seed's weights.
LEARNED_WEIGHTS = Weights(skill=0.8, workload=0.1, performance=0.05, availability=0.05)
#: For a plain rule: the rule and nothing else, so that what was measured of it is what is served.
RULE_WEIGHTS = Weights(skill=1.0, workload=0.0, performance=0.0, availability=0.0)


@dataclass(frozen=True, slots=True)
class MemberHistory:
    """What one team member has done in this project, the issue in question left out."""

    user_id: str
    completed: int = 0
    completed_same_type: int = 0
    open_issues: int = 0
    #: The last time an issue of theirs was moved by them or resolved; None if never.
    last_active_at: datetime | None = None
    #: Issues they were given in the CANDIDATE_DAYS before, and how many of these the issue's reporter had reported.
    given_lately: int = 0
    given_of_reporter: int = 0


@dataclass(frozen=True, slots=True)
class Skills:
    """A skill of every candidate in place of the seed's: what it counts in the total, and a sentence about it."""

    of: Mapping[str, float]
    weights: Weights
    sentence: Callable[[MemberHistory], str]


def learned_skills(chances: Mapping[str, float]) -> Skills:
    """Learned P(person | issue) of each candidate as the skill."""
    return Skills(
        chances,
        LEARNED_WEIGHTS,
        lambda member: f"Would normally take an issue like this: {chances[member.user_id]:.0%}",
    )


@dataclass(frozen=True, slots=True)
class AssignmentScore:
    """How well an issue suits a person; scores in [0, 1], `total` is their weighted sum."""

    user_id: str
    total: float
    skill: float
    workload: float
    performance: float
    availability: float
    reasoning: tuple[str, ...]


def rank_members(
    members: Sequence[MemberHistory],
    *,
    issue_type: str,
    top_n: int,
    now: datetime,
    skills: Skills | None = None,
) -> list[AssignmentScore]:
    """The `top_n` members with the highest total, by the seed's formula or, given `skills`, with those as the skill.

    Equal totals go to the less loaded, then to the more experienced with the type, then by id, so that the same
    question always gets the same answer.

    Parameters
    ----------
    members : sequence of MemberHistory
        The candidates.
    issue_type : str
        Of the issue, for the seed's skill and the words about it.
    top_n : int
        How many are wanted at most.
    now : datetime
        The moment that availability is about.
    skills : Skills, optional
        Of every member.
    """
    scored = [(member, score_member(member, issue_type=issue_type, now=now, skills=skills)) for member in members]
    scored.sort(key=lambda pair: (-pair[1].total, pair[0].open_issues, -pair[0].completed_same_type, pair[0].user_id))
    return [score for _, score in scored[:top_n]]


def score_member(
    member: MemberHistory, *, issue_type: str, now: datetime, skills: Skills | None = None
) -> AssignmentScore:
    """The four components, their weighted total, and a sentence for each; the skill is the seed's without `skills`."""
    if skills is None:
        skill, weights = skill_score(member.completed_same_type, member.completed), FORMULA_WEIGHTS
        sentence = _skill_reason(member, skill, issue_type)
    else:
        skill, weights, sentence = skills.of[member.user_id], skills.weights, skills.sentence(member)
    workload = workload_score(member.open_issues)
    # Rounded to what is shown before it is added up: the total is the formula of what stands beside it.
    skill, performance = round(skill, 4), round(performance_score(member.completed, member.open_issues), 4)
    availability = availability_score(member.last_active_at, now)
    total = (
        skill * weights.skill
        + workload * weights.workload
        + performance * weights.performance
        + availability * weights.availability
    )
    return AssignmentScore(
        user_id=member.user_id,
        # Sums of tenths must not break ties by their last binary digit.
        total=round(total, 4),
        skill=skill,
        workload=workload,
        performance=performance,
        availability=availability,
        reasoning=(
            sentence,
            _workload_reason(member),
            _performance_reason(member),
            _availability_reason(member, now),
        ),
    )


def skill_score(completed_same_type: int, completed: int) -> float:
    """min(2 x share of the type in what the person finished, 1); 0 before anything was finished."""
    return min(completed_same_type / completed * 2, 1.0) if completed else 0.0


def workload_score(open_issues: int) -> float:
    """The seed's bands: the fewer open issues, the higher."""
    return next((score for most, score in WORKLOAD_BANDS if open_issues <= most), OVERLOADED_SCORE)


def performance_score(completed: int, open_issues: int) -> float:
    """Share of the issues ever taken that are finished; 0 before the first."""
    taken = completed + open_issues
    return completed / taken if taken else 0.0


def availability_score(last_active_at: datetime | None, now: datetime) -> float:
    """How recently the person moved work of their own; 0 if not within the last band."""
    if last_active_at is None:
        return 0.0
    return next((score for most, score in AVAILABILITY_BANDS if now - last_active_at <= most), 0.0)


def _skill_reason(member: MemberHistory, skill: float, issue_type: str) -> str:
    if not member.completed:
        return "No finished issues in this project yet"
    grade = "Strong" if skill >= STRONG_SKILL else "Some" if skill >= SOME_SKILL else "Little"
    counts = f"{member.completed_same_type} of {member.completed} finished issues"
    return f"{grade} experience with {issue_type} issues ({counts})"


def _workload_reason(member: MemberHistory) -> str:
    score, count = workload_score(member.open_issues), member.open_issues
    if score >= WORKLOAD_BANDS[1][1]:
        return f"Currently has capacity (open issues: {count})"
    return f"{'Overloaded' if score == OVERLOADED_SCORE else 'Already busy'} (open issues: {count})"


def _performance_reason(member: MemberHistory) -> str:
    taken = member.completed + member.open_issues
    return f"Finished {member.completed} of {taken} issues taken" if taken else "No issues taken yet"


def _availability_reason(member: MemberHistory, now: datetime) -> str:
    if member.last_active_at is None:
        return "No activity on own issues is recorded"
    days = max((now - member.last_active_at).days, 0)
    return "Moved own work within a day" if days == 0 else f"Days since own work last moved: {days}"
