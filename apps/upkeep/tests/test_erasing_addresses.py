"""However an address is spelled it is one person's, whose whole account goes; and what is no address erases nothing."""

import unicodedata

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.projects.models import IssueType, Project
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from apps.upkeep.addresses import NotAnAddress, folded, spellings_of
from apps.upkeep.erasing import NobodyFound, erase_person
from apps.upkeep.records import verify_record, was_erased
from apps.upkeep.texts import found_in_database

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_training_begins")]


STORED = "zoë@müller.example"
ASKED = {
    "blanks": f" {STORED}\n",
    "capitals": STORED.upper(),
    "decomposed": unicodedata.normalize("NFD", STORED),
    "name servers": "zoë@xn--mller-kva.example",
    "capitals of name servers": "ZOË@XN--MLLER-KVA.example",
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("stored", [STORED, "zoë@xn--mller-kva.example"])
def test_the_whole_account_goes(now, asked, stored):
    user = UserFactory(email=stored, full_name="Zoë Quillfeather")
    project = TeamMemberFactory(user=user).project
    issue = IssueFactory(project=project, title=f"Ask {STORED}", description="or zoë@xn--mller-kva.example")

    record = erase_person(asked, now=now)

    user.refresh_from_db()
    issue.refresh_from_db()
    assert (user.full_name, user.is_active, user.memberships.count()) == ("", False, 0)
    assert user.email.startswith("erased-")
    assert "example" not in f"{issue.title} {issue.description}"
    assert verify_record(record)
    assert list(was_erased("person", STORED)) == list(was_erased("person", asked)) == [record]
    with pytest.raises(NobodyFound):
        erase_person(stored, now=now)


def test_two_spellings_of_one_address_are_one_person(now):
    for number, name in enumerate((STORED, "zoë@xn--mller-kva.example")):
        UserFactory(email=name, full_name=f"Zoë Quillfeather {number}")

    erase_person(STORED, now=now)

    assert found_in_database([*spellings_of(STORED)]) == {}
    assert not User.objects.filter(full_name__contains="Quill").exists()


def test_another_address_is_another_person(now):
    for other in ("zoe@müller.example", "zoë@muller.example", "zoë@müller.example.com", "strasse@example.com"):
        UserFactory(email=other)
    before = set(User.objects.values_list("email", flat=True))
    UserFactory(email=STORED)
    UserFactory(email="straße@example.com")

    erase_person(STORED, now=now)
    erase_person("straße@example.com", now=now)

    assert before < set(User.objects.values_list("email", flat=True))


@pytest.mark.parametrize("word", ["bug", "SHOP", "Ada Lovelace", "@", "", " ", "a@b@c", "ada@"])
def test_what_is_no_address_changes_nothing(now, word):
    project = ProjectFactory(key="SHOP")
    kind = IssueType.objects.create(project=project, name="bug 1")
    issue = IssueFactory(project=project, title=f"bug {word} Ada Lovelace SHOP")

    with pytest.raises(NotAnAddress):
        erase_person(word, now=now)
    with pytest.raises(CommandError, match="`erase_project`"):
        call_command("erase_person", word)

    for row in (kind, issue):
        row.refresh_from_db()
    assert (kind.name, issue.title) == ("bug 1", f"bug {word} Ada Lovelace SHOP")
    assert Project.objects.get(pk=project.pk).key == "SHOP"


@pytest.mark.parametrize("text", ["SHOP", "a.b", "ada@example.com", "xn--@b", "ada@xn--\u00fc.example", "ada@..", "@"])
def test_folding_fails_for_nothing(text):
    assert folded(text) == folded(folded(text))
    assert text in spellings_of(text)
