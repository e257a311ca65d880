"""What projects may learn from each other: words, components, labels and types that several of them use.

A global model answers strangers. Without this, somebody could ask it word by word what another team works on. What
fewer projects use is replaced before anything is learned or stored: a word by a meaningless one of its length, so that
texts keep their shape, a component, label or type by none.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
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
    issues: Sequence[CompletedIssue], project_of: Mapping[str, str], *, least: int = LEAST_PROJECTS
) -> Shared:
    """What at least `least` projects use.

    Parameters
    ----------
    issues : sequence of CompletedIssue
        Of all projects.
    project_of : mapping
        Issue id -> project. An issue of no known project counts for none.
    """
    by_project: dict[str, list[IssueFacts]] = defaultdict(list)
    for issue in issues:
        if issue.issue_id in project_of:
            by_project[project_of[issue.issue_id]].append(issue.facts)
    return Shared(
        words=_used_by(({word for each in facts for word in _words(each)} for facts in by_project.values()), least),
        components=_used_by(({each.component.lower() for each in facts} for facts in by_project.values()), least),
        labels=_used_by(
            ({label.lower() for each in facts for label in each.labels} for facts in by_project.values()), least
        ),
        types=_used_by(({each.issue_type.lower() for each in facts} for facts in by_project.values()), least),
    )


def without_what_few_use(issues: Sequence[CompletedIssue], shared: Shared) -> list[CompletedIssue]:
    """The issues as a global model may see them: nothing of one project alone, and no people."""
    return [replace(issue, facts=_masked(issue.facts, issue.issue_id, shared)) for issue in issues]


def _words(facts: IssueFacts) -> Iterable[str]:
    return tokens(f"{facts.title}\n{clipped(facts.description)}")


def _used_by(found: Iterable[set[str]], least: int) -> frozenset[str]:
    projects: dict[str, int] = defaultdict(int)
    for each in found:
        for name in each:
            projects[name] += 1
    return frozenset(name for name, n in projects.items() if n >= least)


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
