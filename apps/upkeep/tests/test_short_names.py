"""Whole names of few characters are replaced; of one that is not it is told how often it stays, before and after."""

import json

import pytest
from django.core.management import call_command

from apps.accounts.models import User
from apps.accounts.names.needles import Needles
from apps.accounts.tests.factories import UserFactory
from apps.projects.models import WorkflowStatus
from apps.projects.placeholders import domain_of
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from apps.upkeep.erasing import erase_person
from apps.upkeep.kept import file_holds

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_training_begins")]
EMAIL = "gone@example.com"
#: As an account is named, and as a text names it.
REPLACED = [
    ("王芳", "请王芳看一下"), ("王芳", "请王 芳看一下"), ("王 芳", "请王芳看一下"), ("王\u3000芳", "王 芳"),
    ("李 小龙", "李小龙"), ("欧阳娜娜", "欧阳 娜娜"), ("迈克尔·李", "迈克尔・李"), ("王芳", r"\u738b\u82b3"),
    ("王芳", "%E7%8E%8B+%E8%8A%B3"), ("李 Bruce", "ask 李 BRUCE"),
    ("김민준", "김민준이 확인"), ("김 민준", "김민준"), ("김민준", "김 민준 확인"), ("이준", "이준은"),
    ("山田太郎", "山田 太郎さん"), ("山田\u3000太郎", "山田太郎さん"), ("やまだ はな", "やまだはなへ"),
    ("철수 김", "김철수가 확인"), ("太郎 山田", "山田太郎さん"), ("芳 王", "请王芳看一下"), ("王 小明", "小明·王"),
    ("철수 김", "김, 철수"), ("マイケル・リー", "マイケル リー"), ("マイケル リー", "マイケル・リー"),
    ("Li Wu", "Ask Li Wu now"), ("Bo Xi", "bo xi"), ("דן לב", "ודן לב"),
]  # fmt: skip
#: What stays: one word, or hardly more, or a state of work.
LEFT = [
    ("Cher", "Ask Cher now"), ("Madonna", "ask MADONNA"), ("Al B", "Ask Al B now"), ("Иван", "Спроси: Иван"),
    ("王", "问王"), ("علي", "راجع علي الآن"), ("李 B", "李 B"), ("Code review", "After code review"),
]  # fmt: skip


def erased(name, text, now):
    project = TeamMemberFactory(user=UserFactory(email=EMAIL, full_name=name)).project
    issue = IssueFactory(project=project, title="Something", description=f"{text}.")
    record = erase_person(EMAIL, now=now)
    issue.refresh_from_db()
    return project, issue, record


@pytest.mark.parametrize(("name", "text"), REPLACED)
def test_a_whole_name_is_replaced(name, text, now):
    _, issue, record = erased(name, text, now)

    assert "erased-" in issue.description
    assert not Needles([name]).whole.search(issue.description)
    assert record.left == {}
    assert file_holds(Needles([name]), f"id,title\n1,{text}\n".encode())


@pytest.mark.parametrize(("name", "text"), LEFT)
def test_of_what_stays_it_is_told_where_the_person_was(name, text, now, capsys):
    elsewhere = IssueFactory(project=ProjectFactory(), title=f"{text}, elsewhere")
    project = TeamMemberFactory(user=UserFactory(email=EMAIL, full_name=name)).project
    WorkflowStatus.objects.filter(project=project, name__iexact=name).delete()
    IssueFactory(project=project, title="Something", description=f"{text}.")
    IssueFactory(project=project, title=text)

    told = []
    for options in (["--dry-run"], []):
        call_command("erase_person", EMAIL, "--json", *options)
        told.append(json.loads(capsys.readouterr().out)["left"])

    assert told == [{f"{project.key} projects.issue": 2}] * 2
    elsewhere.refresh_from_db()
    assert elsewhere.title == f"{text}, elsewhere"


#: As an account is named, and as texts name it.
ORDERED = [
    ("Ann Smith", "Smith, Ann"), ("Ann Smith", "SMITH Ann"), ("Ann Smith", "Smith,Ann"), ("Smith, Ann", "Ann Smith"),
    ("van Dyke, Ann", "Ann van Dyke"), ("van Dyke, Ann", "van Dyke, Ann"), ("Ann van Dyke", "Dyke, Ann van"),
    ("Иван Петров", "Петров Иван"), ("Иван Петров", "ПЕТРОВ, Иван"), ("Ann Ångström", "%C3%85ngstr%C3%B6m%2C%20Ann"),
    ("Élodie Roux", "Roux, Élodie"), ("Ann O'Neil", "Ann O’Neil"), ("Ann O’Neil", "O'Neil, Ann"),
    ("Ann Lee-Roux", "Ann Lee\u2011Roux"), ("Ó’Brien Ann", "Ó'Brien Ann"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), ORDERED)
def test_either_name_may_stand_in_front_and_signs_be_typographic(name, text, now):
    _, issue, record = erased(name, f"Ask {text}, please", now)

    assert "erased-" in issue.description
    assert issue.description.startswith("Ask erased-")
    assert issue.description.endswith(", please.")
    assert record.left == {}
    for encoding in (
        "utf-8",
        "utf-16",
        "cp1252" if text.encode("cp1252", "ignore").decode("cp1252") == text else "utf-8",
    ):
        assert file_holds(Needles([name]), f"id,title\n1,ß {text} x\n".encode(encoding))


@pytest.mark.parametrize(
    ("name", "text"),
    [("Ann Smith", "Smith, Anna"), ("Ann Smith", "Joann Smith"), ("Ann Smith", "Blacksmith, Ann"),
     ("Ann Smith", "Ann and Smith"), ("Ann Smith", "Smith; Ann"), ("o'neil@example.com", "o’neil@example.com"),
     ("a-b@example.com", "a–b@example.com"), ("Иван Петров", "Петров Ивана")],
)  # fmt: skip
def test_what_only_looks_so_is_not_found(name, text):
    needles = Needles([name])

    assert not needles.whole.search(f"Ask {text}")
    assert not file_holds(needles, f"1,Ask {text}\n".encode())


def test_it_is_told_in_words_why_it_stays(capsys):
    project = TeamMemberFactory(user=UserFactory(email=EMAIL, full_name="Cher")).project
    IssueFactory(project=project, title="Ask Cher")

    for options in (["--dry-run"], []):
        call_command("erase_person", EMAIL, *options)
        out = capsys.readouterr().out
        assert "one word" in out
        assert f"     1  {project.key} projects.issue" in out


def test_a_deletion_logs_what_stays(caplog, django_capture_on_commit_callbacks):
    member = TeamMemberFactory(user=UserFactory(email=EMAIL, full_name="Cher"))
    IssueFactory(project=member.project, title="Ask Cher")

    with django_capture_on_commit_callbacks(execute=True):
        member.user.delete()

    assert f"place={member.project.key} projects.issue count=1" in caplog.text
    assert "Cher" not in caplog.text


def test_whom_an_import_named_by_one_word_is_told_once(now):
    person = UserFactory(email=EMAIL, full_name="Cher")
    project = TeamMemberFactory(user=person).project
    UserFactory(
        email=f"cher@{domain_of(project)}", named_address=EMAIL, full_name="CHER", is_placeholder=True, is_active=False
    )
    IssueFactory(project=project, title="Ask Cher")

    assert erase_person(EMAIL, now=now).left == {f"{project.key} projects.issue": 1}


def test_a_longer_name_of_somebody_else_stays_theirs_where_it_names_them(now):
    """In a text nothing tells where a name in characters ends, but for the names of those who are there."""
    project = TeamMemberFactory(user=UserFactory(email=EMAIL, full_name="王芳")).project
    named = {
        name: UserFactory(email=f"p{at}@{domain_of(project)}", full_name=name, is_placeholder=True, is_active=False)
        for at, name in enumerate(("王芳华", "小王芳", "王芳 (外部)"))
    }
    theirs, nobodys = (IssueFactory(project=project, title=title) for title in ("问王芳华和王芳", "问王芳英"))

    record = erase_person(EMAIL, now=now)

    for issue in (theirs, nobodys):
        issue.refresh_from_db()
    told = [User.objects.get(pk=each.pk).full_name for each in named.values()]
    assert told[:2] == ["王芳华", "小王芳"]
    assert told[2].startswith("erased-")
    assert theirs.title.startswith("问王芳华和erased-")
    assert nobodys.title.startswith("问erased-")
    assert nobodys.title.endswith("英")
    assert record.left[f"{project.key} projects.issue"] == 1


@pytest.mark.parametrize("name", ["·", "  ・ ", "", " "])
def test_who_has_no_name_leaves_nothing(name, now):
    _, issue, record = erased(name, "Something else · ・", now)

    assert (issue.description, record.left) == ("Something else · ・.", {})


def test_nothing_is_in_nothing():
    needles = Needles([])

    assert not needles.whole.search("Anything")
    assert not file_holds(needles, b"anything")
