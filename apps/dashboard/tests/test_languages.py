"""Pages speak the reader's language, whole: no sentence is left out, and none loses what is put into it."""

import ast
import gettext
import re
from collections.abc import Iterator
from datetime import date

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation
from django.utils.translation.template import templatize

from apps.common.charts.numbers import day, number
from apps.dashboard.tests.conftest import Team

pytestmark = pytest.mark.django_db
LANGUAGES = ("de", "es")
APPS = settings.BASE_DIR / "apps"
_CALLS = {"_": 1, "gettext": 1, "gettext_lazy": 1, "ngettext": 2, "pgettext_lazy": 2}
_IN_TEMPLATES = re.compile(r"\b(_|n?gettext)\((.*?)\)(?= |$)")
#: What is put into a sentence, and what its reader sees in bold.
_KEPT = re.compile(r"%\((\w+)\)[sd]|</?b\b[^>]*>")
_ENTRY = re.compile(r'^(msgid|msgid_plural|msgstr(?:\[\d\])?|msgctxt) "', re.MULTILINE)


def catalogue(language: str) -> gettext.GNUTranslations:
    """What is used: the compiled file."""
    file = settings.LOCALE_PATHS[0] / language / "LC_MESSAGES" / "django.mo"
    with file.open("rb") as content:
        return gettext.GNUTranslations(content)


def entries(language: str) -> dict[str, list[str]]:
    """What was written: every msgid of the source file, its plural after a line break, with its translations."""
    found = {}
    text = (settings.LOCALE_PATHS[0] / language / "LC_MESSAGES" / "django.po").read_text()
    assert "#, fuzzy" not in text
    for block in text.split("\n\n")[1:]:
        told = [(line.split(" ", 1)[0], ast.literal_eval(line.split(" ", 1)[1]))
                for line in block.splitlines() if _ENTRY.match(line)]  # fmt: skip
        context = "".join(f"{value}\x04" for name, value in told if name == "msgctxt")
        msgid = context + "\n".join(value for name, value in told if name.startswith("msgid"))
        found[msgid] = [value for name, value in told if name.startswith("msgstr")]
    return found


def said_in_templates() -> Iterator[str]:
    for file in APPS.glob("*/templates/**/*.html"):
        for _name, arguments in _IN_TEMPLATES.findall(templatize(file.read_text())):
            # 'One', 'Many', count: a count is a name.
            texts = re.findall(r"""u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""", arguments)
            yield "\n".join(ast.literal_eval(text) for text in texts)


def said_in_code() -> Iterator[str]:
    for file in APPS.rglob("*.py"):
        text = file.read_text()
        if "tests" in file.parts or "gettext" not in text:
            continue
        for call in ast.walk(ast.parse(text)):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in _CALLS:
                texts = [each.value for each in call.args[: _CALLS[call.func.id]] if isinstance(each, ast.Constant)]
                yield ("\x04" if call.func.id == "pgettext_lazy" else "\n").join(texts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_of_the_pages_is_translated(language: str):
    written = entries(language)
    said = {*said_in_templates(), *said_in_code()} - {""}

    assert len(said) > 600
    assert said - set(written) == set()
    assert [msgid for msgid, texts in written.items() if not all(texts)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_loses_what_is_put_into_it(language: str):
    for msgid, texts in entries(language).items():
        # One and many, as in English: both languages have these two forms.
        for said, text in zip(msgid.split("\n"), texts, strict=True):
            assert kept_in(text) == kept_in(said), text


def kept_in(text: str) -> list[str]:
    return sorted(match[0] for match in _KEPT.finditer(text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_is_what_was_written(language: str):
    compiled = catalogue(language)
    for msgid, texts in entries(language).items():
        one, _, many = msgid.partition("\n")
        if not many:
            context, mark, plain = one.rpartition("\x04")
            assert (compiled.pgettext(context, plain) if mark else compiled.gettext(one)) == texts[0]
        else:
            assert [compiled.ngettext(one, many, n) for n in (1, 2)] == texts


@pytest.mark.parametrize(
    ("language", "titles"), [("de", ("Projekte", "Was ihn gefährdet")), ("es", ("Proyectos", "Qué lo pone en peligro"))]
)
def test_start_and_sprint_are_told_in_the_reader_s_language(
    demo: Team, lead: Client, language: str, titles: tuple[str, str]
):
    sprint = f"/projects/DEMO/sprints/{demo.running.name.removeprefix('Sprint ')}/"
    for page, title in zip(("/projects/", sprint), titles, strict=True):
        answer = lead.get(page, headers={"Accept-Language": f"{language}-AT,en;q=0.5"})

        assert f'<html lang="{language}">' in answer.content.decode()
        assert title in answer.content.decode()
        assert answer["Content-Language"] == language


def test_everybody_else_reads_english_and_nothing_of_the_reader_before(demo: Team, lead: Client):
    lead.get("/projects/", headers={"Accept-Language": "de"})

    assert '<html lang="en">' in lead.get("/projects/", headers={"Accept-Language": "fi"}).content.decode()
    assert translation.get_language() == "en"


def test_programs_are_answered_in_one_language(client: Client):
    asked = [
        client.post("/api/v1/auth/token/", {}, content_type="application/json", headers={"Accept-Language": language})
        for language in ("de", "en")
    ]

    assert asked[0].json()["errors"] == asked[1].json()["errors"]


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", ("13 Mar 2027", "8.3", "1,235")),
        ("de", ("13. März 2027", "8,3", "1.235")),
        ("es", ("13 mar 2027", "8,3", "1\xa0235")),
    ],
)
def test_days_and_numbers_are_written_as_in_the_language(language: str, written: tuple[str, str, str]):
    with translation.override(language):
        assert (day(date(2027, 3, 13)), number(8.3), number(1235.4)) == written
