"""Who waits for a lock comes second, and is recorded second: the moment of a change is told under the locks."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from apps.projects import services
from apps.projects.history.ends import ENDS
from apps.projects.history.snapshots import books_of
from apps.projects.links.row import IssueLink
from apps.projects.models import Issue, Sprint
from apps.projects.rows import lock
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory
from tests.at_once import at_once, begun_beside

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer; the PostgreSQL run has these"),
]


@pytest.fixture
def lead():
    return TeamMemberFactory(project=ProjectFactory(key="SHOP"), role="lead")


@pytest.fixture
def project(lead):
    return lead.project


def asked(lead, method, *parts, **body):
    client = APIClient()
    client.force_authenticate(lead.user)
    path = "/".join(["/api/v1/projects", str(lead.project.pk), *map(str, parts)]) + "/"
    answer = getattr(client, method)(path, body, format="json")
    assert answer.status_code < 300, answer.content
    return answer


def behind(row, first, second):
    """The second is asked for while somebody holds a row, who then does the first: it comes second."""
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            lock(row)
            answer = begun_beside(pool, second)
            assert not answer.done()
            first()
        return answer.result()


def now(issue, **fields):
    """Changes an issue at this moment."""
    return lambda: services.update_issue(Issue.objects.get(pk=issue.pk), by=None, now=timezone.now, **fields)


def broken(issue):
    """Entries that do not go on from the one before, in the order in which the past is told."""
    faults, held = [], {}
    # Of ends only those are recorded that are taken away.
    for change in issue.changes.exclude(field__in=ENDS).order_by("changed_at", "id"):
        if held.get(change.field, change.old_value) != change.old_value:
            faults.append((change.field, held[change.field], change.old_value))
        held[change.field] = change.new_value
    return faults


def in_order(issue):
    """Whether the entries of an issue were written in the order of their moments."""
    moments = list(issue.changes.order_by("id").values_list("changed_at", flat=True))
    return moments == sorted(moments)


def test_of_two_who_change_an_issue_who_waited_is_recorded_second(lead, project):
    issue, status = IssueFactory(project=project, story_points=1), project.statuses.get(name="In progress")

    behind(
        issue,
        now(issue, status=status, story_points=2.0),
        lambda: asked(lead, "patch", "issues", issue.pk, status="Done", story_points=3),
    )

    issue.refresh_from_db()
    assert (broken(issue), issue.story_points) == ([], 3.0)
    assert issue.started_at < issue.resolved_at


def test_six_who_change_three_issues_leave_whole_chains(lead, project):
    issues, names = IssueFactory.create_batch(3, project=project), ["To do", "In progress", "Done", "Won't do"]

    def edits(n):
        for k in range(12):
            issue, status = issues[(n + k) % 3], names[(n * k) % 4]
            asked(lead, "patch", "issues", issue.pk, status=status, story_points=(n + 2 * k) % 7 + 1)

    at_once(*(lambda n=n: edits(n) for n in range(6)))

    assert [broken(issue) for issue in issues] == [[], [], []]


@pytest.mark.parametrize("end", ["Done", "Won't do", "In progress"])
def test_what_is_changed_while_its_sprint_is_closed_is_in_its_books_as_it_is(lead, project, end):
    sprint = SprintFactory(project=project, active=True)
    issue = IssueFactory(project=project, sprint=sprint)

    behind(
        issue,
        now(issue, status=project.statuses.get(name=end)),
        lambda: asked(lead, "post", "sprints", sprint.pk, "close"),
    )

    issue.refresh_from_db()
    sprint.refresh_from_db()
    told = (sprint.snapshot.completed_issues, sprint.snapshot.carried_over_issues, sprint.snapshot.removed_issues)
    assert told == {"Done": (1, 0, 0), "In progress": (0, 1, 0), "Won't do": (0, 0, 1)}[end]
    assert issue.sprint_id == (None if end == "In progress" else sprint.pk)
    assert broken(issue) == []


def test_work_that_is_finished_while_its_sprint_is_closed_is_in_no_book_twice_nor_in_none(lead, project):
    for _ in range(4):
        sprint = SprintFactory(project=project, active=True)
        issues = IssueFactory.create_batch(4, project=project, sprint=sprint)

        at_once(
            lambda sprint=sprint: asked(lead, "post", "sprints", sprint.pk, "close"),
            *(lambda one=one: asked(lead, "patch", "issues", one.pk, status="Done") for one in issues),
        )

        stayed = Issue.objects.filter(sprint=sprint).count()
        books = Sprint.objects.get(pk=sprint.pk).snapshot
        assert (books.completed_issues + books.done_outside_issues, books.carried_over_issues) == (stayed, 4 - stayed)


def test_what_comes_into_a_sprint_before_it_starts_is_committed(lead, project):
    sprint, issue = SprintFactory(project=project), IssueFactory(project=project)

    behind(sprint, now(issue, sprint=sprint), lambda: asked(lead, "post", "sprints", sprint.pk, "start"))

    report = books_of([Sprint.objects.get(pk=sprint.pk)], now=timezone.now())[str(sprint.pk)].report
    assert (len(report.committed), len(report.added)) == (1, 0)


def test_what_is_made_in_a_sprint_after_it_started_was_added(lead, project):
    sprint = SprintFactory(project=project)

    behind(
        sprint,
        lambda: services.start_sprint(Sprint.objects.get(pk=sprint.pk), now=timezone.now),
        lambda: asked(lead, "post", "issues", title="A", issue_type="story", sprint=str(sprint.pk)),
    )

    report = books_of([Sprint.objects.get(pk=sprint.pk)], now=timezone.now())[str(sprint.pk)].report
    assert (len(report.committed), len(report.added)) == (0, 1)


@pytest.mark.parametrize("way", ["who has it leaves", "its sprint is deleted"])
def test_what_others_record_of_an_issue_comes_behind_what_they_waited_for(lead, project, way):
    member, sprint = TeamMemberFactory(project=project), SprintFactory(project=project)
    issue = IssueFactory(project=project, assignee=member.user, sprint=sprint)
    acts = {
        "who has it leaves": lambda: asked(lead, "delete", "members", member.user.pk),
        "its sprint is deleted": lambda: asked(lead, "delete", "sprints", sprint.pk),
    }

    behind(issue, now(issue, title="B", actual_hours=2.0), acts[way])

    assert issue.changes.count() == 3
    assert in_order(issue)
    assert broken(issue) == []


def test_a_link_tells_its_issue_anew_after_whoever_it_waited_for(lead, project):
    one, other = IssueFactory.create_batch(2, project=project)

    behind(
        other,
        now(other, title="B"),
        lambda: asked(lead, "post", "issues", one.pk, "links", relation="blocks", issue=str(other.pk)),
    )

    link = IssueLink.objects.get()
    assert link.created_at >= other.changes.get().changed_at
    assert Issue.objects.get(pk=other.pk).updated_at == link.created_at
