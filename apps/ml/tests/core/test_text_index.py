"""Ranking by words and meaning, against comparing with each issue in turn."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ml.core import text_index
from apps.ml.core.meaning import DIMENSIONS, MeaningTable, load_meaning
from apps.ml.core.text import tokens
from apps.ml.core.text_index import IssueText, TextIndex, Texts

WORDS = ["fix", "login", "page", "api", "slow", "report", "the"]
words = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
#: A table that knows no word: ranks are those of words alone.
NO_MEANING = MeaningTable({}, np.zeros((0, DIMENSIONS), np.int8), np.zeros(0, np.float32))


def read(*titles, table=NO_MEANING):
    return Texts.read([IssueText(f"K-{number}", title, "") for number, title in enumerate(titles)], table)


def index_of(*titles, table=NO_MEANING):
    return TextIndex.build(read(*titles, table=table), table)


def ids(index, found):
    return [index.texts.issue_ids[match.row] for match in found]


def cosines(titles, query):
    """Tf-idf cosine as its definition has it."""
    documents = [Counter(tokens(title)) for title in titles]
    frequency = Counter(word for document in documents for word in document)

    def weighted(document):
        return {
            word: (1 + math.log(count)) * (math.log((1 + len(titles)) / (1 + frequency[word])) + 1)
            for word, count in document.items()
        }

    def length(weights):
        return math.sqrt(sum(weight**2 for weight in weights.values())) or 1.0

    asked = weighted(Counter(tokens(query)))
    vectors = [weighted(document) for document in documents]
    return [
        sum(asked[word] * vector[word] for word in asked.keys() & vector.keys()) / length(asked) / length(vector)
        for vector in vectors
    ]


@given(titles=st.lists(words, max_size=12), query=words)
def test_words_agree_with_the_definition_of_the_cosine(titles, query):
    np.testing.assert_allclose(index_of(*titles).word_similarity(query, ""), cosines(titles, query), atol=1e-6)


@given(titles=st.lists(words, min_size=1, max_size=12), query=words, k=st.integers(1, 5))
def test_a_query_gives_the_best_at_or_above_the_minimum_best_first(titles, query, k):
    found = index_of(*titles).query(query, k=k)

    scores = sorted((score / (1 + text_index.MEANING_SHARE) for score in cosines(titles, query)), reverse=True)
    wanted = [score for score in scores[:k] if score >= text_index.MINIMUM_SIMILARITY]
    assert [match.similarity for match in found] == pytest.approx(wanted, abs=1e-6)


def test_a_rare_word_counts_more_than_a_common_one():
    index = index_of("login page", "login report", "login api", "invoice report")

    assert ids(index, index.query("invoice login"))[0] == "K-3"


def test_of_equals_the_later_comes_first():
    index = index_of("fix login", "release", "fix login")

    assert ids(index, index.query("fix login")) == ["K-2", "K-0"]


def test_what_says_the_same_in_other_words_is_found_and_marked():
    gallery = [
        "Rename project folder",
        "Fix login page",
        "Slow report of the month",
        "Encrypt the api",
        "New directory",
    ]
    index = index_of(*gallery, table=load_meaning())

    found = index.query("Change the name of a directory")

    assert {index.texts.issue_ids[match.row]: match.basis for match in found}["K-0"] == "meaning"
    assert ids(index, found)[0] == "K-4"


def test_at_most_two_are_alike_in_meaning_alone_and_none_is_named_twice():
    gallery = ["Uploading images fails"] * 4 + ["Users cannot upload photos"] * 4
    index = index_of(*gallery, table=load_meaning())

    found = index.query("Broken picture import")

    assert sum(match.basis == "meaning" for match in found) <= text_index.MAX_BY_MEANING
    assert len({match.row for match in found}) == len(found) <= text_index.DEFAULT_MATCHES


def test_only_those_among_whom_is_asked_are_found():
    index = index_of("fix login", "fix login", "fix login")

    assert ids(index, index.query("fix login", among=np.array([True, False, False]))) == ["K-0"]


def test_an_index_of_nothing_and_a_text_of_nothing_find_nothing():
    assert index_of().query("fix login") == ()
    assert index_of("fix login").query("") == ()
    assert index_of("", "").query("fix login") == ()


def test_many_candidates_change_nothing_for_the_best(monkeypatch):
    titles = [f"topic{number % 40} item{number % 7} word{number}" for number in range(600)]
    index = index_of(*titles)
    best = ids(index, index.query("topic3 item5 word243"))

    monkeypatch.setattr(text_index, "CANDIDATES", len(titles))

    assert ids(index, index.query("topic3 item5 word243")) == best


def test_of_too_many_postings_the_commonest_words_are_left_out(monkeypatch):
    index = index_of(*["the login"] * 50, "the invoice")
    monkeypatch.setattr(text_index, "MAX_POSTINGS", 10)

    scores = index.word_similarity("the invoice", "")

    assert (scores[:50] == 0).all()
    assert scores[50] > 0.5


def test_outcomes_stand_beside_the_texts():
    texts = Texts.read(
        [IssueText("a", "fix", "", hours=2.0), IssueText("b", "fix", ""), IssueText("c", "fix", "", points=3.0)],
        NO_MEANING,
    )

    assert TextIndex.build(texts, NO_MEANING).finished.tolist() == [True, False, True]


@given(titles=st.lists(words, max_size=8), more=st.lists(words, max_size=8), gone=st.sets(st.integers(0, 7)))
def test_changed_texts_are_those_that_would_be_read_anew(titles, more, gone):
    table = load_meaning()
    issues = [IssueText(f"K-{number}", title, "", hours=float(number)) for number, title in enumerate(titles)]
    later = [IssueText(f"L-{number}", title, "") for number, title in enumerate(more)]

    changed = (
        Texts.read(issues, table).without({f"K-{number}" for number in gone}).followed_by(Texts.read(later, table))
    )

    anew = Texts.read([issue for number, issue in enumerate(issues) if number not in gone] + later, table)
    assert changed.issue_ids == anew.issue_ids
    for name in ("starts", "keys", "counts", "directions", "hours", "points"):
        np.testing.assert_array_equal(getattr(changed, name), getattr(anew, name))
