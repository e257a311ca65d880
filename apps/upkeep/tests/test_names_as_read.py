"""A name is found however it is typed, composed, drawn and coded, and nothing of anybody else's is changed."""

import html
import json
import unicodedata
from functools import partial
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from apps.accounts.models import User
from apps.accounts.names.needles import Needles
from apps.accounts.names.reading import visible
from apps.accounts.tests.factories import UserFactory
from apps.importers.models import ImportRun
from apps.projects.models import IssueChange
from apps.projects.placeholders import domain_of
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from apps.upkeep.addresses import spellings_of
from apps.upkeep.erasing import erase_person, foresee_person
from apps.upkeep.finding import Search, replace
from apps.upkeep.kept import file_holds
from apps.upkeep.sought import Sought, name_of
from apps.upkeep.texts import found_in_database

EMAIL = "gone@example.com"
#: As an account is named, and as a text names it.
READ_ALIKE = {
    "arabic, shadda and vowel as typed": ("\u0645\u062d\u0645\u0651\u064e\u062f \u0639\u0644\u064a",) * 2,
    "hebrew, points as typed": ("\u05e9\u05c1\u05b4\u05de\u05e2\u05d5\u05df \u05db\u05bc\u05b9\u05d4\u05df",) * 2,
    "vietnamese, half composed": ("Nguyê\u0303n Văn", "Nguyê\u0303n Văn"),
    "vietnamese, composed and half composed": ("Nguyễn Văn", "Nguyê\u0303n Văn"),
    "vietnamese, two marks in another order": ("Nguyễn Thậm", "Nguyễn Tha\u0302\u0323m"),
    "turkish, small": ("Erdal İnönü", "Erdal İnönü".lower()), "turkish, capitals": ("İpek Yılmaz", "IPEK YILMAZ"),
    "turkish, stored small": ("ipek yılmaz", "İPEK YILMAZ"), "ligatures": ("Sofia Griffin", "Soﬁa Griﬃn"),
    "ligatures stored": ("Soﬁa Griﬃn", "Sofia GRIFFIN"), "full width": ("Ann Smith", "Ａｎｎ　Ｓｍｉｔｈ"),
    "half width": ("ヤマダ タロウ", "ﾔﾏﾀﾞ ﾀﾛｳ"), "thai": ("อำนาจ ทองคำ", "อํานาจ ทองคํา"),
    "joiner in the text": ("علیرضا احمدی", "علی\u200cرضا احمدی"),
    "joiner in the name": ("علی\u200cرضا احمدی", "علیرضا احمدی"), "soft hyphen": ("Ann Smith", "Ann Smi\u00adth"),
    "soft hyphen of HTML": ("Ann Smith", "Ann Smi&shy;th"),
    "no width beside a blank": ("Ann Smith", "Ann\u200b Smith"),
    "no width for a blank": ("Ann Smith", "Ann\u200bSmith"), "full width in codes": ("Ann Smith", "Ann %EF%BC%B3mith"),
    "sharp s": ("Anna Weiß", "ANNA WEISS"), "ss": ("Anna Weiss", "Anna Weiß"),
    "mathematical": ("Ann Smith", "𝐀𝐧𝐧 𝐒𝐦𝐢𝐭𝐡"),
    "half in codes": ("Nguyễn Văn", "Nguy&ecirc;\u0303n V\\u0103n"), "end of a line": ("Ann Smith", r"x\nAnn\nSmith"),
    "a path": ("Nathan Hale", r"C:\nathan hale"), "variation": ("葛城 \u8fbb", "葛城\u8fbb\U000e0100"),
    "decomposed syllables": ("김민준", unicodedata.normalize("NFD", "김민준")),
    "a run of marks": ("Ann Smi\u0323th", "Ann Smi\u0323th"),
}  # fmt: skip


@pytest.mark.parametrize("case", READ_ALIKE)
def test_it_is_found_however_it_is_written(case):
    name, text = READ_ALIKE[case]
    needles = Needles([name])

    assert visible(needles.whole.sub("X", f"Ask {text}, please")) in (
        "Ask X, please",
        r"Ask x\nX, please",
        r"Ask C:\X, please",
    )
    for encoding in ("utf-8", "utf-16-le"):
        assert file_holds(needles, f"id,title\n1,Ask {text}, please\n".encode(encoding))


@pytest.mark.django_db
def test_database_and_files_lose_each_and_the_search_says_so():
    """What the database is asked for first hides none: by what an erasure finds and replaces, before it and after."""
    for name, text in READ_ALIKE.values():
        project = ProjectFactory()
        issue = IssueFactory(project=project, title=f"Ask {text}, please", labels=[text])
        run = ImportRun.objects.create(project=project, upload=f"id,title\n1,{text}\n".encode())
        sought = Sought([name], projects=frozenset([project.pk]), are_addresses=False)

        replace(Search([sought]).look(), "erased-1")

        for row in (issue, run):
            row.refresh_from_db()
        assert text not in issue.title, name
        assert "erased-1" in issue.labels[0], name
        assert run.upload is None, name
        assert not Search([sought]).look(), name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Ann Smith", "Ａｎｎ　Ｓｍｉｔｈｓ"), ("Anna Grif", "Anna Griﬃn"), ("Ann Smith", "An\u0301n Smith"),
        ("Ann Smith", "Ann Smith\u0301"), ("김하", "김한"), ("김하", unicodedata.normalize("NFD", "김한")),
        ("Ann Smith", "Ann S&#109;ith"), ("Ann Smith", r"Ann\Smith"), ("Ann Smith", "Ann Smi\u00adths"),
    ],
)  # fmt: skip
def test_what_reads_otherwise_is_not_found(name, text):
    assert Needles([name]).whole.sub("X", f"Ask {text}, please") == f"Ask {text}, please"
    assert not file_holds(Needles([name]), f"1,Ask {text}, please\n".encode())


@pytest.mark.parametrize(
    ("address", "text", "is_found"),
    [
        ("nguyễn@example.com", "nguyê\u0303n@example.com", True),
        ("nguyê\u0303n@example.com", "NGUYỄN@example.com", True),
        ("zoë@müller.example", "zoë@xn--mller-kva.example", True),
        ("ann.lee@example.com", "ann%2Elee%40example%2Ecom", True),
        ("mark@example.com", "mar\u212a@example.com", False), ("mar\u212a@example.com", "mar\u212a@example.com", True),
        ("ann@example.com", "ann＠example.com", False), ("ann@example.com", "ａnn@example.com", False),
        ("ann@example.com", "an\u00adn@example.com", False), ("ipek@example.com", "ıpek@example.com", False),
        ("straße@example.com", "strasse@example.com", False), ("o'neil@example.com", "o’neil@example.com", False),
        # One that has what looks like a code is found as it is, and is no other's.
        ("%20bob@example.com", "%20bob@example.com", True), ("%20bob@example.com", "bob@example.com", False),
        ("b%2Eob@example.com", "b.ob@example.com", False), ("bob@example.com", "%20bob@example.com", True),
        ("a=2fb@example.com", "a=2Fb@example.com", True), ("a=2fb@example.com", "a/b@example.com", False),
    ],
)  # fmt: skip
def test_an_address_is_one_mailbox_however_it_is_composed(address, text, is_found):
    needles = Needles([*spellings_of(address)])

    assert needles.whole.search(f"Write to {text} now") == is_found
    assert file_holds(needles, f"id,title\n1,Write to {text} now".encode()) == is_found


@pytest.mark.django_db
@pytest.mark.usefixtures("no_training_begins")
def test_an_address_that_reads_as_anothers_takes_none_of_theirs(now):
    for address in ("%20bob@example.com", "b%2Eob@example.com"):
        UserFactory(email=address, full_name="")
    theirs = [UserFactory(email=address, full_name="") for address in ("bob@example.com", "b.ob@example.com")]
    issue = IssueFactory(title="bob@example.com and b.ob@example.com")

    for address in ("%20bob@example.com", "b%2Eob@example.com"):
        erase_person(address, now=now)

    issue.refresh_from_db()
    assert issue.title == "bob@example.com and b.ob@example.com"
    assert all(User.objects.get(pk=each.pk).is_active for each in theirs)
    assert found_in_database(["bob@example.com"]) == {"accounts.user": 1, "projects.issue": 1}


# --- Properties ---------------------------------------------------------------------------------------------------
def letters(*ranges):
    found = (chr(code) for first, last in ranges for code in range(first, last + 1))
    return [each for each in found if unicodedata.category(each)[0] == "L"]


SCRIPTS = {
    "latin": letters((0x41, 0x5A), (0x61, 0x7A)), "accented": letters((0x61, 0x7A), (0xC0, 0x24F), (0x1E00, 0x1EFF)),
    "greek": letters((0x386, 0x3CE), (0x1F00, 0x1FFF)), "cyrillic": letters((0x400, 0x52F)),
    "hebrew": letters((0x5D0, 0x5EA)),
    "arabic": letters((0x621, 0x64A)), "devanagari": letters((0x905, 0x939)), "thai": letters((0xE01, 0xE30)),
    "georgian": letters((0x10D0, 0x10FF)), "armenian": letters((0x531, 0x586)), "hangul": letters((0xAC00, 0xD7A3)),
    "kana": letters((0x30A1, 0x30FA)), "han": letters((0x4E00, 0x9FFF)), "deseret": letters((0x10400, 0x1044F)),
}  # fmt: skip
MARKS = {
    "latin": "\u0300\u0301\u0323\u0302",
    "hebrew": "\u05b0\u05bc\u05c1",
    "arabic": "\u064e\u0651",
    "devanagari": "\u093f\u094d",
}


@st.composite
def names(draw):
    script = draw(st.sampled_from(sorted(SCRIPTS)))
    letter = st.sampled_from(SCRIPTS[script])
    marks = st.text(MARKS.get(script, ""), max_size=2) if script in MARKS else st.just("")
    word = st.lists(st.tuples(letter, marks).map("".join), min_size=2, max_size=6).map("".join)
    name = " ".join(draw(st.lists(word, min_size=2, max_size=3)))
    assume(name_of(User(full_name=name)))
    return name


def half_composed(text, keep):
    """Some letters composed with the first of their marks, others not at all."""
    return (
        "".join(unicodedata.normalize("NFC" if kept else "NFD", each) for each, kept in zip(text, keep, strict=False))
        + text[len(keep) :]
    )


FORMS = [*(partial(unicodedata.normalize, form) for form in ("NFC", "NFD", "NFKC", "NFKD")), str]
CASES = [str, str.lower, str.title]
CODES = {
    "plain": str, "address": quote, "form": lambda text: quote(text).replace("%20", "+"),
    "mail": lambda text: quote(text).replace("%", "="), "json": lambda text: json.dumps(text)[1:-1],
    "html": lambda text: "".join(each if each.isascii() else f"&#{ord(each)};" for each in html.escape(text)),
    "not drawn": "\u2060".join, "no width": lambda text: text.replace(" ", "\u200b"),
}  # fmt: skip
SPELLED = st.tuples(
    st.sampled_from(FORMS),
    st.sampled_from(CASES),
    st.sampled_from(sorted(CODES)),
    st.lists(st.booleans(), max_size=30),
)
IN_FRONT, BEHIND = ["", "«", "1. ", "(", "x: ", "\n", "— "], ["", "»", ".", " !", ")", "\n", ","]


@given(name=names(), spelled=SPELLED, before=st.sampled_from(IN_FRONT), behind=st.sampled_from(BEHIND))
def test_any_name_is_found_and_replaced_in_any_spelling(name, spelled, before, behind):
    form, case, code, keep = spelled
    text = CODES[code](half_composed(form(case(name)), keep))
    needles = Needles([name])

    assert needles.whole.sub("X", f"{before}{text}{behind}") == f"{before}X{behind}"
    assert file_holds(needles, f"{before}{text}{behind}".encode())


@given(name=names(), other=names(), spelled=SPELLED)
def test_all_else_stays_byte_for_byte(name, other, spelled):
    form, case, code, keep = spelled
    theirs = CODES[code](half_composed(form(case(other)), keep))
    needles = Needles([name], [other])
    assume(not needles.anywhere.search(other))

    assert needles.whole.sub("X", f"{theirs}: {name}, {theirs}") == f"{theirs}: X, {theirs}"
    assert needles.whole.sub("X", theirs) == theirs


@given(words=st.lists(st.text("abcd", min_size=3, max_size=5), min_size=3, max_size=3, unique=True))
def test_no_name_of_others_loses_a_part(words):
    """Of "Ann Smith": where "Jane Smith" and "Ann Lee" stand beside each other, and where Ann Smith does."""
    first, last, other = words
    needles = Needles([f"{first} {last}"], [f"{other} {last}", f"{first} {other}", other, first])

    for text in (f"{other} {last}, {first} {other}", f"{other} {last} {first}", f"{other} {last}, {first} is away"):
        assert needles.whole.sub("X", text) == text
    assert needles.whole.sub("X", f"{other} {last}, {first} {last}") == f"{other} {last}, X"
    assert needles.whole.sub("X", f"{other}, {first} {last}, {first}") == f"{other}, X, {first}"


# --- Names of others ----------------------------------------------------------------------------------------------
@pytest.fixture
def project():
    return TeamMemberFactory(user=UserFactory(email=EMAIL, full_name="Ann Smith")).project


OF_OTHERS = [
    ("Jane Smith", "Reviewed by Jane Smith, Ann Lee and Bob Ray"),
    ("Jane Smith", "Give it to Jane Smith, Ann is away"),
    ("Ann Lee", "By Bob Smith, Ann Lee"), ("Jane Smith", "JANE\u00a0SMITH Ann"),
    ("Ann Smith Lee", "Ask Ann Smith Lee"),
    ("Mary Ann Smith", "Ask Mary Ann Smith"), ("Jané Smith", "Ask Jane\u0301 Smith, Ann"),
]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.usefixtures("no_training_begins")
@pytest.mark.parametrize(
    ("other", "text", "tie"),
    # How a text is read does not ask by what somebody was there, nor the other way round.
    [(*of_other, "member") for of_other in OF_OTHERS]
    + [(*OF_OTHERS[0], tie) for tie in ("former", "history", "imported")],
)
def test_whole_names_of_others_there_stay_and_it_is_told(project, now, other, text, tie):
    if tie == "imported":
        UserFactory(email=f"x@{domain_of(project)}", full_name=other, is_placeholder=True, is_active=False)
    else:
        person = UserFactory(email="other@example.com", full_name=other)
        issue = IssueFactory(project=project)
        if tie == "member":
            TeamMemberFactory(project=project, user=person)
        elif tie == "former":
            IssueChange.objects.create(issue=issue, field="title", old_value="a", new_value="b", changed_by=person)
        else:
            IssueChange.objects.create(issue=issue, field="assignee", old_value=str(person.pk), new_value="")
    issue = IssueFactory(project=project, title=text, description=f"{text}. Ann Smith; Smith, Ann")
    told = {f"{project.key} projects.issue": 2}

    assert foresee_person(EMAIL)[1] == told
    record = erase_person(EMAIL, now=now)

    issue.refresh_from_db()
    assert issue.title == text
    assert issue.description.startswith(f"{text}. erased-")
    assert issue.description.count("erased-") == 2
    assert "Ann Smith;" not in issue.description
    assert record.left == told


@pytest.mark.django_db
@pytest.mark.usefixtures("no_training_begins")
def test_names_of_who_was_never_there_or_is_called_the_same_protect_nothing(project, now):
    TeamMemberFactory(user=UserFactory(full_name="Jane Smith"))
    for name in ("Smith, ANN", "Ann  Smith", "Ann", "Smith", "Ａｎｎ　Ｓｍｉｔｈ"):
        TeamMemberFactory(project=project, user=UserFactory(full_name=name))
    issue = IssueFactory(project=project, title="Jane Smith, Ann; Ann Smith")

    record = erase_person(EMAIL, now=now)

    issue.refresh_from_db()
    assert issue.title.count("erased-") == 2
    assert record.left == {}


@pytest.mark.django_db
@pytest.mark.usefixtures("no_training_begins")
def test_everywhere_the_names_of_all_others_stay(project, now):
    UserFactory(full_name="Jane Smith")
    issue = IssueFactory(project=ProjectFactory(), title="Jane Smith, Ann Lee; Ann Smith")

    record = erase_person(EMAIL, now=now, everywhere=True)

    issue.refresh_from_db()
    assert issue.title.startswith("Jane Smith, Ann Lee; erased-")
    assert record.left == {f"{issue.project.key} projects.issue": 1}


@pytest.mark.django_db
@pytest.mark.usefixtures("no_training_begins")
def test_whoever_is_called_by_an_address_keeps_it_in_no_text(project, now):
    TeamMemberFactory(project=project, user=UserFactory(full_name=f"Bob {EMAIL}"))
    issue = IssueFactory(project=project, title=f"cc Bob {EMAIL}")

    erase_person(EMAIL, now=now)

    issue.refresh_from_db()
    assert EMAIL not in issue.title


@pytest.mark.django_db
@pytest.mark.usefixtures("no_training_begins")
@pytest.mark.parametrize(
    "name",
    [
        "\u3164\u3164\u3164 \u3164\u3164", "In pro\u00adgress", "ın progress", "Progress, In",
        "Ann\u3164\u3164 \u3164",
        "Ｉｎ　ｐｒｏｇｒｅｓｓ",
    ],
)  # fmt: skip
def test_what_reads_as_a_state_as_one_word_or_as_nothing_is_not_replaced(name, now):
    project = TeamMemberFactory(user=UserFactory(email=EMAIL, full_name=name)).project
    issue = IssueFactory(project=project, title="Ann says: in progress", description="Nothing else")

    erase_person(EMAIL, now=now)

    issue.refresh_from_db()
    assert (issue.title, issue.description) == ("Ann says: in progress", "Nothing else")


@pytest.mark.parametrize("name", ["Ann Smith", "Zoë Quaint", "Halil Kır", "İrem Işık Kaya"])
@pytest.mark.parametrize("parting", ["_", "\u200b", " \u200b ", "+", "\\n", "\u00a0", "__"])
def test_words_are_parted_by_what_stands_for_a_blank(name, parting):
    """In names of files, in mails' heads and where a line may end."""
    text = f"hours_{parting.join(name.split())}.csv"

    needles = Needles([name])

    assert needles.whole.sub("x", text) == "hours_x.csv"
    assert needles.filed.search(text)
