"""What Jira Cloud and Data Center are asked in the same way: boards, their sprints, fields and statuses."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from apps.importers.sources import jira, jira_rows, reading
from apps.importers.sources.client import AnswerUnusable, Client, TrackerRefused
from apps.importers.sources.paging import each_row, offset_pages, rows_of
from apps.importers.sources.reading import part
from apps.importers.tracked import Gap, TrackedSprint

#: A date in a query is of the account's time zone, and an index may lag behind: so much is read again.
OVERLAP = timedelta(days=1, hours=14)
WORKLOGS = Gap("who logged hours on which day is not read: hours come as their sum and its history", ("who does what",))
NO_SITE = "What answered lists no {what}, as every Jira does: it has a fault, or something else answers in its place."
NO_BOARDS = Gap("the boards cannot be read: only sprints that issues name are known", ("sprint outcomes",))
NO_BOARD = Gap("a board cannot be read: of its sprints those that issues name are known", ("sprint outcomes",))


def query(project: str, since: datetime | None) -> str:
    """The issues of a project, or those that were touched since; parents before sub-tasks, as they were created."""
    bound = f' AND updated >= "{since - OVERLAP:%Y/%m/%d %H:%M}"' if since else ""
    return f'project = "{project}"{bound} ORDER BY created ASC'


def reader_of(client: Client, api: str, *, complete: bool) -> jira.Reader:
    """A reader that knows the site; `complete`: its answers hold the history of all fields."""
    fields = jira_rows.fields_of(field_rows(client, api))
    statuses = rows_of(client.get(f"{api}/status").data)
    if not statuses:
        raise AnswerUnusable(NO_SITE.format(what="statuses"))
    stages = jira_rows.stages_of(statuses)
    told_of = (*fields.asked, "resolution") if complete else fields.told_of
    return jira.Reader(fields, stages, {}, told_of)


def field_rows(client: Client, api: str) -> list[Any]:
    """The fields of a site, which has one for the titles of issues at the least."""
    found = rows_of(client.get(f"{api}/field").data)
    if not any("summary" in (part(row, "id"), part(row, "key")) for row in found):
        raise AnswerUnusable(NO_SITE.format(what="fields"))
    return found


def sprints_of(client: Client, project: str, seen: dict[str, TrackedSprint]) -> Iterator[TrackedSprint | Gap]:
    """The sprints of all boards of a project, each once: a board lists those of other boards too; `seen` takes them."""
    gaps: list[Gap] = []
    try:
        boards = list(_boards(client, project, gaps))
    except TrackerRefused:
        # A token without the right to the boards still reads the issues, which name their sprints with dates.
        yield NO_BOARDS
        return
    yield from gaps
    for board in boards:
        try:
            yield from _sprints_on(client, board, seen)
        except TrackerRefused:
            yield NO_BOARD


def _sprints_on(client: Client, board: int, seen: dict[str, TrackedSprint]) -> Iterator[TrackedSprint | Gap]:
    gaps: list[Gap] = []
    found = each_row(offset_pages(client, f"rest/agile/1.0/board/{board}/sprint", "values"), gaps)
    yield from reading.news_of(reading.sprints(jira_rows.sprint_of, found), seen)
    yield from gaps


def _boards(client: Client, project: str, gaps: list[Gap]) -> Iterator[int]:
    """Ids of the Scrum boards; a Kanban board refuses to be asked for sprints."""
    pages = offset_pages(client, "rest/agile/1.0/board", "values", projectKeyOrId=project)
    for board in each_row(pages, gaps):
        if part(board, "type") != "kanban" and (number := reading.number(part(board, "id"))) is not None:
            yield int(number)
