"""A name is found in either case however texts, addresses, HTML, JSON and mails write its letters."""

import json
from html.entities import codepoint2name
from urllib.parse import quote

import pytest

from apps.accounts.names import needles as module
from apps.accounts.names.needles import Needles
from apps.accounts.names.reading import folded
from apps.importers.models import ImportRun
from apps.projects.tests.factories import IssueFactory, ProjectFactory
from apps.upkeep.finding import Search
from apps.upkeep.kept import file_holds
from apps.upkeep.sought import Sought

NAMES = ("Élodie Ångström", "Ирина Петрова", "Γιώργος Ωνάσης", "Straße Weiß", "王小明 大文")


def each(text, way):
    return "".join(letter if letter.isascii() else way(letter) for letter in text)


def escaped(letter):
    return json.dumps(letter)[1:-1]


#: One way of writing letters that are none of English, and blanks; of codes in digits of either case.
WAYS = {
    "as it is": str,
    "address": quote,
    "address, small digits": lambda text: each(text, lambda letter: quote(letter).lower()).replace(" ", "+"),
    "address in an address": lambda text: quote(quote(text)),
    "mail": lambda text: each(text, lambda letter: quote(letter).replace("%", "=")).replace(" ", "=20"),
    "mail, small digits": lambda text: each(text, lambda letter: quote(letter).replace("%", "=").lower()),
    "html, named": lambda text: each(
        text, lambda letter: f"&{name};" if (name := codepoint2name.get(ord(letter))) else letter
    ).replace(" ", "&nbsp;"),
    "html, number": lambda text: each(text, lambda letter: f"&#0{ord(letter)};").replace(" ", "&#160;"),
    "html, hexadecimal": lambda text: each(text, lambda letter: f"&#x{ord(letter):X};").replace(" ", "&#xA0;"),
    "html, small digits": lambda text: each(text, lambda letter: f"&#x{ord(letter):x};").replace(" ", "&#x20;"),
    "json": lambda text: each(text, escaped).replace(" ", r"\u00A0"),
    "json, capital digits": lambda text: each(text, lambda letter: rf"\u{escaped(letter)[2:].upper()}"),
    "json in json": lambda text: json.dumps(json.dumps(text))[3:-3],
}  # fmt: skip
CASES = (str, str.lower, str.title, lambda text: "".join(x.upper() if len(x.upper()) == 1 else x for x in text))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_letters_of_either_case_are_found_however_they_are_written(name, way):
    needles = Needles([name])

    for case in CASES:
        text = f"Ask {WAYS[way](case(name))}, please"
        assert needles.whole.search(text), text
        assert needles.anywhere.search(text), text
        for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
            assert file_holds(needles, f"id,title\n1,{text}\n".encode(encoding)), (encoding, text)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_stored_in_capitals_is_found_in_small_letters(name):
    needles = Needles([name.upper() if len(name.upper()) == len(name) else name])

    for way in WAYS.values():
        assert needles.whole.search(f"Ask {way(name)}, please")


@pytest.mark.django_db
def test_database_and_kept_files_are_searched_by_the_same_rule():
    project = ProjectFactory()
    coded = WAYS["address"](NAMES[0].upper())
    issue = IssueFactory(project=project, title=f"See /people/{coded}/")
    run = ImportRun.objects.create(project=project, upload=f"id,title\n1,{coded}\n".encode())

    found = Search([Sought([NAMES[0]])]).look()

    assert (found.issues, found.uploads) == ([issue.pk], [run.pk])


def test_what_is_another_mailbox_is_not_found_by_its_codes_either():
    needles = Needles(["σ@example.com"])

    assert needles.whole.search("%CE%A3@example.com")
    assert not needles.whole.search("%CF%82@example.com")


@pytest.mark.parametrize("name", ["Ирина Петрова", "Ann Smith", "王芳", "Łukasz Wójcik", "irina@example.com"])
def test_what_lacks_a_part_of_a_name_and_hides_nothing_is_not_read_closely(monkeypatch, name):
    read = []
    monkeypatch.setattr(module, "folded", lambda text, **how: read.append(text) or folded(text, **how))
    needles = Needles([name])
    text = "Когда мы встретили Анну – шёл снег. Größe „ändern“, 王, ann, łukasz & example = 100 %. " * 100
    read.clear()

    assert not needles.whole.search(text)
    assert not file_holds(needles, text.encode())
    assert read == []
