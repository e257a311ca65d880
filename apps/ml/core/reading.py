"""Read an issue into features, for every model that looks at fields and words: hashed keys with values, by group.

A key is 32 bits of a hash, so an artefact holds no word and no person. Each model says which fields, pairs and words it
takes and what they weigh; how they are read is said here once.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from apps.ml.core.hashing import hashed, hashed_set
from apps.ml.core.records import IssueFacts
from apps.ml.core.text import clipped, tokens


class Feature(NamedTuple):
    """One thing known of an issue."""

    key: int
    value: float
    #: A member of the model's own groups.
    group: int
    #: Says it to a person, and is never stored: the word itself, or words of the model; empty where it says groups.
    name: str = ""


@dataclass(frozen=True, slots=True)
class IssueReading:
    """Everything a model needs of one issue, read once."""

    facts: IssueFacts
    features: list[Feature]
    #: Tokens of title and description, hashed, for similarity.
    token_set: frozenset[int]
    title_words: int
    description_words: int


def words_of(facts: IssueFacts) -> tuple[list[str], list[str]]:
    """Words of title and description, in order; a description without end is clipped."""
    return tokens(facts.title), tokens(clipped(facts.description))


def reading_of(facts: IssueFacts, features: list[Feature], title: list[str], description: list[str]) -> IssueReading:
    """What was read, beside the words it was read from."""
    return IssueReading(facts, features, hashed_set(title + description), len(title), len(description))


def fields(named: Iterable[tuple[str, str | None, int, str]], weight: float) -> Iterator[Feature]:
    """A feature for each (kind, value, group, name) with a value."""
    return (Feature(hashed(f"{kind}={value}"), weight, group, name) for kind, value, group, name in named if value)


def pairs(named: Iterable[tuple[str, str | None, str | None, str]], weight: float, group: int) -> Iterator[Feature]:
    """A feature for each (kind, left, right, name) with both: a bug in one component is not a bug in another."""
    return (
        Feature(hashed(f"{kind}={left}|{right}"), weight, group, name)
        for kind, left, right, name in named
        if left and right
    )


def words(kind: str, weights: Mapping[str, float], group: int) -> Iterator[Feature]:
    """A feature for each word."""
    return (Feature(hashed(f"{kind}:{word}"), weight, group, word) for word, weight in weights.items())


def side_by_side(kind: str, weights: Mapping[tuple[str, str], float], group: int) -> Iterator[Feature]:
    """A feature for each pair of words that stand side by side."""
    return (
        Feature(hashed(f"{kind}:{left}_{right}"), weight, group, f"{left} {right}")
        for (left, right), weight in weights.items()
    )
