"""An issue as a page shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.dashboard.pages.sprints import ListedSprint, sprint_list
from apps.dashboard.types import Project
from apps.projects.selectors import history_of, issues_of


@dataclass(frozen=True, slots=True)
class IssuePage:
    """An issue, its sprint and what happened to it, the latest first."""

    issue: Any
    sprint: ListedSprint | None
    history: Sequence[Any]


def issue_page(project: Project, reference: str) -> IssuePage | None:
    """The issue that an address names by its key or its id; None without one."""
    found = issues_of(project).filter(external_id=reference).first()
    if found is None and (issue_id := _as_id(reference)):
        found = issues_of(project).filter(id=issue_id).first()
    if found is None:
        return None
    sprint = next((each for each in sprint_list(project) if each.sprint.pk == found.sprint_id), None)
    return IssuePage(found, sprint, list(reversed(history_of(found))))


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
