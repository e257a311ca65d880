"""Made-up teams for the points tests: their texts say something about size, or nothing at all."""

from datetime import UTC, datetime, timedelta

import numpy as np

from apps.ml.core.records import CompletedIssue, IssueFacts

START = datetime(2024, 1, 1, tzinfo=UTC)
SMALL = ("typo", "label", "colour", "tooltip", "wording")
MEDIUM = ("filter", "form", "export", "report", "upload")
LARGE = ("migration", "scheduler", "replication", "encryption", "federation")
_SIZES = {1.0: SMALL, 3.0: MEDIUM, 8.0: LARGE}
_FILLER = ("the", "page", "for", "users", "when", "admin", "shows", "list", "new", "old", "team", "data")


def issue(index: int, title: str, points: float | None, description: str = "") -> CompletedIssue:
    """One issue, completed `index` hours after the start."""
    moment = START + timedelta(hours=index)
    facts = IssueFacts(title=title, description=description)
    return CompletedIssue(f"T-{index}", facts, moment, moment, story_points=points)


def telling_team(n_issues: int, *, seed: int = 0) -> list[CompletedIssue]:
    """A team whose words tell the size."""
    rng = np.random.default_rng(seed)
    return [_telling(index, rng) for index in range(n_issues)]


def random_team(n_issues: int, *, seed: int = 0) -> list[CompletedIssue]:
    """A team whose words tell nothing: points are drawn apart from the text."""
    rng = np.random.default_rng(seed)
    points = rng.choice([1.0, 2.0, 3.0, 5.0, 8.0], size=n_issues)
    return [
        issue(index, _words(rng, _FILLER, 6), float(value), _words(rng, _FILLER, 20))
        for index, value in enumerate(points)
    ]


def _telling(index: int, rng: np.random.Generator) -> CompletedIssue:
    points = float(rng.choice(list(_SIZES)))
    title = f"{_words(rng, _SIZES[points], 2)} {_words(rng, _FILLER, 3)}"
    return issue(index, title, points, _words(rng, _FILLER, 15))


def _words(rng: np.random.Generator, vocabulary: tuple[str, ...], n_words: int) -> str:
    return " ".join(rng.choice(vocabulary, size=n_words))
