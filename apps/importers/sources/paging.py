"""Answers that hold lists, and pages of these, each kind once.

A list that is not there is no empty one, and what is refused in the middle is no end: both raise. Pages that lead back
to earlier ones end the reading, with a line in the ledger.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from apps.importers.records import RowError
from apps.importers.sources.bounded_json import parsed
from apps.importers.sources.client import AnswerTooLarge, AnswerUnusable, Client, HttpAnswer, NotThere, TrackerRefused
from apps.importers.sources.reading import number, part, rows
from apps.importers.tracked import Gap, Told

#: The figures that pages which are not complete touch: all of them.
EVERYTHING = ("all figures",)
#: So many issues running that are gone are not gone: it is the tracker that does not let us see them.
MOST_GONE = 20
#: A list by number that gets shorter while it is read is read again, so often.
MOST_READINGS = 3
#: No tracker has so many pages running that hold nothing new.
MOST_IDLE_PAGES = 10
#: A thousand gave gateway timeouts (Jira); what GitHub and GitLab give at most.
NUMBERED_ROWS, LINKED_ROWS = 50, 100
#: Of rows that are too large together so many times fewer are asked for.
FEWER = 10
TOO_LARGE = Gap("an issue is larger than all that is read at once", EVERYTHING)
Answered = TypeVar("Answered")
Page = list[Any]
#: Gives how many rows each page announced.
Pages = Generator[Page | Gap, None, list[float]]


# --- Lists ------------------------------------------------------------------------------------------------------------
def rows_of(data: Any, *path: str) -> list[Any]:
    """The list at the end of a path of an answer; raises `AnswerUnusable` where there is none."""
    found = part(data, *path)
    if not isinstance(found, list):
        raise AnswerUnusable(
            f"What answered holds no list{''.join(f' of {name}' for name in path[-1:])}: the tracker has a fault, or a "
            "log-in page or a firewall is before it."
        )
    return found


def list_of(answer: HttpAnswer) -> list[Any]:
    """An answer that is to be a list."""
    data = answer.data
    if not isinstance(data, list):
        raise AnswerUnusable(f"A list was expected from {answer.url.partition('?')[0]}.")
    return data


class SeenRows:
    """What no earlier page held: lists move while they are read, and a row may come twice."""

    def __init__(self) -> None:
        self.seen = set[str | int]()
        self.begin()

    def begin(self) -> None:
        """Read the list from its beginning, for the first time or again."""
        self._seen_now, self._idle = set[str | int](), 0

    def hear(self, found: Sequence[Any]) -> list[Any]:
        known, new = len(self._seen_now), []
        for row in found:
            own = part(row, "id") or part(row, "url")
            key = str(own) if own else hash(str(row))
            self._seen_now.add(key)
            if key not in self.seen:
                self.seen.add(key)
                new.append(row)
        self._idle = 0 if len(self._seen_now) > known else self._idle + 1
        return new

    @property
    def have_ended(self) -> bool:
        """Whether its pages go on and say nothing."""
        return self._idle >= MOST_IDLE_PAGES


# --- Pages ------------------------------------------------------------------------------------------------------------
def offset_pages(
    client: Client, path: str, kind: str, *, at_once: int = NUMBERED_ROWS, **params: Any
) -> Iterator[Page | Gap]:
    """Jira's pages by `startAt`: until the last, an empty one, or one that says nothing new.

    Of some at once, and of fewer where these are too large to be read.
    """
    rows_seen = SeenRows()

    def ask(start: int, most: int) -> Any:
        with _in_the_middle(start > 0):
            return client.get(path, startAt=start, maxResults=most, **params).data

    def read() -> Pages:
        start, totals, is_first = 0, list[float](), not rows_seen.seen
        while True:
            try:
                data, _ = in_pieces(lambda most: ask(start, most), at_once)  # noqa: B023 - it is asked at once
            except AnswerTooLarge:
                yield TOO_LARGE
                start += 1
                continue
            found, total = rows_of(data, kind), part(data, "total")
            new = rows_seen.hear(found)
            if new:
                yield new
            start += len(found)
            totals += [total] if isinstance(total, int) else []
            is_last = part(data, "isLast") is True or (isinstance(total, int) and start >= total)
            if is_last or not found or (is_first and not new):
                return totals

    totals = yield from _whole(read, kind)
    if totals and len(rows_seen.seen) < totals[-1]:
        yield Gap(f"{totals[-1]} {kind} were announced and {len(rows_seen.seen)} given", EVERYTHING)


def token_pages(ask: Callable[[str | None], Any], kind: str) -> Iterator[Page | Gap]:
    """Pages by a token (Jira Cloud's `nextPageToken`)."""
    token: str | None = None
    tokens, rows_seen = set[str](), SeenRows()
    while True:
        with _in_the_middle(token is not None):
            data = ask(token)
        found = rows_of(data, kind)
        yield found
        rows_seen.hear(found)
        token = _text(part(data, "nextPageToken"))
        if not token and part(data, "isLast") is False:
            raise AnswerUnusable(f"There are more {kind}, and no token leads to them.")
        if not token or part(data, "isLast") is True:
            return
        if token in tokens or rows_seen.have_ended:
            yield Gap(f"pages of {kind} lead back to earlier ones", EVERYTHING)
            return
        tokens.add(token)


def linked_pages(client: Client, path: str, *, per_page: int = LINKED_ROWS, **params: Any) -> Iterator[Page | Gap]:
    """Pages by the header Link, which is followed and never built (GitHub, GitLab).

    Of some at once; where these are too large to be read, it begins anew with fewer.
    """
    rows_seen = SeenRows()

    def read(most: int) -> Pages:
        rows_seen.begin()
        answer, urls, totals = client.get(path, per_page=most, **params), set[str](), list[float]()
        while True:
            yield rows_seen.hear(list_of(answer))
            url, total = answer.next_url, number(answer.headers.get("x-total"))
            totals += [] if total is None else [total]
            if not url:
                return totals
            if url in urls or rows_seen.have_ended:
                yield Gap("a page leads back to an earlier one", EVERYTHING)
                return totals
            urls.add(url)
            with _in_the_middle():
                answer = client.get(url)

    def read_in_pieces() -> Pages:
        most = per_page
        while True:
            try:
                return (yield from read(most))
            except AnswerTooLarge:
                if most == 1:
                    raise
                most = max(most // FEWER, 1)

    yield from _whole(read_in_pieces, "rows")


def in_pieces(ask: Callable[[int], Answered], at_once: int) -> tuple[Answered, int]:
    """What is answered for so many rows, or for fewer where these are too large to be read; and for how many."""
    while True:
        try:
            return ask(at_once), at_once
        except AnswerTooLarge:
            if at_once == 1:
                raise
            at_once = max(at_once // FEWER, 1)


def _whole(read: Callable[[], Pages], kind: str) -> Pages:
    """Where fewer are announced than before, rows have moved up to pages that were read: all are read again."""
    totals = list[float]()
    for _ in range(MOST_READINGS):
        totals = yield from read()
        if not totals or totals[-1] >= totals[0]:
            return totals
    yield Gap(f"{kind} went away each time they were listed: others may be missing", EVERYTHING)
    return totals


def cursor_pages(ask: Callable[[str | None], Any]) -> Iterator[Page | Gap]:
    """Pages of a GraphQL connection: `nodes`, of which one that may not be read is null, and `pageInfo`."""
    cursor: str | None = None
    cursors, rows_seen = set[str](), SeenRows()
    while True:
        with _in_the_middle(cursor is not None):
            connection = ask(cursor)
        found = rows_of(connection, "nodes")
        yield found
        rows_seen.hear(found)
        cursor, has_next = _text(part(connection, "pageInfo", "endCursor")), part(connection, "pageInfo", "hasNextPage")
        if not isinstance(has_next, bool) or (has_next and not cursor):
            raise AnswerUnusable("A page does not tell whether, and where, there is another one.")
        if not has_next:
            return
        if cursor in cursors or rows_seen.have_ended:
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


def each_told(
    found: Iterable[Any], key_of: Callable[[Any], str], read: Callable[[int, Any], Iterable[Told]]
) -> Iterator[Told]:
    """What is told of each row; of an issue that is too large, or gone by now, that, unless `MOST_GONE` running are."""
    running = 0
    for line, row in enumerate(found, start=1):
        try:
            # Whole, or not at all.
            told = list(read(line, row))
            running = 0
        except NotThere as error:
            running += 1
            if running == MOST_GONE:
                raise
            told = [gone(line, key_of(row), error)]
        except AnswerTooLarge as error:
            told = [RowError(line, key_of(row), error.message)]
        yield from told


def gone(line: int, key: str, error: NotThere) -> RowError:
    return RowError(line, key, f"It went while the import ran: {error.message}")


# --- GraphQL ----------------------------------------------------------------------------------------------------------
LIMITS = frozenset({"RATE_LIMITED", "RATELIMITED"})
NOT_FOUND = "NOT_FOUND"
#: That we may not read something, or that an older server does not have it; whatever else goes wrong is a fault.
REFUSALS = frozenset({
    NOT_FOUND, "FORBIDDEN", "INSUFFICIENT_SCOPES", "undefinedField", "undefinedType", "argumentNotAccepted",
    "argumentLiteralsIncompatible",
})  # fmt: skip


def graphql(client: Client, query: str, wanted: Sequence[str], **variables: Any) -> Mapping[str, Any]:
    """The part of the data that stands at the end of a path; errors come with status 200, beside a part of the data.

    Raises
    ------
    TrackerRefused
        If we may not read it. What we may not read inside it is null there.
    AnswerUnusable
        If anything else is wrong.
    """
    document = client.post("graphql", {"query": query, "variables": variables}, _is_limit).data
    kinds, found = _kinds_of(document), part(document, "data", *wanted)
    if isinstance(found, Mapping) and kinds <= REFUSALS:
        return found
    first = next(iter(rows(part(document, "errors"))), None)
    told = client.quoted(part(first, "message") or part(document, "errors") or f"nothing of {wanted[-1]}")
    if kinds and kinds <= REFUSALS:
        raise (NotThere if kinds == {NOT_FOUND} else TrackerRefused)(f"The tracker says: {told}")
    raise AnswerUnusable(f"The tracker says: {told}")


def _is_limit(answer: HttpAnswer) -> bool:
    """GitHub tells of its limit with status 200, Linear with 400; what is quoted beside it may be anybody's words."""
    try:
        document = parsed(answer.body)
    except ValueError:
        return False
    return part(document, "data") is None and bool(_kinds_of(document) & LIMITS)


def _kinds_of(document: Any) -> set[str]:
    """What kinds of errors a document tells of, as GitHub and Linear name them; empty for one without errors."""
    errors = part(document, "errors")
    listed = errors if isinstance(errors, list) else [errors] if errors else []
    return {str(part(each, "type") or part(each, "extensions", "code") or "") for each in listed}


@contextmanager
def _in_the_middle(is_so: bool = True) -> Iterator[None]:
    """Whoever may read a list may read all of it, unless what it is of went meanwhile."""
    try:
        yield
    except TrackerRefused as error:
        if isinstance(error, NotThere) or not is_so:
            raise
        raise AnswerUnusable(f"In the middle of a list: {error.message}") from error


def _text(value: Any) -> str:
    """A token or cursor; whatever else stands there leads nowhere."""
    return value if isinstance(value, str) else ""
