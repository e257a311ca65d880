"""Issues by the names that people know."""

from collections.abc import Collection
from dataclasses import dataclass

from apps.dashboard.types import Project
from apps.projects.selectors import issues_by_id


@dataclass(frozen=True, slots=True)
class NamedIssue:
    """An issue as tables and lists show it."""

    issue_id: str
    #: Its key where it came from, or else its id: what its address is made of.
    reference: str
    title: str
    status: str
    #: Empty for nobody, and where people are not shown.
    person: str
    points: float | None


def named_issues(project: Project, issue_ids: Collection[str], *, shows_people: bool = True) -> dict[str, NamedIssue]:
    """Some issues of a project by id, in one query; deleted ones and those of other projects are absent."""
    columns = ("id", "external_id", "title", "status__name", "assignee__full_name", "story_points")
    return {
        str(id_): NamedIssue(str(id_), key or str(id_), title, status, (person or "") if shows_people else "", points)
        for owner, id_, key, title, status, person, points in issues_by_id(issue_ids, "project_id", *columns)
        if owner == project.pk
    }
