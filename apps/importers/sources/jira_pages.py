"""What Jira Cloud and Data Center are asked in the same way: boards, their sprints, fields and statuses."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from apps.importers.sources import jira, jira_rows, reading
from apps.importers.sources.client import Client, TrackerRefused
from apps.importers.sources.paging import offset_pages
from apps.importers.sources.reading import part, rows
from apps.importers.tracked import Gap, TrackedSprint

#: A date in a query is of the account's time zone, and an index may lag behind: so much is read again.
OVERLAP = timedelta(days=1, hours=14)
BOARD_ROWS = 50
WORKLOGS = Gap("who logged hours on which day is not read: hours come as their sum and its history", ("who does what",))
NO_BOARDS = Gap("the boards cannot be read: only sprints that issues name are known", ("sprint outcomes",))


def query(project: str, since: datetime | None) -> str:
    """The issues of a project, or those that were touched since; parents before sub-tasks, as they were created."""
    bound = f' AND updated >= "{since - OVERLAP:%Y/%m/%d %H:%M}"' if since else ""
    return f'project = "{project}"{bound} ORDER BY created ASC'


def reader_of(client: Client, api: str, *, complete: bool) -> jira.Reader:
    """A reader that knows the site; `complete`: its answers hold the history of all fields."""
    fields = jira_rows.fields_of(rows(client.get(f"{api}/field").data))
    stages = jira_rows.stages_of(rows(client.get(f"{api}/status").data))
    told_of = (*fields.asked, "resolution") if complete else fields.told_of
    return jira.Reader(fields, stages, {}, told_of)


def sprints_of(client: Client, project: str) -> Iterator[TrackedSprint | Gap]:
    """The sprints of all boards of a project, each once: a board lists those of other boards too."""
    seen: dict[str, TrackedSprint] = {}
    try:
        for board in _boards(client, project):
            for page in offset_pages(client, f"rest/agile/1.0/board/{board}/sprint", "values", maxResults=BOARD_ROWS):
                if isinstance(page, Gap):
                    yield page
                    continue
                for sprint in reading.sprints(jira_rows.sprint_of, page):
                    if isinstance(sprint, Gap):
                        yield sprint
                    elif sprint.tells_more_than(seen.get(sprint.external_id)):
                        seen[sprint.external_id] = sprint
                        yield sprint
    except TrackerRefused:
        # A token without the right to the boards still reads the issues, which name their sprints with dates.
        yield NO_BOARDS


def _boards(client: Client, project: str) -> Iterator[int]:
    """Ids of the Scrum boards; a Kanban board refuses to be asked for sprints."""
    pages = offset_pages(client, "rest/agile/1.0/board", "values", projectKeyOrId=project, maxResults=BOARD_ROWS)
    for page in pages:
        for board in () if isinstance(page, Gap) else page:
            if part(board, "type") != "kanban" and (number := reading.number(part(board, "id"))) is not None:
                yield int(number)
