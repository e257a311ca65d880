"""However an address is spelled it is one person's, whose whole account goes; and what is no address erases nothing."""

import re
import unicodedata
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from apps.access.models import Invitation
from apps.accounts.mailboxes import mailbox
from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.projects.models import IssueType, Project
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from apps.upkeep.addresses import NotAnAddress, spellings_of
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
    # As an installation of before may have them.
    for number, name in enumerate((STORED, "zoë@xn--mller-kva.example")):
        user = UserFactory(full_name=f"Zoë Quillfeather {number}")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE accounts_user SET email = %s WHERE full_name = %s", [name, user.full_name])

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


LOOK_ALIKES = ["mar\u212a@example.com", "mark@e\uff58ample.com", "mark.\u017fo@example.com", "\uff4dark@example.com"]


@pytest.mark.parametrize("other", LOOK_ALIKES)
@pytest.mark.parametrize("which", [0, 1])
def test_one_that_looks_alike_keeps_account_invitation_and_texts(now, other, which):
    """Of Kelvin, full width, long s: to a pattern without case, and to Unicode's forms, some of them are the same."""
    pair = ["mark.so@example.com" if "\u017f" in other else "mark@example.com", other]
    erased, spared = pair[which], pair[1 - which]
    project = ProjectFactory()
    for email in pair:
        UserFactory(email=email, full_name="")
        Invitation.objects.create(project=project, email=email, created_at=now, expires_at=now + timedelta(days=1))
    issue = IssueFactory(project=project, title=f"{erased} and {spared}", description=spared)

    erase_person(erased, now=now)

    issue.refresh_from_db()
    assert issue.title.endswith(f"@erased.invalid and {spared}")
    assert issue.description == spared
    assert not User.objects.filter(email=erased).exists()
    assert User.objects.get(email=spared).is_active
    assert Invitation.objects.filter(email=spared).count() == 1
    assert not was_erased("person", spared)


@pytest.mark.parametrize("way", ["deleted", "erased"])
def test_the_second_account_of_a_mailbox_takes_nothing_of_the_first_with_it(now, way):
    """As migration 0005 leaves it: with an address of its own, and the mailbox that is another's beside it."""
    keeper = UserFactory(email="kim@example.com")
    double = UserFactory(email="double-1@double.invalid", full_name="", named_address=keeper.email)
    invitation = Invitation.objects.create(
        project=ProjectFactory(),
        email=keeper.email,
        invited_by=UserFactory(),
        created_at=now,
        expires_at=now + timedelta(days=9),
    )
    issue = IssueFactory(description=f"cc {keeper.email}")

    if way == "deleted":
        double.delete()
    else:
        erase_person(double.email, now=now)

    for each in (keeper, invitation, issue):
        each.refresh_from_db()
    assert (keeper.email, invitation.email) == ("kim@example.com", "kim@example.com")
    assert issue.description == "cc kim@example.com"
    assert not User.objects.filter(email__startswith="double-").exists()


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
def test_spelling_fails_for_nothing(text):
    assert mailbox(text) == mailbox(mailbox(text))
    assert mailbox(text) in spellings_of(text)


def test_who_is_named_in_place_of_an_address_is_told_by_the_addresses_that_erase_them(now):
    """The address of somebody whom an import named by a name alone is on no page."""
    place = "zoe@shop-1.imported.invalid"
    imported = UserFactory(full_name="Zoé Example", email=place, is_active=False, is_placeholder=True)
    UserFactory(full_name="Ada Lovelace", email="ada@example.com")

    with pytest.raises(CommandError, match=re.escape(f"Zoé Example: {place}")) as refused:
        call_command("erase_person", "zoe\N{COMBINING ACUTE ACCENT} example")
    with pytest.raises(CommandError, match="Nobody is called so"):
        call_command("erase_person", "Grace Hopper")

    assert "ada@example.com" not in str(refused.value)
    call_command("erase_person", imported.email)
    assert not User.objects.filter(full_name="Zoé Example").exists()
