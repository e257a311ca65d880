"""Bytes into letters."""

import pytest

from apps.importers.records import ImportRefused, RowError, UnreadRow
from apps.importers.sources.csv.encodings import encoding_of
from apps.importers.sources.csv.file import inspect_file
from apps.importers.sources.csv.rows import TORN
from apps.importers.tests.files import issues, only, read

HEADER = "Key,Title\n1,"


@pytest.mark.parametrize(
    ("encoding", "title"),
    [
        ("cp1252", "Don’t round – 5 € café"),
        ("cp1252", "Größe der Straße prüfen"),
        ("cp1251", "Исправить ошибку входа в систему"),
        ("cp1253", "Διόρθωση της κεντρικής σελίδας"),
        ("utf-16", "Größe prüfen"),
        ("utf-16-le", "Größe prüfen in vielen Zeilen"),
        ("utf-16-be", "Größe prüfen in vielen Zeilen"),
        ("utf-8", "Größe – 5 €"),
    ],
)
def test_the_encoding_is_found_by_what_the_letters_say(write, encoding, title):
    assert only(write(f"{HEADER}{title}\n".encode(encoding))).title == title


def test_an_encoding_that_the_user_says_is_used(write):
    path = write(f"{HEADER}Žluťoučký kůň\n".encode("cp1250"))

    assert only(path, encoding="cp1250").title == "Žluťoučký kůň"
    assert inspect_file(path, encoding="cp1250").notes != ()


@pytest.mark.parametrize(("encoding", "reason"), [("klingon", "no such encoding"), ("utf-8", "is not utf-8")])
def test_an_encoding_that_is_none_or_does_not_fit_is_refused(write, encoding, reason):
    with pytest.raises(ImportRefused, match=reason):
        inspect_file(write(f"{HEADER}Größe\n".encode("cp1252")), encoding=encoding)


ROWS = "Key,Title,Assignee,Description\n" + "".join(f"A-{n},Größe ändern,Jürgen Müller,für ö\n" for n in range(40))


@pytest.mark.parametrize("torn", [b"\xe9", "é".encode()[:1], b"\xff\xfe", b"\xf0\x9f\x98"])
def test_one_byte_that_is_no_utf8_garbles_no_other_text(write, torn):
    path = write(ROWS.encode() + b"A-90,Caf" + torn + b" au lait,Ada,x\n")

    *whole, last = issues(path)

    assert {(row.title, row.assignee.name) for row in whole} == {("Größe ändern", "Jürgen Müller")}
    assert (last.title.replace("\ufffd", ""), last.remarks) == ("Caf au lait", (TORN,))
    assert "cannot be read: it is UTF-8 else" in inspect_file(path).notes[0]


def test_a_name_that_cannot_be_read_names_nobody_else(write):
    path = write(ROWS.encode() + b"A-90,x,J\xfcrgen M\xfcller,x\nA-9\xe9,x,Ada,x\n")

    person, key = [row for row in read(path) if isinstance(row, RowError)]

    assert (person.external_id, person.reason) == ("A-90", "assignee holds a letter that is no UTF-8")
    assert isinstance(key, UnreadRow)


def test_a_file_cut_in_the_midst_of_a_letter_is_utf8(write):
    assert issues(write(ROWS.encode() + "A-90,x,Ada,Größe".encode()[:-3]))[0].title == "Größe ändern"


@pytest.mark.parametrize("encoding", ["cp1252", "cp1250", "cp1254"])
def test_text_in_one_byte_with_a_letter_that_looks_like_utf8_stays_what_it_is(write, encoding):
    path = write(ROWS.encode(encoding) + "A-90,Ä“x,Ada,x\n".encode(encoding))

    assert issues(path)[0].title == "Größe ändern"


def test_one_text_of_torn_letters_makes_no_other_encoding_of_a_file(tmp_path):
    """A mail that was pasted wrongly: else who reports an issue had the titles of all others read as no letters."""
    rows = [f"A-{n},Prüfung der Größe {n},Text\n" for n in range(300)] + ["A-300,Report," + "Ã¤" * 6000 + "\n"]
    path = tmp_path / "backlog.csv"
    path.write_bytes(("id,title,description\n" + "".join(rows)).encode("cp1252"))

    assert encoding_of(path)[0] == "cp1252"
