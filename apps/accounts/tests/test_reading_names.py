"""What a text is read as does not depend on how it is looked at, and each letter knows where it is written."""

import html
import json
import re
import sys
import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.accounts.names.reading import (
    ReadText,
    are_dots_of_one,
    clusters,
    decoded,
    dots_of,
    folded,
    hidden,
    in_database,
    plain_parts,
    visible,
)

#: Letters of many scripts, marks in any order, what is not drawn, doubles, and pieces of codes.
PIECES = st.one_of(
    st.characters(),
    st.sampled_from(
        [
            *"abIiKsS %=&;\\\"/u0c3x25n\u0131\u0130\u0307\u0323\u0301\u0345\u05bc\u0651\u064e\u3099\uff9e\u1161\u11ab",
            "\u0301\u0323" * 40, "\uff9e\u0301" * 20,
            *"\u00ad\u200b\u200c\u200d\ufe0f\U000e0101\u034f\ufb01\uff21\u212a\u017f\u1fb4\ud55c\u0e33",
            "%C3%A9", "%25C3%25A9", "=C3=A9", "&eacute;", "&#233;", "&shy;", "\\u00e9", "\\\\u0301", "\\xe9",
            "\\303\\251",
        ]
    ),
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=60).map("".join)


@given(TEXTS)
def test_it_is_read_alike_with_places_and_without(text):
    reading = ReadText(text)

    assert reading.folded == folded(text)
    assert reading.seen == decoded(text)


@given(TEXTS)
def test_what_is_cut_out_is_what_was_read_there(text):
    """Of every place that may begin or end anything: what is written there is read as that, and it goes in order."""
    reading = ReadText(text)
    last = 0
    for begins in range(len(reading.folded)):
        for ends in range(begins + 1, min(begins + 6, len(reading.folded)) + 1):
            span = reading.span(begins, ends)
            if span:
                at, to = reading.written(*span)
                assert 0 <= last <= at < to <= len(text)
                assert folded(reading.seen[slice(*span)], in_codes=False) == reading.folded[begins:ends]
                last = at


@given(TEXTS)
def test_places_without_codes_are_where_they_are_written(text):
    reading = ReadText(text, in_codes=False)

    assert reading.seen == text
    assert all(reading.written(at, at + 1) == (at, at + 1) for at in range(len(text)))


def test_every_mark_stands_with_its_letter():
    """Else the order in which marks are typed would matter."""
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.combining(unicodedata.normalize("NFKD", character)[0]):
            assert clusters().fullmatch(f"a{character}"), hex(code)


def test_what_hides_no_letter_is_read_as_itself():
    """So that a plain part of a name stands, in small letters, in each text that holds the name and hides nothing."""
    for code in range(0x80, sys.maxunicode + 1):
        character = chr(code)
        if hidden().search(character) or not visible(character):
            continue
        read = folded(character)
        for part in plain_parts(read):
            assert part in character.lower(), hex(code)


WAYS = {
    "address": quote, "address in an address": lambda text: quote(quote(text)),
    "mail": lambda text: quote(text).replace("%", "="), "json": lambda text: json.dumps(text)[1:-1],
    "json in json": lambda text: json.dumps(json.dumps(text))[3:-3],
    "html": lambda text: "".join(each if each.isascii() else f"&#x{ord(each):x};" for each in html.escape(text)),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@given(text=st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\%=&"), max_size=30))
def test_codes_mean_what_they_stand_for(way, text):
    # The end of a line is one of many that a backslash may begin.
    assert decoded(WAYS[way](text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "?q=deann",
        "?id=42",
        "%41",
        r"\u0061",
        "&nothing;",
        "&#65;",
        "%C3",
        "%C3%C3",
        "=E2=82",
        "100% of = & x",
        "&;",
        r"\n",
    ],
)
def test_what_only_looks_like_a_code_stays(text):
    assert decoded(text) == text


def test_a_run_of_backslashes_is_one():
    assert decoded(r"a\\\\b\\\"c") == 'a\\b"c'


@pytest.mark.parametrize(
    "texts",
    [
        ("Nguyễn", "Nguyê\u0303n", "NGUYE\u0302\u0303N"), ("İnönü", "i\u0307nönü", "inönü", "ınönü", "INÖNÜ"),
        ("Griffin", "Griﬃn", "Grif\u00adfin", "Ｇｒｉｆｆｉｎ"), ("\u05e9\u05c1\u05b4", "\u05e9\u05b4\u05c1"),
        ("\u0651\u064e", "\u064e\u0651"), ("ヤマダ", "ﾔﾏﾀﾞ", "ヤマタ\u3099"), ("คำ", "คํา"),
        ("O'Neil", "O’NEIL", "oʼneil"),
        ("Weiß", "WEISS", "weiss"), ("한", "\u1112\u1161\u11ab"), ("a-b", "a\u2011b", "A–B"),
        ("\u1fb4", "\u0391\u0301\u0399"),
    ],
)  # fmt: skip
def test_one_name_is_one_text(texts):
    assert len({folded(text) for text in texts}) == 1


def test_a_letter_is_not_cut_from_its_accent_nor_a_double_in_two():
    for text, part in (("Ann\u0301", "ann"), ("Griﬃn", "grif"), ("\ud55c", folded("\ud558")), ("é", "e")):
        reading = ReadText(text)
        at = reading.folded.index(part)
        assert reading.span(at, at + len(part)) is None


def test_what_is_looked_for_by_databases_is_a_pattern_of_both():
    """And of such texts as they hold: no zero, no half of a character."""
    assert "\0" not in in_database()
    assert in_database().encode()
    for text in (
        "ﬁ",
        "\u00ad",
        "İ",
        "i\u0307",
        "😀",
        "&shy;",
        "%EF%BC%B3",
        "=EF=BC=B3",
        r"\uff33",
        "&#65331;",
        r"\303\251",
    ):
        assert re.search(in_database(), f"x{text}")
    for text in ("Größe „ändern“ – naïve…", "Исправить", "王芳", "A & B = 100 %", "a\nb\tc", "C:\\temp"):
        assert not re.search(in_database(), text)


@pytest.mark.parametrize("name", ["Halil Kır", "Halil Kir", "Erdal İnönü", "Irmak Işık", "Ali Kara", "Alı Kara"])
def test_the_turkish_letters_without_and_with_a_dot_are_two_and_a_capital_may_be_either(name):
    dots = dots_of(name)
    turkish = name.replace("ı", "I").replace("i", "İ").upper()

    for written in (name, name.lower(), name.upper(), turkish, " ".join(name.split()[::-1])):
        assert are_dots_of_one(dots_of(written), dots), written
    other = name.replace("ı", "i") if "ı" in name else name.replace("i", "ı")
    assert are_dots_of_one(dots_of(other), dots) == (other == name)
