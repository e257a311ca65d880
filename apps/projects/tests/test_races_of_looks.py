"""What is looked at before it is written is still so when it is written: PostgreSQL has a moment in between."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from apps.common.exceptions import Conflict
from apps.projects import days_off, services
from apps.projects.models import Issue, Project, TeamMember, WorkedHoliday
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from conftest import NOW
from tests.at_once import in_the_midst_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer; the PostgreSQL run has these"),
]


@pytest.fixture
def project():
    return ProjectFactory()


def new_issue(project: Project, **fields: Any) -> Issue:
    kind = project.issue_types.get(name="story")
    return services.create_issue(project, title="A", **{"issue_type": kind, "by": None, "now": NOW} | fields)


def entering(project: Project, way: str, status: Any) -> Any:
    """Puts an issue into a status, as it was read before."""
    if way == "made":
        return lambda: new_issue(project, status=status)
    issue = IssueFactory(project=project)
    return lambda: services.update_issue(issue, by=None, now=NOW, status=status)


@pytest.mark.parametrize("way", ["made", "moved"])
def test_a_status_that_an_issue_is_just_entering_keeps_its_meaning(project, way):
    done = project.statuses.get(name="Done")

    answer = in_the_midst_of(
        entering(project, way, done),
        lambda: services.update_status(project.statuses.get(pk=done.pk), category="in_progress"),
    )

    assert isinstance(answer, Conflict)
    assert project.statuses.get(pk=done.pk).category == "done"


@pytest.mark.parametrize("way", ["made", "moved"])
def test_an_issue_ends_by_what_its_status_has_just_become(project, way):
    done = project.statuses.get(name="Done")
    enter = entering(project, way, done)

    issue = in_the_midst_of(
        lambda: services.update_status(project.statuses.get(pk=done.pk), category="in_progress"), enter
    )

    issue.refresh_from_db()
    assert (issue.status.category, issue.resolved_at) == ("in_progress", None)


def test_a_status_that_an_issue_is_just_entering_is_not_deleted(project):
    """An issue that is moved on again at once leaves its name in the history."""
    done, first = project.statuses.get(name="Done"), project.statuses.get(name="To do")
    issue = IssueFactory(project=project, status=first)

    def pass_through() -> None:
        for status in (done, first):
            services.update_issue(Issue.objects.get(pk=issue.pk), by=None, now=NOW, status=status)

    answer = in_the_midst_of(pass_through, lambda: services.delete_status(project.statuses.get(pk=done.pk)))

    assert isinstance(answer, Conflict)
    assert project.statuses.filter(pk=done.pk).exists()


def test_a_type_that_the_history_is_just_naming_keeps_its_name(project):
    issue, bug = IssueFactory(project=project), project.issue_types.get(name="bug")

    answer = in_the_midst_of(
        lambda: services.update_issue(issue, by=None, now=NOW, issue_type=bug),
        lambda: services.update_issue_type(project.issue_types.get(pk=bug.pk), name="defect"),
    )

    assert isinstance(answer, Conflict)
    assert project.issue_types.get(pk=bug.pk).name == "bug"


def test_hours_of_a_part_that_is_just_being_made_are_not_lost(project):
    part = services.create_issue_type(project, name="Part", counts=True)
    parent = IssueFactory(project=project)

    in_the_midst_of(
        lambda: new_issue(project, issue_type=part, parent=parent, actual_hours=3.0),
        lambda: services.update_issue_type(project.issue_types.get(pk=part.pk), counts=False),
    )

    parent.refresh_from_db()
    assert parent.sub_task_hours == 3.0


def test_hours_of_a_part_that_moves_while_it_is_deleted_are_with_nobody(project):
    part = services.create_issue_type(project, name="Sub-task")
    one, other = IssueFactory.create_batch(2, project=project)
    issue = new_issue(project, issue_type=part, parent=one, actual_hours=3.0)
    seen = Issue.objects.get(pk=issue.pk)

    in_the_midst_of(
        lambda: services.update_issue(issue, by=None, now=NOW, parent=other), lambda: services.delete_issue(seen)
    )

    hours = Issue.objects.filter(pk__in=[one.pk, other.pk]).values_list("sub_task_hours", flat=True)
    assert (list(hours), Issue.objects.filter(pk=issue.pk).exists()) == ([None, None], False)


def test_four_issues_that_are_put_below_each_other_at_once_make_no_ring(project):
    a, b, c, d = IssueFactory.create_batch(4, project=project)
    for part, parent in ((a, b), (c, d)):
        services.update_issue(part, by=None, now=NOW, parent=parent)

    def close_the_ring() -> Any:
        try:
            return services.update_issue(d, by=None, now=NOW, parent=a)
        except ValidationError as error:
            return error

    answer = in_the_midst_of(lambda: services.update_issue(b, by=None, now=NOW, parent=c), close_the_ring)

    assert isinstance(answer, ValidationError)
    assert Issue.objects.filter(project=project, parent=None).count() == 1


def test_a_region_belongs_to_the_country_that_has_just_been_set(project):
    services.update_project(project, holiday_country="DE")
    seen = Project.objects.get(pk=project.pk)

    def choose() -> Any:
        try:
            return services.update_project(seen, holiday_region="BY")
        except ValidationError as error:
            return error

    answer = in_the_midst_of(lambda: services.update_project(project, holiday_country="FR"), choose)

    assert isinstance(answer, ValidationError)
    project.refresh_from_db()
    assert (project.holiday_country, project.holiday_region) == ("FR", "")


def test_no_holiday_is_worked_that_has_just_ceased_to_be_one(project):
    services.update_project(project, holiday_country="DE")
    seen = Project.objects.get(pk=project.pk)
    day = NOW.date().replace(month=10, day=3)

    def work() -> Any:
        try:
            return days_off.keep_holiday(seen, day=day, is_worked=True)
        except ValidationError as error:
            return error

    answer = in_the_midst_of(lambda: services.update_project(project, holiday_country="US"), work)

    assert isinstance(answer, ValidationError)
    assert not WorkedHoliday.objects.exists()


def test_who_leaves_and_who_gives_them_a_new_issue_do_not_wait_for_each_other(project):
    """An issue that is made points at its project, which whoever leaves has locked."""
    lead, member = TeamMemberFactory(project=project, role="lead"), TeamMemberFactory(project=project)

    answer = in_the_midst_of(
        lambda: new_issue(project, assignee=member.user),
        lambda: services.remove_member(TeamMember.objects.get(pk=member.pk), by=lead.user, now=NOW),
    )

    assert answer is None
    assert not project.team.filter(user=member.user).exists()
    assert Issue.objects.get(project=project).assignee is None
