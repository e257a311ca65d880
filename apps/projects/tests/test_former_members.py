"""Who was in a project is remembered, however they left, until the project, the account or the person goes."""

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.projects import placeholders, services
from apps.projects.models import FormerMember, IssueChange, TeamMember
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from conftest import NOW

pytestmark = pytest.mark.django_db


def _over_the_api(member: TeamMember) -> None:
    client = APIClient()
    client.force_authenticate(member.user)
    address = f"/api/v1/projects/{member.project_id}/members/{member.user_id}/"
    assert client.delete(address).status_code == 204


#: A membership ends in one of these ways; what else deletes rows of the table deletes them in one of the last two.
WAYS: dict[str, Callable[[TeamMember], object]] = {
    "removed": lambda member: services.remove_member(member, by=member.user, now=NOW),
    "left over the API": _over_the_api,
    "its row deleted": lambda member: member.delete(),
    "many rows deleted": lambda member: TeamMember.objects.filter(project=member.project).delete(),
}


def pairs() -> list[tuple[object, object]]:
    return list(FormerMember.objects.values_list("project_id", "user_id"))


@pytest.mark.parametrize("way", WAYS)
def test_however_somebody_leaves_it_is_remembered(way):
    member = TeamMemberFactory()
    before = timezone.now()

    WAYS[way](member)

    assert pairs() == [(member.project_id, member.user_id)]
    assert FormerMember.objects.get().left_at >= before


def test_who_comes_back_was_there_all_the_same_and_is_remembered_once():
    member = TeamMemberFactory()
    project, user = member.project, member.user
    member.delete()
    FormerMember.objects.update(left_at=NOW - timedelta(days=9))

    back = services.add_member(project, user=user, role="member", now=NOW)
    assert pairs() == [(project.pk, user.pk)]
    back.delete()

    assert pairs() == [(project.pk, user.pk)]
    assert FormerMember.objects.get().left_at > NOW - timedelta(days=9)


@pytest.mark.parametrize("way", ["project", "account", "accounts", "accounts of the administration"])
def test_nothing_is_left_of_it_with_the_project_or_the_account(way):
    present, former = TeamMemberFactory(), TeamMemberFactory()
    project, user = former.project, former.user
    TeamMember.objects.filter(pk=former.pk).update(project=present.project)
    FormerMember.objects.create(project=project, user=present.user)
    FormerMember.objects.create(project=present.project, user=present.user)

    if way == "project":
        services.delete_project(present.project)
        assert pairs() == [(project.pk, present.user_id)]
    elif way == "account":
        present.user.delete()
        assert pairs() == []
    elif way == "accounts":
        User.objects.filter(pk__in=[present.user_id, user.pk]).delete()
        assert pairs() == []
    else:
        client = APIClient()
        client.force_login(UserFactory(is_staff=True, is_superuser=True))
        asked = {"action": "delete_selected", "_selected_action": [str(present.user_id)], "post": "yes"}
        assert client.post(reverse("admin:accounts_user_changelist"), asked, format="multipart").status_code == 302
        assert pairs() == []


def test_whom_an_import_named_is_kept_by_that_import_alone(project):
    user = UserFactory(email=f"ada@{placeholders.domain_of(project)}", is_active=False, is_placeholder=True)
    named, member = TeamMemberFactory(project=project, user=user), TeamMemberFactory(project=project)

    placeholders.join(named.user, member, by=member.user)

    assert pairs() == []


def test_who_left_before_this_was_kept_is_told_from_what_they_did():
    project, elsewhere = ProjectFactory(), ProjectFactory()
    gave, got, changed, stood, administrator, silent = (
        UserFactory(email=f"{name}@example.com", is_superuser=name == "administrator")
        for name in ("gave", "got", "changed", "stood", "administrator", "silent")
    )
    member = TeamMemberFactory(project=project)
    imported = UserFactory(is_active=False, is_placeholder=True)
    IssueFactory(project=project, reporter=gave, assignee=got)
    issue = IssueFactory(project=project, reporter=member.user, assignee=imported)
    past = {"issue": issue, "changed_at": NOW}
    IssueChange.objects.create(field="title", old_value=str(silent.pk), new_value="", changed_by=changed, **past)
    IssueChange.objects.create(field="assignee", old_value=str(stood.pk), new_value="nobody we know", **past)
    IssueChange.objects.create(field="title", old_value="a", new_value="b", changed_by=administrator, **past)
    IssueFactory(project=elsewhere, reporter=gave, assignee=None)

    import_module("apps.projects.migrations.0019_who_was_in_a_project").tell_who_was_in_them(apps, None)

    there = {(project.pk, user.pk) for user in (gave, got, changed, stood)}
    assert set(pairs()) == there | {(elsewhere.pk, gave.pk)}
    assert set(FormerMember.objects.values_list("left_at", flat=True)) == {None}


def test_administrators_see_who_was_there(client):
    member = TeamMemberFactory(user=UserFactory(full_name="Greta Gone"))
    member.delete()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))

    page = client.get(reverse("admin:projects_project_change", args=[member.project_id]))

    assert "was in" in page.content.decode()
