"""Epics, standard issues and sub-tasks: work is counted at one level, and hours of sub-tasks belong to their parent."""

import re
from collections.abc import Collection
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import F, OuterRef, Q, Subquery, Sum
from django.utils import timezone

from apps.projects.models import Issue, IssueType, Project

Level = IssueType.Level
#: Issues that count as work: of one level, so that no work counts twice.
COUNTED = Q(issue_type__counts=True)
#: Names that trackers give the levels above and below the standard one, in the languages that Jira ships.
_NAMES = {
    Level.EPIC: (
        "epic", "initiative", "theme", "portfolio epic", "capability", "épica", "épico", "épopée", "epik", "эпик",
    ),
    Level.SUB_TASK: (
        "sub-task", "subtask", "sub task", "technical task", "unteraufgabe", "subtarea", "sous-tâche", "subtarefa",
        "sottotask", "sottoattività", "подзадача", "deelstaak", "deltaak",
    ),
}  # fmt: skip
_LEVEL = {re.sub(r"[\W_]+", "", name): level for level, names in _NAMES.items() for name in names}


def level_of(name: str) -> str:
    """The level that issues of a type of this name have nearly everywhere."""
    return _LEVEL.get(re.sub(r"[\W_]+", "", name.casefold()), Level.STANDARD)


def new_type(project: Project, name: str, *, level: str = "", counts: bool | None = None) -> IssueType:
    """A type, not yet stored: without a level its name tells it, and standard issues are counted."""
    level = level or level_of(name)
    return IssueType(
        project=project, name=name, level=level, counts=level == Level.STANDARD if counts is None else counts
    )


def roll_up(project_id: UUID | str, parent_ids: Collection[UUID] | None = None) -> None:
    """Sum up the hours of sub-tasks in their parents; one statement. All parents of the project without ids.

    Parts that are counted themselves keep their hours: they would count twice.
    """
    parts = Issue.objects.filter(parent=OuterRef("pk"), issue_type__counts=False).order_by()
    hours = parts.values("parent").annotate(hours=Sum("actual_hours")).values("hours")
    parents = Issue.objects.filter(project_id=project_id, issue_type__counts=True)
    chosen = Q(children__isnull=False) if parent_ids is None else Q(pk__in=parent_ids)
    found = parents.filter(chosen).annotate(summed=Subquery(hours))
    otherwise = found.exclude(sub_task_hours=F("summed")).exclude(sub_task_hours=None, summed=None)
    # By a list of ids: a database does not update the table that it asks. What is told from hours is told anew.
    changed = Issue.objects.filter(pk__in=otherwise.values("pk"))
    changed.update(sub_task_hours=Subquery(hours), updated_at=timezone.now())


def require_no_ring(issue: Issue, parent: Issue) -> None:
    """Raise `ValidationError` where an issue would be below itself.

    Whoever moves one of these two waits here until we are done, so that two do not take each other at once.
    """
    family = [each for each in (issue.pk, parent.pk, issue.parent_id) if each is not None]
    locked = Issue.objects.select_for_update().filter(pk__in=family).order_by("pk")
    above_of: dict[UUID, UUID | None] = dict(locked.values_list("pk", "parent_id"))
    above: UUID | None = parent.pk
    seen: set[UUID] = set()
    while above is not None and above not in seen:
        if above == issue.pk:
            raise ValidationError({"parent": "An issue is not below itself: choose one that is not a part of it."})
        seen.add(above)
        if above not in above_of:
            above_of[above] = Issue.objects.filter(pk=above).values_list("parent_id", flat=True).first()
        above = above_of[above]
