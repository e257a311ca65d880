"""A lead gives the work of somebody whom an import named to a member: once, in this project alone, on record."""

import pytest
from django.contrib.admin.models import LogEntry

from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.common.exceptions import Conflict
from apps.projects import placeholders
from apps.projects.models import Issue, IssueChange, TeamMember
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db


def named_by_an_import(project):
    user = UserFactory(
        email=f"ada@{placeholders.domain_of(project)}", full_name="Ada", is_active=False, is_placeholder=True
    )
    return TeamMemberFactory(project=project, user=user)


@pytest.fixture
def named(project):
    return named_by_an_import(project)


def join(client, project, named, member):
    return client.post(f"/api/v1/projects/{project.pk}/members/{named.user_id}/join/", {"member": str(member.user_id)})


def test_the_work_of_the_project_becomes_the_members(as_, project, people, named, now):
    member = TeamMember.objects.get(project=project, user=people["member"])
    theirs = IssueFactory(project=project, assignee=named.user, reporter=named.user)
    past = IssueFactory(project=project)
    IssueChange.objects.create(
        issue=past, field="assignee", old_value=str(named.user_id), new_value="", changed_at=now, changed_by=named.user
    )
    elsewhere = IssueFactory(project=ProjectFactory(), assignee=named.user)
    Issue.objects.update(updated_at=now)

    answer = join(as_("lead"), project, named, member)

    assert (answer.status_code, answer.json()["user"], answer.json()["issues"]) == (200, str(member.user_id), 1)
    for issue in (theirs, past, elsewhere):
        issue.refresh_from_db()
    assert theirs.assignee == theirs.reporter == member.user
    assert elsewhere.assignee == named.user
    change = past.changes.get(field="assignee", old_value=str(member.user_id))
    assert change.changed_by == member.user
    assert (theirs.updated_at > now, past.updated_at > now, elsewhere.updated_at == now) == (True, True, True)
    named.user.refresh_from_db()
    assert named.user.became == member.user
    assert not project.team.filter(user=named.user).exists()
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, str(named.user_id) in entry.change_message) == (
        people["lead"], str(member.pk), True,
    )  # fmt: skip


@pytest.mark.parametrize(("address", "status"), [("zoe@example.com", 409), ("MEMBER@example.com", 200)])
def test_whom_the_source_names_by_another_address_is_invited_and_not_given_away(as_, people, named, address, status):
    project = named.project
    User.objects.filter(pk=named.user_id).update(named_address=address)
    User.objects.filter(pk=people["member"].pk).update(email="member@example.com")
    member = TeamMember.objects.get(project=project, user=people["member"])

    answer = join(as_("lead"), project, named, member)

    assert answer.status_code == status
    assert project.team.filter(user=named.user).exists() is (status == 409)


def test_the_list_of_members_tells_who_has_no_account(as_, project, people, named):
    rows = as_("member").get(f"/api/v1/projects/{project.pk}/members/").json()["results"]

    assert {row["user"] for row in rows if row["is_placeholder"]} == {str(named.user_id)}
    assert len(rows) > 1


def test_what_the_member_is_stays(as_, project, people, named):
    TeamMember.objects.filter(pk=named.pk).update(is_agent=True, available_for_assignment=False)
    member = TeamMember.objects.get(project=project, user=people["member"])

    join(as_("lead"), project, named, member)

    member.refresh_from_db()
    assert (member.is_agent, member.available_for_assignment, member.role) == (False, True, "member")


def test_nobody_takes_the_work_of_who_has_an_account_or_gives_it_to_who_has_none(project, people, named):
    member, viewer = (TeamMember.objects.get(project=project, user=people[role]) for role in ("member", "viewer"))
    other = TeamMemberFactory(
        project=project, user=UserFactory(email="b@x.imported.invalid", is_active=False, is_placeholder=True)
    )

    for one, whose in ((viewer, member), (named, other), (named, named)):
        with pytest.raises(Conflict):
            placeholders.join(one.user, whose, by=people["lead"])


def test_it_is_the_leads_and_stays_within_the_project(as_, project, people, named):
    member = TeamMember.objects.get(project=project, user=people["member"])
    foreign = named_by_an_import(ProjectFactory())
    stranger = TeamMemberFactory(project=ProjectFactory())

    assert join(as_("member"), project, named, member).status_code == 403
    assert join(as_("lead"), project, foreign, member).status_code == 404
    assert join(as_("lead"), project, named, stranger).status_code == 404
    assert join(as_("lead"), project, named, member).status_code == 200
    # For good: there is nobody left to be joined again.
    assert join(as_("lead"), project, named, member).status_code == 404


def test_the_work_of_who_only_reported_is_given_by_their_id_by_leads_alone(as_, project, people):
    reporter = UserFactory(
        email=f"ada@{placeholders.domain_of(project)}", full_name="Ada", is_active=False, is_placeholder=True
    )
    issue = IssueFactory(project=project, reporter=reporter)
    member = TeamMember.objects.get(project=project, user=people["member"])
    address, asked = f"/api/v1/projects/{project.pk}/members/{reporter.pk}/join/", {"member": str(member.user_id)}

    assert as_("member").post(address, asked).status_code == 403
    assert as_("lead").post(address, asked).json()["issues"] == 1

    issue.refresh_from_db()
    assert issue.reporter == member.user
    assert as_("lead").post(address, asked).status_code == 404
