"""What the effort model reads off an issue: one list of (hashed key, value, group), for training and serving alike.

A key is 32 bits of a hash, so an artefact holds no word and no person; the group says which part of the explanation a
feature belongs to and how it is scaled.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import IntEnum
from itertools import pairwise

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.hashing import hashed
from apps.ml.core.reading import Feature, IssueReading, fields, pairs, reading_of, side_by_side, words, words_of
from apps.ml.core.records import IssueFacts


class EffortGroup(IntEnum):
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
TEXT_GROUPS = (EffortGroup.TITLE, EffortGroup.DESCRIPTION)
#: Weight against one unit of text: chosen on the rolling validation year, flat between 0.5 and 1 (see the docs page).
FIELD_WEIGHT = 0.7
COMBINATION_WEIGHT = 0.5
BIGRAM_WEIGHT = 0.5
LENGTH_WEIGHT = 0.3


def read(facts: IssueFacts, *, of_all: bool = False) -> IssueReading:
    """Read an issue.

    Parameters
    ----------
    facts : IssueFacts
        What is known when the issue is estimated; empty fields give no feature.
    of_all : bool
        For a model of all projects, which may not know one project's people, its turns of phrase, which fields it uses
        together, nor the very size of its estimates.
    """
    title, description = words_of(facts)
    neighbours = () if of_all else pairwise(title)
    features = [
        *_fields(facts, of_all),
        *(() if of_all else _combinations(facts)),
        *words("w", dict.fromkeys(title, 1.0), EffortGroup.TITLE),
        *side_by_side("w", dict.fromkeys(neighbours, BIGRAM_WEIGHT), EffortGroup.TITLE),
        *words("d", dict.fromkeys(description, 1.0), EffortGroup.DESCRIPTION),
        *_numbers(facts, len(title), len(description), of_all),
    ]
    return reading_of(facts, features, title, description)


def _fields(facts: IssueFacts, of_all: bool) -> Iterator[Feature]:
    named = [("t", facts.issue_type, EffortGroup.TYPE, ""), ("c", facts.component, EffortGroup.COMPONENT, "")]
    named += [("l", label, EffortGroup.LABELS, "") for label in facts.labels]
    if facts.priority is not None:
        named.append(("p", f"{facts.priority:g}", EffortGroup.PRIORITY, ""))
    if not of_all:
        named += [("r", facts.reporter, EffortGroup.PEOPLE, ""), ("a", facts.assignee, EffortGroup.PEOPLE, "")]
    return fields(named, FIELD_WEIGHT)


def _combinations(facts: IssueFacts) -> Iterator[Feature]:
    priority = "" if facts.priority is None else f"{facts.priority:g}"
    named = [("tc", facts.issue_type, facts.component, ""), ("tp", facts.issue_type, priority, "")]
    named += [("ra", facts.reporter, facts.assignee, ""), ("ac", facts.assignee, facts.component, "")]
    named += [("la", label, facts.assignee, "") for label in facts.labels]
    return pairs(named, COMBINATION_WEIGHT, EffortGroup.COMBINATIONS)


def _numbers(facts: IssueFacts, title_words: int, description_words: int, of_all: bool) -> Iterator[Feature]:
    """Lengths, points and the team's own estimate, each as a slope and, where it has levels, as a category too."""
    yield Feature(hashed("n:title"), LENGTH_WEIGHT * math.log1p(title_words), EffortGroup.LENGTH)
    yield Feature(hashed("n:description"), LENGTH_WEIGHT * math.log1p(description_words), EffortGroup.LENGTH)
    yield from _points(facts)
    if has_estimate(facts):
        yield Feature(hashed("n:estimate"), FIELD_WEIGHT * log_estimate(facts), EffortGroup.ESTIMATE)
        if not of_all:
            yield from _octave(facts)


def _points(facts: IssueFacts) -> Iterator[Feature]:
    if facts.story_points is not None and facts.story_points >= 0:
        yield Feature(hashed("n:points"), FIELD_WEIGHT * math.log1p(facts.story_points), EffortGroup.POINTS)
        yield Feature(hashed(f"s={facts.story_points:g}"), FIELD_WEIGHT, EffortGroup.POINTS)


def with_points(reading: IssueReading, points: float) -> IssueReading:
    """The same issue with other story points, without reading its text again."""
    facts = replace(reading.facts, story_points=points)
    others = [feature for feature in reading.features if feature.group is not EffortGroup.POINTS]
    return replace(reading, facts=facts, features=[*others, *_points(facts)])


def has_estimate(facts: IssueFacts) -> bool:
    """Whether the team said how long it would take."""
    return facts.estimated_hours is not None and facts.estimated_hours > 0


def log_estimate(facts: IssueFacts) -> float:
    """Natural log of the team's own estimate in hours; only where `has_estimate`."""
    return math.log(facts.estimated_hours or 1.0)


def log_estimates_of(readings: Sequence[IssueReading]) -> Floats:
    """Natural logs of the team's estimates, shape (n,); NaN where there was none."""
    return np.array([log_estimate(each.facts) if has_estimate(each.facts) else np.nan for each in readings])


def _octave(facts: IssueFacts) -> Iterator[Feature]:
    octave = round(log_estimate(facts) / math.log(2.0))
    yield Feature(hashed(f"e={octave}"), FIELD_WEIGHT, EffortGroup.ESTIMATE)
    for kind, value in (("t", facts.issue_type), ("a", facts.assignee), ("c", facts.component)):
        if value:
            yield Feature(hashed(f"e{kind}={octave}|{value}"), COMBINATION_WEIGHT, EffortGroup.ESTIMATE)
