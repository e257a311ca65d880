"""Types and statuses of a project, by name; of what is beyond the most that it has, what stands for them."""

from collections.abc import Iterable
from typing import TypeAlias
from uuid import UUID

from apps.common.exceptions import Conflict
from apps.projects.levels import MOST_KINDS, MOST_SPRINTS
from apps.projects.models import IssueType, Project, WorkflowStatus

DEFAULT_TYPE = "task"
MORE_TYPES = f"of a type beyond the {MOST_KINDS} that a project has: imported as {DEFAULT_TYPE}"
MORE_STATUSES = f"in a status beyond the {MOST_KINDS} that a project has: imported in one of the same meaning"
MORE_SPRINTS = f"in a sprint beyond the {MOST_SPRINTS:,} that a project has: imported in none"
Kinds: TypeAlias = tuple[dict[str, IssueType], dict[str, WorkflowStatus]]


def hold_project(project_id: UUID) -> Project:
    """A project, of which until the transaction ends nobody deletes a type or state, and no other import writes.

    Whoever makes an issue does not wait: they may hold the sprint that it goes into, and we be about to want that.
    What else is locked comes after it, in the order of `apps.projects.rows`: sprints, types, statuses and issues,
    each by id. Whoever writes issues alone locks these by id, and no project after them. `Conflict` when it is gone.
    """
    project = Project.objects.select_for_update(no_key=True).filter(pk=project_id).first()
    if project is None:
        raise Conflict("Somebody else has just deleted this.")
    return project


def kinds_of(project: Project) -> Kinds:
    """The present ones, by their names in small letters."""
    types = {one.name.casefold(): one for one in IssueType.objects.filter(project=project)}
    return types, {one.name.casefold(): one for one in WorkflowStatus.objects.filter(project=project)}


def first_of(category: str, statuses: Iterable[WorkflowStatus]) -> WorkflowStatus | None:
    """The status that stands for a meaning: the first of it on the board; None where there is none."""
    there = (status for status in statuses if status.category == category)
    return min(there, key=lambda status: (status.position, status.pk), default=None)
