"""The moment that is recorded of a change is one of when the locks are held, after what is recorded already.

A clock is read there; a moment that is given is what is told of the past. Two who write at once have
`test_races_of_moments`.
"""

from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection

from apps.projects import services, sprint_ends
from apps.projects.links.services import link_issues, unlink
from apps.projects.models import IssueLink, Sprint
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory
from conftest import NOW

LATER, MUCH_LATER = NOW + timedelta(seconds=30), NOW + timedelta(days=300)


def chain(issue, field):
    """Whether each entry of a field goes on from the one before, in the order in which the past is told."""
    held = list(issue.changes.filter(field=field).order_by("changed_at", "id").values_list("old_value", "new_value"))
    return all(before[1] == after[0] for before, after in pairwise(held))


def patched(project, clock):
    issue = IssueFactory(project=project)
    return lambda: services.update_issue(issue, by=None, now=clock, title="B")


def created(project, clock):
    kind = project.issue_types.get(name="story")
    return lambda: services.create_issue(project, title="A", issue_type=kind, by=None, now=clock)


def planned(project, clock):
    return lambda: services.create_sprint(project, name="A", now=clock)


def started(project, clock):
    sprint = SprintFactory(project=project)
    return lambda: services.start_sprint(sprint, now=clock)


def closed(project, clock):
    sprint = SprintFactory(project=project, active=True)
    return lambda: services.close_sprint(sprint, by=TeamMemberFactory(project=project).user, now=clock)


def deleted(project, clock):
    sprint = SprintFactory(project=project)
    return lambda: services.delete_sprint(sprint, by=TeamMemberFactory(project=project).user, now=clock)


def left(project, clock):
    member = TeamMemberFactory(project=project)
    return lambda: services.remove_member(member, by=member.user, now=clock)


def linked(project, clock):
    one, other = IssueFactory.create_batch(2, project=project)
    return lambda: link_issues(one, other, now=clock)


def unlinked(project, clock):
    one, other = IssueFactory.create_batch(2, project=project)
    link = IssueLink.objects.create(blocker=one, blocked=other, created_at=NOW)
    return lambda: unlink(link, now=clock)


def closed_as_told(project, clock):
    sprint = SprintFactory(project=project, active=True, source="jira")
    return lambda: sprint_ends.close_as_told(sprint, completed_at=None, now=clock)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "write",
    [patched, created, planned, started, closed, deleted, left, linked, unlinked, closed_as_told],
    ids=lambda write: write.__name__,
)
def test_a_clock_is_read_inside_the_transaction_behind_its_first_lock(write):
    read = []

    def clock():
        read.append((connection.in_atomic_block, bool(asked)))
        return NOW

    asked, act = [], write(ProjectFactory(), clock)

    def watch(execute, sql, *rest):
        asked.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(watch):
        act()

    # Of SQLite the transaction alone is the lock: it begins with the only writer's place.
    may_be_first = connection.vendor == "sqlite" and write is planned
    assert read
    assert all(is_inside and (is_behind or may_be_first) for is_inside, is_behind in read)


@pytest.mark.django_db
class TestChain:
    def test_an_entry_never_comes_before_what_is_recorded_already(self, project):
        issue, done = IssueFactory(project=project), project.statuses.get(name="Done")

        services.update_issue(issue, by=None, now=LATER, status=project.statuses.get(name="In progress"))
        services.update_issue(issue, by=None, now=NOW, status=done)

        assert chain(issue, "status")
        assert issue.started_at <= issue.resolved_at == LATER

    def test_what_a_tool_told_of_next_year_keeps_the_chain_and_moves_no_time(self, project):
        issue, done = IssueFactory(project=project), project.statuses.get(name="Done")
        issue.changes.create(field="status", old_value="To do", new_value="To do", changed_at=MUCH_LATER)

        services.update_issue(issue, by=None, now=NOW, status=done)

        assert chain(issue, "status")
        assert issue.resolved_at == NOW

    @pytest.mark.parametrize("act", ["remove", "delete", "close"])
    def test_nor_does_one_that_is_made_for_many(self, project, lead, act):
        member = TeamMemberFactory(project=project)
        sprint = SprintFactory(project=project, active=act == "close")
        issue = IssueFactory(project=project, sprint=sprint, assignee=member.user)
        issue.changes.create(field="sprint", new_value=str(sprint.pk), changed_at=MUCH_LATER)
        issue.changes.create(field="assignee", new_value=str(member.user.pk), changed_at=MUCH_LATER)

        if act == "remove":
            services.remove_member(member, by=lead.user, now=NOW)
        elif act == "delete":
            services.delete_sprint(sprint, by=lead.user, now=NOW)
        else:
            services.close_sprint(sprint, by=lead.user, now=NOW)

        field = "assignee" if act == "remove" else "sprint"
        assert chain(issue, field)
        assert [change.new_value == "" for change in issue.changes.filter(field=field)] == [False, True]


@pytest.mark.django_db
class TestBooks:
    def test_work_that_another_machines_clock_finished_later_is_in_the_books_of_the_sprint(self, project, lead):
        sprint = SprintFactory(project=project, active=True)
        issue = IssueFactory(project=project, sprint=sprint)
        services.update_issue(issue, by=None, now=LATER, status=project.statuses.get(name="Done"))

        services.close_sprint(sprint, by=lead.user, now=NOW)

        issue.refresh_from_db()
        assert (sprint.completed_at, sprint.snapshot.completed_issues, issue.sprint) == (LATER, 1, sprint)

    def test_an_end_that_a_tool_told_of_next_year_ends_no_sprint_there_and_is_in_one_of_its_books(self, project, lead):
        sprint = SprintFactory(project=project, active=True)
        issue = IssueFactory(project=project, sprint=sprint, completed=True)
        issue.changes.create(field="status", old_value="To do", new_value="Done", changed_at=MUCH_LATER)
        type(issue).objects.filter(pk=issue.pk).update(resolved_at=MUCH_LATER)

        services.close_sprint(sprint, by=lead.user, now=NOW)

        issue.refresh_from_db()
        books = Sprint.objects.get(pk=sprint.pk).snapshot
        assert sprint.completed_at == NOW
        assert (books.completed_issues + books.done_outside_issues, books.carried_over_issues, issue.sprint) == (
            0,
            1,
            None,
        )
