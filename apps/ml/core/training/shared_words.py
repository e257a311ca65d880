"""What projects may learn from each other: words, components, labels and types that several of them use.

A global model answers strangers. Without this, somebody could ask it word by word what another team works on. What
fewer projects use is replaced before anything is learned or stored: a word by a meaningless one of its length, so that
texts keep their shape, a component, label or type by none.

Anybody may make projects. So for whoever asks, all projects that they are in count as one: with four of one's own, one
could else learn of a fifth. Whoever is in all projects that use a word learns nothing of others by it.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import count
from re import Match, Pattern
from re import compile as pattern

from apps.ml.core.records import CompletedIssue, IssueFacts
from apps.ml.core.text import clipped, tokens

#: So few teams are told apart; five is the usual least size of a group of which sums are published.
LEAST_PROJECTS = 5
#: Runs of letters and digits, underscores too: whatever `tokens` finds lies in one.
_RUN: Pattern[str] = pattern(r"\w+")


@dataclass(frozen=True, slots=True)
class Shared:
    """What enough projects use, all in lower case."""

    words: AbstractSet[str]
    components: AbstractSet[str]
    labels: AbstractSet[str]
    types: AbstractSet[str]


def shared_by_projects(
    issues: Sequence[CompletedIssue],
    project_of: Mapping[str, str],
    *,
    projects_of_people: Iterable[Collection[str]] = (),
    least: int = LEAST_PROJECTS,
) -> Shared:
    """What at least `least` projects use, whoever looks at it.

    Parameters
    ----------
    issues : sequence of CompletedIssue
        Of all projects.
    project_of : mapping
        Issue id -> project. An issue of no known project counts for none.
    projects_of_people : iterable of collections of str
        Of everybody who can ask, the projects that they are in.

    Notes
    -----
    With n projects that use a word, m of them somebody's own: n >= `least`, and n - m is zero or >= `least` - 1.
    """
    by_project: dict[str, list[IssueFacts]] = defaultdict(list)
    for issue in issues:
        if issue.issue_id in project_of:
            by_project[project_of[issue.issue_id]].append(issue.facts)
    bits = {project: 1 << place for place, project in enumerate(by_project)}
    own = {sum(bits.get(project, 0) for project in projects) for projects in projects_of_people}

    def shared(names_of: Callable[[IssueFacts], Iterable[str]]) -> frozenset[str]:
        used: dict[str, int] = defaultdict(int)
        for project, facts in by_project.items():
            for name in {name for each in facts for name in names_of(each)}:
                used[name] |= bits[project]
        return frozenset(name for name, projects in used.items() if _tells_nobody(projects, own, least))

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


def _tells_nobody(used: int, own: Iterable[int], least: int) -> bool:
    """Whether nobody can take from this use, a bit a project, that one of a few other projects has part in it."""
    if used.bit_count() < least:
        return False
    others = ((used & ~mine).bit_count() for mine in own)
    return all(n == 0 or n >= least - 1 for n in others)


def _masked(facts: IssueFacts, issue_id: str, shared: Shared) -> IssueFacts:
    places = count()

    def masked_run(match: Match[str]) -> str:
        run = match[0]
        if run.isdecimal():
            return "0" * len(run)
        found = tokens(run)
        return run if found and all(word in shared.words for word in found) else _nothing(issue_id, next(places), run)

    return replace(
        facts,
        title=_RUN.sub(masked_run, facts.title),
        description=_RUN.sub(masked_run, clipped(facts.description)),
        issue_type=facts.issue_type if facts.issue_type.lower() in shared.types else "",
        component=facts.component if facts.component.lower() in shared.components else "",
        labels=tuple(label for label in facts.labels if label.lower() in shared.labels),
        reporter="",
        assignee="",
    )


def _nothing(issue_id: str, place: int, run: str) -> str:
    """A word of the same length that says nothing of the one it stands for: made of where it stands.

    The same at every training, so that equal issues give equal training sets.
    """
    filler = blake2b(f"{issue_id}:{place}".encode()).hexdigest()
    return ("x" + filler * (len(run) // len(filler) + 1))[: len(run)]
