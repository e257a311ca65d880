"""A project that nobody named."""

import pytest

from apps.importers.naming import free_key, key_of_ids, key_of_name
from apps.projects.tests.factories import IssueFactory, ProjectFactory


def test_the_key_that_most_issues_bear_is_the_projects():
    assert key_of_ids(["SHOP-1", "SHOP-2", "OLD-7"]) == "SHOP"
    assert key_of_ids(["SHOP-1", "OLD-7"]) == ""
    assert key_of_ids(["1", "2"]) == key_of_ids([]) == ""


@pytest.mark.parametrize(
    ("name", "key"),
    [("octocat/Spoon-Knife", "SPOON-KNIFE"), ("my export (2)", "MY-EXPORT-2"), ("2026_q1", "Q1"), ("…", "DATA")],
)
def test_without_such_a_key_the_name_of_the_file_or_place_gives_one(name, key):
    assert key_of_name(name) == key


@pytest.mark.django_db
def test_a_project_with_other_peoples_issues_is_left_alone():
    project = ProjectFactory(key="SHOP")
    assert free_key("SHOP", "csv") == "SHOP"

    IssueFactory(project=project, source="")
    assert free_key("SHOP", "csv") == "SHOP-DATA"

    IssueFactory(project=project, source="csv", external_id="SHOP-1")
    assert free_key("SHOP", "csv") == "SHOP"
