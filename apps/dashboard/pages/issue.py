"""An issue as a page shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.dashboard.pages.sprints import ListedSprint, sprint_list
from apps.dashboard.types import Project, User
from apps.importers.selectors import tracker_page_of
from apps.ml.selectors.backlog import BacklogQuery, open_issues
from apps.ml.services.predictions.switch import is_predicted
from apps.projects.links.selectors import BLOCKED_BY, LinkedIssue, from_the_side_of, links_of
from apps.projects.placeholders import PEOPLE
from apps.projects.selectors import history_of, issues_of, person_names

#: More than anybody reads.
MOST_CHANGES = 50


@dataclass(frozen=True, slots=True)
class IssuePage:
    """An issue, its sprint and what happened to it, the latest first."""

    issue: Any
    sprint: ListedSprint | None
    history: Sequence["Happened"]
    #: Whether it is open work of which something is predicted.
    is_predicted: bool
    #: What it waits for, what waits for it, as far as the reader sees these.
    links: Sequence[LinkedIssue]
    #: Where its tracker shows it; empty without one.
    tracker_page: str

    @property
    def blocked_by(self) -> Sequence[LinkedIssue]:
        """What has to be done before it."""
        return [each for each in self.links if each.relation == BLOCKED_BY]

    @property
    def blocks(self) -> Sequence[LinkedIssue]:
        """What waits for it."""
        return [each for each in self.links if each.relation != BLOCKED_BY]


@dataclass(frozen=True, slots=True)
class Happened:
    """A change, with names in place of ids."""

    at: datetime
    what: str
    before: str
    after: str


def issue_page(project: Project, reference: str, *, user: User) -> IssuePage | None:
    """The issue that an address names by its key or its id; None without one."""
    found = issues_of(project).filter(external_id=reference).first()
    if found is None and (issue_id := _as_id(reference)):
        found = issues_of(project).filter(id=issue_id).first()
    if found is None:
        return None
    sprints = sprint_list(project)
    sprint = next((each for each in sprints if each.sprint.pk == found.sprint_id), None)
    history = list(history_of(found))[::-1][:MOST_CHANGES]
    # Of these fields alone: a title may be anything, the id of a stranger too.
    people = person_names(value for change in history if change.field in PEOPLE for value in _values(change))
    names: dict[str, Mapping[str, str]] = {
        "sprint": {str(each.sprint.pk): each.sprint.name for each in sprints},
        **dict.fromkeys(PEOPLE, people),
    }
    is_open = is_predicted(project) and open_issues(project.pk, BacklogQuery()).filter(pk=found.pk).exists()
    happened = [_happened(change, names.get(change.field, {})) for change in history]
    links = [from_the_side_of(found, link) for link in links_of(found, user)]
    return IssuePage(found, sprint, happened, is_open, links, tracker_page_of(found))


def _happened(change: Any, names: Mapping[str, str]) -> Happened:
    before, after = (names.get(value, value) for value in _values(change))
    return Happened(change.changed_at, change.get_field_display(), before, after)


def _values(change: Any) -> tuple[str, str]:
    return change.old_value, change.new_value


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
