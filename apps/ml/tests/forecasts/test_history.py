"""A team's past is read once a state: what was edited, deleted or is asked of another moment is told anew."""

from datetime import timedelta

import pytest

from apps.ml.services.forecasts.history import TeamHistory
from apps.projects.services import delete_issue, update_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory


@pytest.fixture
def finished(db, now):
    """A task of three points that was finished last week."""
    moment = now - timedelta(days=6)
    return IssueFactory(
        project=ProjectFactory(), completed=True, story_points=3, created_at=moment, started_at=moment,
        resolved_at=moment, actual_hours=None,
    )  # fmt: skip


def points(issue, now):
    return sum(TeamHistory(issue.project_id, now=now).throughput().points)


def test_the_same_state_is_read_once(finished, now, django_assert_num_queries):
    TeamHistory(finished.project_id, now=now).sprints(8)
    points(finished, now)

    with django_assert_num_queries(6):  # what tells the state
        points(finished, now)
        # In the same breath: nothing of it is asked again.


def test_an_edit_and_a_deletion_tell_anew(finished, now):
    before = points(finished, now)
    # Recorded as of its end: sized anew later, it still was of three points then.
    IssueFactory(
        project=finished.project, completed=True, story_points=5, created_at=finished.created_at,
        started_at=finished.created_at, resolved_at=finished.resolved_at,
    )  # fmt: skip
    after = points(finished, now)

    delete_issue(finished)

    assert (before, after, points(finished, now)) == (3.0, 8.0, 5.0)


def test_of_an_earlier_moment_nothing_later_is_told(finished, now):
    earlier = now - timedelta(days=1)
    update_issue(finished, by=None, now=now - timedelta(hours=1), story_points=8)
    points(finished, now)

    reopened = finished.project.statuses.get(name="To do")
    update_issue(finished, by=None, now=now, status=reopened)

    assert points(finished, now) == 0.0
    assert points(finished, earlier) == 3.0
