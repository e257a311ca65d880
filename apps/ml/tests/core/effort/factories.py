"""Teams for the tests of the effort model: planted truths, no public data."""

from datetime import UTC, datetime, timedelta

import numpy as np

from apps.ml.core.records import CompletedIssue, IssueFacts

START = datetime(2023, 1, 2, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
_TOPICS = ("login", "billing", "report", "search", "export")
_TYPE_FACTOR = {"bug": 1.0, "story": 4.0, "task": 2.0}
_TOPIC_FACTOR = dict(zip(_TOPICS, (0.5, 3.0, 1.0, 2.0, 0.7), strict=True))


def team(n, *, seed=0, noise=0.4, learnable=True, estimates="good", description=False, points=False):
    """`n` finished issues of one team, one asked for every six hours and finished a day or more later.

    `learnable` plants hours in type and topic; otherwise they are independent of everything. `estimates` are 'good',
    'random', 'large_too_low' (right up to 8 h, half of the truth beyond) or None.
    """
    rng = np.random.default_rng(seed)
    settings = {
        "noise": noise,
        "learnable": learnable,
        "estimates": estimates,
        "description": description,
        "points": points,
    }
    return [_issue(number, rng, **settings) for number in range(n)]


def _issue(number, rng, *, noise, learnable, estimates, description, points):
    kind, topic = rng.choice(list(_TYPE_FACTOR)), rng.choice(_TOPICS)
    size = 1.5 * (_TYPE_FACTOR[kind] * _TOPIC_FACTOR[topic] if learnable else 2.0)
    hours = float(size * np.exp(rng.normal(0, noise if learnable else 1.0)))
    facts = IssueFacts(
        title=f"{rng.choice(['fix', 'change', 'review'])} {topic} {rng.choice(['page', 'service', 'job'])}",
        description=f"the {topic} flow of customers" if description else "",
        issue_type=str(kind),
        priority=float(rng.integers(1, 5)),
        estimated_hours=_estimate(estimates, hours, rng),
        component=topic,
        labels=("backend",),
        story_points=float(rng.choice([1, 2, 3, 5, 8])) if points else None,
        reporter=f"person-{rng.integers(4)}",
        assignee=f"person-{rng.integers(4)}",
    )
    asked = START + timedelta(hours=6 * number)
    return CompletedIssue(f"T-{number}", facts, asked, asked + timedelta(days=1 + float(rng.integers(3))), hours)


def _estimate(kind, hours, rng):
    if kind is None:
        return None
    if kind == "random":
        return float(rng.choice([1, 2, 4, 8, 16]))
    if kind == "large_too_low" and hours > 8:
        return round(hours / 2, 1)
    return max(round(hours * float(np.exp(rng.normal(0, 0.2))), 1), 0.1)
