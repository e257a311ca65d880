"""What an erasure is to change is held before it changes anything, in the order in which everybody takes it.

Whoever writes in the name of a person waits, at the end, for who erases or deletes them: who does must want nothing
more by then that others hold.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any
from uuid import UUID

from django.db import models

from apps.accounts.models import User
from apps.importers.models import Connection, ImportRun
from apps.ml.models import MLModel, TrainingRun
from apps.notifications.services.left_going import KINDS
from apps.projects.models import Issue, Project, TeamMember
from apps.projects.placeholders import work_of
from apps.projects.rows import entered, in_parts, lock_in_order
from apps.upkeep.finding import Found
from apps.upkeep.pseudonyms import named_in_address
from apps.upkeep.texts import way_to_project

Wanted = dict[type[models.Model], set[Any]]


def enter_where_something_runs() -> None:
    """Projects come before their imports and trainings, of which those that run are taken away next."""
    running = [(ImportRun, ImportRun.Status.RUNNING, "status"), (TrainingRun, TrainingRun.State.RUNNING, "state")]
    projects: set[UUID | None] = set()
    for table, state, field in running:
        rows: models.QuerySet[models.Model] = models.QuerySet(table)
        projects |= set(rows.filter(**{field: state}).values_list("project_id", flat=True))
    entered(project for project in projects if project is not None)


def hold(people: Collection[User], found: Found) -> None:
    """The rows whose texts are to change, those that are the people's, the projects of all of them, and the people."""
    wanted: Wanted = defaultdict(set)
    for _, rows in found.rows:
        for texts, keys in rows.items():
            wanted[texts.model].update(keys)
    wanted[TeamMember].update(TeamMember.objects.filter(user__in=people).values_list("pk", flat=True))
    wanted[Issue].update(work_of(people))
    # Which of them are theirs is told by what they are sealed with, or have learned.
    wanted[Connection].update(Connection.objects.exclude(sealed_token="").values_list("pk", flat=True))
    wanted[MLModel].update(MLModel.objects.values_list("pk", flat=True))
    wanted[Project].update(_projects_of(people), *(_projects_with(table, keys) for table, keys in wanted.items()))
    wanted[User].update(person.pk for person in [*people, *named_in_address()])
    lock_in_order(wanted)


def _projects_of(people: Collection[User]) -> Iterator[UUID]:
    """Those that they made or have set something going in, which is told there when they go."""
    yield from Project.objects.filter(made_by__in=people).values_list("pk", flat=True)
    for kind in KINDS:
        rows: models.QuerySet[models.Model] = models.QuerySet(kind.model)
        yield from rows.filter(created_by__in=people).values_list("project_id", flat=True)


def _projects_with(table: type[models.Model], keys: Collection[Any]) -> set[UUID]:
    way, projects = way_to_project(table), set[UUID]()
    if way is None or table in (Connection, MLModel):
        return projects
    for part in in_parts(list(keys)):
        rows: models.QuerySet[models.Model] = models.QuerySet(table)
        projects.update(rows.filter(pk__in=part).order_by().values_list(way, flat=True).distinct())
    return projects - {None}
