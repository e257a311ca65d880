"""Bug reports, by the published random split and in the order of time."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from apps.ml.benchmarks.runs import Write
from apps.ml.core.assignment.replay import rank_in
from apps.ml.core.assignment.serving import AssignmentModel
from apps.ml.core.assignment.training import train_assignment_model
from apps.ml.core.evaluation.metrics import chronological_split
from apps.ml.core.records import CompletedIssue

#: The seed and the share of the published split (Eclipse JDT and others, deep learning for bug assignment).
SPLIT_SEED, TEST_SHARE = 1234, 0.2
_TOPS = (1, 3, 5, 10)


def score_reports(reports: Sequence[CompletedIssue], write: Write) -> dict[str, Any]:
    """Hit rates under both splits, everybody in the training part being a candidate."""
    figures: dict[str, Any] = {"protocol": "frozen", "n": len(reports)}
    for name, split in (("random_split", _published_split), ("chronological", chronological_split)):
        known, test = split(list(reports))
        write(f"{name}: {len(known)} reports to learn from, {len(test)} to ask about")
        figures[name] = _score(known, test)
    return figures


def _published_split(reports: list[CompletedIssue]) -> tuple[list[CompletedIssue], list[CompletedIssue]]:
    """The rows that scikit-learn's `train_test_split` draws with the published seed."""
    from sklearn.model_selection import train_test_split  # noqa: PLC0415 - only this benchmark splits at random

    known, test = train_test_split(reports, test_size=TEST_SHARE, random_state=SPLIT_SEED)
    return known, test


def _score(known: Sequence[CompletedIssue], test: Sequence[CompletedIssue]) -> dict[str, Any]:
    counts = Counter(report.facts.assignee for report in known)
    people = sorted(counts)
    trained = train_assignment_model(known, now=max(report.completed_at for report in known))
    model = AssignmentModel.from_bytes(trained.serving)
    learned, frequent, lots = [], [], []
    for report in test:
        person = report.facts.assignee
        chances = model.probabilities(report.facts, people)
        learned.append(rank_in(chances, person) if person in counts else np.inf)
        frequent.append(rank_in(counts, person) if person in counts else np.inf)
        lots.append(person in counts)
    return {
        "n_test": len(test),
        "n_people": len(people),
        "unseen_share": 1 - float(np.mean(lots)),
        "methods": {
            "learned": _rates(learned),
            "most_frequent": _rates(frequent),
            "random": _lots(len(people), float(np.mean(lots))),
        },
    }


def _rates(ranks: Sequence[float]) -> dict[str, float]:
    found = np.array(ranks)
    return {f"top_{top}": float((found <= top).mean()) for top in _TOPS} | {"mrr": float((1 / found).mean())}


def _lots(n_people: int, share_known: float) -> dict[str, float]:
    """What drawing lots hits on average."""
    harmonic = float((1 / np.arange(1, n_people + 1)).sum())
    tops = {f"top_{top}": share_known * min(top / n_people, 1.0) for top in _TOPS}
    return tops | {"mrr": share_known * harmonic / n_people}
