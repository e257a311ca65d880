"""What stands beside a name decides whether it is whole: as it is meant, in every script, also in JSON."""

import json

import pytest

from apps.accounts.names.needles import Needles
from apps.accounts.tests.factories import UserFactory
from apps.importers.models import ImportRun
from apps.notifications.models import Notification
from apps.projects.models import IssueChange
from apps.projects.tests.factories import IssueFactory, TeamMemberFactory
from apps.upkeep.erasing import erase_person, foresee_person
from apps.upkeep.kept import file_holds
from apps.upkeep.texts import found_in_database

EMAIL, NAME, QUOTED = "ann@example.com", "Ann Smith", 'Dwayne "Rock" Johnson'
#: As JSON, addresses, mails, HTML, scripts, Python and git write what is no letter of a script that parts words.
SIGNS = [
    r"\uff1a", r"\uFF1A", r"\u3000", r"\u3001", r"\u7cfb", r"\\u7cfb", r"\ud83d\ude00", r"\x3c", r"\n", r"\u003c",
    "%E3%80%80", "%ef%bc%9a", "%25E3%2580%2580", "%252520", "%20", "%F0%9F%98%80", "%uFF1A", "=EF=BC=9A", "=E7=B3=BB",
    "=20", "&quot;", "&#20998;", "&#x7cfb;", "&nbsp;", "&ldquo;", r"\xe7\xb3\xbb", r"\347\263\273", r"\u20ac",
    "❤\ufe0f", "系", "：", "ก", "ל", "ل", "ל-", "1\ufe0f\u20e3",
]  # fmt: skip
#: A letter that a name goes on with, likewise.
LETTERS = [
    r"\u00e9", r"\u0439", r"\\u00E9", "%C3%A9", "%c3%a9", "%25C3%25A9", "%D0%B9", "=C3=A9", "&eacute;", "&#233;",
    "&#xe9;", r"\xc3\xa9", r"\303\251", "é", "e\u0301", "й", "ⱡ", "ꜳ", "x", "7",
]  # fmt: skip


def holds(name, text):
    """Whether a text has it, replaced or not, and whether a file has it."""
    needles = Needles([name])
    found = bool(needles.whole.search(text))
    assert (needles.whole.sub("", text) != text) == found
    assert file_holds(needles, f"id,title\n1,.{text}.\n".encode()) == found
    return found


@pytest.mark.parametrize("name", [EMAIL, NAME])
@pytest.mark.parametrize("sign", SIGNS)
def test_a_sign_in_front_leaves_it_whole_however_it_is_written(name, sign):
    assert holds(name, f"{sign}{name}")
    assert holds(name, f"x {sign}{name}")
    assert holds(name, f"{name}{sign}") or sign.startswith("1")


@pytest.mark.parametrize("name", [EMAIL, NAME])
@pytest.mark.parametrize("letter", LETTERS)
def test_a_letter_beside_makes_it_a_part_however_it_is_written(name, letter):
    assert not holds(name, f"{letter}{name}")
    assert not holds(name, f"{letter}-{name}")
    assert not holds(name, f"{name}{letter}") or letter == "e\u0301"
    assert not holds(NAME, f"{NAME}-{letter}")
    assert not holds(EMAIL, f"{letter}.{EMAIL}")
    assert not holds(EMAIL, rf"{letter}\u002e{EMAIL}")


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        # Words that look like codes.
        ("?q=deann@example.com", False), ("?id=42ann@example.com", False), ("?q=ceann@example.com", False),
        ("ann@example.com=42", True), ("ann@example.com=ed", True), ("ann@example.com=accepted", True),
        ("ann@example.com%41", True), (r"\u0061ann@example.com", False), ("&nothing;ann@example.com", True),
        ("ann@example.com. Now", True), ("ann@example.com.au", False), ("ann@example.com.", True),
    ],
)  # fmt: skip
def test_what_only_looks_like_a_code_is_what_it_is(text, whole):
    assert holds(EMAIL, text) == whole


@pytest.mark.parametrize(
    ("name", "text", "whole"),
    [
        ("محمد علي", "محمد عليوة كتب", False), ("محمد علي", "قاله محمد عليان", False),
        ("محمد علي", "محمد علي كتب", True),
        ("محمد علي", "ومحمد علي", True), ("محمد علي", "لمحمد علي", True), ("محمد علي", "ولمحمد علي", True),
        ("محمد علي", "امحمد علي", False), ("محمد علي", "بدلمحمد علي", False), ("محمد علي", "محمد علي،", True),
        ("דן כהן", "אבידן כהנא", False), ("דן כהן", "אבידן כהן", False), ("דן כהן", "ולדן כהן", True),
        ("דן כהן", "לדן כהן", True), ("דן כהן", "דן כהנא", False), ("דן כהן", "ל-דן כהן", True),
        ("राम सिंह", "राम सिंहल", False), ("राम सिंह", "राम सिंहों", False), ("राम सिंह", "राम सिंह।", True),
        ("ნინო ბერი", "ნინო ბერიძე", False), ("ნინო ბერი", "ნინო ბერი,", True), ("አበበ ቢቂላ", "አበበ ቢቂላው", False),
        ("สมชาย ใจดี", "คุณสมชาย ใจดีครับ", True), ("ສົມ ດີ", "ທ່ານສົມ ດີແລ້ວ", True), ("មករា សុខ", "លោកមករា សុខបាន", True),
        ("မောင် လှ", "ကိုမောင် လှက", True), ("김 민준", "김민준이", True), ("王芳", "请王芳看", True),
        ("علي@example.com", "ليعلي@example.com", False), ("Ann Smith", "शAnn Smith", True),
        # Double names, whatever parts their halves, and signs without width within a word.
        ("דן כהן", "דן כהן\u05beלוי", False), ("Anna Lee", "Anna Lee\u2011Meyer", False),
        ("Anna Lee", "Anna Lee\u2013Meyer", False), ("Anna Lee", "Mary\u2010Anna Lee", False),
        ("Anna Lee", "Anna Lee \u2013 Meyer", True), ("علی رضا", "علی رضا\u200cپور", False),
        ("राम सिंह", "राम सिंह\u200cल", False), ("Anna Lee", "Anna Lee\u00adwin", False),
        ("Anna Lee", "Anna Lee&shy;win", False), ("Anna Lee", "\ufeffAnna Lee\u200f, Bob", True),
        ("Anna Lee", "Anna Lee\u200bBob", True), ("Anna Lee", "\u202bAnna Lee\u202c", True),
        ("neil@example.com", "o'neil@example.com", False), ("neil@example.com", "O\u2019neil@example.com", False),
        ("ann@example.com", "l'adresse d'ann@example.com", True), ("ann@example.com", "qu'ann@example.com", True),
        ("ann@example.com", "'ann@example.com'", True), ("ann@example.com", "zoo'ann@example.com", True),
        # All of it as Python writes JSON.
        ("محمد علي", json.dumps("محمد عليوة"), False), ("محمد علي", json.dumps("قال محمد علي"), True),
        ("Jan Nov", json.dumps("Jan Novák"), False), ("Jan Nov", json.dumps("Jan Novàk")[:-1], False),
    ],
)  # fmt: skip
def test_in_every_script_that_parts_words_a_name_is_no_part_of_another(name, text, whole):
    assert holds(name, text) == whole


@pytest.mark.parametrize("sign", ['"', "/", "\\"])
@pytest.mark.parametrize("times", [0, 1, 2])
def test_signs_that_json_writes_with_a_backslash_are_found(sign, times):
    name = f"Dwayne {sign}Rock{sign} Johnson"
    text = f"ask {name}"
    for _ in range(times):
        text = json.dumps(text).replace("/", r"\/")

    assert holds(name, text)
    assert holds(f"{sign}Rock{sign} Johnson", text)


@pytest.mark.django_db
@pytest.mark.usefixtures("no_training_begins")
@pytest.mark.parametrize("name", [QUOTED, "Ann/Sue Smith", "Tab\\Ann Smith", NAME])
@pytest.mark.parametrize("before", ["请联系：", "请联系", "by "])
def test_documents_and_files_of_json_lose_it(name, before, now):
    project = TeamMemberFactory(user=UserFactory(email=EMAIL, full_name=name)).project
    texts = [f"{before}{EMAIL}", f"{before}{name}"]
    issue = IssueFactory(project=project, labels=texts)
    change = IssueChange.objects.create(
        issue=issue, field="labels", old_value="", new_value=json.dumps(texts), changed_at=now
    )
    news = Notification.objects.create(
        project=project, event="test", severity="low", about="a", topic="a", subject="s", body="b", created_at=now,
        payload=json.dumps({"text": texts, "text of JSON": json.dumps(texts), "n": 1.50}),
    )  # fmt: skip
    line = json.dumps({"id": "C-1", "title": texts[0]}), json.dumps({"id": "C-2", "labels": texts[1:]})
    runs = [ImportRun.objects.create(project=project, upload=each.encode(), upload_name="a.jsonl") for each in line]

    erase_person(EMAIL, now=now)

    assert found_in_database([EMAIL, name]) == {}
    for row in (issue, change, news, *runs):
        row.refresh_from_db()
    assert [run.upload for run in runs] == [None, None]
    payload = json.loads(news.payload)
    assert issue.labels == json.loads(change.new_value) == payload["text"] == json.loads(payload["text of JSON"])
    assert all(text.startswith(f"{before}erased-") for text in issue.labels)
    assert '"n": 1.5}' in news.payload


@pytest.mark.django_db
@pytest.mark.usefixtures("no_training_begins")
def test_who_is_called_as_a_piece_of_json_breaks_none(now):
    project = TeamMemberFactory(user=UserFactory(email=EMAIL, full_name='kind": "of thing')).project
    news = Notification.objects.create(
        project=project, event="test", severity="low", about="a", topic="a", subject="s", body="b", created_at=now,
        payload=json.dumps({"kind": "of thing", "said": 'kind": "of thing'}),
    )  # fmt: skip

    erase_person(EMAIL, now=now)

    news.refresh_from_db()
    payload = json.loads(news.payload)
    assert payload["kind"] == "of thing"
    assert "erased-" in payload["said"]


@pytest.mark.parametrize(
    ("behind", "whole"),
    [
        (".csv", True), (".json", True), (".jsonl", True), (".pdf", True), (".tar.gz", True), (".2026-11.xlsx", True),
        (".mp4", True), (".csv.", True), (".csv?page=2", True), (".csv_old", True), (".csv-old", True), (".CSV", True),
        (".1", True), (".x", True), (r"\u002ecsv", True), ("%2Ecsv", True), (".csv\u00e9", True), (".html#a.b", True),
        # The end of a host: of countries, of a company's own, of other letters; behind other labels too.
        (".au", False), (".zip", False), (".md", False), (".corp", False), (".xn--p1ai", False), (r"\u002eau", False),
        (".csv.example", False), (".csv-files.example", False), (".1and1.de", False), (".au.csv", False),
        (".au-based", False), (".tar.gz.example.", False),
    ],
)  # fmt: skip
def test_a_file_that_is_called_by_an_address_is_no_longer_host(behind, whole):
    assert holds(EMAIL, f"see {EMAIL}{behind}") == whole
    assert holds(EMAIL, f"see {EMAIL}{behind}, please") == whole


NAMES_OF_FILES = [
    ("{}.csv", True), ("export_{}.jsonl", True), ("export-{}.csv", True), ("{}.zip", True), ("{}.md", True),
    ("Team {}.2026.zip", True), ("{}", True), ("jo{}.csv", False), ("jo.{}.csv", False), ("{}.au.csv", False),
]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.usefixtures("no_training_begins")
@pytest.mark.parametrize("delete", [False, True], ids=["erased", "deleted"])
@pytest.mark.parametrize(("called", "is_hers"), NAMES_OF_FILES)
def test_the_name_of_an_imported_file_loses_it_and_keeps_its_ending(called, is_hers, delete, now):
    ann = UserFactory(email=EMAIL, full_name=NAME)
    project = TeamMemberFactory(user=ann).project
    run = ImportRun.objects.create(project=project, upload_name=called.format(EMAIL))
    failed = ImportRun.objects.create(project=project, error=f"{EMAIL}.csv is no CSV file.")

    if delete:
        ann.delete()
    else:
        erase_person(EMAIL, now=now)

    for row in (run, failed):
        row.refresh_from_db()
    before, _, ending = called.partition("{}")
    assert (EMAIL in run.upload_name) != is_hers
    assert (run.upload_name.startswith(before), run.upload_name.endswith(ending)) == (True, True)
    assert failed.error.startswith("erased-")


@pytest.mark.django_db
@pytest.mark.usefixtures("no_training_begins")
def test_where_an_address_stays_since_it_may_be_anothers_is_told_before_and_after(now):
    project = TeamMemberFactory(user=UserFactory(email=EMAIL, full_name=NAME)).project
    IssueFactory(project=project, title=f"see {EMAIL}.zip", description=f"by {EMAIL}, not jo{EMAIL}.zip")
    IssueFactory(project=project, title=f"see jo{EMAIL}.zip", description=f"by {EMAIL}")
    ImportRun.objects.create(project=project, upload_name=f"{EMAIL}.au.csv")
    told = {f"{project.key} importers.importrun": 1, f"{project.key} projects.issue": 1}

    assert foresee_person(EMAIL)[1] == told
    assert erase_person(EMAIL, now=now).left == told
