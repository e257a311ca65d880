"""Tokens against the plain pattern, and runs of scripts that set no blanks."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ml.core.records import IssueFacts
from apps.ml.core.similarity import jaccard, token_set
from apps.ml.core.text import tokens

#: The pattern as it reads most plainly; it takes quadratic time on long numbers.
PLAIN = re.compile(r"[a-z][a-z0-9]+|[0-9]+[a-z][a-z0-9]*|[^\W\d_]{2,}")
#: Letters, digits of two scripts, marks and what parts words: everything that the pattern tells apart.
spaced = st.text(alphabet="abzAZ0123٣_- ./:é ßΩЖ\u0301\n", max_size=60)
ideographs = st.text(alphabet="漢字仮名修正画面ログー한국어กดปุ่ม", min_size=2, max_size=12)


@given(text=st.text(alphabet=st.characters(max_codepoint=127), max_size=200))
def test_ascii_text_is_read_as_the_plain_pattern_reads_it(text):
    assert tokens(text) == PLAIN.findall(text.lower())


@given(text=spaced)
def test_scripts_with_blanks_are_read_as_the_plain_pattern_reads_them(text):
    assert tokens(text) == PLAIN.findall(text.lower())


@given(run=ideographs)
def test_a_run_without_blanks_becomes_its_overlapping_pairs(run):
    assert tokens(run) == [left + right for left, right in pairwise(run)]


def test_words_and_runs_are_told_apart_where_nothing_parts_them():
    assert tokens("修正login画面 v2のAPI") == ["修正", "login", "画面", "v2", "api"]


def test_one_character_alone_is_no_word():
    assert tokens("修 a é") == []


@pytest.mark.parametrize(
    ("left", "right", "other"),
    [
        ("ログイン画面でエラーが発生する", "ログイン時のエラーを修正", "帳票の印刷が遅い"),
        ("登录页面报错", "修复登录页面的错误", "导出报表太慢"),
        ("로그인화면에서 오류발생", "로그인 오류를 수정", "보고서 인쇄가 느림"),
        ("แก้ไขหน้าเข้าสู่ระบบ", "หน้าเข้าสู่ระบบผิดพลาด", "พิมพ์รายงานช้า"),
    ],
    ids=["Japanese", "Chinese", "Korean", "Thai"],
)
def test_two_titles_about_the_same_thing_have_something_in_common(left, right, other):
    first, second, third = (token_set(IssueFacts(title=title)) for title in (left, right, other))

    assert jaccard(first, second) >= 0.15
    assert jaccard(first, third) < 0.05
