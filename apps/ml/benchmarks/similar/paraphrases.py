"""Paraphrases: twenty titles of ours, each said in other words, among the titles of real projects.

They were written to share no telling word, which favours meaning; they show what words cannot find, not how often it
is to be found.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from apps.ml.benchmarks.similar.data import TextProject
from apps.ml.benchmarks.similar.references import SHOWN, rank_of
from apps.ml.core.meaning import MeaningTable
from apps.ml.core.text_index import MEANING_SHARE, IssueText, TextIndex, Texts

#: The projects among whose titles the originals are hidden, where the directory has them; else all.
GALLERY = ("MDL", "XD")
#: (original, paraphrase)
PAIRS = (
    ("Login page crashes when password is empty", "Sign-in screen dies if no credentials are entered"),
    ("Export report to spreadsheet", "Download the summary as an Excel sheet"),
    ("Remove deprecated API methods", "Delete obsolete interface functions"),
    ("Improve query performance on large tables", "Database lookups are too slow with many rows"),
    ("Add dark theme to settings dialog", "Provide a night colour scheme in the preferences window"),
    ("Send e-mail when a job fails", "Notify users by mail about unsuccessful tasks"),
    ("Upgrade to latest Java runtime", "Move to the newest JDK version"),
    ("Memory leak in websocket connection pool", "Heap grows because sockets are never released"),
    ("Users cannot upload pictures", "Uploading images is broken for people"),
    ("Write documentation for installation", "Create a setup guide"),
    ("Flaky unit test in scheduler", "Timer tests fail intermittently"),
    ("Support German translation", "Localise the product into another language"),
    ("Wrong totals on invoice", "Bill shows an incorrect sum"),
    ("Allow admins to lock accounts", "Administrators should be able to disable users"),
    ("Encrypt stored passwords", "Secrets must not be saved in plain text"),
    ("Build pipeline broken on Windows", "Continuous integration does not compile on Microsoft machines"),
    ("Rename project folder", "Change the name of a directory"),
    ("Add pagination to search results", "Split found items over several pages"),
    ("Application freezes on startup", "Program hangs while launching"),
    ("Reduce size of container image", "Make the Docker picture smaller"),
)


def score_paraphrases(projects: Sequence[TextProject], table: MeaningTable) -> dict[str, Any]:
    """Mean reciprocal rank and share among the first five, by words, by meaning, by both, and as served."""
    chosen = [project for project in projects if project.name in GALLERY] or projects
    titles = [title for project in chosen for title in project.titles] + [original for original, _ in PAIRS]
    index = TextIndex.build(
        Texts.read((IssueText(str(row), title, "") for row, title in enumerate(titles)), table), table
    )
    first = len(titles) - len(PAIRS)
    ranks: dict[str, list[int]] = {"words": [], "meaning": [], "words and meaning": []}
    shown = []
    for target, (_, paraphrase) in enumerate(PAIRS, start=first):
        words = index.word_similarity(paraphrase, "")
        meaning = index.meaning_similarity(np.arange(len(titles)), table.direction(paraphrase))
        scores = {"words": words, "meaning": meaning, "words and meaning": words + MEANING_SHARE * meaning}
        for name, score in scores.items():
            ranks[name].append(rank_of(score, [target]))
        shown.append(target in {match.row for match in index.query(paraphrase, k=SHOWN)})
    return {
        "n": len(PAIRS),
        "n_titles": len(titles),
        "methods": {name: _figures(np.array(found)) for name, found in ranks.items()},
        "served_hit_at_5": float(np.mean(shown)),
    }


def _figures(ranks: np.ndarray[Any, Any]) -> dict[str, float]:
    return {
        "mrr": float((1 / ranks).mean()),
        "hit_at_5": float((ranks <= SHOWN).mean()),
        "median_rank": float(np.median(ranks)),
    }
