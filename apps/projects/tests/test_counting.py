"""Counts of large lists are remembered, and never longer than they hold."""

import pytest
from django.utils import timezone

from apps.common.api import counting
from apps.common.api.counting import count_of
from apps.projects.models import Issue
from apps.projects.selectors import issues_stamp
from apps.projects.services import delete_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def counted(monkeypatch, django_assert_num_queries):
    """`counted(queries)` is the number of issues of a project, in so many queries."""
    monkeypatch.setattr(counting, "LARGE", 3)
    monkeypatch.setattr(counting, "_KNOWN", {})
    project = ProjectFactory()
    IssueFactory.create_batch(3, project=project)

    def ask(queries):
        with django_assert_num_queries(queries):
            return count_of(
                Issue.objects.filter(project=project), "issues", lambda: issues_stamp(project.pk, now=timezone.now())
            )

    ask.project = project
    return ask


def test_a_large_list_is_counted_again_only_when_a_row_of_it_has_changed(counted):
    # The first time nobody knows that it is large, the second time since when it has been so.
    assert [counted(1), counted(2), counted(1), counted(1)] == [3] * 4

    added = IssueFactory(project=counted.project)
    assert [counted(2), counted(1)] == [4, 4]
    delete_issue(added)
    assert [counted(2), counted(1)] == [3, 3]


def test_a_count_is_remembered_for_a_minute(counted, monkeypatch):
    assert [counted(1), counted(2), counted(1)] == [3] * 3

    monkeypatch.setattr(counting, "SECONDS", -1.0)
    counted.project.issues.order_by("updated_at").first().delete()  # Past the service, so that no stamp tells.
    assert counted(1) == 3
    counting._KNOWN["issues"] = (*counting._KNOWN["issues"][:2], 0.0)
    assert counted(2) == 2


def test_small_lists_are_counted_and_few_are_remembered(counted, monkeypatch):
    monkeypatch.setattr(counting, "LARGE", 4)
    assert [counted(1), counted(1)] == [3, 3]

    monkeypatch.setattr(counting, "LARGE", 1)
    monkeypatch.setattr(counting, "MOST", 1)
    rows = counted.project.issue_types.all()
    assert [count_of(rows, name, lambda: 0) for name in ("a", "b")] == [3, 3]
    assert list(counting._KNOWN) == ["b"]
    assert count_of(rows, "b", None) == 3
