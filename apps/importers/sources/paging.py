"""Answers that hold lists, and pages of these, each kind once.

A list that is not there is no empty one, and what is refused in the middle is no end: both raise. Pages that lead back
to earlier ones end the reading, with a line in the ledger. What is too large to be read at once comes in parts, down to
one row, which is an error by itself.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlencode

from apps.importers.records import LeftOut, RowError
from apps.importers.sources.bounded_json import parsed
from apps.importers.sources.client import AnswerTooLarge, AnswerUnusable, Client, HttpAnswer, NotThere, TrackerRefused
from apps.importers.sources.headers import beside_last, page_at, resized, rows_before
from apps.importers.sources.reading import NewRows, name_of, number, part, rows
from apps.importers.tracked import EVERYTHING, Gap, Told

#: So many issues running that are gone are not gone: it is the tracker that does not let us see them.
MOST_GONE = 20
#: A list by number of which rows go while it is read is read again, so often.
MOST_READINGS = 3
#: A thousand gave gateway timeouts (Jira); what GitHub and GitLab give at most.
NUMBERED_ROWS, LINKED_ROWS = 50, 100
#: Of rows that are too large together so many times fewer are asked for.
FEWER = 10
BACK = "a page leads back to an earlier one"
Answered = TypeVar("Answered")
#: Where a page begins: a number, token, cursor or address.
At = TypeVar("At", int, str)
Page = list[Any]
Piece = Page | Gap | RowError
#: Gives whether rows went away meanwhile.
Pages = Generator[Piece, None, bool]
#: The rows from a place on, so many at most, and where the next ones begin.
Ask = Callable[[At, int], tuple[Page, At | None]]
#: What answers from a token or cursor on, for so many rows at most.
Read = Callable[[str, int], Any]
#: What is told of a row that is too large by itself, and where the next one begins; raises where nothing tells that.
PassBy = Callable[[At, AnswerTooLarge], tuple[RowError, At | None]]


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


# --- Pages ------------------------------------------------------------------------------------------------------------
def offset_pages(
    client: Client, path: str, kind: str, *, at_once: int = NUMBERED_ROWS, bare: Mapping[str, Any] | None = None,
    **params: Any,
) -> Iterator[Piece]:  # fmt: skip
    """Jira's pages by `startAt`: until the last, an empty one, or one that says nothing new.

    `bare` is what is asked for in place of the rest to learn the key of a row that is too large. Each page begins with
    the last row of the one before, as of linked pages.
    """
    news, totals, awaited = NewRows(), list[float](), ""

    def asked(start: int, most: int, **others: Any) -> Any:
        with _in_the_middle(start > 0):
            return client.get(path, startAt=start, maxResults=most, **(params | others)).data

    def pass_by(start: int, error: AnswerTooLarge) -> tuple[RowError, int]:
        nonlocal awaited
        if bare is None:
            raise error
        awaited, found = "", rows_of(asked(start, 1, **bare), kind)
        news.hear(found)
        return left_out(start + 1, _key(found), error), start + 1

    def read() -> Pages:
        nonlocal awaited
        is_first, awaited, have_moved = not news.given, "", False
        totals.clear()

        def ask(start: int, most: int) -> tuple[Page, int | None]:
            nonlocal awaited, have_moved
            data = asked(start, most)
            found, total = rows_of(data, kind), part(data, "total")
            have_moved |= awaited not in ("", *map(name_of, found))
            new, end = news.hear(found), start + len(found)
            totals.extend([total] if isinstance(total, int) else [])
            is_last = part(data, "isLast") is True or (isinstance(total, int) and end >= total)
            # Where one row alone is asked for, and it is the awaited one, the next piece tells.
            is_bare = len(found) <= bool(awaited)
            if is_last or not found or (most > 1 if is_bare else is_first and not new):
                return new, None
            awaited = name_of(found[-1]) if len(found) > 1 else ""
            return new, end - bool(awaited)

        yield from _followed(ask, 0, at_once, pass_by, until=lambda: False)
        return have_moved or _got_less(totals)

    yield from _whole(read, kind)
    if totals and news.given < totals[-1]:
        yield Gap(f"{totals[-1]} {kind} were announced and {news.given} given", EVERYTHING)


def token_pages(ask: Read, kind: str, at_once: int, *, bare: Read | None = None) -> Iterator[Piece]:
    """Pages by a token (Jira Cloud's `nextPageToken`)."""

    def after(data: Any) -> str:
        following, is_last = _text(part(data, "nextPageToken")), part(data, "isLast")
        if not following and is_last is False:
            raise AnswerUnusable(f"There are more {kind}, and no token leads to them.")
        return "" if is_last is True else following

    yield from _led(ask, bare, kind, after, at_once, told=f"pages of {kind} lead back to earlier ones")


def cursor_pages(ask: Read, at_once: int, *, bare: Read | None = None) -> Iterator[Piece]:
    """Pages of a GraphQL connection: `nodes` with an `id`, null where one may not be read, and `pageInfo`."""

    def after(connection: Any) -> str:
        end, has_next = _text(part(connection, "pageInfo", "endCursor")), part(connection, "pageInfo", "hasNextPage")
        if not isinstance(has_next, bool) or (has_next and not end):
            raise AnswerUnusable("A page does not tell whether, and where, there is another one.")
        return end if has_next else ""

    yield from _led(ask, bare, "nodes", after, at_once)


def _led(
    ask: Read, bare: Read | None, kind: str, after: Callable[[Any], str], at_once: int, *, told: str = BACK
) -> Iterator[Piece]:
    """Pages each of which leads to the next one, the first by an empty text.

    `bare` asks for one row without what makes it too large, since only an answer leads further.
    """
    news = NewRows()

    def page(at: str, most: int) -> tuple[Page, str | None]:
        with _in_the_middle(bool(at)):
            data = ask(at, most)
        found = rows_of(data, kind)
        news.hear(found)
        return found, after(data) or None

    def pass_by(at: str, error: AnswerTooLarge) -> tuple[RowError, str | None]:
        if bare is None:
            raise error
        data = bare(at, 1)
        return left_out(0, _key(rows_of(data, kind)), error), after(data) or None

    yield from _followed(page, "", at_once, pass_by, until=lambda: news.have_ended, told=told)


def linked_pages(
    client: Client, path: str, *, per_page: int = LINKED_ROWS, each_by_itself: bool = False, **params: Any
) -> Iterator[Piece]:
    """Pages by the header Link, which is followed (GitHub, GitLab); `each_by_itself`: a row that is too large is one
    error, and not the end."""
    news = NewRows()
    first = f"{path}?{urlencode({name: value for name, value in params.items() if value is not None})}"

    def pass_by(url: str, error: AnswerTooLarge) -> tuple[RowError, str]:
        # The place is told by the address of a larger page, which begins there.
        before = rows_before(url)
        if not each_by_itself or before is None:
            raise error
        return left_out(before + 1, "", error), page_at(url, before + 2, 1)

    def read() -> Pages:
        news.begin()
        totals, awaited, have_moved = list[float](), "", False

        def ask(url: str, most: int) -> tuple[Page, str | None]:
            nonlocal awaited, have_moved
            asked = resized(url, most)
            with _in_the_middle(url != first):
                answer = client.get(asked)
            found, following, total = rows_of(answer.data), answer.next_url, number(answer.headers.get("x-total"))
            totals.extend([] if total is None else [total])
            have_moved |= awaited not in ("", *map(name_of, found))
            last = name_of(found[-1]) if found else ""
            again = beside_last(url, asked, len(found), following) if following and last else ""
            # The last one has to be there still when the next ones are read: of a number nobody sees that one went
            # and another one came.
            awaited = last if again else ""
            return news.hear(found), again or following or None

        yield from _followed(ask, first, per_page, pass_by, until=lambda: news.have_ended)
        return have_moved or _got_less(totals)

    yield from _whole(read, "rows")


def _followed(
    ask: Ask[At], at: At | None, at_once: int, pass_by: PassBy[At], *, until: Callable[[], bool], told: str = BACK
) -> Iterator[Piece]:
    """All pages from a place on, each where the one before it leads."""
    places = set[At]()
    while at is not None:
        if at in places or until():
            yield Gap(told, EVERYTHING)
            return
        places.add(at)
        at = yield from _in_parts(ask, at, at_once, pass_by)


def _in_parts(ask: Ask[At], at: At, at_once: int, pass_by: PassBy[At]) -> Generator[Page | RowError, None, At | None]:
    """So many rows from a place on: together, or in parts where they are too large together; where the next begin."""
    try:
        page, following = ask(at, at_once)
    except AnswerTooLarge as error:
        if at_once == 1:
            told, following = pass_by(at, error)
            yield told
            return following
    else:
        if page:
            yield page
        return following
    fewer, part_at = max(at_once // FEWER, 1), at
    for _ in range(at_once // fewer):
        following = yield from _in_parts(ask, part_at, fewer, pass_by)
        if following is None:
            break
        part_at = following
    return following


def in_pieces(ask: Callable[[int], Answered], at_once: int) -> tuple[Answered, int]:
    """What is answered for so many rows, or for fewer where these are too large to be read; and for how many."""
    while True:
        try:
            return ask(at_once), at_once
        except AnswerTooLarge:
            if at_once == 1:
                raise
            at_once = max(at_once // FEWER, 1)


def _whole(read: Callable[[], Pages], kind: str) -> Iterator[Piece]:
    """Where rows went away, others have moved up to pages that were read: all are read again."""
    for _ in range(MOST_READINGS):
        if not (yield from read()):
            return
    yield Gap(f"{kind} went away each time they were listed: others may be missing", EVERYTHING)


def _got_less(totals: Sequence[float]) -> bool:
    """Whether fewer rows are announced at the end than in the beginning."""
    return bool(totals) and totals[-1] < totals[0]


def each_row(pages: Iterable[Piece], gaps: list[Gap]) -> Iterator[Any]:
    """The rows of all pages, and errors in place of rows; gaps are put aside."""
    for page in pages:
        if isinstance(page, Gap):
            gaps.append(page)
        elif isinstance(page, RowError):
            yield page
        else:
            yield from page


def whole(pages: Iterable[Piece], gaps: list[Gap]) -> list[Any] | None:
    """The rows of a list that tells of something else; None where a page is missing: then it tells nothing of that."""
    missing: list[Gap] = []
    found = list(each_row(pages, missing))
    gaps += missing
    return None if missing else found


def each_told(
    found: Iterable[Any], key_of: Callable[[Any], str], read: Callable[[int, Any], Iterable[Told]]
) -> Iterator[Told]:
    """What is told of each row; of an issue that is too large, or gone by now, that, unless `MOST_GONE` running are."""
    running = 0
    for line, row in enumerate(found, start=1):
        try:
            # Whole, or not at all.
            told = [row] if isinstance(row, RowError) else list(read(line, row))
            running = 0
        except NotThere as error:
            running += 1
            if running == MOST_GONE:
                raise
            told = [left_out(line, key_of(row), error)]
        except AnswerTooLarge as error:
            told = [left_out(line, key_of(row), error)]
        yield from told


def left_out(line: int, key: str, error: NotThere | AnswerTooLarge) -> RowError:
    """An issue that is gone, or too large."""
    why = "It went while the import ran" if isinstance(error, NotThere) else "It is too large to be read"
    return LeftOut(line, key, f"{why}: {error.message}")


# --- GraphQL ----------------------------------------------------------------------------------------------------------
LIMITS = frozenset({"RATE_LIMIT", "RATE_LIMITED", "RATELIMITED"})
#: A query that costs too much, which one for fewer rows does not: by its kind, or where it has none by what is said.
TOO_DEAR = frozenset({"RESOURCE_LIMITS_EXCEEDED", "MAX_NODE_LIMIT_EXCEEDED"})
TOO_DEAR_IN_WORDS = ("may be the result of a timeout", "respond to your request in time", "query too complex")
NOT_FOUND = "NOT_FOUND"
#: That we may not read something, or that an older server does not have it; whatever else goes wrong is a fault.
REFUSALS = frozenset({
    NOT_FOUND, "FORBIDDEN", "INSUFFICIENT_SCOPES", "undefinedField", "undefinedType", "argumentNotAccepted",
    "argumentLiteralsIncompatible",
})  # fmt: skip


def graphql(client: Client, query: str, wanted: Sequence[str], **variables: Any) -> Mapping[str, Any]:
    """The part of the data that stands at the end of a path; errors come with status 200, beside a part of the data.

    Raises `TrackerRefused` for what we may not read (inside the part it is null), `AnswerTooLarge` where fewer rows may
    be had, and `AnswerUnusable` for anything else that is wrong.
    """

    def is_limit(answer: HttpAnswer) -> bool:
        """GitHub tells of its limit with status 200, Linear with 400, and what is too dear with any."""
        try:
            document = parsed(answer.body)
        except ValueError:
            return False
        if _is_too_dear(document):
            raise AnswerTooLarge(f"The tracker says: {client.quoted(_said(document))}")
        return part(document, "data") is None and bool(_kinds_of(document) & LIMITS)

    document = client.post("graphql", {"query": query, "variables": variables}, is_limit).data
    kinds, found = _kinds_of(document), part(document, "data", *wanted)
    if isinstance(found, Mapping) and kinds <= REFUSALS:
        return found
    told = f"The tracker says: {client.quoted(_said(document) or f'nothing of {wanted[-1]}')}"
    if kinds and kinds <= REFUSALS:
        raise (NotThere if kinds == {NOT_FOUND} else TrackerRefused)(told)
    raise AnswerUnusable(told)


def _is_too_dear(document: Any) -> bool:
    """What is quoted beside a kind may be anybody's words."""
    kinds, said = _kinds_of(document), str(_said(document)).lower()
    is_untyped = part(document, "data") is None and kinds <= {"", "INPUT_ERROR"}
    return bool(kinds & TOO_DEAR) or (is_untyped and any(words in said for words in TOO_DEAR_IN_WORDS))


def _said(document: Any) -> Any:
    """The first of the errors that a document tells of, in words; none for one without errors."""
    first = next(iter(rows(part(document, "errors"))), document)
    return part(first, "message") or part(document, "errors")


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


def _key(found: Sequence[Any]) -> str:
    """Of the one row that was asked for."""
    return next((str(part(row, "key") or part(row, "identifier") or part(row, "id") or "") for row in found), "")


def _text(value: Any) -> str:
    """A token or cursor; whatever else stands there leads nowhere."""
    return value if isinstance(value, str) else ""
