"""A Scrum team for tests: say what matters, the rest is sensible. Times lie before the `now` fixture."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import factory

from apps.accounts.tests.factories import UserFactory
from apps.projects.models import DayOff, Issue, Project, Sprint, TeamMember
from apps.projects.services import add_default_workflow

CREATED_AT = datetime(2026, 2, 2, 9, 0, tzinfo=UTC)


class ProjectFactory(factory.django.DjangoModelFactory):
    """A project with the default types (bug, story, task) and statuses (To do, In progress, Done, Won't do)."""

    class Meta:
        model = Project
        skip_postgeneration_save = True

    key = factory.Sequence(lambda n: f"PRJ{n}")
    name = factory.Sequence(lambda n: f"Project {n}")
    created_at = CREATED_AT

    @factory.post_generation
    def workflow(project: Project, create: bool, extracted: bool | None, **_: Any) -> None:  # noqa: N805
        """`ProjectFactory(workflow=False)` has neither types nor statuses."""
        if create and extracted is not False:
            add_default_workflow(project)


class TeamMemberFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = TeamMember

    project = factory.SubFactory(ProjectFactory)
    user = factory.SubFactory(UserFactory)
    role = TeamMember.Role.MEMBER
    joined_at = CREATED_AT


class DayOffFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = DayOff

    project = factory.SubFactory(ProjectFactory)
    day = factory.Sequence(lambda n: date(2026, 5, 1) + timedelta(days=n))


class SprintFactory(factory.django.DjangoModelFactory):
    """A planned sprint of two weeks; `active=True` is running, `completed=True` is over."""

    class Meta:
        model = Sprint

    class Params:
        active = factory.Trait(
            status=Sprint.Status.ACTIVE, started_at=factory.LazyAttribute(lambda sprint: _morning(sprint.start_date))
        )
        completed = factory.Trait(
            status=Sprint.Status.COMPLETED,
            started_at=factory.LazyAttribute(lambda sprint: _morning(sprint.start_date)),
            completed_at=factory.LazyAttribute(lambda sprint: _morning(sprint.end_date)),
        )

    project = factory.SubFactory(ProjectFactory)
    name = factory.Sequence(lambda n: f"Sprint {n}")
    start_date = date(2026, 2, 2)
    end_date = factory.LazyAttribute(lambda sprint: sprint.start_date and sprint.start_date + timedelta(days=13))
    created_at = CREATED_AT


class IssueFactory(factory.django.DjangoModelFactory):
    """An open task. `type_name` and `status_name` choose among the project's; `completed=True` took 8 hours."""

    class Meta:
        model = Issue

    class Params:
        type_name = "task"
        status_name = "To do"
        in_progress = factory.Trait(
            status_name="In progress",
            started_at=factory.LazyAttribute(lambda issue: issue.created_at + timedelta(days=1)),
        )
        completed = factory.Trait(
            status_name="Done",
            started_at=factory.LazyAttribute(lambda issue: issue.created_at + timedelta(days=1)),
            resolved_at=factory.LazyAttribute(lambda issue: issue.started_at + timedelta(days=1)),
            actual_hours=8.0,
        )

    project = factory.SubFactory(ProjectFactory)
    title = factory.Sequence(lambda n: f"Issue number {n}")
    issue_type = factory.LazyAttribute(lambda issue: _named(issue.project.issue_types, issue.type_name))
    status = factory.LazyAttribute(lambda issue: _named(issue.project.statuses, issue.status_name))
    created_at = CREATED_AT


def _named(rows: Any, name: str) -> Any:
    return rows.get(name=name)


def _morning(day: date | None) -> datetime | None:
    return day and datetime(day.year, day.month, day.day, 9, 0, tzinfo=UTC)
