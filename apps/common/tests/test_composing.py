"""Normal forms are Unicode's own, however many marks stand on a letter."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.common.texts.composing import LONG_RUN, Form, normalized

FORMS: tuple[Form, ...] = ("NFC", "NFD", "NFKC", "NFKD")
#: Whatever stands on the letter before it, of each class; and what parts, joins and stands between such runs.
MARKS = sorted(
    {
        (unicodedata.combining(decomposed[0]), len(decomposed)): character
        for character in map(chr, range(sys.maxunicode + 1))
        if unicodedata.combining((decomposed := unicodedata.normalize("NFKD", character))[0])
    }.values()
)
OTHERS = [*"aeǖẛ각가ᄀﬁ¨… 漢", "\u1161", "\u11a8", "\u093e", "\u034f", "\u200d", "\ud800"]


@pytest.mark.parametrize("form", FORMS)
@given(
    st.lists(st.lists(st.sampled_from(MARKS), max_size=90) | st.lists(st.sampled_from(OTHERS), max_size=3), max_size=6)
)
def test_a_text_has_the_form_that_unicode_gives_it(form: Form, parts: list[list[str]]) -> None:
    text = "".join(map("".join, parts))

    assert normalized(form, text) == unicodedata.normalize(form, text)


def test_every_mark_is_put_in_order() -> None:
    """One that were passed over would be moved one by one."""
    for character in map(chr, range(sys.maxunicode + 1)):
        if unicodedata.combining(unicodedata.normalize("NFKD", character)[0]):
            assert LONG_RUN.fullmatch(character * 31), hex(ord(character))
