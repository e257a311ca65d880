"""What projects may learn from each other: words, components, labels and types that several of them use.

A global model answers strangers. Without this, somebody could ask it word by word what another team works on. What
fewer projects use is replaced before anything is learned or stored: a word by a meaningless one of its length, so that
texts keep their shape, a component, label or type by none.

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
from unicodedata import category

from apps.ml.core.records import CompletedIssue, IssueFacts
from apps.ml.core.text import UNSPACED, clipped, tokens
from apps.ml.core.training.crowd import Crowd, People

#: Of scripts without blanks two characters are a word (`tokens`).
_PAIR: Pattern[str] = pattern(f"[{UNSPACED}]{{2}}")


@cache
def _runs() -> Pattern[str]:
    """Runs of letters with their marks, digits and underscores: whatever `tokens` finds lies in one.

    Of scripts without blanks `tokens` takes also characters that this Python's Unicode does not know yet. Made where it
    is asked for: to look through the characters takes a process 0.05 s.
    """
    # Vowels of Indian scripts, points of Arabic and Hebrew, accents behind their letters: parts of a word that are no
    # letters for Python. Beyond these planes lie none but the selectors of variants.
    marks = "".join(mark for mark in map(chr, range(0x300, 0x20000)) if category(mark).startswith("M"))
    return pattern(rf"[\w{marks}\U000e0100-\U000e01ef{UNSPACED}]+")


@dataclass(frozen=True, slots=True)
class Shared:
    """What enough projects use, all in lower case."""

    words: AbstractSet[str]
    components: AbstractSet[str]
    labels: AbstractSet[str]
    types: AbstractSet[str]


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
    by_project: dict[str, list[IssueFacts]] = defaultdict(list)
    for issue in issues:
        if issue.issue_id in project_of:
            by_project[project_of[issue.issue_id]].append(issue.facts)
    people_of = {each: People(frozenset({each})) for each in by_project} if people_of is None else people_of
    crowd = Crowd([people_of.get(project, People()) for project in by_project])

    def shared(names_of: Callable[[IssueFacts], Iterable[str]]) -> frozenset[str]:
        used: dict[str, int] = defaultdict(int)
        for bit, facts in zip(crowd.bits, by_project.values(), strict=True):
            for name in {name for each in facts for name in names_of(each)}:
                used[name] |= bit
        return frozenset(name for name, projects in used.items() if crowd.hides(projects))

    return Shared(
        words=shared(_words),
        components=shared(lambda facts: [facts.component.lower()]),
        labels=shared(lambda facts: [label.lower() for label in facts.labels]),
        types=shared(lambda facts: [facts.issue_type.lower()]),
    )


def without_what_few_use(issues: Sequence[CompletedIssue], shared: Shared) -> list[CompletedIssue]:
    """The issues as a global model may see them: nothing of one project alone, and no people."""
    return [replace(issue, facts=_masked(issue.facts, issue.issue_id, shared)) for issue in issues]


def _words(facts: IssueFacts) -> Iterable[str]:
    return tokens(f"{facts.title}\n{clipped(facts.description)}")


def _masked(facts: IssueFacts, issue_id: str, shared: Shared) -> IssueFacts:
    places = count()

    def masked_run(match: Match[str]) -> str:
        run = match[0]
        if run.isdecimal():
            return "0" * len(run)
        found = tokens(run)
        if not found or not all(word in shared.words for word in found):
            return _nothing(issue_id, next(places), run)
        return _words_alone(run, found)

    return replace(
        facts,
        title=_runs().sub(masked_run, facts.title),
        description=_runs().sub(masked_run, clipped(facts.description)),
        issue_type=facts.issue_type if facts.issue_type.lower() in shared.types else "",
        component=facts.component if facts.component.lower() in shared.components else "",
        labels=tuple(label for label in facts.labels if label.lower() in shared.labels),
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
