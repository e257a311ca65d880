"""Strangers: how often an issue of another project, which nobody here can have written about, finds anything."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from apps.ml.benchmarks.similar.data import TextProject
from apps.ml.benchmarks.similar.references import SHOWN
from apps.ml.core.meaning import MeaningTable
from apps.ml.core.text_index import IssueText, TextIndex, Texts

#: Issues of each project that every other one is asked about, spread over its time.
QUESTIONS = 5


def score_strangers(projects: Sequence[TextProject], table: MeaningTable) -> dict[str, Any]:
    """The share of questions that find one alike in words, and one alike in meaning; what is too low finds chance."""
    by_words, by_meaning = [], []
    for project in projects:
        issues = zip(project.titles, project.descriptions, strict=True)
        read = Texts.read((IssueText(str(row), *issue) for row, issue in enumerate(issues)), table)
        index = TextIndex.build(read, table)
        for other in projects:
            if other is project:
                continue
            for row in np.linspace(0, len(other.titles) - 1, QUESTIONS).astype(int):
                found = index.query(other.titles[row], other.descriptions[row], k=SHOWN)
                by_words.append(any(match.basis == "words" for match in found))
                by_meaning.append(any(match.basis == "meaning" for match in found))
    return {"n": len(by_words), "by_words": float(np.mean(by_words)), "by_meaning": float(np.mean(by_meaning))}
