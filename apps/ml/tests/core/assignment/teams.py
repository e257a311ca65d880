"""A team of invented people in which the words of a title decide who does it."""

from datetime import UTC, datetime, timedelta

import numpy as np

from apps.ml.core.records import CompletedIssue, IssueFacts

UNTIL = datetime(2026, 3, 2, 9, tzinfo=UTC)
EXPERTS = {"login": "ann", "invoice": "bob", "search": "cid"}
_FILLERS = ("page", "field", "button", "report", "list")


def issue_about(word: str, *, assignee: str = "", **facts: object) -> IssueFacts:
    return IssueFacts(title=f"Change the {word} again", issue_type="bug", assignee=assignee, **facts)


def finished(
    n: int, *, words: tuple[str, ...] = tuple(EXPERTS), noise: float = 0.1, seed: int = 0, until: datetime = UNTIL
) -> list[CompletedIssue]:
    """`n` issues, two a day, done by the expert of their word but for a share of `noise`."""
    rng = np.random.default_rng(seed)
    people = [EXPERTS[word] for word in words]
    issues = []
    for number in range(n):
        word = words[int(rng.integers(len(words)))]
        person = people[int(rng.integers(len(people)))] if rng.random() < noise else EXPERTS[word]
        end = until - timedelta(hours=12 * (n - number))
        facts = IssueFacts(
            title=f"Change the {word} {_FILLERS[number % len(_FILLERS)]}",
            issue_type=("bug", "task")[number % 2],
            component=f"part-{number % 2}",
            reporter="rik",
            assignee=person,
        )
        issues.append(CompletedIssue(f"I-{number:04d}", facts, known_at=end - timedelta(hours=30), completed_at=end))
    return issues
