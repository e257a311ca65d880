"""Whom an import takes into a team, and which texts it leaves out."""

from importlib import import_module

import pytest
from django.apps import apps
from django.core import mail
from django.db import IntegrityError, transaction

from apps.access.invitations import accept, invite
from apps.accounts.mails import MailKind, send_mail_to
from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.importers.records import ImportedIssue, Person
from apps.importers.writing.people import Team
from apps.importers.writing.texts import readable_texts
from apps.projects.models import Issue, TeamMember
from apps.projects.placeholders import domain_of, join
from apps.projects.services import delete_project, update_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from conftest import NOW

pytestmark = pytest.mark.django_db


def test_nobody_who_can_log_in_is_taken_in_and_no_name_of_an_account_is_shown():
    account = UserFactory(email="Bob@Example.org", full_name="A Secret Name")
    project, named = ProjectFactory(key="SHOP"), Person("Robert", "bob@example.org")

    for _ in range(2):
        team = Team(project, now=NOW)
        team.learn([named])

    assert (team.find(named).email, team.find(named).full_name) == (f"robert-686b5e4c@{domain_of(project)}", "Robert")
    assert not project.team.filter(user=account).exists()
    assert project.team.count() == 1


def imported(project, *people: Person) -> Team:
    team = Team(project, now=NOW)
    team.learn(people)
    return team


def accepts(project, person):
    lead = TeamMemberFactory(project=project, role="lead").user
    return accept(invite(project, email=person.email, role="viewer", by=lead, now=NOW), by=person, now=NOW)


def work_of(project, user):
    """An issue whose history, too, names the person."""
    issue = IssueFactory(project=project, assignee=None)
    return update_issue(issue, assignee=user, by=user, now=NOW)


def test_a_name_of_one_project_is_not_shown_in_another():
    imported(ProjectFactory(key="ONE"), Person("Bob, who is difficult", "bob@example.org"))

    other = imported(ProjectFactory(key="TWO"), Person("Bob", "bob@example.org"))

    assert other.find(Person("", "bob@example.org")).full_name == "Bob"
    assert User.objects.filter(named_address="bob@example.org").count() == 2


def test_two_of_one_name_are_told_apart_by_their_addresses():
    project = ProjectFactory()

    team = imported(project, Person("Ada", "ada@one.example"), Person("Ada", "ada@two.example"))

    assert team.find(Person("Ada", "ada@one.example")) != team.find(Person("Ada", "ada@two.example"))
    assert project.team.count() == 2


def test_nothing_switches_an_imported_person_on():
    team = imported(ProjectFactory(), Person("Bob", "bob@example.org"))
    person = team.find(Person("Bob", "bob@example.org"))

    for right in ("is_active", "is_staff", "is_superuser"):
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.filter(pk=person.pk).update(**{right: True})


def test_who_accepts_an_invitation_takes_over_what_was_imported_of_them():
    project, bob = ProjectFactory(key="SHOP"), UserFactory(email="Bob@Example.org")
    named = [Person("Robert", "bob@example.org"), Person("Somebody", "else@example.org")]
    team = imported(project, *named)
    was, other = (team.find(each) for each in named)
    mine, theirs = work_of(project, was), work_of(project, other)
    TeamMember.objects.filter(user=was).update(is_agent=True)

    member = accepts(project, bob)

    mine.refresh_from_db()
    change = mine.changes.get(field="assignee")
    assert (mine.assignee, change.new_value, change.changed_by) == (bob, str(bob.pk), bob)
    assert (member.role, member.is_agent, project.team.filter(user=was).exists()) == ("viewer", True, False)
    theirs.refresh_from_db()
    assert theirs.assignee == other


def test_the_source_goes_on_naming_who_joined():
    project, bob = ProjectFactory(key="SHOP"), UserFactory(email="bob@example.org", full_name="Another Name")
    by_account = Person("Robert", "", "acc-7")
    team = imported(project, by_account)
    User.objects.filter(pk=team.find(by_account).pk).update(named_address="bob@example.org")

    accepts(project, bob)

    again = imported(project, by_account)
    assert (again.find(by_account), again.added) == (bob, 0)


def test_nothing_is_taken_over_without_an_invitation_or_in_another_project():
    project, bob = ProjectFactory(key="SHOP"), UserFactory(email="bob@example.org")
    other = ProjectFactory(key="OTHER")
    named = Person("Robert", "bob@example.org")
    imported(project, named), imported(other, named)

    accepts(project, bob)

    assert [each.team.filter(user=bob).exists() for each in (project, other)] == [True, False]
    assert other.team.get().user.is_placeholder


def test_nobody_writes_to_who_was_imported(settings):
    settings.EMAIL_URL = "smtp://mail.example.com"
    team = imported(ProjectFactory(), Person("Bob", "bob@example.org"))
    person = team.find(Person("Bob", "bob@example.org"))
    for kind in MailKind:
        for address in (person.email, person.named_address):
            send_mail_to(kind, address)

    assert mail.outbox == []


def test_people_of_earlier_imports_are_marked_and_lose_their_address():
    before = UserFactory(email="bob@example.org", is_active=False, password=None)
    left = UserFactory(email="left@example.org", is_active=False)
    erased = UserFactory(email="erased-1@erased.invalid", is_active=False, password=None)

    import_module("apps.accounts.migrations.0004_placeholders_of_before").mark(apps, None)

    told = {user.pk: (user.is_placeholder, user.named_address) for user in User.objects.all()}
    assert told == {before.pk: (True, "bob@example.org"), left.pk: (False, ""), erased.pk: (False, "")}
    before.refresh_from_db()
    assert before.email.endswith("@imported.invalid")


def test_placeholders_have_the_address_of_their_project_whatever_its_key():
    """A key that begins like a host of name servers made another address of some of them."""
    for number in range(50):
        project = ProjectFactory(key=f"XN--{number}")
        person = imported(project, Person("Bob", account="7")).find(Person("Bob", account="7"))
        person.refresh_from_db()
        assert person.email == f"7@{domain_of(project)}"


@pytest.mark.parametrize("key", ["BETA_", "BETA-", "BETA-X", "BETA"])
def test_no_project_is_shown_whom_another_one_named_whatever_its_key(key):
    """Account ids are numbers: one could be asked for after the other."""
    named = Person("Olga Secretova", "olga@secret.example", account="42")
    before = ProjectFactory(key="BETA" if key != "BETA-X" else "BETA_X")
    theirs = imported(before, named).find(named)
    if key == "BETA":
        IssueFactory(project=before, assignee=theirs)
        delete_project(before)

    project = ProjectFactory(key=key)
    for guess in (Person("?", account="42"), Person("Olga Secretova")):
        mine = imported(project, guess).find(guess)
        assert mine.pk != theirs.pk
        assert (mine.named_address, mine.full_name) == ("", guess.name)


def test_whom_imports_named_goes_with_the_project_and_nobody_else():
    project, other = ProjectFactory(key="GONE"), ProjectFactory(key="STAYS")
    bob, eve = Person("Bob", "bob@example.org"), Person("Eve", account="7")
    team = imported(project, bob, eve)
    stays = imported(other, bob).find(bob)
    person = UserFactory(email="bob@example.org")
    accepts(project, person)
    shared = UserFactory(email="x@imported.invalid", is_active=False, is_placeholder=True)
    for each in (project, other):
        TeamMemberFactory(project=each, user=shared)
    IssueFactory(project=project, assignee=team.find(eve))

    delete_project(project)

    assert set(User.objects.filter(is_placeholder=True)) == {stays, shared}
    assert User.objects.filter(pk=person.pk).exists()
    assert not Issue.objects.exists()


def test_placeholders_of_before_move_to_their_projects_own_domain():
    one, other = ProjectFactory(key="A_B"), ProjectFactory(key="A-B")
    alone = ProjectFactory(key="SHOP")
    emails = ["1@a-b.imported.invalid", "2@a-b.imported.invalid", "3@shop.imported.invalid", "4@gone.imported.invalid"]
    users = [UserFactory(email=email, is_active=False, is_placeholder=True) for email in emails]
    TeamMemberFactory(project=one, user=users[0])
    for project in (one, other):
        TeamMemberFactory(project=project, user=users[1])

    import_module("apps.importers.migrations.0004_own_domains").move(apps, None)

    told = dict(User.objects.filter(is_placeholder=True).values_list("pk", "email"))
    assert [told.get(user.pk) for user in users] == [
        f"1@{domain_of(one)}",
        "2@a-b.imported.invalid",
        f"3@{domain_of(alone)}",
        None,
    ]


def test_texts_that_nobody_can_read_are_left_out_and_the_issue_is_kept():
    record = ImportedIssue(
        line=2, external_id="A-1", title="\u200b", description="a\x00\nb", component="w\x1bb", labels=("x", "\u2060")
    )

    assert readable_texts(record) == {"title": "A-1", "description": "a \nb", "component": "w b", "labels": ["x"]}


# --- Who only reported ------------------------------------------------------------------------------------------------
STRANGER, ASSIGNED = Person("Stranger", "", "acc-1"), Person("Ada", "ada@example.org", "acc-2")


def reported(project, *people, assigned=()):
    team = Team(project, now=NOW)
    team.learn(assigned, reporters=people)
    for one in people:
        IssueFactory(project=project, assignee=None, reporter=team.find(one))
    return team


def test_who_only_reported_is_known_and_no_member():
    project = ProjectFactory()

    for _ in range(2):
        team = reported(project, STRANGER, ASSIGNED, assigned=[ASSIGNED])

    assert team.find(STRANGER).full_name == "Stranger"
    assert [each.user for each in project.team.all()] == [team.find(ASSIGNED)]
    assert User.objects.filter(is_placeholder=True).count() == 2


def test_who_reported_first_and_has_an_issue_later_is_a_member_then():
    project = ProjectFactory()
    was = reported(project, STRANGER).find(STRANGER)

    again = reported(project, assigned=[STRANGER])

    assert ([each.user for each in project.team.all()], again.added) == ([was], 1)


def test_a_stream_of_reporters_is_no_team():
    project = ProjectFactory()

    team = reported(project, *(Person(f"Stranger {n}", "", f"acc-{n}") for n in range(50)))

    assert (project.team.count(), team.added) == (0, 0)


def test_who_only_reported_and_accepts_an_invitation_takes_over_what_they_reported():
    project, bob = ProjectFactory(key="SHOP"), UserFactory(email="bob@example.org")
    named = Person("Robert", "bob@example.org", "acc-7")
    was = reported(project, named).find(named)

    member = accepts(project, bob)

    assert Issue.objects.get().reporter == bob
    assert (member.is_agent, User.objects.get(pk=was.pk).became) == (False, bob)
    assert reported(project, named).find(named) == bob


def test_a_running_import_sees_that_who_only_reported_was_joined():
    project = ProjectFactory()
    team, member = reported(project, STRANGER), TeamMemberFactory(project=project)
    team.learn([], reporters=[STRANGER])

    join(team.find(STRANGER), member, by=member.user)
    team.learn([], reporters=[STRANGER])

    assert team.find(STRANGER) == member.user


def test_who_only_reported_goes_with_the_project():
    project = ProjectFactory()
    reported(project, STRANGER)

    delete_project(project)

    assert not User.objects.filter(is_placeholder=True).exists()
