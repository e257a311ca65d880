"""Jira Cloud, REST v3: bounded queries by token, and the history in bulk, since a search gives only its newest page."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.importers.records import RowError
from apps.importers.sources import jira
from apps.importers.sources.client import AnswerTooLarge, Client, NotThere
from apps.importers.sources.jira_pages import WORKLOGS, query, reader_of, sprints_of
from apps.importers.sources.paging import MOST_GONE, left_out, rows_of, token_pages
from apps.importers.sources.reading import part
from apps.importers.tracked import Gap, Told, TrackedIssue, gaps_in

API = "rest/api/3"
#: With descriptions, a hundred issues are some 2 MB; the histories of as many come in a few pages.
PAGE_ISSUES = 100
PAGE_HISTORIES = 1_000
#: What this connector never knows.
LEDGER = (
    WORKLOGS,
    Gap("descriptions and labels come without their history", ("training",)),
    Gap("sub-tasks have no history of their sprint: they follow their parent", ("what a sprint had committed",)),
)


def pull(client: Client, project: str, since: datetime | None) -> Iterator[Told]:
    """Everything of a project, or what was touched since a moment."""
    yield from LEDGER
    reader = reader_of(client, API, complete=False)
    yield from sprints_of(client, project, reader.sprints)
    line = 0
    search = IssueSearch(client, reader.fields.asked, query(project, since))
    for page in token_pages(search.rows, "issues", PAGE_ISSUES, bare=search.keys):
        if isinstance(page, Gap | RowError):
            yield page
        else:
            yield from _told_on(client, reader, page, first_line=line + 1)
            line += len(page)
    yield from jira.gaps_of(reader)


def _told_on(client: Client, reader: jira.Reader, page: Sequence[Any], *, first_line: int) -> Iterator[Told]:
    """The issues of a page, with their histories."""
    histories, unread = defaultdict[str, list[Any]](list), dict[str, NotThere | AnswerTooLarge]()
    are_whole = True
    for piece in _histories(client, reader, [str(part(row, "id")) for row in page], unread):
        if isinstance(piece, Gap | RowError):
            are_whole = False
            yield piece
        else:
            histories[piece[0]] += piece[1]
    read = set[str]()
    for line, row in enumerate(page, start=first_line):
        key = str(part(row, "id"))
        if error := unread.get(key):
            yield left_out(line, str(part(row, "key") or key), error)
        # A row that comes again on the page says nothing new, and is not read with the whole history again.
        elif key == "None" or key not in read:
            yield from read_row(reader, line, row, histories.pop(key, []), is_whole=are_whole)
        read.add(key)


def read_row(reader: jira.Reader, line: int, row: Any, histories: Sequence[Any], *, is_whole: bool) -> Iterator[Told]:
    """An issue, after the sprints that it alone names, and what its history lacks."""
    yield from reader.sprints_in(row, histories)
    issue = reader.read(line, row, histories, is_whole=is_whole)
    yield issue
    if isinstance(issue, TrackedIssue):
        yield from gaps_in(issue)


@dataclass(frozen=True, slots=True)
class IssueSearch:
    """Issues page by page."""

    client: Client
    fields: Sequence[str]
    jql: str

    def rows(self, token: str, most: int) -> Any:
        return self._answer(token, most, self.fields)

    def keys(self, token: str, most: int) -> Any:
        """Issues by their keys alone, and where the next ones begin."""
        return self._answer(token, most, ["summary"])

    def _answer(self, token: str, most: int, fields: Sequence[str]) -> Any:
        body = {"jql": self.jql, "fields": list(fields), "maxResults": most}
        return self.client.post(f"{API}/search/jql", body | ({"nextPageToken": token} if token else {})).data


def _histories(
    client: Client, reader: jira.Reader, ids: Sequence[str], unread: dict[str, NotThere | AnswerTooLarge]
) -> Iterator[tuple[str, list[Any]] | Gap | RowError]:
    """(issue id, histories) in pieces: one issue's may be spread over several pages.

    Where Jira does not have one of many, or one is too large, they are asked for in halves: `unread` tells which it
    was.
    """
    if not ids:
        return
    body = {"issueIdsOrKeys": list(ids), "fieldIds": list(reader.told_of)}

    def ask(token: str, most: int) -> Any:
        asked = body | {"maxResults": most} | ({"nextPageToken": token} if token else {})
        return client.post(f"{API}/changelog/bulkfetch", asked).data

    try:
        for page in token_pages(ask, "issueChangeLogs", PAGE_HISTORIES):
            if isinstance(page, Gap | RowError):
                yield page
                continue
            for log in page:
                yield str(part(log, "issueId")), rows_of(log, "changeHistories")
    except (NotThere, AnswerTooLarge) as error:
        if len(ids) == 1:
            unread[ids[0]] = error
            if sum(isinstance(each, NotThere) for each in unread.values()) == MOST_GONE:
                raise
            return
        half = len(ids) // 2
        for some in (ids[:half], ids[half:]):
            yield from _histories(client, reader, some, unread)
