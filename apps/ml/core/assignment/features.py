"""What the assignment model reads off an issue: one list of (hashed key, group, value), for training and serving alike.

Keys are 32 bits of a hash: an artefact holds no word. Who has the issue now is not among them, nor is anything that
becomes known after it was given away.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from enum import IntEnum
from itertools import pairwise
from typing import TypeVar

from apps.ml.core.reading import Feature, IssueReading, fields, pairs, reading_of, side_by_side, words, words_of
from apps.ml.core.records import IssueFacts

Word = TypeVar("Word", bound=Hashable)


class AssignmentGroup(IntEnum):
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
    AssignmentGroup.TYPE: 1.0,
    AssignmentGroup.COMPONENT: 1.0,
    AssignmentGroup.LABELS: 1.0,
    AssignmentGroup.REPORTER: 1.0,
    AssignmentGroup.COMBINATIONS: 0.5,
    AssignmentGroup.TITLE: 3.0,
    AssignmentGroup.DESCRIPTION: 4.0,
}
#: Texts are weighted by rarity and scaled to length one, so that a long text does not count for more than a short one.
TEXT_GROUPS = (AssignmentGroup.TITLE, AssignmentGroup.DESCRIPTION)


def read(facts: IssueFacts) -> IssueReading:
    """Read an issue; empty fields give no feature."""
    title, description = words_of(facts)
    features = [
        *_fields(facts),
        *_combinations(facts),
        *words("w", _weights(title), AssignmentGroup.TITLE),
        *side_by_side("w", _weights(pairwise(title)), AssignmentGroup.TITLE),
        *words("d", _weights(description), AssignmentGroup.DESCRIPTION),
    ]
    return reading_of(facts, features, title, description)


def name_of(feature: Feature) -> str:
    """The feature in an explanation: words in quotes, fields as they are."""
    return f"'{feature.name}'" if feature.group in TEXT_GROUPS else feature.name


def _fields(facts: IssueFacts) -> Iterator[Feature]:
    named = [
        ("t", facts.issue_type, AssignmentGroup.TYPE, f"type {facts.issue_type}"),
        ("c", facts.component, AssignmentGroup.COMPONENT, f"component {facts.component}"),
        *(("l", label, AssignmentGroup.LABELS, f"label {label}") for label in facts.labels),
        # Who it is stays out of the words: the core knows opaque keys only.
        ("r", facts.reporter, AssignmentGroup.REPORTER, "its reporter"),
    ]
    return fields(named, 1.0)


def _combinations(facts: IssueFacts) -> Iterator[Feature]:
    """Pairs of fields: who takes a reporter's bugs in one component need not take them in another."""
    reporter, kind, component = facts.reporter, facts.issue_type, facts.component
    named = [
        ("rc", reporter, component, f"its reporter in component {component}"),
        ("tc", kind, component, f"type {kind} in component {component}"),
        ("rt", reporter, kind, f"its reporter with type {kind}"),
        *(("rl", reporter, label, f"its reporter with label {label}") for label in facts.labels),
    ]
    return pairs(named, 1.0, AssignmentGroup.COMBINATIONS)


def _weights(found: Iterable[Word]) -> dict[Word, float]:
    """1 + ln(occurrences): a word said ten times is not ten words (two points of top-1 in cross-validation on JDT)."""
    return {word: 1.0 + math.log(count) for word, count in Counter(found).items()}
