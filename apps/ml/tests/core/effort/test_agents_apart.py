"""A team of people and agents, simulated: ranges of a pooled history beside those of the two apart."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from apps.ml.core.effort import EffortModel
from apps.ml.core.effort.ranges.own_outcomes import last_outcomes
from apps.ml.core.effort.training import train_effort_model
from apps.ml.core.effort.without_model import TypeOutcomes, estimate_without_model
from apps.ml.core.records import CompletedIssue, IssueFacts, by_people
from apps.ml.core.results import EffortEstimate
from apps.ml.core.similarity import SimilarIssueIndex

Ask = Callable[[IssueFacts], EffortEstimate]
START = datetime(2025, 1, 1, tzinfo=UTC)
#: What a word adds to log hours.
WORDS = {"label": -0.8, "export": 0.3, "migration": 1.2, "login": 0.0}
KNOWN, ASKED = 100, 200


def mixed_team(seed: int) -> list[CompletedIssue]:
    """Two of five issues are done by agents, whose hours are a tenth of people's and hang less on the words."""
    rng = np.random.default_rng(seed)
    return [_issue(number, rng) for number in range(KNOWN + ASKED)]


def _issue(number: int, rng: np.random.Generator) -> CompletedIssue:
    by_agent, word = bool(rng.random() < 0.4), str(rng.choice(list(WORDS)))
    centre, spread = (0.3 * WORDS[word] - 0.7, 0.35) if by_agent else (WORDS[word] + 2.0, 0.7)
    facts = IssueFacts(
        title=f"Change the {word} of part {number % 17}",
        issue_type=str(rng.choice(["bug", "task"])),
        labels=("agent",) if by_agent else (),
    )
    known_at = START + timedelta(hours=8 * number)
    return CompletedIssue(
        issue_id=str(number),
        facts=facts,
        known_at=known_at,
        completed_at=known_at + timedelta(hours=7),
        actual_hours=float(np.exp(centre + spread * rng.standard_normal())),
        by_agent=by_agent,
    )


def asker_of_model(known: Sequence[CompletedIssue]) -> Ask:
    return EffortModel.from_bytes(train_effort_model(known, now=known[-1].completed_at).serving).estimate


def asker_without_model(known: Sequence[CompletedIssue]) -> Ask:
    index, outcomes = SimilarIssueIndex.build(known), last_outcomes(known)
    return lambda facts: estimate_without_model(facts, TypeOutcomes.of(known), index, outcomes)


def held_and_width(ask: Ask, issues: Sequence[CompletedIssue]) -> tuple[float, float]:
    """Share of the hours inside their ranges, and how wide these are on the log scale."""
    answers = [ask(issue.facts).interval for issue in issues]
    hours = np.array([issue.actual_hours for issue in issues], dtype=float)
    low, high = (np.array([getattr(answer, side) for answer in answers]) for side in ("low", "high"))
    return float(np.mean((low <= hours) & (hours <= high))), float(np.mean(np.log(high / low)))


@pytest.mark.parametrize("seed", [0, 1])
def test_learned_apart_the_ranges_of_both_hold_and_are_narrower_together(seed):
    issues = mixed_team(seed)
    known, asked = issues[:KNOWN], issues[KNOWN:]
    people, agents = by_people(asked), [issue for issue in asked if issue.by_agent]
    pooled = asker_of_model(known)

    of_people = held_and_width(asker_of_model(by_people(known)), people)
    of_agents = held_and_width(asker_without_model([issue for issue in known if issue.by_agent]), agents)

    # Of 80 agents' issues .8 is known to about .045.
    assert min(of_people[0], of_agents[0]) >= 0.7
    together = held_and_width(pooled, people)[1] + held_and_width(pooled, agents)[1]
    assert of_people[1] + of_agents[1] < 0.8 * together
