"""The nearest of many issues, of which most are not compared, against comparing with each of them."""

import numpy as np
import pytest

from apps.ml.core.effort import neighbours as module
from apps.ml.core.effort.neighbours import Neighbours, ask, told
from apps.ml.core.similarity import SimilarIssueIndex


def of(token_sets, fields, rng):
    index = SimilarIssueIndex.from_token_sets(
        token_sets,
        issue_ids=map(str, range(len(token_sets))),
        hours=[1.0] * len(token_sets),
        points=[1.0] * len(token_sets),
    )
    return Neighbours(index, fields, rng.normal(size=len(token_sets)), np.full(len(token_sets), np.nan))


@pytest.mark.parametrize("words", [6, 30, 400])
@pytest.mark.parametrize("kinds", [1, 3, 40])
@pytest.mark.parametrize("seed", range(4))
def test_the_nearest_are_those_of_comparing_with_every_issue(
    monkeypatch: pytest.MonkeyPatch, words: int, kinds: int, seed: int
) -> None:
    monkeypatch.setattr(module, "FEW_ISSUES", 50)
    rng = np.random.default_rng(seed)
    texts = [frozenset(rng.integers(0, words, rng.integers(0, 9)).tolist()) for _ in range(300)]
    finished = of(texts, rng.integers(1, kinds + 1, (5, 300)).astype(np.uint32), rng)

    for n_fields in range(6):
        wanted = frozenset(rng.integers(0, words + 2, rng.integers(0, 9)).tolist())
        codes = [int(code) if place < n_fields else 0 for place, code in enumerate(rng.integers(1, kinds + 1, 5))]
        agreed = finished.agreement(codes, 300)
        similarity = finished.index.similarities(wanted)

        near = finished.near(wanted, agreed, n_fields)

        everything = ask(finished.closeness(similarity, agreed), finished.log_hours, 1.0)
        assert told(near.closeness, finished.log_hours[near.nearest], 1.0) == everything
        for least in (0.2, 0.5, 0.9):
            assert near.resembles(least) == bool(similarity.max() >= least)
        best = finished.index.best(near.similarity, 5, 0.2, near.rows)
        assert best == finished.index.best(similarity, 5, 0.2)


def test_of_many_issues_most_are_not_compared() -> None:
    rng = np.random.default_rng(7)
    texts = [frozenset(rng.integers(0, 200, 8).tolist()) for _ in range(3_000)]
    finished = of(texts, np.zeros((5, 3_000), dtype=np.uint32), rng)

    near = finished.near(texts[0], np.zeros(3_000, dtype=np.int8), 0)

    assert near.rows is not None
    assert near.rows.size < 300
    assert near.nearest[0] == 0
