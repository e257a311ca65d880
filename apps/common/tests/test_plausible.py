"""What is no title, no number and no date."""

from datetime import date

import pytest

from apps.common.plausible import date_fault, number_fault, readable, text_fault


@pytest.mark.parametrize("text", ["Change", "a\tb"[:1], "日本語", "É", "😀", "👩‍👩‍👧", "\u200fabc", "1", "-", " x "])
def test_what_people_write_is_a_line(text: str) -> None:
    assert text_fault(text, is_line=True, is_needed=True) is None


@pytest.mark.parametrize(
    "text", ["\u200b", " \u00a0", "\u3164", "\u2800", "\u2060\ufeff", "\u034f", "\u115f\u1160", "\U000e0001", "\ue000"]
)
def test_what_cannot_be_seen_is_no_title_and_may_be_left_out(text: str) -> None:
    assert text_fault(text, is_line=True, is_needed=True) == "It holds nothing that can be seen."
    assert text_fault(text, is_line=True, is_needed=False) is None


@pytest.mark.parametrize("control", ["\0", "\x07", "\x1b", "\x7f", "\x85", "\r", "\n", "\t", "\u2028", "\u2029"])
def test_a_line_holds_no_control_character(control: str) -> None:
    assert "control character" in (text_fault(f"a{control}b", is_line=True, is_needed=True) or "")


@pytest.mark.parametrize("turn", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
def test_a_line_turns_no_text_around(turn: str) -> None:
    assert "turns the direction" in (text_fault(f"a{turn}b", is_line=True, is_needed=True) or "")
    assert text_fault(f"a{turn}b", is_line=False, is_needed=True) is None
    assert readable(f"a{turn}b", is_line=True) == "a b"


def test_a_text_has_lines_and_tabs_and_no_other_controls() -> None:
    assert text_fault("a\r\n\tb\u2028c", is_line=False, is_needed=False) is None
    assert text_fault("a\x1b[31m", is_line=False, is_needed=False) == "It holds a control character (U+001B)."


@pytest.mark.parametrize("value", [1, 1.5, "1", "-1", "+1.50", "1e3", "1E-3", None, "", [], "1."])
def test_a_number_is_one_or_is_refused_elsewhere(value: object) -> None:
    assert number_fault(value) is None


@pytest.mark.parametrize(
    "value", [True, False, "1_0", " 1", "1 ", "\uff11", "\u0661", "0x1", "1e9999", "nan", "inf", "1" * 41, "½"]
)
def test_what_only_python_takes_for_a_number_is_none(value: object) -> None:
    assert number_fault(value) is not None


@pytest.mark.parametrize(("year", "fits"), [(1979, False), (1980, True), (2200, True), (2201, False), (1, False)])
def test_work_has_a_date_of_our_time(year: int, fits: bool) -> None:
    assert (date_fault(date(year, 6, 1)) is None) is fits


def test_what_another_tool_wrote_is_kept_as_far_as_it_can_be_read() -> None:
    assert readable("Plain \u00e9", is_line=True) == "Plain \u00e9"
    assert readable("a\x1b[31mb\nc", is_line=True) == "a [31mb c"
    assert readable("a\nb\x00", is_line=False) == "a\nb "
    assert readable("\u200b \u3164", is_line=True) == ""
