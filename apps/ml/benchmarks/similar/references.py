"""References: the rank of the issue that another one names, by each method."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

import numpy as np

from apps.ml.benchmarks.similar.data import TextProject
from apps.ml.core.arrays import Floats
from apps.ml.core.meaning import MeaningTable
from apps.ml.core.similarity import SimilarIssueIndex
from apps.ml.core.text_index import MEANING_SHARE, IssueText, TextIndex, Texts

#: A project asks so many questions at most, spread over its references, so that the largest does not decide.
MAX_QUESTIONS = 60
#: Among fewer issues there is nothing to search.
MIN_EARLIER = 20
SHOWN = 5
METHODS = ("jaccard", "words", "meaning", "words and meaning")


class Half(StrEnum):
    """Which part of each project's questions is asked."""

    EARLIER = "earlier"
    LATER = "later"


def score_references(projects: Sequence[TextProject], table: MeaningTable, half: Half) -> dict[str, Any]:
    """Mean reciprocal rank and share among the first five of each method, with paired differences."""
    found = [
        _ranks(project, row, texts, jaccard, table)
        for project, row, texts, jaccard in _questions(projects, table, half)
    ]
    ranks = {method: np.array([each[method] for each in found]) for method in METHODS}
    shown = np.array([each["served"] for each in found])
    return {
        "n": len(found),
        "methods": {method: _figures(rank) for method, rank in ranks.items()},
        "served_hit_at_5": float(shown.mean()),
        "to_jaccard": {method: _difference(ranks[method], ranks["jaccard"]) for method in METHODS[1:]},
        "to_words": {method: _difference(ranks[method], ranks["words"]) for method in METHODS[2:]},
    }


def _questions(
    projects: Sequence[TextProject], table: MeaningTable, half: Half
) -> Iterable[tuple[TextProject, int, Texts, SimilarIssueIndex]]:
    for project in projects:
        rows = sorted(row for row in project.referred if row >= MIN_EARLIER)
        middle = len(rows) // 2
        rows = rows[:middle] if half == Half.EARLIER else rows[middle:]
        if len(rows) > MAX_QUESTIONS:
            rows = [rows[int(at)] for at in np.linspace(0, len(rows) - 1, MAX_QUESTIONS)]
        if not rows:
            continue
        issues = zip(project.titles, project.descriptions, strict=True)
        texts = Texts.read((IssueText(str(row), *issue) for row, issue in enumerate(issues)), table)
        yield from ((project, row, texts, _jaccard(texts)) for row in rows)


def _jaccard(texts: Texts) -> SimilarIssueIndex:
    bounds = zip(texts.starts, texts.starts[1:], strict=False)
    sets = [frozenset(texts.keys[first:last].tolist()) for first, last in bounds]
    nothing = [float("nan")] * len(texts)
    return SimilarIssueIndex.from_token_sets(sets, issue_ids=texts.issue_ids, hours=nothing, points=nothing)


def _ranks(
    project: TextProject, row: int, texts: Texts, jaccard: SimilarIssueIndex, table: MeaningTable
) -> dict[str, float]:
    title, description, targets = project.titles[row], project.descriptions[row], project.referred[row]
    index = TextIndex.build(earlier(texts, row), table)
    words = index.word_similarity(title, description)
    meaning = index.meaning_similarity(np.arange(row), table.direction(title, description))
    wanted = frozenset(texts.keys[texts.starts[row] : texts.starts[row + 1]].tolist())
    scores = {
        "jaccard": jaccard.similarities(wanted)[:row],
        "words": words,
        "meaning": meaning,
        "words and meaning": words + MEANING_SHARE * meaning,
    }
    shown = {match.row for match in index.query(title, description, k=SHOWN)}
    return {name: rank_of(score, targets) for name, score in scores.items()} | {"served": float(bool(shown & targets))}


def earlier(texts: Texts, n: int) -> Texts:
    """What was read of the first n issues: all that is known when the next one is written."""
    return texts.only(np.arange(len(texts)) < n)


def rank_of(scores: Floats, targets: Iterable[int]) -> int:
    """The best rank of a target, from 1; among equals the later issue comes first."""
    return min(
        1 + int(np.sum(scores > scores[target])) + int(np.sum(scores[target + 1 :] == scores[target]))
        for target in targets
    )


def _figures(ranks: Floats) -> dict[str, float]:
    return {"mrr": float((1 / ranks).mean()), "hit_at_5": float((ranks <= SHOWN).mean())}


def _difference(ranks: Floats, others: Floats) -> dict[str, float]:
    """Of the mean reciprocal rank, with the standard error of the paired differences."""
    gains = 1 / ranks - 1 / others
    return {"mrr": float(gains.mean()), "standard_error": float(gains.std() / np.sqrt(len(gains)))}
