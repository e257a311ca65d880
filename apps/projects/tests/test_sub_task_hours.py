"""What parts took is their parent's as long as the parent is counted and they are not, whatever types come to mean."""

import pytest

from apps.projects import services
from apps.projects.levels import roll_up
from apps.projects.models import Issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory
from conftest import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    project = ProjectFactory()
    services.create_issue_type(project, name="Sub-task")
    services.create_issue_type(project, name="Epic")
    return project


@pytest.fixture
def parent(project):
    """A story whose part took three hours."""
    parent = IssueFactory(project=project, type_name="story")
    IssueFactory(project=project, type_name="Sub-task", parent=parent, actual_hours=3.0)
    roll_up(project.pk)
    return parent


def hours_of(issue):
    return Issue.objects.values_list("sub_task_hours", "worked_hours").get(pk=issue.pk)


def test_a_parent_whose_type_is_no_longer_counted_holds_none_and_holds_them_again_once_it_is(project, parent):
    story = project.issue_types.get(name="story")
    assert hours_of(parent) == (3.0, 3.0)

    services.update_issue_type(story, counts=False)
    assert hours_of(parent) == (None, None)

    services.update_issue_type(story, counts=True)
    assert hours_of(parent) == (3.0, 3.0)


def test_parts_whose_type_begins_to_be_counted_keep_their_hours(project, parent):
    sub_task = project.issue_types.get(name="Sub-task")

    services.update_issue_type(sub_task, counts=True)
    assert hours_of(parent) == (None, None)

    services.update_issue_type(sub_task, counts=False)
    assert hours_of(parent) == (3.0, 3.0)


def test_an_issue_that_gets_a_type_which_is_not_counted_holds_none_and_the_other_way_round(project, parent):
    epic, story = (project.issue_types.get(name=name) for name in ("Epic", "story"))

    services.update_issue(parent, by=None, now=NOW, issue_type=epic)
    assert hours_of(parent) == (None, None)

    services.update_issue(parent, by=None, now=NOW, issue_type=story)
    assert hours_of(parent) == (3.0, 3.0)


def test_what_is_as_it_was_is_not_touched(project, parent):
    before = list(Issue.objects.order_by("pk").values())

    roll_up(project.pk)
    roll_up(project.pk, [parent.pk])

    assert list(Issue.objects.order_by("pk").values()) == before
