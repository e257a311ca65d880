"""GitHub: issues and their events by REST, with what projects say of them.

Read in recorded answers: the issue inside an event is the present one; links lead to `/repositories/{id}/…`; pull
requests come among the issues.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from apps.importers.records import Person, RowError
from apps.importers.sources import reading
from apps.importers.sources.client import Client, NotThere, TrackerRefused
from apps.importers.sources.csv.cells import BadValue
from apps.importers.sources.github_projects import Placed, Projects, fields_in, projects_of, with_fields
from apps.importers.sources.paging import each_row, each_told, linked_pages, rows_of, whole
from apps.importers.sources.reading import part, rows
from apps.importers.tracked import (
    Change,
    Gap,
    Stage,
    Told,
    TrackedIssue,
    Unread,
    gaps_in,
    in_order,
    with_life,
)
from apps.importers.writing.workflow import category_of

OPEN, CLOSED = Stage("Open", "to_do"), Stage("Closed", "done")
#: Reasons of closing that deliver nothing.
DROPPED = {"not_planned": Stage("Not planned", "dropped"), "duplicate": Stage("Duplicate", "dropped")}
LEDGER = (Gap("hours of work are not kept by GitHub, unless a field of a project holds them", ("training of hours",)),)
NO_FIELDS = Unread("the organisation's issue fields may not be read: what was known stays", ("velocity",))
#: Events that change what is read here, and what is kept of them.
TOLD_BY = frozenset({"closed", "reopened", "labeled", "unlabeled", "assigned", "unassigned", "renamed"})
KEPT = ("event", "created_at", "actor", "label", "assignee", "rename", "state_reason")


# --- Rows -------------------------------------------------------------------------------------------------------------
def person_of(row: Any) -> Person | None:
    return reading.person(name=part(row, "login"), account=part(row, "login"))


def read_issue(
    line: int, row: Any, events: Sequence[Any] | None, placed: Placed | None = None
) -> TrackedIssue | RowError:
    """One issue with its events, None where not all are known, and what projects say."""
    try:
        return _issue(line, row, events, placed or Placed())
    except BadValue as error:
        return RowError(line, _key(row), error.message)


def _key(row: Any) -> str:
    """Empty of what is no issue, of which nobody can say which it is."""
    number = part(row, "number")
    return f"#{number}" if number else ""


def _issue(line: int, row: Any, events: Sequence[Any] | None, placed: Placed) -> TrackedIssue:
    created_at, key = reading.moment(part(row, "created_at")), _key(row)
    if not part(row, "id") or created_at is None:
        raise BadValue("the answer holds no id or time of creation")
    labels = _labels(row)
    story = sorted((*events, *placed.moves), key=_when) if events is not None else []
    moves, status, is_whole = _status_changes(story, labels, placed.column, row)
    past = reading.HeldLabels(labels)
    changes = in_order((*moves, *_other_changes(story, row, past)))
    cut = {"labels"} if past.is_cut else set[str]()
    told = {"status", "assignee", "title", "labels"} - cut if events is not None else set[str]()
    return with_life(
        TrackedIssue(
            line=line,
            source_id=str(part(row, "id")),
            external_id=key,
            title=reading.fitting(part(row, "title"), reading.LONGEST_TITLE) or key,
            description=reading.long_text(part(row, "body")),
            issue_type=reading.fitting(part(row, "type", "name"), reading.LONGEST_NAME).lower(),
            level=-1 if part(row, "parent_issue_url") else None,
            status=status.name,
            status_category=status.category,
            labels=labels,
            reporter=person_of(part(row, "user")),
            assignee=person_of(next(iter(rows(part(row, "assignees"))), None)),
            sprint_id=placed.iteration,
            story_points=placed.story_points if placed.story_points is not None else reading.points_in(labels),
            estimated_hours=placed.hours,
            created_at=created_at,
            resolved_at=reading.moment(part(row, "closed_at")) if status.category == "done" else None,
            dropped_at=reading.moment(part(row, "closed_at")) if status.category == "dropped" else None,
            changes=changes,
            recorded=frozenset(told if is_whole else told - {"status"}),
            cut=frozenset(cut),
        )
    )


def _when(event: Any) -> str:
    return str(part(event, "created_at"))


def _labels(row: Any) -> tuple[str, ...]:
    return reading.labels_of(part(row, "labels"))


def _stage(is_closed: bool, reason: str, labelled: Stage | None, column: Stage | None) -> Stage:
    """Closed for a reason, else in progress where a label or the column of a project says so."""
    return DROPPED.get(reason, CLOSED) if is_closed else labelled or column or OPEN


def _column(said: Any) -> Stage | None:
    """What a column of a project says of open work."""
    name = reading.fitting(said, reading.LONGEST_TITLE)
    return Stage(name[: reading.LONGEST_NAME], "in_progress") if category_of(name) == "in_progress" else None


def _reason(row: Any) -> str:
    return reading.fitting(part(row, "state_reason"), reading.LONGEST_NAME)


def _status_changes(
    story: Sequence[Any], labels: Sequence[str], column: str, row: Any
) -> tuple[list[Change], Stage, bool]:
    """What closing, labels and columns did, read backwards from what is true now; that; and whether all is told."""
    held, placed = reading.HeldLabels(labels), _column(column)
    is_closed, reason = part(row, "state") == "closed", _reason(row)
    present = now = _stage(is_closed, reason, held.stage(), placed)
    changes = []
    for event, closed_for in reversed(list(zip(story, _closed_for(story), strict=True))):
        kind = part(event, "event")
        if kind == "closed":
            is_closed = False
        elif kind == "reopened":
            is_closed, reason = True, closed_for
        elif kind in ("labeled", "unlabeled"):
            held.go_back(reading.label_in(event), was_held=kind == "unlabeled")
        elif kind == "moved":
            placed = _column(part(event, "from"))
        before, at = _stage(is_closed, reason, held.stage(), placed), reading.moment(part(event, "created_at"))
        if at is not None:
            changes.append(Change("status", before, now, at, person_of(part(event, "actor"))))
        now = before
    # What is in progress without having come to be so, or closed without a closing, misses an event.
    return changes, present, now == OPEN


def _closed_for(story: Iterable[Any]) -> Iterator[str]:
    """Of each event the reason of the last closing before it."""
    reason = ""
    for event in story:
        yield reason
        if part(event, "event") == "closed":
            reason = _reason(event)


def _other_changes(story: Sequence[Any], row: Any, labels: reading.HeldLabels) -> Iterator[Change]:
    """Who had it, what it was called, which labels it bore; read backwards likewise."""
    # Of a plain dict the first is looked for among all that have left it.
    people = OrderedDict.fromkeys(person_of(each) for each in rows(part(row, "assignees")))
    for event in reversed(story):
        kind, at, by = part(event, "event"), reading.moment(part(event, "created_at")), person_of(part(event, "actor"))
        if at is None:
            continue
        if kind == "renamed":
            old, new = (reading.fitting(part(event, "rename", key), reading.LONGEST_TITLE) for key in ("from", "to"))
            yield Change("title", old, new, at, by)
        elif kind in ("labeled", "unlabeled"):
            yield from labels.change(reading.label_in(event), was_held=kind == "unlabeled", at=at, by=by)
        elif kind in ("assigned", "unassigned"):
            one, had = person_of(part(event, "assignee")), next(iter(people), None)
            people.pop(one, None)
            if kind == "unassigned":
                people[one] = None
            yield Change("assignee", next(iter(people), None), had, at, by)


# --- Asking -----------------------------------------------------------------------------------------------------------
def pull(client: Client, repository: str, since: datetime | None) -> Iterator[Told]:
    """Everything of a repository, or what was touched since a moment."""
    yield from LEDGER
    base, gaps, projects = f"repos/{repository}", list[Gap](), Projects()
    yield from projects_of(client, repository, projects)
    own_fields = yield from _issue_fields(client, repository)
    projects.have |= own_fields or set()
    # All events in one list cost a hundredth of the requests; of a few issues each has its own.
    all_events = _events_of_all(client, base, gaps) if since is None else None

    def events_of(number: str) -> list[Any] | None:
        if since is not None:
            return whole(linked_pages(client, f"{base}/issues/{number}/events"), gaps)
        return all_events.pop(number, []) if all_events is not None else None

    def told_of(line: int, row: Any) -> Iterator[Told]:
        number, key = str(part(row, "number")), str(part(row, "id"))
        placed, untold = projects.places.get(key, Placed()), projects.untold()
        own = events_of(number)
        if projects.lack_moves(key):
            own = None
        if own_fields:
            placed = with_fields(placed, rows_of(client.get(f"{base}/issues/{number}/issue-field-values").data))
        elif own_fields is None:
            untold |= {"story_points", "estimated_hours"}
        issue = read_issue(line, row, own, placed)
        if isinstance(issue, RowError):
            yield issue
            return
        # That no label tells points any more says nothing where a project that was not read may.
        untold -= reading.told_by_labels(issue) - projects.have
        if not projects.are_whole:
            # A column that was not read may say that it is, or was, in progress.
            untold |= {"status"}
        yield replace(issue, untold=frozenset(untold), blocked_by=_blockers(client, base, row, gaps))
        yield from gaps_in(issue)

    asked: dict[str, Any] = {"state": "all", "sort": "created", "direction": "asc", "since": reading.bound_of(since)}
    found = each_row(linked_pages(client, f"{base}/issues", each_by_itself=True, **asked), gaps)
    yield from each_told((row for row in found if not part(row, "pull_request")), _key, told_of)
    yield from gaps


def _blockers(client: Client, base: str, row: Any, gaps: list[Gap]) -> tuple[str, ...] | None:
    """Issues of the same repository that an issue waits for; its row counts them, so that most are not asked for."""
    count = part(row, "issue_dependencies_summary", "total_blocked_by")
    if not isinstance(count, int):
        return None
    path = f"{base}/issues/{part(row, 'number')}/dependencies/blocked_by"
    found = whole(linked_pages(client, path), gaps) if count else []
    if found is None or (count and not found):
        # It may be of what we may not see, and says nothing.
        return None
    own = part(row, "repository_url")
    return tuple(f"#{part(each, 'number')}" for each in found if part(each, "repository_url") == own)


def _issue_fields(client: Client, repository: str) -> Generator[Told, None, set[str] | None]:
    """What the organisation has fields for, of what is read here: else no issue is asked for its own; None: unknown."""
    try:
        found = rows_of(client.get(f"orgs/{repository.partition('/')[0]}/issue-fields").data)
    except NotThere:
        # A person's repository has none, and the preview may be off.
        return set()
    except TrackerRefused:
        yield NO_FIELDS
        return None
    return set(fields_in(found))


def _events_of_all(client: Client, base: str, gaps: list[Gap]) -> dict[str, list[Any]] | None:
    """By the number of the issue; None where they are not whole."""
    events: dict[str, list[Any]] = defaultdict(list)
    missing: list[Gap] = []
    for event in each_row(linked_pages(client, f"{base}/issues/events"), missing):
        if str(part(event, "event")) in TOLD_BY:
            # Without the issue inside, which is the present one: memory holds the changes alone.
            events[str(part(event, "issue", "number"))].append({name: event.get(name) for name in KEPT})
    gaps += missing
    return None if missing else events
