"""What projects may learn from each other: words, signs, fields and numbers that several of them use.

A global model answers strangers. Without this, somebody could ask it word by word, and number by number, what another
team works on and how. What fewer projects use is replaced before anything is learned or stored: a word by a meaningless
one of its length and a sign by a blank, so that texts keep their shape, a component, label, type, priority or points
by none. What a project uses together, and the size of its estimates, a global model is not told (`effort.features`).

Anybody may make projects, and invite colleagues into them. So for whoever asks, all projects that they are in or have
made count for nothing: beside them four others have to use it, with a person each who stands for none of the rest.
Whoever is in all projects that use a word learns nothing of others by it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cache
from hashlib import blake2b
from itertools import count
from re import Match, Pattern
from re import compile as pattern
from typing import TypeVar
from unicodedata import category

from apps.ml.core.records import CompletedIssue, IssueFacts
from apps.ml.core.text import UNSPACED, clipped, tokens
from apps.ml.core.training.crowd import Crowd, People

#: Raised when projects may learn less from each other than before: a model of an earlier rule does not answer.
SHARED_RULE = 2
#: Of scripts without blanks two characters are a word (`tokens`).
_PAIR: Pattern[str] = pattern(f"[{UNSPACED}]{{2}}")
#: What is told apart: a word or sign, or a number.
_Name = TypeVar("_Name", str, float)


@cache
def _pieces() -> Pattern[str]:
    """A `run` of letters with their marks, digits and underscores (whatever `tokens` finds lies in one), or a sign.

    Of scripts without blanks `tokens` takes also characters that this Python's Unicode does not know yet. Made where it
    is asked for: to look through the characters takes a process 0.05 s.
    """
    # Vowels of Indian scripts, points of Arabic and Hebrew, accents behind their letters: parts of a word that are no
    # letters for Python. Beyond these planes lie none but the selectors of variants.
    marks = "".join(mark for mark in map(chr, range(0x300, 0x20000)) if category(mark).startswith("M"))
    return pattern(rf"(?P<run>[\w{marks}\U000e0100-\U000e01ef{UNSPACED}]+)|\S")


@dataclass(frozen=True, slots=True)
class Shared:
    """What enough projects use: words in lower case, fields to the letter, as models read them."""

    #: Words and signs, which are characters of no word and tell of lists, code and the like.
    of_titles: AbstractSet[str] = frozenset()
    of_descriptions: AbstractSet[str] = frozenset()
    components: AbstractSet[str] = frozenset()
    labels: AbstractSet[str] = frozenset()
    types: AbstractSet[str] = frozenset()
    priorities: AbstractSet[float] = frozenset()
    points: AbstractSet[float] = frozenset()
    #: Points that issues had in the end.
    final_points: AbstractSet[float] = frozenset()


def shared_by_projects(
    issues: Sequence[CompletedIssue], project_of: Mapping[str, str], *, people_of: Mapping[str, People] | None = None
) -> Shared:
    """What at least five projects use, whoever looks at it.

    Parameters
    ----------
    issues : sequence of CompletedIssue
        Of all projects.
    project_of : mapping
        Issue id -> project. An issue of no known project counts for none.
    people_of : mapping, optional
        Project -> its people; without, each project has one person of its own. A project that nobody is in counts for
        none.

    Notes
    -----
    `Crowd` says which are enough.
    """
    by_project: dict[str, list[CompletedIssue]] = defaultdict(list)
    for issue in issues:
        if issue.issue_id in project_of:
            by_project[project_of[issue.issue_id]].append(issue)
    people_of = {each: People(frozenset({each})) for each in by_project} if people_of is None else people_of
    crowd = Crowd([people_of.get(project, People()) for project in by_project])

    def shared(named: Callable[[CompletedIssue], Iterable[_Name]]) -> frozenset[_Name]:
        used: dict[_Name, int] = defaultdict(int)
        for bit, own in zip(crowd.bits, by_project.values(), strict=True):
            for name in {name for each in own for name in named(each)}:
                used[name] |= bit
        return frozenset(name for name, projects in used.items() if crowd.hides(projects))

    return Shared(
        of_titles=shared(lambda issue: _words_and_signs(issue.facts.title)),
        of_descriptions=shared(lambda issue: _words_and_signs(clipped(issue.facts.description))),
        components=shared(lambda issue: [issue.facts.component]),
        labels=shared(lambda issue: issue.facts.labels),
        types=shared(lambda issue: [issue.facts.issue_type]),
        priorities=shared(lambda issue: _known(issue.facts.priority)),
        points=shared(lambda issue: _known(issue.facts.story_points)),
        final_points=shared(lambda issue: _known(issue.story_points)),
    )


def without_what_few_use(issues: Sequence[CompletedIssue], shared: Shared) -> list[CompletedIssue]:
    """The issues as a global model may see them: nothing of one project alone, and no people."""
    return [
        replace(
            issue,
            facts=_masked(issue.facts, issue.issue_id, shared),
            story_points=issue.story_points if issue.story_points in shared.final_points else None,
        )
        for issue in issues
    ]


def _known(number: float | None) -> Iterable[float]:
    return () if number is None else (number,)


def _words_and_signs(text: str) -> Iterable[str]:
    yield from tokens(text)
    yield from filter(_is_sign, set(text))


@cache
def _is_sign(character: str) -> bool:
    piece = _pieces().match(character)
    return piece is not None and piece["run"] is None


def _masked(facts: IssueFacts, issue_id: str, shared: Shared) -> IssueFacts:
    places = count()

    def masked(text: str, common: AbstractSet[str]) -> str:
        def masked_piece(match: Match[str]) -> str:
            run = match[0]
            if match["run"] is None:
                return run if run in common else " "
            if run.isdecimal():
                return "0" * len(run)
            found = tokens(run)
            if not found or not all(word in common for word in found):
                return _nothing(issue_id, next(places), run)
            return _words_alone(run, found)

        return _pieces().sub(masked_piece, text)

    return replace(
        facts,
        title=masked(facts.title, shared.of_titles),
        description=masked(clipped(facts.description), shared.of_descriptions),
        priority=facts.priority if facts.priority in shared.priorities else None,
        story_points=facts.story_points if facts.story_points in shared.points else None,
        issue_type=facts.issue_type if facts.issue_type in shared.types else "",
        component=facts.component if facts.component in shared.components else "",
        labels=tuple(label for label in facts.labels if label in shared.labels),
        reporter="",
        assignee="",
    )


def _words_alone(run: str, words: Sequence[str]) -> str:
    """A run of the same length without what stands beside its words: numbers and single letters are no words."""
    lowered, covered, at = run.lower(), set[int](), 0
    for word in words:
        at = lowered.index(word, at)
        covered.update(range(at, at + len(word)))
        # Pairs of characters overlap.
        at += 1 if _PAIR.fullmatch(word) else len(word)
    if len(lowered) != len(run):
        return "_".join(words)
    blank = ("0" if letter.isdecimal() else "_" for letter in run)
    return "".join(
        letter if at in covered else other for at, (letter, other) in enumerate(zip(run, blank, strict=True))
    )


def _nothing(issue_id: str, place: int, run: str) -> str:
    """A word of the same length that says nothing of the one it stands for: made of where it stands.

    The same at every training, so that equal issues give equal training sets.
    """
    filler = blake2b(f"{issue_id}:{place}".encode()).hexdigest()
    return ("x" + filler * (len(run) // len(filler) + 1))[: len(run)]
