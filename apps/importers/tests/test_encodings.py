"""Bytes into letters."""

import pytest

from apps.importers.records import ImportRefused
from apps.importers.sources.csv.file import inspect_file
from apps.importers.tests.files import only

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
