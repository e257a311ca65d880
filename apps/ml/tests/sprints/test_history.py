from datetime import UTC, datetime, timedelta

import pytest

from apps.ml.core.past.sprints import Amount
from apps.ml.selectors.sprints import sprint_past, sprint_pasts
from apps.projects.models import Sprint
from apps.projects.services import close_sprint, create_issue, update_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory

START = datetime(2026, 2, 2, 9, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def day(number: float) -> datetime:
    return START + timedelta(days=number)


@pytest.fixture
def lead():
    return TeamMemberFactory(project=ProjectFactory(), role="lead")


@pytest.fixture
def sprint(lead):
    return SprintFactory(project=lead.project, active=True)


def test_a_sprint_is_told_by_what_happened_to_its_issues(lead, sprint):
    planned = IssueFactory(project=lead.project, sprint=sprint, story_points=3, created_at=day(-5), assignee=lead.user)
    late = IssueFactory(project=lead.project, story_points=2, created_at=day(-5))
    update_issue(late, by=None, now=day(3), sprint=sprint)
    update_issue(planned, by=None, now=day(4), status=lead.project.statuses.get(name="Done"))
    next_sprint = SprintFactory(project=lead.project, start_date=day(14).date())
    close_sprint(sprint, by=lead.user, now=day(14), move_to=next_sprint)

    (past,) = sprint_pasts(lead.project.id, now=day(15))
    end = past.scope_at(day(14))

    assert past.team_size == 1
    assert (end.committed, end.added, end.done, end.to_do) == (Amount(1, 3), Amount(1, 2), Amount(1, 3), Amount(1, 2))
    assert end.removed == Amount()


def test_a_running_sprint_as_of_an_earlier_moment_knows_nothing_later(lead, sprint):
    issue = IssueFactory(project=lead.project, sprint=sprint, story_points=3, created_at=day(-5))
    before = sprint_past(sprint, now=day(2))

    update_issue(issue, by=None, now=day(3), sprint=None, story_points=8)
    create_issue(lead.project, title="New", by=None, now=day(4), sprint=sprint, issue_type=issue.issue_type)
    close_sprint(sprint, by=lead.user, now=day(5))

    assert sprint_past(sprint, now=day(2)) == before
    assert before.window.ended_at is None
    assert sprint_past(sprint, now=day(6)).scope_at(day(4)).added == Amount(1, 0.0)


def test_sprints_completed_later_are_not_yet_there(lead, sprint):
    close_sprint(sprint, by=lead.user, now=day(5))

    assert sprint_pasts(lead.project.id, now=day(4)) == ()
    assert [past.window.sprint_id for past in sprint_pasts(lead.project.id, now=day(6))] == [str(sprint.pk)]


def test_many_sprints_cost_no_more_queries_than_one(lead, sprint, django_assert_num_queries):
    IssueFactory(project=lead.project, sprint=sprint)
    close_sprint(sprint, by=lead.user, now=day(5))
    for _ in range(4):
        other = SprintFactory(project=lead.project, completed=True)
        IssueFactory.create_batch(3, project=lead.project, sprint=other, completed=True)

    # Those that were closed here have their issues kept: of the newest alone these are read.
    with django_assert_num_queries(5):
        assert len(sprint_pasts(lead.project.id, now=day(40))) == 5
    with django_assert_num_queries(1):
        sprint_past(Sprint.objects.select_related("snapshot", "project").get(pk=sprint.pk), now=day(40))
