"""The inverted index against its oracle, comparing with each issue in turn."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ml.core.records import CompletedIssue, IssueFacts
from apps.ml.core.similarity import MINIMUM_SIMILARITY, SimilarIssueIndex, jaccard, token_set

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def finished(title, *, description="", hours=1.0, points=None, number=0):
    facts = IssueFacts(title=title, description=description)
    return CompletedIssue(f"K-{number}", facts, NOW, NOW + timedelta(days=number), hours, points)


def test_texts_with_nothing_in_common_are_never_similar():
    index = SimilarIssueIndex.build([finished("Release the billing service")])

    assert index.query(IssueFacts(title="Fix login page"), minimum=0.0) == ()


def test_an_empty_text_is_similar_to_nothing():
    index = SimilarIssueIndex.build([finished(""), finished("Fix login")])

    assert index.query(IssueFacts(title=""), minimum=0.0) == ()


def test_a_few_shared_words_of_many_are_below_the_minimum():
    index = SimilarIssueIndex.build([finished("the report for the client shows wrong totals after midnight")])

    assert index.query(IssueFacts(title="the login page for admins rejects valid passwords")) == ()


def test_the_nearest_come_first_and_the_later_of_equals_before_the_earlier():
    index = SimilarIssueIndex.build(
        [
            finished("fix login page", number=0),
            finished("fix login", number=1),
            finished("fix login page", number=2),
        ]
    )

    found = index.query(IssueFacts(title="fix login page"))

    assert [issue.issue_id for issue in found] == ["K-2", "K-0", "K-1"]
    assert [issue.similarity for issue in found] == pytest.approx([1.0, 1.0, 2 / 3])


def test_words_of_the_description_count_like_words_of_the_title():
    index = SimilarIssueIndex.build([finished("timeout", description="payment gateway")])

    (found,) = index.query(IssueFacts(title="payment gateway timeout"))

    assert found.similarity == 1.0


def test_evidence_tells_what_the_issues_took_and_what_is_not_known_stays_unknown():
    index = SimilarIssueIndex.build([finished("fix login", hours=None, points=5.0)])

    (found,) = index.query(IssueFacts(title="fix login"))

    assert (found.actual_hours, found.story_points) == (None, 5.0)


def test_an_index_of_nothing_finds_nothing():
    assert SimilarIssueIndex.build([]).query(IssueFacts(title="fix login")) == ()


def test_an_index_survives_its_arrays_and_keeps_no_word():
    index = SimilarIssueIndex.build([finished("fix login page", hours=3.0), finished("release", number=1)])

    arrays = index.to_arrays()
    again = SimilarIssueIndex.from_arrays(arrays)

    assert again.query(IssueFacts(title="login page")) == index.query(IssueFacts(title="login page"))
    assert all(array.dtype.kind in "iuf" for name, array in arrays.items() if name != "similar_ids")


words = st.lists(st.sampled_from(["fix", "login", "page", "api", "slow", "report", "the"]), max_size=6).map(" ".join)


@given(titles=st.lists(words, max_size=12), query=words)
def test_the_index_agrees_with_comparing_every_issue(titles, query):
    issues = [finished(title, number=number) for number, title in enumerate(titles)]
    wanted = token_set(IssueFacts(title=query))

    found = SimilarIssueIndex.build(issues).similarities(wanted)

    oracle = np.array([jaccard(wanted, token_set(issue.facts)) for issue in issues])
    np.testing.assert_allclose(found, oracle)


@given(titles=st.lists(words, max_size=12), query=words, k=st.integers(1, 5))
def test_a_query_gives_the_best_at_or_above_the_minimum(titles, query, k):
    issues = [finished(title, number=number) for number, title in enumerate(titles)]
    facts = IssueFacts(title=query)

    found = SimilarIssueIndex.build(issues).query(facts, k)

    oracle = sorted((jaccard(token_set(facts), token_set(issue.facts)) for issue in issues), reverse=True)
    expected = [value for value in oracle if value >= MINIMUM_SIMILARITY][:k]
    assert [issue.similarity for issue in found] == pytest.approx(expected)


_TEXTS = st.lists(st.frozensets(st.integers(0, 12), max_size=6), max_size=12)
_BOUNDS = st.tuples(st.integers(0, 12), st.integers(0, 12))


@given(indexed=_TEXTS, wanted=st.frozensets(st.integers(0, 12), max_size=6), bounds=_BOUNDS, data=st.data())
def test_a_part_of_the_issues_gets_the_same_similarities(indexed, wanted, bounds, data):
    index = SimilarIssueIndex.from_token_sets(
        indexed, issue_ids=map(str, range(len(indexed))), hours=[1.0] * len(indexed), points=[1.0] * len(indexed)
    )
    first, last = min(*bounds, len(indexed)), min(max(bounds), len(indexed))
    rows = sorted(data.draw(st.sets(st.integers(0, max(len(indexed) - 1, 0)), max_size=len(indexed))))

    found = index.similarities(wanted)

    assert found.tolist() == [jaccard(wanted, each) for each in indexed]
    assert index.similarities_between(wanted, first, last).tolist() == found[first:last].tolist()
    some = index.similarities_at(np.array(rows, dtype=np.int64), index.shared_with(wanted), len(wanted))
    assert some.tolist() == found[rows].tolist()
