"""Kept files are searched in every encoding in which an import may read them, and not in others."""

import codecs

import pytest

from apps.accounts.names.needles import Needles
from apps.accounts.tests.factories import UserFactory
from apps.importers import runs
from apps.importers.models import ImportRun
from apps.importers.sources.csv.encodings import ANY_BYTE, ONE_BYTE, encoding_of, possible_encodings
from apps.projects.tests.factories import ProjectFactory, TeamMemberFactory
from apps.upkeep.erasing import erase_person
from apps.upkeep.kept import encodings_alike, file_holds, pieces_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_training_begins")]
EMAIL = "gone@example.com"
#: By encoding, somebody's name and what people there write.
WRITTEN = {
    "cp1252": ("Jürgen Müßig", "Größe der Schaltfläche ändern"),
    "cp1251": ("Иван Петров", "Исправить ошибку на странице заказа"),
    "cp1250": ("Łukasz Wójcik", "Zażółć gęślą jaźń"),
    "cp1253": ("Γιώργος Παπαδόπουλος", "Διόρθωση της σελίδας παραγγελιών"),
    "cp1254": ("Gökşin Işıldağ", "Sipariş sayfasındaki düğmeyi değiştir"),
    # What is a letter in no other: a control character that is none in Windows' encodings.
    "latin-1": ("Élodie Ångström", "Déjà vu \x81\x8d\x98\xd2\xff"),
    "utf-8": ("王芳", "修复订单页面的错误"),
    "utf-16": ("김민준", "주문 페이지의 오류 수정"),
    "utf-16-le": ("Łukasz Wójcik", "Fix the order page"),
    "utf-16-be": ("Γιώργος Παπαδόπουλος", "Fix the order page"),
}


def file_of(encoding):
    name, text = WRITTEN[encoding]
    rows = "".join(f"A-{at},{text} {at} {name},Done,{name}\n" for at in range(40))
    return f"id,title,status,assignee\n{rows}".encode(encoding)


@pytest.fixture
def project():
    return ProjectFactory()


def member(project, encoding):
    return TeamMemberFactory(project=project, user=UserFactory(email=EMAIL, full_name=WRITTEN[encoding][0])).user


def asked(project, encoding, tried, now):
    lead = TeamMemberFactory(project=project, role="lead").user
    run = runs.ask_upload(project, name="a.csv", content=file_of(encoding), by=lead, now=now, is_dry_run=tried)
    if tried:
        runs.execute(run.pk, now=now)
    return run


def test_every_encoding_that_is_read_is_tried():
    assert {*ONE_BYTE, ANY_BYTE} <= WRITTEN.keys()


@pytest.mark.parametrize("encoding", WRITTEN)
@pytest.mark.parametrize("tried", [False, True])
def test_a_file_goes_whether_it_was_tried_or_waits(project, encoding, tried, now):
    member(project, encoding)
    run = asked(project, encoding, tried, now)

    erase_person(EMAIL, now=now)

    assert ImportRun.objects.get(pk=run.pk).upload is None


@pytest.mark.parametrize("encoding", WRITTEN)
def test_a_file_goes_with_an_account(project, encoding, now, django_capture_on_commit_callbacks):
    person = member(project, encoding)
    waiting = [asked(project, encoding, tried, now) for tried in (False, True)]

    with django_capture_on_commit_callbacks(execute=True):
        person.delete()

    assert not ImportRun.objects.filter(pk__in=[run.pk for run in waiting]).exclude(upload=None).exists()


@pytest.mark.parametrize("encoding", WRITTEN)
def test_as_the_importer_reads_it_is_among_what_is_searched(tmp_path, encoding):
    path = tmp_path / "a.csv"
    path.write_bytes(file_of(encoding))
    read, *_ = encoding_of(path)

    searched = {codecs.lookup(each).name for each in possible_encodings(path.read_bytes())}

    assert codecs.lookup({"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(read, read)).name in searched


@pytest.mark.parametrize("encoding", WRITTEN)
def test_who_is_named_in_no_encoding_is_not_found(encoding):
    others = [name for name, _ in WRITTEN.values() if name != WRITTEN[encoding][0]]

    assert file_holds(Needles([WRITTEN[encoding][0]]), file_of(encoding))
    assert not file_holds(Needles(others), file_of(encoding))


@pytest.mark.parametrize(
    ("name", "encoding", "beside", "found"),
    [
        ("Ann Smith", "cp1252", "é", False), ("Ann Smith", "cp1251", "й", False), ("Ann Smith", "utf-8", "é", False),
        ("Ann Smith", "cp1252", "§", True), ("Ann Smith", "cp1251", "№", True), ("Ann Smith", "utf-8", "„", True),
        ("ann@example.com", "cp1252", "é", False), ("ann@example.com", "cp1252", "«", True),
        ("Müll Würz", "cp1250", "é", False), ("Иван Петров", "cp1251", "й", False),
        ("Иван Петров", "cp1251", "№", True),
        # It may be the sign of pounds: such a file is let go rather than kept.
        ("Müll Würz", "cp1250", "Ł", True),
    ],
)  # fmt: skip
def test_what_is_beside_a_name_is_read_in_each(name, encoding, beside, found):
    assert file_holds(Needles([name]), f"id,title,ß\n1,{beside}{name}\n".encode(encoding, errors="replace")) == found


def test_what_is_utf8_throughout_is_read_as_nothing_else():
    """'à' and a name behind it are a sign and a name in Windows-1252."""
    assert not file_holds(Needles(["Ann Smith"]), "1,xàAnn Smith\n".encode())
    assert file_holds(Needles(["Ann Smith"]), "1,xàAnn Smith\n".encode() + b"\xff")


def test_some_letters_are_written_in_codes_where_an_encoding_has_none():
    needles = Needles(["Łukasz Ñandú"])

    assert file_holds(needles, "1,Größe,Łukasz Ñandú\n".encode("cp1250", errors="xmlcharrefreplace"))
    assert file_holds(Needles(["Иван Петров"]), "1,Größe,Иван Петров\n".encode("cp1252", errors="xmlcharrefreplace"))


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Ali Yılmaz", "Ali Y&#305;lmaz"), ("Yusuf Işık", "Yusuf I&#351;&#305;k"),
        ("İpek Şen", "&#x130;pek &Scedil;en"),
        ("Ali Demir", "AL&Idot; DEM&Idot;R"), ("Ali Yılmaz", "Ali%20Y%C4%B1lmaz"), ("Ali Yılmaz", r"Ali Y\u0131lmaz"),
        ("Ann Smith", "A&shy;nn Smith"), ("Wolf Offer", "Wolf O&#xFB00;er"), ("İpek Gül", "&#304;pek G\u00fcl"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("before", ["", "x" * 70_000, "&#305;;" * 12_000])
def test_letters_that_are_read_as_ones_of_english_are_found_in_codes(name, written, before):
    """What writes them so is a program whose encoding has no such letter."""
    own = f"{before}\n1,{written};5 é\n".encode("cp1252") + b"\xfd\n"

    assert file_holds(Needles([name]), own)
    assert not file_holds(Needles(["Ali Yilmazer", "Anna Smith", "Wolf Ofer", "Pek Gül"]), own)


@pytest.mark.parametrize(
    ("name", "written", "encoding"),
    [
        ("Ali İskit", "ALİ İSKİT", "cp1254"), ("Ali Kır", "ALİ KIR", "cp1254"),
        ("Filiz Aydin", "FİLİZ AYDIN", "cp1254"),
        ("Ali Iskit", "ali ıskit", "cp1254"), ("Iı Ii", "II Iİ", "cp1254"), ("Jo Strauss", "Jo Strauß", "cp1252"),
        ("Jo Strauß", "JO STRAUSS", "cp1252"), ("Łuc Strauss", "Łuc Strauß", "cp1250"),
        ("Ann Smith", "A\xadnn Smith", "cp1252"), ("Иван Петров", "Иван Пет\xadров", "cp1251"),
        ("Maria Gil", "Marİª Gİl", "cp1254"), ("Nora Tm Lee", "№ra ™ Lee", "cp1251"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("before", ["", "x" * 70_000, "İ;" * 40_000])
def test_a_name_is_found_in_letters_that_only_its_encoding_has(name, written, encoding, before):
    """As in UTF-8: of such a file, too, it is what a reader sees."""
    text = f"{before}\n{written};5 é\n"
    own = text.encode(encoding, errors="replace") + b"\xfd\n"

    assert file_holds(Needles([name]), text.encode())
    assert file_holds(Needles([name]), own)
    assert not file_holds(Needles(["Ali Kara", "Jo Straus", "Anna Smith"]), own)


def test_a_name_is_looked_for_once_where_encodings_write_it_alike():
    names = ["Élodie Ångström", "Ann Smith", "Иван Петров", "王芳"]

    assert [encodings_alike(name) for name in names] == [
        [["cp1252", "cp1254", "latin-1"], ["cp1250"]], [[*ONE_BYTE, ANY_BYTE]], [["cp1251"]], [],
    ]  # fmt: skip


def test_swapped_bytes_are_no_name():
    """Every pair of bytes is a Chinese character or another: what is marked is read in its order only."""
    turned = "王芳".encode("utf-16-le").decode("utf-16-be")

    assert not file_holds(Needles(["王芳"]), f"id,title\n1,{turned}\n".encode("utf-16"))
    assert file_holds(Needles(["王芳"]), "id,title\n1,王芳\n".encode("utf-16"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "cp1251"])
@pytest.mark.parametrize("before", [0, 65_520, 65_530, 65_536, 131_066])
@pytest.mark.parametrize(("beside", "found"), [(" ", True), ("й", False)])
def test_a_name_across_two_pieces_of_a_file_is_found_once_and_is_no_part_of_a_longer_one(
    encoding, before, beside, found
):
    text = f"{'x' * before}{beside}Иван Петров,{'y' * 70_000}"
    data = text.encode(encoding) + (b"\x98" if encoding == "cp1251" else b"")

    assert file_holds(Needles(["Иван Петров"]), data) == found


def test_each_letter_of_a_file_is_in_one_piece_with_all_that_is_around():
    text = "".join(chr(0x400 + at % 256) for at in range(200_000))
    seen = 0
    for piece, begins, ends in pieces_of(text.encode(), "utf-8", 500):
        assert piece[begins:ends] == text[seen : seen + ends - begins]
        assert piece[:begins] == text[max(seen - 500, 0) : seen][-begins or len(text) :]
        seen += ends - begins
    assert seen == len(text)
