"""The flow of a project from the database: as recorded, as of the moment, in a constant number of queries."""

from datetime import date, timedelta

import pytest

from apps.ml.core.flow.blocked import NO_RULE
from apps.ml.selectors.flow import board_of, flow_issues
from apps.ml.services.flow import flow_answer, project_flow, project_references, references_answer
from apps.projects.models import Issue
from apps.projects.services import update_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(now):
    """One issue over the board in the last days, one that is stuck in review, a done and an open one of long ago."""
    project = ProjectFactory()
    project.statuses.create(name="Review", category="in_progress", position=1)
    IssueFactory(project=project, title="old and done", created_at=now - timedelta(days=300), completed=True)
    IssueFactory(project=project, title="old and open", created_at=now - timedelta(days=300))
    moved(project, "moved", now, ("In progress", 8), ("Review", 6), ("Done", 4))
    moved(project, "stuck", now, ("In progress", 8), ("Review", 7))
    return project


def moved(project, title, now, *moves, created_days_ago: float = 9) -> Issue:
    issue = IssueFactory(project=project, title=title, created_at=now - timedelta(days=created_days_ago))
    for status, days_ago in moves:
        update_issue(issue, by=None, now=now - timedelta(days=days_ago), status=project.statuses.get(name=status))
    return issue


def test_recorded_moves_become_cycle_times_ages_and_times_in_state(project, now):
    flow = project_flow(project, now=now, days=10)

    assert [item.days for item in flow.cycle.items] == [5]
    assert [(item.state, item.age_days, item.days_in_state) for item in flow.ageing] == [("Review", 9, 8)]
    assert [(each.state, each.mean_days) for each in flow.time_in_states.states] == [
        ("In progress", 2.0),
        ("Review", 2.0),
    ]
    assert [(day.to_do, day.in_progress, day.done) for day in flow.days][-10:] == [
        (3, 0, 1), (1, 2, 1), (1, 2, 1), (1, 2, 1), (1, 2, 1), (1, 1, 2), (1, 1, 2), (1, 1, 2), (1, 1, 2), (1, 1, 2),
    ]  # fmt: skip
    assert flow.blocked.unknown_because == NO_RULE


def test_the_flow_of_a_past_moment_knows_nothing_later(project, now):
    then = now - timedelta(days=5)
    update_issue(Issue.objects.get(title="stuck"), by=None, now=now, status=project.statuses.get(name="Done"))

    flow = project_flow(project, now=then, days=5)

    assert (flow.until, flow.cycle.items, flow.in_progress) == (then.date(), (), 2)
    assert {item.state for item in flow.ageing} == {"Review"}


def test_blocked_work_is_told_by_the_projects_rule(project, now):
    project.blocked_labels = ["vendor"]
    update_issue(Issue.objects.get(title="stuck"), by=None, now=now - timedelta(days=3), labels=["vendor"])
    # It was blocked long before these days and nothing happened since.
    IssueFactory(project=project, labels=["vendor"], title="long", created_at=now - timedelta(days=200))

    blocked = project_flow(project, now=now, days=10).blocked

    assert [(item.days, item.until) for item in blocked.items] == [(pytest.approx(9.375), None), (3.0, None)]
    assert [(each.reason, each.issues) for each in blocked.reasons] == [("vendor", 2)]


def test_what_people_and_agents_finished_is_told_apart_in_the_answer(project, now):
    project.agent_labels = ["ai"]
    agent = TeamMemberFactory(project=project, is_agent=True).user
    for title, fields in (("by label", {"labels": ["AI"]}), ("by member", {"assignee": agent})):
        issue = moved(project, title, now, ("In progress", 3), ("Review", 3), ("Done", 1))
        Issue.objects.filter(pk=issue.pk).update(**fields)

    people, agents = flow_answer(project, now=now, days=10)["sides"]

    assert (people["by_agents"], people["issues"], agents["by_agents"], agents["issues"]) == (False, 1, True, 2)
    assert [(each["state"], each["mean_days"]) for each in agents["time_in_states"]["states"]] == [("Review", 2.0)]


def test_what_did_not_move_is_counted_by_the_database(project, now):
    issues, unchanged = flow_issues(project, board_of(project), since=date(2026, 2, 20), now=now)

    assert len(issues) == 2
    assert unchanged == {"to_do": 1, "done": 1}


def test_more_issues_take_no_more_queries(project, now, django_assert_num_queries):
    with django_assert_num_queries(5):
        flow_answer(project, now=now)
    for number in range(5):
        moved(project, f"more {number}", now, ("In progress", 3), ("Done", 1))
    with django_assert_num_queries(5):
        flow_answer(project, now=now)


def test_reference_stories_come_from_the_teams_own_finished_work(project, now):
    for hours in (2.0, 5.0, 6.0, 40.0):
        at = now - timedelta(days=hours)
        IssueFactory(project=project, story_points=3, completed=True, created_at=at, actual_hours=hours)
    table = project_references(project, now=now)

    shown = references_answer(project, now=now)

    assert (table.measure, table.values[0].median) == ("hours", 5.5)
    assert [story["took"] for story in shown["values"][0]["stories"]] == [5.0, 6.0, 2.0]
    assert shown["values"][0]["stories"][0]["title"].startswith("Issue number")
