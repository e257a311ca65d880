"""What the assignment model reads off an issue: one list of (hashed key, group, value), for training and serving alike.

Keys are 32 bits of a hash: an artefact holds no word. Who has the issue now is not among them, nor is anything that
becomes known after it was given away.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

from apps.ml.core.hashing import hashed, hashed_set
from apps.ml.core.records import IssueFacts
from apps.ml.core.text import clipped, tokens


class Group(IntEnum):
    """Kinds of features; each has its own weight and its own words in an explanation."""

    TYPE = 0
    COMPONENT = 1
    LABELS = 2
    REPORTER = 3
    COMBINATIONS = 4
    TITLE = 5
    DESCRIPTION = 6


#: Weight of each group against one plain field; chosen on SiP tasks of 2007 (title, combinations) and by
#: cross-validation inside the training part of JDT (description). See docs/explanation/assignment.md.
WEIGHTS = {
    Group.TYPE: 1.0,
    Group.COMPONENT: 1.0,
    Group.LABELS: 1.0,
    Group.REPORTER: 1.0,
    Group.COMBINATIONS: 0.5,
    Group.TITLE: 3.0,
    Group.DESCRIPTION: 4.0,
}
#: Texts are weighted by rarity and scaled to length one, so that a long text does not count for more than a short one.
TEXT_GROUPS = (Group.TITLE, Group.DESCRIPTION)


class Feature(NamedTuple):
    """One thing known of an issue; `name` says it to a person and is never stored."""

    key: int
    group: Group
    name: str
    #: 1 + ln(occurrences): a word said ten times is not ten words (two points of top-1 in cross-validation on JDT).
    value: float = 1.0


@dataclass(frozen=True, slots=True)
class Reading:
    """An issue, read once."""

    features: list[Feature]
    #: Hashed tokens of title and description, for similarity.
    token_set: frozenset[int]


def read(facts: IssueFacts) -> Reading:
    """Read an issue; empty fields give no feature."""
    title, description = tokens(facts.title), tokens(clipped(facts.description))
    features = [
        *_fields(facts),
        *_combinations(facts),
        *_title(title),
        *_words("d", description, Group.DESCRIPTION),
    ]
    return Reading(features, hashed_set([*title, *description]))


def _fields(facts: IssueFacts) -> Iterator[Feature]:
    named = [
        ("t", facts.issue_type, Group.TYPE, f"type {facts.issue_type}"),
        ("c", facts.component, Group.COMPONENT, f"component {facts.component}"),
        *(("l", label, Group.LABELS, f"label {label}") for label in facts.labels),
        # Who it is stays out of the words: the core knows opaque keys only.
        ("r", facts.reporter, Group.REPORTER, "its reporter"),
    ]
    return (Feature(hashed(f"{kind}={value}"), group, name) for kind, value, group, name in named if value)


def _combinations(facts: IssueFacts) -> Iterator[Feature]:
    """Pairs of fields: who takes a reporter's bugs in one component need not take them in another."""
    reporter, kind, component = facts.reporter, facts.issue_type, facts.component
    pairs = [
        ("rc", reporter, component, f"its reporter in component {component}"),
        ("tc", kind, component, f"type {kind} in component {component}"),
        ("rt", reporter, kind, f"its reporter with type {kind}"),
        *(("rl", reporter, label, f"its reporter with label {label}") for label in facts.labels),
    ]
    return (
        Feature(hashed(f"{pair}={left}|{right}"), Group.COMBINATIONS, name)
        for pair, left, right, name in pairs
        if left and right
    )


def _title(words: list[str]) -> Iterator[Feature]:
    yield from _words("w", words, Group.TITLE)
    for (left, right), count in Counter(pairwise(words)).items():
        yield Feature(hashed(f"w:{left}_{right}"), Group.TITLE, f"'{left} {right}'", 1.0 + math.log(count))


def _words(kind: str, words: list[str], group: Group) -> Iterator[Feature]:
    for word, count in Counter(words).items():
        yield Feature(hashed(f"{kind}:{word}"), group, f"'{word}'", 1.0 + math.log(count))
