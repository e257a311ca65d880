"""Ranking by words and meaning, against comparing with each issue in turn."""

import math
from collections import Counter
from dataclasses import fields
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ml.core import artifact, text_index
from apps.ml.core.issue_texts import READING
from apps.ml.core.meaning import DIMENSIONS, MeaningTable, load_meaning
from apps.ml.core.packed import PackedTexts
from apps.ml.core.text import tokens
from apps.ml.core.text_index import IssueText, TextIndex, Texts
from apps.ml.tests.core.layouts import assert_layout_has_its_number

WORDS = ["fix", "login", "page", "api", "slow", "report", "the"]
words = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
#: A table that knows no word: ranks are those of words alone.
NO_MEANING = MeaningTable({}, np.zeros((0, DIMENSIONS), np.int8), np.zeros(0, np.float32))


def read(*titles, table=NO_MEANING):
    return Texts.read([IssueText(f"K-{number}", title, "") for number, title in enumerate(titles)], table)


def index_of(*titles, table=NO_MEANING):
    return TextIndex.build(read(*titles, table=table), table)


def ids(index, found):
    return [index.issue_id(match.row) for match in found]


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

    assert {index.issue_id(match.row): match.basis for match in found}["K-0"] == "meaning"
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


@st.composite
def histories(draw):
    """Steps of a project's life: issues by id with title and day, each step's additions, edits and deletions."""
    steps = draw(st.lists(st.lists(st.tuples(st.integers(0, 9), words, st.integers(0, 3)), max_size=5), max_size=5))
    return [(step, draw(st.sets(st.integers(0, 9), max_size=3))) for step in steps]


def in_order(issues):
    """Oldest first, of equal moments the largest id first."""
    return sorted(sorted(issues, key=lambda issue: issue.issue_id, reverse=True), key=lambda issue: issue.created)


@given(history=histories(), query=words, most=st.integers(1, 12))
def test_an_index_that_takes_in_what_changed_is_the_one_that_is_built_anew_to_the_last_bit(history, query, most):
    table, known = load_meaning(), {}
    index = TextIndex.build(Texts.read([], table), table)
    for step, gone in history:
        fresh = {f"K-{n}": IssueText(f"K-{n}", title, title, hours=float(day), created=day) for n, title, day in step}
        left = {f"K-{n}" for n in gone} - fresh.keys()
        known = {id_: issue for id_, issue in (known | fresh).items() if id_ not in left}
        index = index.changed(Texts.read(in_order(fresh.values()), table), gone=left)

    anew = TextIndex.build(Texts.read(in_order(known.values())[-most:], table), table)
    index = index.changed(Texts.read([], table), most=most)

    same(index, anew)
    same(TextIndex.from_bytes(index.to_bytes(), table), anew)
    assert index.query(query, query) == anew.query(query, query)


def same(index, other):
    for field in fields(TextIndex):
        mine, theirs = getattr(index, field.name), getattr(other, field.name)
        if isinstance(mine, PackedTexts):
            assert mine.pieces() == theirs.pieces()
        elif isinstance(mine, np.ndarray):
            assert mine.dtype.kind == theirs.dtype.kind
            np.testing.assert_array_equal(mine, theirs, err_msg=field.name)


def test_what_is_older_than_all_that_is_kept_does_not_come_in():
    table = NO_MEANING
    known = [IssueText(f"K-{number}", "fix login", "", created=number) for number in (2, 4, 6)]
    index = TextIndex.build(Texts.read(known, table), table)

    fresh = Texts.read([IssueText(f"K-{number}", "fix", "", created=number) for number in (1, 5)], table)

    assert index.changed(fresh, most=3).issue_ids.tolist() == [b"K-4", b"K-5", b"K-6"]


def test_issues_are_told_by_row_and_found_by_id():
    texts = Texts.read([IssueText("b", "Größe", "", key="X-1"), IssueText("a", "fix", "")], NO_MEANING)

    index = TextIndex.build(texts, NO_MEANING)

    assert [index.name(0), index.name(1)] == [("X-1", "Größe"), ("", "fix")]
    assert [index.row_of(id_) for id_ in ("a", "b", "c", "longer")] == [1, 0, None, None]


def test_arrays_that_do_not_fit_are_refused():
    read = artifact.loads(index_of("fix login", "page").to_bytes(), kind=text_index.KIND)
    broken = artifact.dumps(text_index.KIND, read.arrays | {"hours": read.arrays["hours"][:1]}, read.meta)
    other = artifact.dumps(text_index.KIND, read.arrays | {"more": read.arrays["hours"]}, read.meta)
    strange = artifact.dumps(text_index.KIND, read.arrays, read.meta | {"table": 1})

    for data in (broken, other, strange):
        with pytest.raises(artifact.ArtifactCorrupted):
            TextIndex.from_bytes(data, NO_MEANING)


def test_its_layout_has_its_number():
    assert_layout_has_its_number(index_of("fix login").to_bytes())


def test_what_is_read_of_a_text_has_its_number():
    """A failure says that texts are read in another way: raise READING, so that what is stored is built anew."""
    texts = Texts.read([IssueText("a", "Fix the login page", "Größe of 2 reports, reports")], load_meaning())

    assert (READING, crc32(texts.keys.tobytes() + texts.counts.tobytes() + texts.directions.tobytes())) == (
        1,
        1770974056,
    )
