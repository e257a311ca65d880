"""What the points models read in an issue: its words, hashed, and the shape of its text.

Nothing here is learned. One issue becomes three namespaces of hashed tokens (title, description, fields) and a dense
vector of text features, the same at training and at serving time. Words are hashed at once, so that no stored model
holds a word that could be read back.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from apps.ml.core.arrays import Floats, Integers
from apps.ml.core.hashing import hashed
from apps.ml.core.records import IssueFacts
from apps.ml.core.text import clipped, tokens

#: Size of the hash table: 18k distinct words of the largest known project share it with few collisions.
BUCKETS = 1 << 15
#: The same few thousand words make up nearly every issue; looking one up is five times faster than hashing it.
_BUCKETS_KEPT = 1 << 16
#: Titles weigh as much as descriptions although they are short, so each namespace has words of its own.
NAMESPACES = ("title", "description", "fields")

#: Word families whose presence says something about size; one 0/1 feature for the title and one for the description.
FAMILIES: dict[str, frozenset[str]] = {
    name: frozenset(words.split())
    for name, words in {
        "fix": "fix fixes fixed bug bugs broken wrong incorrect fails failing failed failure error errors crash",
        "add": "add adds adding new create creating introduce",
        "implement": "implement implementation develop build support enable provide",
        "change": "update updated change changes modify adjust rename replace switch move",
        "remove": "remove delete drop deprecate deprecated cleanup clean",
        "refactor": "refactor refactoring rewrite restructure redesign rework simplify consolidate",
        "improve": "improve improvement enhance enhancement optimize optimise better allow",
        "investigate": "investigate investigation research analyze analyse explore evaluate determine spike poc",
        "design": "design architecture proposal plan planning define spec specification requirements",
        "test": "test tests testing unit coverage qe qa verify validate validation junit",
        "document": "document documentation docs doc readme guide javadoc tutorial wiki blog",
        "release": "release publish package packaging version upgrade bump build builds jenkins ci deploy deployment",
        "interface": "ui page button dialog view screen window menu layout css icon display form",
        "interface_api": "api rest endpoint http json xml client service server request response",
        "data": "database sql db query table schema migration migrate data import export",
        "performance": "performance slow memory leak speed timeout cache scalability load",
        "security": "security authentication authorization login password permission permissions ssl oauth token",
        "configuration": "config configuration settings property properties option options parameter default install",
        "integration": "integration integrate connector plugin module external sync",
        "small": "typo minor trivial simple small quick label text message string",
        "large": "epic all multiple several entire complete full framework engine system across",
        "platform": "ios android windows linux mac browser firefox chrome eclipse mobile device",
        "reproduce": "reproduce steps expected actual result observed",
        "trace": "exception stacktrace trace nullpointerexception stack caused",
        "story": "user want able need should story acceptance criteria",
    }.items()
}
_COUNTS: dict[str, re.Pattern[str]] = {
    "code_blocks": re.compile(r"\{code|\{noformat|```"),
    "bullets": re.compile(r"(?:^|\s)[*\-#]+ "),
    "links": re.compile(r"https?://"),
    "trace_lines": re.compile(r"\bat [\w$.]+\("),
    "camel_case": re.compile(r"[a-z][A-Z]"),
    "paths": re.compile(r"\w[/\\]\w"),
    "numbers": re.compile(r"\d+"),
    "capitals": re.compile(r"\b[A-Z]{2,}\b"),
    "headings": re.compile(r"\bh[1-6]\. |\|\|"),
    "calls": re.compile(r"\w\("),
}
_CHARACTERS = {
    "questions": "?",
    "exclamations": "!",
    "colons": ":",
    "quotes": '"',
    "braces": "{",
    "equals": "=",
    "lines": "\n",
}
_TITLE_CHARACTERS = {"questions": "?", "colons": ":", "brackets": "[", "quotes": '"', "dots": ".", "dashes": "-"}


@dataclass(frozen=True, slots=True)
class Words:
    """Distinct hashed tokens of one namespace with their counts."""

    #: shape (n_distinct,), each in [0, BUCKETS).
    buckets: Integers
    #: shape (n_distinct,)
    counts: Floats


@dataclass(frozen=True, slots=True)
class RawFeatures:
    """One issue as the models read it."""

    words: tuple[Words, Words, Words]
    #: shape (n_shape_features,)
    shape: Floats


@lru_cache(maxsize=_BUCKETS_KEPT)
def bucket(token: str) -> int:
    """The hash bucket of a token; CRC-32, because Python's own hash changes from process to process."""
    return hashed(token) % BUCKETS


def extract(facts: IssueFacts) -> RawFeatures:
    """Read one issue.

    Parameters
    ----------
    facts : IssueFacts
        What is known when the issue is estimated; `story_points` and hours are not looked at.

    Returns
    -------
    RawFeatures
        Hashed words per namespace and the text features named by `SHAPE_NAMES`.
    """
    description = clipped(facts.description)
    title_tokens, description_tokens = tokens(facts.title), tokens(description)
    return RawFeatures(
        words=(_words(title_tokens), _words(description_tokens), _words(field_tokens(facts))),
        shape=np.array(
            [*_title_shape(facts.title, title_tokens), *_description_shape(description, description_tokens)]
        ),
    )


def field_tokens(facts: IssueFacts) -> list[str]:
    """The categorical facts as tokens; what is not known gives no token."""
    named = [("type", facts.issue_type), ("component", facts.component)]
    named += [("label", label) for label in facts.labels]
    if facts.priority is not None:
        named.append(("priority", f"{facts.priority:g}"))
    return [f"{name}={value.strip().lower()}" for name, value in named if value.strip()]


def _words(found: Iterable[str]) -> Words:
    counted = Counter(map(bucket, found))
    return Words(
        buckets=np.fromiter(counted.keys(), dtype=np.int64, count=len(counted)),
        counts=np.fromiter(counted.values(), dtype=np.float64, count=len(counted)),
    )


def _title_shape(title: str, found: list[str]) -> list[float]:
    distinct = set(found)
    return [
        math.log1p(len(title)),
        math.log1p(len(found)),
        _mean_length(found),
        float(any(character.isdigit() for character in title)),
        float(len(_COUNTS["camel_case"].findall(title)) > 0),
        math.log1p(len(_COUNTS["capitals"].findall(title))),
        *(float(character in title) for character in _TITLE_CHARACTERS.values()),
        *(float(not distinct.isdisjoint(family)) for family in FAMILIES.values()),
    ]


def _description_shape(description: str, found: list[str]) -> list[float]:
    distinct = set(found)
    return [
        float(not found),
        math.log1p(len(description)),
        math.log1p(len(found)),
        math.log1p(len(distinct)),
        len(distinct) / len(found) if found else 0.0,
        _mean_length(found),
        *(math.log1p(len(pattern.findall(description))) for pattern in _COUNTS.values()),
        *(math.log1p(description.count(character)) for character in _CHARACTERS.values()),
        *(float(not distinct.isdisjoint(family)) for family in FAMILIES.values()),
    ]


def _mean_length(found: list[str]) -> float:
    return sum(map(len, found)) / len(found) if found else 0.0


SHAPE_NAMES: tuple[str, ...] = (
    *(f"title {name}" for name in ("length", "words", "word length", "digits", "camel case", "capitals")),
    *(f"title {name}" for name in _TITLE_CHARACTERS),
    *(f"title about {name}" for name in FAMILIES),
    *(f"description {name}" for name in ("missing", "length", "words", "distinct words", "variety", "word length")),
    *(f"description {name}" for name in (*_COUNTS, *_CHARACTERS)),
    *(f"description about {name}" for name in FAMILIES),
)
