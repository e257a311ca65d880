"""All sprints of a project, by the references of their addresses."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from apps.dashboard.types import Project, Sprint
from apps.projects.names.references import sprint_references
from apps.projects.selectors import sprints_of

#: As many as any team counts up to.
_DIGITS = re.compile(r"([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class ListedSprint:
    """A sprint and what its address is made of."""

    sprint: Sprint
    reference: str


def sprint_list(project: Project) -> Sequence[ListedSprint]:
    """The latest first; those without dates come before all others. One query."""
    # Those without a day come last, by their names: numbers in them count as numbers.
    found = sorted(sprints_of(project), key=lambda sprint: () if sprint.start_date else (1, *_in_order(sprint.name)))
    references = sprint_references((sprint.pk, sprint.name) for sprint in found)
    return [ListedSprint(sprint, references[sprint.pk]) for sprint in reversed(found)]


def _in_order(name: str) -> tuple[tuple[int, str], ...]:
    parts = _DIGITS.split(name.casefold())
    return tuple((int(part), "") if place % 2 else (-1, part) for place, part in enumerate(parts))


def undated_plan(project: Project) -> Sprint | None:
    """A sprint that is planned and of which nobody knows when it runs."""
    return next((each for each in sprints_of(project) if each.status == "planned" and not each.start_date), None)


def current_sprint(project: Project) -> ListedSprint | None:
    """The one that runs and ends first; else the next planned one; None where neither is there."""
    listed = list(reversed(sprint_list(project)))
    running = [each for each in listed if each.sprint.status == "active"]
    planned = [each for each in listed if each.sprint.status == "planned" and each.sprint.start_date]
    return next(iter(running or planned), None)
