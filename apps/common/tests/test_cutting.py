"""A long text is cut where a word ends."""

import pytest

from apps.common.texts.cutting import LONGEST_WORD, cut_between_words


@pytest.mark.parametrize(
    ("text", "longest", "kept"),
    [
        ("Ask Ada", 7, "Ask Ada"),
        ("Ask Ada Lovelace", 7, "Ask Ada"),
        ("Ask Ada Lovelace", 8, "Ask Ada"),
        ("Ask Ada Lovelace", 10, "Ask Ada"),
        ("Ask  Ada", 5, "Ask"),
        ("Ask\nada@example.com", 12, "Ask\nada@exam"),
        ("Ask whoever is ada@example.com", 25, "Ask whoever is"),
        ("データベースの接続", 4, "データベ"),
        ("", 0, ""),
        ("word", 0, ""),
    ],
)
def test_what_is_kept_ends_with_a_word_that_lies_in_the_latter_half(text: str, longest: int, kept: str) -> None:
    assert cut_between_words(text, longest) == kept


def test_of_a_word_that_is_longer_than_any_the_beginning_is_kept() -> None:
    assert len(cut_between_words("a " + "b" * 10_000, 8_000)) == 8_000
    assert cut_between_words("a" * 7_000 + " " + "b" * 10_000, 7_000 + LONGEST_WORD) == "a" * 7_000
