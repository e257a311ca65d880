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


def acted(project, lead, act, recorded):
    """Something that is done to one issue among many, of which something is recorded; which field it changed."""
    member = TeamMemberFactory(project=project)
    sprint = SprintFactory(project=project, active=act == "close")
    issue = IssueFactory(project=project, sprint=sprint, assignee=member.user)
    held = {"sprint": str(sprint.pk), "assignee": str(member.user.pk)}
    for field, moment in recorded.items():
        issue.changes.create(field=field, new_value=held.get(field, "x"), changed_at=moment)
    if act == "remove":
        services.remove_member(member, by=lead.user, now=NOW)
    elif act == "delete":
        services.delete_sprint(sprint, by=lead.user, now=NOW)
    else:
        services.close_sprint(sprint, by=lead.user, now=NOW)
    return issue, "assignee" if act == "remove" else "sprint"


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

    @pytest.mark.parametrize("act", ["remove", "delete", "close"])
    def test_nor_does_one_that_is_made_for_many(self, project, lead, act):
        issue, field = acted(project, lead, act, {"sprint": LATER, "assignee": LATER})

        assert chain(issue, field)
        assert [change.new_value == "" for change in issue.changes.filter(field=field)] == [False, True]

    @pytest.mark.parametrize("act", ["remove", "delete"])
    def test_what_is_recorded_of_another_field_moves_none_that_is_changed_for_many(self, project, lead, act):
        issue, field = acted(project, lead, act, {"title": LATER})

        assert issue.changes.get(field=field).changed_at == NOW

    @pytest.mark.parametrize("ahead", [timedelta(hours=4), timedelta(days=3_650)])
    @pytest.mark.parametrize("field", ["title", "status", "sprint", "assignee"])
    def test_what_lies_further_ahead_than_clocks_differ_moves_nothing_there(self, project, lead, field, ahead):
        for act in ("remove", "delete", "close"):
            issue, changed = acted(project, lead, act, {field: NOW + ahead})
            assert issue.changes.filter(field=changed, changed_at=NOW).count() == 1

        issue = IssueFactory(project=project)
        issue.changes.create(field=field, changed_at=NOW + ahead)
        services.update_issue(issue, by=None, now=NOW, status=project.statuses.get(name="Done"), story_points=3.0)

        told = issue.changes.filter(changed_at__lte=NOW)
        assert issue.resolved_at == NOW
        assert sorted(told.values_list("field", "changed_at")) == [("status", NOW), ("story_points", NOW)]

    def test_behind_what_lies_ahead_the_last_before_it_counts(self, project):
        issue = IssueFactory(project=project)
        for moment in (LATER, MUCH_LATER):
            issue.changes.create(field="title", old_value=issue.title, new_value=issue.title, changed_at=moment)

        services.update_issue(issue, by=None, now=NOW, title="B")

        assert issue.changes.get(new_value="B").changed_at == LATER


@pytest.mark.django_db
class TestBooks:
    @pytest.mark.parametrize("ahead", [None, timedelta(hours=4), timedelta(days=3_650)])
    def test_a_slip_ahead_in_the_history_of_an_issue_takes_none_of_its_work_out_of_the_books(
        self, project, lead, ahead
    ):
        sprint = SprintFactory(project=project, start_date=NOW.date())
        issue = IssueFactory(project=project, story_points=5)
        if ahead:
            issue.changes.create(field="title", old_value="A", new_value=issue.title, changed_at=NOW + ahead)

        services.update_issue(issue, by=None, now=NOW, sprint=sprint)
        services.start_sprint(sprint, now=NOW + timedelta(minutes=2))
        services.update_issue(issue, by=None, now=NOW + timedelta(minutes=4), status=project.statuses.get(name="Done"))
        services.close_sprint(sprint, by=lead.user, now=NOW + timedelta(minutes=6))

        books = sprint.snapshot
        assert (books.committed_points, books.completed_points, books.carried_over_points) == (5.0, 5.0, 0.0)

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
