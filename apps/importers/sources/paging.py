"""Pages of the trackers, each kind once; one that repeats itself ends the reading and gets a line in the ledger."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from apps.importers.sources.client import AnswerUnusable, Client, HttpAnswer
from apps.importers.sources.reading import part, rows
from apps.importers.tracked import Gap

#: The figures that pages which are not complete touch: all of them.
EVERYTHING = ("all figures",)
Page = list[Any]


def offset_pages(client: Client, path: str, kind: str, **params: Any) -> Iterator[Page | Gap]:
    """Jira's pages by `startAt`: until the last, an empty one, or one that says nothing new."""
    start, seen, total = 0, set[str](), None
    while True:
        data = client.get(path, startAt=start, **params).data
        found = rows(part(data, kind))
        new = _unseen(found, seen)
        if new:
            yield new
        start += len(found)
        total = part(data, "total")
        if not new or part(data, "isLast") is True or (isinstance(total, int) and start >= total):
            break
    if isinstance(total, int) and len(seen) < total:
        yield Gap(f"{total} {kind} were announced and {len(seen)} given", EVERYTHING)


def token_pages(ask: Callable[[str | None], Any], kind: str) -> Iterator[Page | Gap]:
    """Pages by a token (Jira Cloud's `nextPageToken`)."""
    token: str | None = None
    tokens: set[str] = set()
    while True:
        data = ask(token)
        yield rows(part(data, kind))
        token = _text(part(data, "nextPageToken"))
        if not token or part(data, "isLast") is True:
            return
        if token in tokens:
            yield Gap(f"pages of {kind} lead back to earlier ones", EVERYTHING)
            return
        tokens.add(token)


def linked_pages(client: Client, path: str, **params: Any) -> Iterator[Page | Gap]:
    """Pages by the header Link, which is followed and never built (GitHub, GitLab)."""
    answer, urls, seen = client.get(path, **params), set[str](), set[str]()
    while True:
        yield _unseen(list_of(answer), seen)
        url = answer.next_url
        if not url:
            return
        if url in urls:
            yield Gap("a page leads back to an earlier one", EVERYTHING)
            return
        urls.add(url)
        answer = client.get(url)


def cursor_pages(ask: Callable[[str | None], Any]) -> Iterator[Page | Gap]:
    """Pages of a GraphQL connection: `nodes` and `pageInfo`."""
    cursor: str | None = None
    cursors: set[str] = set()
    while True:
        connection = ask(cursor)
        yield [node for node in rows(part(connection, "nodes")) if node]
        cursor = _text(part(connection, "pageInfo", "endCursor"))
        if not part(connection, "pageInfo", "hasNextPage") or not cursor:
            return
        if cursor in cursors:
            yield Gap("a page leads back to an earlier one", EVERYTHING)
            return
        cursors.add(cursor)


def each_row(pages: Iterable[Page | Gap], gaps: list[Gap]) -> Iterator[Any]:
    """The rows of all pages; gaps are put aside."""
    for page in pages:
        if isinstance(page, Gap):
            gaps.append(page)
        else:
            yield from page


def list_of(answer: HttpAnswer) -> list[Any]:
    """An answer that is to be a list."""
    data = answer.data
    if not isinstance(data, list):
        raise AnswerUnusable(f"A list was expected from {answer.url.partition('?')[0]}.")
    return data


def _text(value: Any) -> str:
    """A token or cursor; whatever else stands there leads nowhere."""
    return value if isinstance(value, str) else ""


def _unseen(found: Sequence[Any], seen: set[str]) -> list[Any]:
    """What no earlier page held: lists move while they are read, and a row may come twice."""
    new = []
    for row in found:
        key = str(part(row, "id") or part(row, "url") or row)
        if key not in seen:
            seen.add(key)
            new.append(row)
    return new
