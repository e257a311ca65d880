"""Whom an import takes into a team, and which texts it leaves out."""

import pytest

from apps.accounts.tests.factories import UserFactory
from apps.importers.records import ImportedIssue, Person
from apps.importers.writing.people import Team
from apps.importers.writing.texts import readable_texts
from apps.projects.tests.factories import ProjectFactory
from conftest import NOW

pytestmark = pytest.mark.django_db


def test_nobody_who_can_log_in_is_taken_in_and_no_name_of_an_account_is_shown():
    account = UserFactory(email="Bob@Example.org", full_name="A Secret Name")
    project, named = ProjectFactory(key="SHOP"), Person("Robert", "bob@example.org")

    for _ in range(2):
        team = Team(project, now=NOW)
        team.learn([named])

    assert (team.find(named).email, team.find(named).full_name) == ("robert@shop.imported.invalid", "Robert")
    assert not project.team.filter(user=account).exists()
    assert project.team.count() == 1


def test_texts_that_nobody_can_read_are_left_out_and_the_issue_is_kept():
    record = ImportedIssue(
        line=2, external_id="A-1", title="\u200b", description="a\x00\nb", component="w\x1bb", labels=("x", "\u2060")
    )

    assert readable_texts(record) == {"title": "A-1", "description": "a \nb", "component": "w b", "labels": ["x"]}
