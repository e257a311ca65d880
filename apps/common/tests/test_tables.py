"""Tables as files that spreadsheets open."""

import csv
import io
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apps.common.tables import as_csv, bare, harmless

#: What may begin a formula, unless the whole is a number or the line of a list, up to the quote of its cell's end.
FORMULA = re.compile(r"[=+\-@\uff1d\uff0b\uff0d\uff20]")
HARMLESS = re.compile(r"([+-]?\d([\d., ]*[\d%])?|[+-] [^(|!']*[\w.])(\"|$)")
TEXTS = st.text(st.sampled_from(";\t\r\n\",'=+-@\uff1d1a (|"), max_size=12)


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"), ("x;=cmd|' /C calc'!A0;y", "x;'=cmd|' /C calc'!A0;y"), ("a;- 1&", "a;'- 1&"),
        ('x;"=1";y', "x;'\"=1\";y"), ("a\n=1+1\t@b", "a\n'=1+1\t'@b"), ("- one\n- two", "'- one\n- two"),
        ("a\n- b(c)", "a\n'- b(c)"), ("-5", "-5"), ("-5;x", "'-5;x"), ("a;-5,0 %;b", "a;'-5,0 %;b"),
        ("a;-5,0 %", "a;-5,0 %"), ("'=1", "''=1"), ("'tis; 'twas", "'tis; 'twas"),
    ],
)  # fmt: skip
def test_what_would_begin_a_formula_is_text(cell: str, written: str) -> None:
    assert harmless(cell) == written
    assert bare(written) == cell


@given(TEXTS)
def test_what_is_taken_off_is_what_was_put_on(text: str) -> None:
    assert bare(harmless(text)) == text


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@given(rows=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=3))
@example(rows=[("-1", "| =")])
@example(rows=[("", "\r-1;")])
@example(rows=[("x", "a\n-1\tcmd|' /C calc'!A0")])
def test_whichever_separator_a_spreadsheet_has_no_cell_begins_a_formula(
    separator: str, rows: list[tuple[str, str]]
) -> None:
    written = as_csv(("a", "b"), rows).removeprefix("\ufeff")

    cells = [cell for row in csv.reader(io.StringIO(written, newline=""), delimiter=separator) for cell in row]
    assert [cell for cell in cells if FORMULA.match(cell) and not HARMLESS.match(cell)] == []
