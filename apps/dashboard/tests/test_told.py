"""What pages show of texts."""

import re
from pathlib import Path

import pytest

from apps.dashboard.templatetags.told import cut
from tests.test_text_growth import FACTOR, LIMIT, seconds

TEMPLATES = Path(__file__).parents[2].glob("*/templates/**/*.html")
#: Django's, which compose or search the whole text, in quadratic time where it is long enough.
NOT_OURS = r"\|\s*(truncate\w+|urlize\w*|striptags|wordwrap|slugify)"


@pytest.mark.parametrize(("text", "told"), [("", ""), ("abcd", "abcd"), ("abcde", "abc…")])
def test_a_text_is_cut_to_what_is_shown(text, told):
    assert cut(text, 4) == told


def test_to_cut_a_text_takes_no_longer_where_it_is_made_of_marks():
    marks = ["a" + "\u0301\u0316" * length for length in (3_000, 3_000 * FACTOR)]

    short, long = (seconds(lambda text: cut(text, 2_000), text) for text in marks)

    assert long < LIMIT * short


def test_no_page_uses_what_takes_longer_than_its_text():
    assert [file.name for file in TEMPLATES if re.search(NOT_OURS, file.read_text())] == []
