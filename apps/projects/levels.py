"""Epics, standard issues and sub-tasks: work is counted at one level, and hours of sub-tasks belong to their parent."""

import re
from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from apps.common.exceptions import Conflict
from apps.projects.models import Issue, IssueType, Project
from apps.projects.rows import in_parts

Level = IssueType.Level
#: Types that a project has, and statuses: more than anybody finds in a menu. All are gone through at each issue of an
#: import.
MOST_KINDS = 300
#: Twenty teams of one project, two weeks a sprint, make as many within ten years.
MOST_SPRINTS = 5_000
#: Issues that count as work: of one level, so that no work counts twice.
COUNTED = Q(issue_type__counts=True)
#: Names that trackers give the levels above and below the standard one, in the languages that Jira ships.
_NAMES = {
    Level.EPIC: (
        "epic", "initiative", "theme", "portfolio epic", "capability", "épica",
        "épico", "épopée", "epik", "эпик", "エピック",
    ),
    Level.SUB_TASK: (
        "sub-task", "subtask", "sub task", "technical task", "unteraufgabe", "subtarea", "sous-tâche", "subtarefa",
        "sottotask", "sottoattività", "podzadanie", "подзадача", "subtaak", "deelstaak", "deltaak", "サブタスク",
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


def require_room(kinds: "QuerySet[Any]", most: int = MOST_KINDS) -> None:
    """`Conflict` where a project has as many types, statuses or sprints as it may."""
    if kinds.count() >= most:
        raise Conflict(f"A project has {most:,} {kinds.model._meta.verbose_name_plural} at most.")


def roll_up(project_id: UUID | str, parent_ids: Collection[UUID | None] | None = None) -> None:
    """Sum up the hours of sub-tasks in their parents; in all parents of the project without ids.

    Parts that are counted themselves keep their hours, and a parent that is not counted holds none: they would count
    twice. Each statement goes through the project once at most: asked about each parent, PostgreSQL went through all
    issues for each of them where it did not know yet that any has a parent, as in a first import of such (for minutes,
    at 10,000 issues).
    """
    issues = Issue.objects.filter(project_id=project_id).order_by()
    parts = issues.filter(parent__isnull=False, issue_type__counts=False)
    if parent_ids is not None:
        # Of an issue without a parent that is None.
        wanted = [pk for pk in parent_ids if pk is not None]
        issues, parts = issues.filter(pk__in=wanted), parts.filter(parent__in=wanted)
    parents = issues.filter(COUNTED)
    if parent_ids is not None:
        # Whoever changes another part of it waits here, and then sums up what both did.
        list(parents.select_for_update(no_key=True, of=("self",)).order_by("pk").values_list("pk"))
    sums = dict(parts.values_list("parent_id").annotate(hours=Sum("actual_hours")))
    present = {}
    held = issues.filter(sub_task_hours__isnull=False)
    for pk, hours, is_counted in held.values_list("pk", "sub_task_hours", "issue_type__counts"):
        present[pk] = hours
        if not is_counted:
            sums.pop(pk, None)
    new = [pk for pk, hours in sums.items() if hours is not None and pk not in present]
    for part in in_parts(new):
        found = parents.filter(pk__in=part).values_list("pk", flat=True)
        present |= dict.fromkeys(found)
    # What is told from hours is told anew.
    changed = [
        Issue(pk=pk, sub_task_hours=sums.get(pk), updated_at=timezone.now())
        for pk, hours in present.items()
        if sums.get(pk) != hours
    ]
    # Each for itself, so that an import of many lets others write in between.
    for part in in_parts(changed):
        Issue.objects.bulk_update(part, ["sub_task_hours", "updated_at"])


def require_no_ring(issue: Issue, parent: Issue) -> None:
    """Raise `ValidationError` where an issue would be below itself; the project is locked."""
    above: UUID | None = parent.pk
    seen: set[UUID] = set()
    while above is not None and above not in seen:
        if above == issue.pk:
            raise ValidationError({"parent": "An issue is not below itself: choose one that is not a part of it."})
        seen.add(above)
        above = Issue.objects.filter(pk=above).values_list("parent_id", flat=True).first()
