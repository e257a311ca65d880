"""What the effort model reads off an issue: one list of (hashed key, value, group), for training and serving alike.

A key is 32 bits of a hash, so an artefact holds no word and no person; the group says which part of the explanation a
feature belongs to and how it is scaled.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

from apps.ml.core.hashing import hashed, hashed_set
from apps.ml.core.records import IssueFacts
from apps.ml.core.text import clipped, tokens


class Group(IntEnum):
    """Parts of an explanation. The order is the order in which contributions are told."""

    TYPE = 0
    PRIORITY = 1
    COMPONENT = 2
    LABELS = 3
    PEOPLE = 4
    COMBINATIONS = 5
    TITLE = 6
    DESCRIPTION = 7
    LENGTH = 8
    POINTS = 9
    ESTIMATE = 10


#: Words are weighted by rarity and scaled to length one, so that a long text is not a large one.
TEXT_GROUPS = (Group.TITLE, Group.DESCRIPTION)
#: Weight against one unit of text: chosen on the rolling validation year, flat between 0.5 and 1 (see the docs page).
FIELD_WEIGHT = 0.7
COMBINATION_WEIGHT = 0.5
BIGRAM_WEIGHT = 0.5
LENGTH_WEIGHT = 0.3


class Feature(NamedTuple):
    """One thing known of an issue."""

    key: int
    value: float
    group: Group


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything the experts need of one issue, read once."""

    facts: IssueFacts
    features: list[Feature]
    #: Tokens of title and description, hashed, for similarity.
    token_set: frozenset[int]
    title_words: int
    description_words: int


def read(facts: IssueFacts, *, with_people: bool = True) -> Reading:
    """Read an issue.

    Parameters
    ----------
    facts : IssueFacts
        What is known when the issue is estimated; empty fields give no feature.
    with_people : bool
        False for a global model, which may not know one project's people, nor its turns of phrase.
    """
    title, description = tokens(facts.title), tokens(clipped(facts.description))
    features = [
        *_fields(facts, with_people),
        *_combinations(facts, with_people),
        *_text("w", title, Group.TITLE, with_pairs=with_people),
        *_text("d", description, Group.DESCRIPTION, with_pairs=False),
        *_numbers(facts, len(title), len(description)),
    ]
    return Reading(
        facts=facts,
        features=features,
        token_set=hashed_set(title + description),
        title_words=len(title),
        description_words=len(description),
    )


def _fields(facts: IssueFacts, with_people: bool) -> Iterator[Feature]:
    """Plain categories: one feature each."""
    named = [("t", facts.issue_type, Group.TYPE), ("c", facts.component, Group.COMPONENT)]
    named += [("l", label, Group.LABELS) for label in facts.labels]
    if facts.priority is not None:
        named.append(("p", f"{facts.priority:g}", Group.PRIORITY))
    if with_people:
        named += [("r", facts.reporter, Group.PEOPLE), ("a", facts.assignee, Group.PEOPLE)]
    return (Feature(hashed(f"{kind}={value}"), FIELD_WEIGHT, group) for kind, value, group in named if value)


def _combinations(facts: IssueFacts, with_people: bool) -> Iterator[Feature]:
    """Pairs of categories: a bug in one component is not a bug in another."""
    priority = "" if facts.priority is None else f"{facts.priority:g}"
    pairs = [("tc", facts.issue_type, facts.component), ("tp", facts.issue_type, priority)]
    if with_people:
        pairs += [("ra", facts.reporter, facts.assignee), ("ac", facts.assignee, facts.component)]
        pairs += [("la", label, facts.assignee) for label in facts.labels]
    return (
        Feature(hashed(f"{kind}={left}|{right}"), COMBINATION_WEIGHT, Group.COMBINATIONS)
        for kind, left, right in pairs
        if left and right
    )


def _text(kind: str, words: list[str], group: Group, *, with_pairs: bool) -> Iterator[Feature]:
    """Words, and pairs of neighbours."""
    for word in dict.fromkeys(words):
        yield Feature(hashed(f"{kind}:{word}"), 1.0, group)
    if with_pairs:
        for left, right in dict.fromkeys(pairwise(words)):
            yield Feature(hashed(f"{kind}:{left}_{right}"), BIGRAM_WEIGHT, group)


def _numbers(facts: IssueFacts, title_words: int, description_words: int) -> Iterator[Feature]:
    """Lengths, points and the team's own estimate, each as a slope and, where it has levels, as a category too."""
    yield Feature(hashed("n:title"), LENGTH_WEIGHT * math.log1p(title_words), Group.LENGTH)
    yield Feature(hashed("n:description"), LENGTH_WEIGHT * math.log1p(description_words), Group.LENGTH)
    yield from _points(facts)
    if has_estimate(facts):
        yield from _estimate(facts)


def _points(facts: IssueFacts) -> Iterator[Feature]:
    if facts.story_points is not None and facts.story_points >= 0:
        yield Feature(hashed("n:points"), FIELD_WEIGHT * math.log1p(facts.story_points), Group.POINTS)
        yield Feature(hashed(f"s={facts.story_points:g}"), FIELD_WEIGHT, Group.POINTS)


def with_points(reading: Reading, points: float) -> Reading:
    """The same issue with other story points, without reading its text again."""
    facts = replace(reading.facts, story_points=points)
    others = [feature for feature in reading.features if feature.group is not Group.POINTS]
    return replace(reading, facts=facts, features=[*others, *_points(facts)])


def has_estimate(facts: IssueFacts) -> bool:
    """Whether the team said how long it would take."""
    return facts.estimated_hours is not None and facts.estimated_hours > 0


def log_estimate(facts: IssueFacts) -> float:
    """Natural log of the team's own estimate in hours; only where `has_estimate`."""
    return math.log(facts.estimated_hours or 1.0)


def _estimate(facts: IssueFacts) -> Iterator[Feature]:
    size = log_estimate(facts)
    octave = round(size / math.log(2.0))
    yield Feature(hashed("n:estimate"), FIELD_WEIGHT * size, Group.ESTIMATE)
    yield Feature(hashed(f"e={octave}"), FIELD_WEIGHT, Group.ESTIMATE)
    for kind, value in (("t", facts.issue_type), ("a", facts.assignee), ("c", facts.component)):
        if value:
            yield Feature(hashed(f"e{kind}={octave}|{value}"), COMBINATION_WEIGHT, Group.ESTIMATE)
