"""Two writers at once, on a database that has two: SQLite lets one write after the other."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from apps.common.exceptions import Conflict
from apps.projects import services
from apps.projects.history.writing import as_history_text
from apps.projects.models import Issue, IssueType, Sprint, SprintSnapshot, TeamMember
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory
from conftest import NOW
from tests.at_once import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer; the PostgreSQL run has these"),
]


@pytest.mark.parametrize("attempt", range(3))
def test_two_leads_who_step_down_together_leave_one(attempt):
    project = ProjectFactory()
    one, other = TeamMemberFactory.create_batch(2, project=project, role="lead")

    answers = at_once(
        lambda: services.change_member(one, role="viewer"),
        lambda: services.change_member(TeamMember.objects.get(pk=other.pk), role="viewer"),
    )

    assert [isinstance(answer, Conflict) for answer in answers].count(True) == 1
    assert project.team.filter(role="lead").count() == 1


def test_concurrent_changes_form_one_chain(now):
    lead = TeamMemberFactory(role="lead")
    issue = IssueFactory(project=lead.project, story_points=0)

    at_once(*(
        lambda points=points: services.update_issue(
            Issue.objects.get(pk=issue.pk), by=lead.user, now=now, story_points=float(points)
        )
        for points in range(1, 7)
    ))  # fmt: skip

    issue.refresh_from_db()
    changes = list(issue.changes.order_by("id"))
    assert len(changes) == 6
    assert ["0", *(change.new_value for change in changes)] == [
        *(change.old_value for change in changes), as_history_text(issue.story_points),
    ]  # fmt: skip


@pytest.mark.parametrize("attempt", range(3))
def test_no_issue_slips_into_a_sprint_that_is_being_closed(attempt, now):
    lead = TeamMemberFactory(role="lead")
    sprint = SprintFactory(project=lead.project, active=True)
    issue = IssueFactory(project=lead.project)

    def enter() -> Any:
        try:
            return services.update_issue(issue, by=lead.user, now=now, sprint=Sprint.objects.get(pk=sprint.pk))
        except ValidationError:
            return None

    at_once(enter, lambda: services.close_sprint(sprint, by=lead.user, now=now))

    issue.refresh_from_db()
    assert (issue.sprint, Sprint.objects.get(pk=sprint.pk).status) == (None, "completed")


def test_the_same_name_at_the_same_time_is_given_once():
    project = ProjectFactory()

    def create() -> Any:
        try:
            return services.create_issue_type(project, name="chore")
        except ValidationError as error:
            return error

    answers = at_once(create, create, create, create)

    assert [isinstance(answer, IssueType) for answer in answers].count(True) == 1
    assert project.issue_types.filter(name="chore").count() == 1


@pytest.mark.parametrize("attempt", range(3))
def test_two_who_close_a_sprint_freeze_it_once(attempt, now):
    lead = TeamMemberFactory(role="lead")
    sprint = SprintFactory(project=lead.project, active=True)
    IssueFactory.create_batch(3, project=lead.project, sprint=sprint)

    def close() -> Any:
        return services.close_sprint(Sprint.objects.get(pk=sprint.pk), by=lead.user, now=now)

    answers = at_once(close, close)

    assert [isinstance(answer, Conflict) for answer in answers].count(True) == 1
    assert SprintSnapshot.objects.get().carried_over_issues == 3


@pytest.mark.parametrize("attempt", range(3))
def test_what_is_frozen_is_what_moves(attempt, now):
    """Work that is finished while the sprint is closed is either completed in it or carried over, not both."""
    lead = TeamMemberFactory(role="lead")
    sprint = SprintFactory(project=lead.project, active=True)
    issue = IssueFactory(project=lead.project, sprint=sprint)
    done = lead.project.statuses.get(name="Done")

    at_once(
        lambda: services.update_issue(Issue.objects.get(pk=issue.pk), by=lead.user, now=now, status=done),
        lambda: services.close_sprint(Sprint.objects.get(pk=sprint.pk), by=lead.user, now=now),
    )

    issue.refresh_from_db()
    stayed = issue.sprint_id is not None
    frozen = SprintSnapshot.objects.get()
    assert (frozen.completed_issues, frozen.carried_over_issues) == (int(stayed), int(not stayed))


def test_sprints_closed_into_each_other_do_not_deadlock(now):
    lead = TeamMemberFactory(role="lead")
    one, other = SprintFactory.create_batch(2, project=lead.project, active=True)
    for sprint in (one, other):
        IssueFactory.create_batch(3, project=lead.project, sprint=sprint)

    def close(sprint: Sprint, into: Sprint) -> Any:
        mine, its = Sprint.objects.get(pk=sprint.pk), Sprint.objects.get(pk=into.pk)
        return services.close_sprint(mine, by=lead.user, now=now, move_to=its)

    answers = at_once(lambda: close(one, other), lambda: close(other, one))

    assert [isinstance(answer, Conflict) for answer in answers].count(True) == 1
    assert Issue.objects.filter(sprint=None).count() + Issue.objects.filter(sprint__status="active").count() == 6


@pytest.mark.parametrize("attempt", range(3))
def test_nobody_is_given_work_while_leaving(attempt, now):
    lead = TeamMemberFactory(role="lead")
    member = TeamMemberFactory(project=lead.project)
    issue = IssueFactory(project=lead.project)

    def assign() -> Any:
        try:
            return services.update_issue(issue, by=lead.user, now=now, assignee=member.user)
        except ValidationError:
            return None

    leaving = TeamMember.objects.get(pk=member.pk)
    at_once(assign, lambda: services.remove_member(leaving, by=lead.user, now=now))

    issue.refresh_from_db()
    assert issue.assignee is None
    assert not lead.project.team.filter(user=member.user).exists()


@pytest.mark.parametrize("attempt", range(3))
def test_a_status_is_not_deleted_under_a_new_issue(attempt, now):
    project = TeamMemberFactory(role="lead").project
    status, kind = project.statuses.get(name="Done"), project.issue_types.get(name="bug")

    answers = at_once(
        lambda: services.create_issue(project, title="A", issue_type=kind, status=status, by=None, now=now),
        lambda: services.delete_status(project.statuses.get(pk=status.pk)),
    )

    assert [isinstance(answer, Conflict) for answer in answers].count(True) == 1
    assert project.issues.exists() == project.statuses.filter(pk=status.pk).exists()


@pytest.mark.parametrize("attempt", range(3))
def test_of_two_issues_that_take_each_other_as_parts_at_once_one_does(attempt):
    project = ProjectFactory()
    one, other = IssueFactory.create_batch(2, project=project)

    def take(part, parent):
        try:
            return services.update_issue(part, by=None, now=NOW, parent=parent)
        except ValidationError as error:
            return error

    answers = at_once(lambda: take(one, other), lambda: take(other, one))

    assert sorted(isinstance(answer, ValidationError) for answer in answers) == [False, True]
    assert Issue.objects.filter(project=project, parent__isnull=False).count() == 1
