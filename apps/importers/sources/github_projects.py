"""GitHub's projects, by GraphQL: what they say of issues, which have neither sprints nor sizes of their own.

Read in recorded answers: finished iterations stand in a list of their own; a single select gives only its option unless
its name is asked for; errors come with status 200.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from dataclasses import fields as dataclass_fields
from datetime import timedelta
from functools import partial
from typing import Any

from apps.importers.sources import reading
from apps.importers.sources.client import AnswerTooLarge, Client, TrackerRefused
from apps.importers.sources.paging import cursor_pages, each_row, graphql
from apps.importers.sources.reading import part, rows
from apps.importers.tracked import Gap, Told, TrackedSprint, Unread

LONGEST_ITERATION_DAYS = 366
SIZE_FIELDS = ("story points", "story point", "points", "estimate", "size", "sp", "effort")
HOUR_FIELDS = ("estimated hours", "hours", "estimate (hours)", "time estimate")
SPRINT_TOUCHES = ("what a sprint had committed", "sprint outcomes")
PROJECT_LEDGER = (
    Gap("iterations, numbers and statuses of Projects come as they are now, without what they were before",
        (*SPRINT_TOUCHES, "velocity", "burndown")),
    Gap("what is changed in a project alone comes with the next full import", SPRINT_TOUCHES),
    Gap("changes of a status in Projects are not told since 24 September 2026 (reported of GitHub)", ("burndown",)),
)  # fmt: skip
NO_PROJECTS = Unread(
    "the projects may not be read, or not whole: no iterations and sizes from there, and what was known stays",
    (*SPRINT_TOUCHES, "velocity"),
)
#: What is read of projects and of an organisation's fields.
PLACED = ("sprint", "story_points", "estimated_hours")
PAGE_PROJECTS, PAGE_ITEMS = 20, 100
PROJECTS = """
query($owner: String!, $name: String!, $first: Int!, $cursor: String) {
  repository(owner: $owner, name: $name) { projectsV2(first: $first, after: $cursor) {
    pageInfo { hasNextPage endCursor }
    nodes { id title closed fields(first: 100) { nodes {
      ... on ProjectV2FieldCommon { name }
      ... on ProjectV2IterationField { id configuration {
        iterations { id title startDate duration } completedIterations { id title startDate duration } } } } } } } } }
"""
ITEMS = """
query($project: ID!, $first: Int!, $cursor: String) {
  node(id: $project) { ... on ProjectV2 { items(first: $first, after: $cursor) {
    pageInfo { hasNextPage endCursor }
    nodes { id content { ... on Issue { databaseId
      timelineItems(first: 100, itemTypes: [PROJECT_V2_ITEM_STATUS_CHANGED_EVENT]) { nodes {
        ... on ProjectV2ItemStatusChangedEvent { createdAt previousStatus status actor { login } } } } } }
      fieldValues(first: 50) { nodes { __typename
      ... on ProjectV2ItemFieldNumberValue { number field { ... on ProjectV2FieldCommon { name } } }
      ... on ProjectV2ItemFieldSingleSelectValue { name field { ... on ProjectV2FieldCommon { name } } }
      ... on ProjectV2ItemFieldIterationValue { iterationId title startDate duration } } } } } } } }
"""
#: The items alone, where what they hold is too large.
BARE_ITEMS = """
query($project: ID!, $first: Int!, $cursor: String) {
  node(id: $project) { ... on ProjectV2 { items(first: $first, after: $cursor) {
    pageInfo { hasNextPage endCursor } nodes { id } } } } }
"""


@dataclass(frozen=True, slots=True)
class Placed:
    """What the projects that an issue is in say of it."""

    iteration: str = ""
    story_points: float | None = None
    hours: float | None = None
    #: The name of its column, and the moves between columns as events.
    column: str = ""
    moves: tuple[Mapping[str, Any], ...] = ()
    #: For which fields of an issue they have a place.
    have: frozenset[str] = frozenset()

    def after(self, other: "Placed") -> "Placed":
        """What this project says, and where it says nothing what another one said."""
        told = {each.name: getattr(self, each.name) or getattr(other, each.name) for each in dataclass_fields(self)}
        return Placed(**told | {"have": self.have | other.have})


def sprint_of(row: Any) -> TrackedSprint | None:
    """An iteration of a project: days, the last one included."""
    starts_on = reading.day(part(row, "startDate"))
    if starts_on is None:
        return None
    # A query that did not ask for the id leaves the first day, which no two iterations of a field share.
    key = part(row, "id") or part(row, "iterationId") or starts_on
    days = int(min(reading.number(part(row, "duration")) or 0, LONGEST_ITERATION_DAYS))
    return TrackedSprint(
        external_id=str(key),
        name=reading.fitting(part(row, "title"), 200) or f"Iteration {key}",
        starts_on=starts_on,
        ends_on=starts_on + timedelta(days=days - 1) if days > 0 else None,
    )


@dataclass(slots=True)
class Projects:
    """What the projects of a repository say."""

    #: By the number of an issue in GitHub's database.
    places: dict[str, Placed] = field(default_factory=dict)
    #: For which fields of an issue there is a place.
    have: set[str] = field(default_factory=set)
    #: Whether all that they say is read.
    are_whole: bool = True
    #: Whether a part is missing without a word of the tracker's.
    are_cut: bool = False

    def untold(self) -> set[str]:
        """Of which of these fields nothing is known of an issue where nothing is said: what is not read may say it."""
        return set(PLACED) - self.have if self.are_whole else set(PLACED)

    def lack_moves(self, key: str) -> bool:
        """Whether an issue may have moved between columns unseen."""
        return self.are_cut and key not in self.places


def fields_in(found: Iterable[Any]) -> Iterator[str]:
    """The fields of an issue that fields of a project, or of an organisation, have a place for."""
    for row in found:
        name = str(part(row, "name") or "").casefold()
        if part(row, "configuration"):
            yield "sprint"
        elif name in SIZE_FIELDS:
            yield "story_points"
        elif name in HOUR_FIELDS:
            yield "estimated_hours"


def iterations_of(fields: Iterable[Any]) -> Iterator[TrackedSprint | Gap]:
    """All iterations of a project's fields, those that are over too."""
    for row in fields:
        for kind in ("completedIterations", "iterations"):
            yield from reading.sprints(sprint_of, rows(part(row, "configuration", kind)))


def placed_of(item: Any) -> Placed:
    """The values of one item of a project."""
    iteration, size, hours, column = "", None, None, ""
    for value in rows(part(item, "fieldValues", "nodes")):
        kind, name = part(value, "__typename"), str(part(value, "field", "name") or "").casefold()
        if kind == "ProjectV2ItemFieldIterationValue":
            iteration = str(part(value, "iterationId") or "")
        elif kind == "ProjectV2ItemFieldNumberValue" and name in HOUR_FIELDS:
            hours = reading.hours(part(value, "number"))
        elif kind == "ProjectV2ItemFieldNumberValue" and name in SIZE_FIELDS:
            size = reading.points(part(value, "number"))
        elif kind == "ProjectV2ItemFieldSingleSelectValue" and name == "status":
            column = str(part(value, "name") or "")
    moves = tuple(
        {
            "event": "moved",
            "created_at": part(node, "createdAt"),
            "from": part(node, "previousStatus"),
            "actor": part(node, "actor"),
        }
        for node in rows(part(item, "content", "timelineItems", "nodes"))
    )
    return Placed(iteration, size, hours, column, moves)


def with_fields(placed: Placed, values: Iterable[Any]) -> Placed:
    """What the organisation's issue fields add to a project's."""
    named = {str(part(row, "issue_field_name") or part(row, "name")).casefold(): part(row, "value") for row in values}
    sizes = (reading.points(named[name]) for name in SIZE_FIELDS if name in named)
    hours = (reading.hours(named[name]) for name in HOUR_FIELDS if name in named)
    size, time = next(sizes, None), next(hours, None)
    return replace(
        placed,
        story_points=placed.story_points if size is None else size,
        hours=placed.hours if time is None else time,
    )


# --- Asking ---
def projects_of(client: Client, repository: str, projects: Projects) -> Iterator[Told]:
    """Iterations of the repository's projects; fills in what they say of each issue.

    What may not be read is null among the rest, or refused as a whole.
    """
    owner, _, name = repository.partition("/")
    gaps: list[Gap] = []

    def listed(cursor: str, most: int) -> Any:
        asked = {"owner": owner, "name": name, "first": most, "cursor": cursor or None}
        return graphql(client, PROJECTS, ("repository", "projectsV2"), **asked)

    def items(cursor: str, most: int, query: str = ITEMS) -> Any:
        asked = {"project": part(project, "id"), "first": most, "cursor": cursor or None}
        return graphql(client, query, ("node", "items"), **asked)

    try:
        for project in each_row(cursor_pages(listed, PAGE_PROJECTS), gaps):
            yield from PROJECT_LEDGER
            fields = rows(part(project, "fields", "nodes"))
            yield from iterations_of(fields)
            have = frozenset(fields_in(fields))
            projects.have |= have
            projects.are_whole &= project is not None
            pages = cursor_pages(items, PAGE_ITEMS, bare=partial(items, query=BARE_ITEMS)) if project else ()
            for item in each_row(pages, gaps):
                projects.are_whole &= isinstance(part(item, "fieldValues", "nodes"), list)
                if key := part(item, "content", "databaseId"):
                    placed = replace(placed_of(item), have=have)
                    projects.places[str(key)] = placed.after(projects.places.get(str(key), Placed()))
    except (TrackerRefused, AnswerTooLarge):
        projects.are_whole = False
    projects.are_cut = bool(gaps)
    projects.are_whole &= not gaps
    if not projects.are_whole:
        yield NO_PROJECTS
    yield from gaps
