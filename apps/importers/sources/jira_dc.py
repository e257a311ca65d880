"""Jira Data Center and Server, REST v2: pages by number, the whole history with each issue."""

from collections.abc import Iterator
from datetime import datetime

from apps.importers.records import RowError
from apps.importers.sources import jira
from apps.importers.sources.client import Client
from apps.importers.sources.jira_cloud import read_row
from apps.importers.sources.jira_pages import WORKLOGS, query, reader_of, sprints_of
from apps.importers.sources.paging import offset_pages
from apps.importers.sources.reading import part
from apps.importers.tracked import Gap, Told

API = "rest/api/2"
LEDGER = (
    WORKLOGS,
    Gap("sub-tasks have no history of their sprint: they follow their parent", ("what a sprint had committed",)),
)


def pull(client: Client, project: str, since: datetime | None) -> Iterator[Told]:
    """Everything of a project, or what was touched since a moment."""
    yield from LEDGER
    reader = reader_of(client, API, complete=True)
    yield from sprints_of(client, project, reader.sprints)
    pages = offset_pages(
        client, f"{API}/search", "issues", jql=query(project, since), expand="changelog",
        fields=",".join(reader.fields.asked), bare={"fields": "summary", "expand": None},
    )  # fmt: skip
    line = 0
    for page in pages:
        if isinstance(page, Gap | RowError):
            yield page
            continue
        for row in page:
            line += 1
            histories = part(row, "changelog", "histories")
            if not isinstance(histories, list):
                yield RowError(line, str(part(row, "key") or ""), "the answer holds no history")
                continue
            total = part(row, "changelog", "total")
            is_whole = not isinstance(total, int) or total <= len(histories)
            yield from read_row(reader, line, row, histories, is_whole=is_whole)
            if not is_whole:
                yield Gap(
                    "only the newest part of a history was given",
                    ("all figures of the past",),
                    (str(part(row, "key") or ""),),
                )
    yield from jira.gaps_of(reader)
