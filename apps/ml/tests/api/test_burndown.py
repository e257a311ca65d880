"""The burndown over the API."""

from datetime import UTC, datetime

import pytest
from rest_framework.test import APIClient

from apps.projects.services import close_sprint, update_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db
FRIDAY = datetime(2026, 2, 6, 9, tzinfo=UTC)


@pytest.fixture
def viewer():
    return TeamMemberFactory(project=ProjectFactory(), role="viewer")


@pytest.fixture
def sprint(viewer):
    return SprintFactory(project=viewer.project, active=True)


def ask(user, sprint):
    client = APIClient()
    client.force_authenticate(user)
    return client.get(f"/api/v1/ml/sprints/{sprint.id}/burndown/")


def test_a_member_sees_what_was_left_by_day(viewer, sprint):
    issue = IssueFactory(project=viewer.project, sprint=sprint, story_points=5)
    IssueFactory(project=viewer.project, sprint=sprint, story_points=3)
    update_issue(issue, by=None, now=FRIDAY, status=viewer.project.statuses.get(name="Done"))
    close_sprint(sprint, by=viewer.user, now=datetime(2026, 2, 13, 17, tzinfo=UTC))

    answer = ask(viewer.user, sprint).json()

    assert answer["is_frozen"] is True
    assert answer["start"] == {"at": "2026-02-02T09:00:00Z", "committed": {"issues": 2, "points": 8.0}}
    assert [day["remaining"]["points"] for day in answer["days"]] == [8.0] * 4 + [3.0] * 8
    assert (answer["ideal"][-1], answer["days_left_out"]) == ({"day": "2026-02-15", "issues": 0.0, "points": 0.0}, 0)


def test_a_stranger_is_told_that_there_is_nothing(sprint):
    assert ask(TeamMemberFactory().user, sprint).status_code == 404


@pytest.mark.parametrize("n", [1, 25])
def test_the_queries_do_not_grow_with_the_sprint(viewer, sprint, n, django_assert_num_queries):
    IssueFactory.create_batch(n, project=viewer.project, sprint=sprint)

    with django_assert_num_queries(4):
        ask(viewer.user, sprint)
