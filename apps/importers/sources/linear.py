"""Linear, by GraphQL with its history. Untried: built from the documented schema, no recorded answer was to be had.

A personal key goes bare in `Authorization`; a rate limit comes as status 400 with `RATELIMITED` inside; a query costs
at most 10,000 points and takes at most 250 rows; the end of a cycle is the start of the next one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from apps.importers.records import Person, RowError
from apps.importers.sources import reading
from apps.importers.sources.client import Client
from apps.importers.sources.csv.cells import BadValue
from apps.importers.sources.paging import cursor_pages, each_row, each_told, graphql, whole
from apps.importers.sources.reading import part
from apps.importers.tracked import Change, Gap, Stage, Told, TrackedIssue, TrackedSprint, gaps_in, in_order, with_life
from apps.importers.writing.workflow import means_dropped

#: An entry of a history costs some 12 points, so that these issues with theirs stay below the price of a query.
PAGE_ISSUES, PAGE_HISTORIES, PAGE_CYCLES = 10, 50, 100
CATEGORY = {
    "triage": "to_do", "backlog": "to_do", "unstarted": "to_do", "started": "in_progress", "completed": "done",
    "canceled": "dropped", "duplicate": "dropped",
}  # fmt: skip
RECORDED = frozenset({"status", "sprint", "story_points", "assignee", "priority", "title"})
LEDGER = (
    Gap("the connector for Linear has not been tried on a live workspace", ("all figures",)),
    Gap("hours of work are not kept by Linear", ("training of hours",)),
    Gap("a cycle that is closed holds only what was finished: its scope is told from the history of its issues",
        ("what a sprint had committed",)),
)  # fmt: skip
_STATE, _CYCLE = "{ name type }", "{ id number name description startsAt endsAt completedAt }"
_HISTORY = f"""history(first: {PAGE_HISTORIES}, after: $history) {{ pageInfo {{ hasNextPage endCursor }} nodes {{
  id createdAt actor {{ id name email }} fromState {_STATE} toState {_STATE} fromCycle {_CYCLE} toCycle {_CYCLE}
  fromEstimate toEstimate fromAssignee {{ id name email }} toAssignee {{ id name email }} fromPriority toPriority
  fromTitle toTitle }} }}"""
ISSUES = f"""
query($team: String!, $first: Int!, $cursor: String, $history: String, $since: DateTimeOrDuration) {{
  issues(first: $first, after: $cursor, orderBy: createdAt, includeArchived: true,
         filter: {{ team: {{ key: {{ eq: $team }} }}, updatedAt: {{ gte: $since }} }}) {{
    pageInfo {{ hasNextPage endCursor }}
    nodes {{ id identifier title description estimate priority createdAt completedAt canceledAt dueDate
      state {_STATE} cycle {_CYCLE} parent {{ identifier }} assignee {{ id name email }} creator {{ id name email }}
      project {{ name }} labels {{ nodes {{ name }} }} {_HISTORY} }} }} }}
"""
#: The issues alone, where what they hold is too large.
BARE_ISSUES = ISSUES[: ISSUES.index("title")].replace("$history: String, ", "") + "} } }"
MORE_HISTORY = f"query($issue: String!, $history: String) {{ issue(id: $issue) {{ {_HISTORY} }} }}"
CYCLES = f"""
query($team: String!, $first: Int!, $cursor: String) {{
  cycles(first: $first, after: $cursor, filter: {{ team: {{ key: {{ eq: $team }} }} }}) {{
    pageInfo {{ hasNextPage endCursor }} nodes {_CYCLE} }} }}
"""
#: Before everything: a filter needs a moment.
BEGINNING = "1970-01-01T00:00:00Z"


def sprint_of(row: Any) -> TrackedSprint | None:
    """A cycle: its end is exclusive, as moments and as days."""
    if not part(row, "id"):
        return None
    starts_at, ends_at = reading.moment(part(row, "startsAt")), reading.moment(part(row, "endsAt"))
    closed_at = reading.moment(part(row, "completedAt"))
    last = ends_at - timedelta(microseconds=1) if ends_at and starts_at and ends_at > starts_at else None
    return TrackedSprint(
        external_id=str(part(row, "id")),
        name=reading.fitting(part(row, "name"), 200) or f"Cycle {part(row, 'number')}",
        goal=reading.long_text(part(row, "description")),
        state="completed" if closed_at else TrackedSprint.OPEN,
        completed_at=closed_at,
        starts_at=starts_at,
        ends_at=last,
    )


def person_of(row: Any) -> Person | None:
    return reading.person(name=part(row, "name"), email=part(row, "email"), account=part(row, "id"))


def stage_of(row: Any) -> Stage | None:
    """A state of the team's workflow, which has one of a few types."""
    name = reading.fitting(part(row, "name"), reading.LONGEST_NAME)
    category = CATEGORY.get(str(part(row, "type")))
    if not name or category is None:
        return None
    return Stage(name, "dropped" if category == "done" and means_dropped(name) else category)


def read_issue(line: int, row: Any, history: Sequence[Any] | None) -> TrackedIssue | RowError:
    """One issue with its history, None where not all of that is known."""
    key = _key(row)
    try:
        return _issue(line, key, row, history)
    except BadValue as error:
        return RowError(line, key, error.message)


def _key(row: Any) -> str:
    return str(part(row, "identifier") or part(row, "id") or "")


def sprints_in(row: Any, history: Sequence[Any]) -> Iterator[TrackedSprint | Gap]:
    cycles = [part(row, "cycle"), *(part(each, name) for each in history for name in ("fromCycle", "toCycle"))]
    yield from reading.sprints(sprint_of, cycles)


def _issue(line: int, key: str, row: Any, history: Sequence[Any] | None) -> TrackedIssue:
    created_at, stage = reading.moment(part(row, "createdAt")), stage_of(part(row, "state"))
    if not part(row, "id") or created_at is None or stage is None:
        raise BadValue("the answer holds no id, time of creation or state")
    return with_life(
        TrackedIssue(
            line=line,
            source_id=str(part(row, "id")),
            external_id=key,
            title=reading.fitting(part(row, "title"), reading.LONGEST_TITLE) or key,
            description=reading.long_text(part(row, "description")),
            level=-1 if part(row, "parent") else None,
            parent=str(part(row, "parent", "identifier") or ""),
            status=stage.name,
            status_category=stage.category,
            priority=_rank(part(row, "priority")),
            component=reading.fitting(part(row, "project", "name"), reading.LONGEST_COMPONENT),
            labels=reading.labels_of(part(row, "labels", "nodes")),
            reporter=person_of(part(row, "creator")),
            assignee=person_of(part(row, "assignee")),
            sprint_id=str(part(row, "cycle", "id") or ""),
            story_points=reading.points(part(row, "estimate")),
            created_at=created_at,
            resolved_at=reading.moment(part(row, "completedAt")),
            dropped_at=reading.moment(part(row, "canceledAt")),
            due_date=reading.day(part(row, "dueDate")),
            changes=in_order(change for entry in history or () for change in _changes(entry)),
            recorded=RECORDED if history is not None else frozenset(),
        )
    )


def _changes(entry: Any) -> Iterator[Change]:
    at, by = reading.moment(part(entry, "createdAt")), person_of(part(entry, "actor"))
    if at is None:
        raise BadValue("a history has no time")
    told: Mapping[str, tuple[str, Any]] = {
        "status": ("State", stage_of),
        "sprint": ("Cycle", lambda cycle: str(part(cycle, "id") or "")),
        "story_points": ("Estimate", reading.points),
        "assignee": ("Assignee", person_of),
        "priority": ("Priority", _rank),
        "title": ("Title", lambda title: reading.fitting(title, reading.LONGEST_TITLE)),
    }
    for field, (name, read) in told.items():
        old, new = part(entry, f"from{name}"), part(entry, f"to{name}")
        before, after = read(old), read(new)
        # A state of a kind that is not known leaves a hole, which the ledger tells of.
        if old != new and not (field == "status" and (before is None or after is None)):
            yield Change(field, before, after, at, by)


def _rank(value: Any) -> int | None:
    """0 is none, 1 urgent, 4 low."""
    return reading.rank_of(value) or None


# --- Asking -----------------------------------------------------------------------------------------------------------
def pull(client: Client, team: str, since: datetime | None) -> Iterator[Told]:
    """Everything of a team, or what was touched since a moment."""
    yield from LEDGER
    gaps, seen = list[Gap](), dict[str, TrackedSprint]()

    def cycles(cursor: str, most: int) -> Any:
        return graphql(client, CYCLES, ("cycles",), team=team, first=most, cursor=cursor or None)

    def issues(cursor: str, most: int, query: str = ISSUES) -> Any:
        bound = reading.bound_of(since) or BEGINNING
        return graphql(client, query, ("issues",), team=team, first=most, cursor=cursor or None, since=bound)

    yield from reading.news_of(reading.sprints(sprint_of, each_row(cursor_pages(cycles, PAGE_CYCLES), gaps)), seen)

    def told_of(line: int, row: Any) -> Iterator[Told]:
        history = _history(client, row, gaps)
        yield from reading.news_of(sprints_in(row, history or ()), seen)
        issue = read_issue(line, row, history)
        if isinstance(issue, TrackedIssue) and not seen:
            issue = replace(issue, untold=frozenset({"sprint"}))
        yield issue
        if isinstance(issue, TrackedIssue):
            yield from gaps_in(issue)

    pages = cursor_pages(issues, PAGE_ISSUES, bare=partial(issues, query=BARE_ISSUES))
    yield from each_told(each_row(pages, gaps), _key, told_of)
    yield from gaps


def _history(client: Client, row: Any, gaps: list[Gap]) -> list[Any] | None:
    """All pages of an issue's history; the first came with the issue."""

    def page(cursor: str, most: int) -> Any:
        if not cursor:
            return part(row, "history")
        return graphql(client, MORE_HISTORY, ("issue", "history"), issue=part(row, "id"), history=cursor)

    return whole(cursor_pages(page, 1), gaps)
