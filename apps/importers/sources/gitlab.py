"""GitLab: issues with their events of state, weight, iteration, milestone and label, and the sums of their time.

Read in recorded answers: a moved issue is closed and not done; the state of an iteration is a number; the header of the
next page is there and empty on the last one; events of one list may be of merge requests and epics too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from apps.importers.records import Person, RowError
from apps.importers.sources import reading
from apps.importers.sources.client import Client, NotThere, TrackerRefused
from apps.importers.sources.csv.cells import BadValue
from apps.importers.sources.paging import each_row, each_told, linked_pages, whole
from apps.importers.sources.reading import part, rows
from apps.importers.tracked import (
    Change,
    Gap,
    Stage,
    Told,
    TrackedIssue,
    TrackedSprint,
    gaps_in,
    in_order,
    with_life,
)

OPEN, CLOSED, MOVED = Stage("Open", "to_do"), Stage("Closed", "done"), Stage("Moved", "dropped")
DUPLICATE = Stage("Duplicate", "dropped")
#: A milestone of more days is a release, not a sprint.
MOST_SPRINT_DAYS = 42
STATE_OF_ITERATION = {"1": "planned", "2": "active", "3": "completed", "upcoming": "planned", "current": "active",
                      "started": "active", "opened": TrackedSprint.OPEN, "closed": "completed"}  # fmt: skip
#: Field → what a row has of it in the paid tier alone. In a milestone, or taken out of one, it is all the same.
PAID = {"story_points": "weight", "sprint": "iteration"}
#: How the ids of sprints begin that milestones are.
OF_MILESTONES = "milestone-"
#: Kinds of events, which are asked for issue by issue.
EVENTS = ("state", "label", "milestone", "weight", "iteration")
LEDGER = (
    Gap(
        "the custom status of a work item has no history and is not read: labels tell what is in progress",
        ("burndown",),
    ),
    Gap("time spent comes as a sum without its days", ("training of hours",)),
    Gap("who was assigned before is told in notes only and not read", ("who does what",)),
)
NO_EVENTS = "events of {kind} may not be read (iterations and weights need a paid tier)"


@dataclass(slots=True)
class Story:
    """The events of one issue by kind; a kind that may not be read, or not whole, is not there."""

    events: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def of(self, kind: str) -> list[Any]:
        """Events of one kind of an issue, oldest first."""
        own = [
            row
            for row in self.events.get(kind, ())
            if str(part(row, "resource_type") or "Issue") in ("Issue", "WorkItem")
        ]
        return sorted(own, key=lambda row: str(part(row, "created_at")))


def sprint_of_iteration(row: Any) -> TrackedSprint | None:
    """An iteration; cadences give none a title."""
    if not part(row, "id"):
        return None
    starts_on, ends_on = reading.day(part(row, "start_date")), reading.day(part(row, "due_date"))
    title = part(row, "title") or (
        f"{starts_on} to {ends_on}" if starts_on and ends_on else f"Iteration {part(row, 'iid')}"
    )
    state = STATE_OF_ITERATION.get(str(part(row, "state")), "")
    return TrackedSprint(
        external_id=f"iteration-{part(row, 'id')}", name=reading.fitting(title, 200), state=state,
        starts_on=starts_on, ends_on=ends_on,
    )  # fmt: skip


def sprint_of_milestone(row: Any) -> TrackedSprint | None:
    """A milestone with both dates that is short enough to be a sprint; a release is none."""
    starts_on, ends_on = reading.day(part(row, "start_date")), reading.day(part(row, "due_date"))
    if not part(row, "id") or not starts_on or not ends_on or not 0 <= (ends_on - starts_on).days < MOST_SPRINT_DAYS:
        return None
    return TrackedSprint(
        external_id=f"{OF_MILESTONES}{part(row, 'id')}",
        name=reading.fitting(part(row, "title"), 200) or f"Milestone {part(row, 'iid')}",
        state="completed" if part(row, "state") == "closed" else TrackedSprint.OPEN,
        starts_on=starts_on,
        ends_on=ends_on,
    )


def person_of(row: Any) -> Person | None:
    return reading.person(name=part(row, "name"), account=part(row, "username"), email=part(row, "public_email"))


def read_issue(line: int, row: Any, story: Story) -> TrackedIssue | RowError:
    """One issue with its events; without the paid tier, or after it, rows have no weight, nor an iteration."""
    key = _key(row)
    try:
        issue = _issue(line, key, row, story)
        untold = {field for field, name in PAID.items() if name not in row}
        # Each row has a milestone, or that there is none.
        told = OF_MILESTONES if "milestone" in row else ""
        return replace(issue, untold=frozenset(untold) - reading.told_by_labels(issue), told_sprints=told)
    except BadValue as error:
        return RowError(line, key, error.message)


def _key(row: Any) -> str:
    """Empty of what is no issue, of which nobody can say which it is."""
    number = part(row, "iid")
    return str(part(row, "references", "short") or (f"#{number}" if number else ""))


def sprints_in(row: Any, story: Story) -> Iterator[TrackedSprint | Gap]:
    """The sprints that an issue or its events name."""
    for kind, sprint_of in (("iteration", sprint_of_iteration), ("milestone", sprint_of_milestone)):
        yield from reading.sprints(sprint_of, [part(each, kind) for each in (row, *story.of(kind))])


def _issue(line: int, key: str, row: Any, story: Story) -> TrackedIssue:
    created_at = reading.moment(part(row, "created_at"))
    if not part(row, "id") or created_at is None:
        raise BadValue("the answer holds no id or time of creation")
    labels = reading.labels_of(part(row, "labels"))
    status = _present(row, labels)
    place, moves = _place(row, story)
    weight = reading.points(part(row, "weight"))
    closed_at = reading.moment(part(row, "closed_at"))
    past = reading.HeldLabels(labels)
    status_changes, is_whole = _status_changes(row, labels, story, status)
    changes = (*status_changes, *_weights(story), *_label_changes(past, story), *moves)
    cut = frozenset({"labels"} if past.is_cut else ())
    issue = TrackedIssue(
        line=line,
        source_id=str(part(row, "id")),
        external_id=key,
        title=reading.fitting(part(row, "title"), reading.LONGEST_TITLE) or key,
        description=reading.long_text(part(row, "description")),
        issue_type=reading.fitting(part(row, "issue_type") or part(row, "type"), reading.LONGEST_NAME).lower(),
        level=-1 if part(row, "issue_type") == "task" else None,
        status=status.name,
        status_category=status.category,
        labels=labels,
        reporter=person_of(part(row, "author")),
        assignee=person_of(next(iter(rows(part(row, "assignees"))), None) or part(row, "assignee")),
        sprint_id=place,
        story_points=weight if weight is not None else reading.points_in(labels),
        # GitLab writes 0 for none.
        estimated_hours=reading.hours_of_seconds(part(row, "time_stats", "time_estimate"), zero_is_none=True),
        actual_hours=reading.hours_of_seconds(part(row, "time_stats", "total_time_spent"), zero_is_none=True),
        created_at=created_at,
        resolved_at=closed_at if status.category == "done" else None,
        dropped_at=closed_at if status.category == "dropped" else None,
        due_date=reading.day(part(row, "due_date")),
        changes=in_order(changes),
        recorded=_recorded(row, story, place) - cut - (set() if is_whole else {"status"}),
        cut=cut,
    )
    return with_life(issue)


def _recorded(row: Any, story: Story, place: str) -> frozenset[str]:
    told = {"status"} if "state" in story.events and "label" in story.events else set()
    told |= {"labels"} if "label" in story.events else set()
    told |= {"story_points"} if "weight" in story.events and part(row, "weight") is not None else set()
    kind = place.partition("-")[0] or "iteration"
    return frozenset(told | ({"sprint"} if kind in story.events else set()))


def _present(row: Any, labels: Sequence[str]) -> Stage:
    if part(row, "moved_to_id"):
        return MOVED
    if part(row, "state") == "closed":
        return DUPLICATE if part(row, "_links", "closed_as_duplicate_of") else CLOSED
    return reading.stage_in(labels) or OPEN


def _status_changes(row: Any, labels: Sequence[str], story: Story, present: Stage) -> tuple[list[Change], bool]:
    """What closing, reopening and labels of progress did, read backwards from what is true now; whether all is told."""
    changes = []
    events = sorted((*story.of("state"), *story.of("label")), key=lambda each: str(part(each, "created_at")))
    held, is_closed, now = reading.HeldLabels(labels), part(row, "state") == "closed", present
    for event in reversed(events):
        state, name = part(event, "state"), reading.label_in(event)
        if state in ("closed", "reopened"):
            is_closed = state == "reopened"
        elif part(event, "action") in ("add", "remove"):
            held.go_back(name, was_held=part(event, "action") == "remove")
        before, at = CLOSED if is_closed else held.stage() or OPEN, reading.moment(part(event, "created_at"))
        if at is not None:
            changes.append(Change("status", before, now, at, person_of(part(event, "user"))))
        now = before
    # What is closed without a closing came from elsewhere, or is older than such events.
    return changes, now == OPEN


def _label_changes(labels: reading.HeldLabels, story: Story) -> Iterator[Change]:
    for event in reversed(story.of("label")):
        name, at = (
            reading.label_in(event),
            reading.moment(part(event, "created_at")),
        )
        if not name or at is None:
            # The label itself was deleted.
            continue
        yield from labels.change(
            name, was_held=part(event, "action") != "add", at=at, by=person_of(part(event, "user"))
        )


def _weights(story: Story) -> Iterator[Change]:
    """Each event tells the weight from then on; before the first there was none."""
    before: float | None = None
    for event in story.of("weight"):
        weight, at = reading.points(part(event, "weight")), reading.moment(part(event, "created_at"))
        if at is not None:
            yield Change("story_points", before, weight, at, person_of(part(event, "user")))
            before = weight


def _place(row: Any, story: Story) -> tuple[str, list[Change]]:
    """The iteration, or the milestone where there are none, and how the issue came there."""
    for kind, sprint_of in (("iteration", sprint_of_iteration), ("milestone", sprint_of_milestone)):
        now = sprint_of(part(row, kind))
        moves = list(_moves(story.of(kind), kind, sprint_of))
        if now or moves:
            return now.external_id if now else "", moves
    return "", []


def _moves(events: Sequence[Any], kind: str, sprint_of: Any) -> Iterator[Change]:
    """'add' puts it into a sprint, from whichever it was in; 'remove' takes it out."""
    place = ""
    for event in events:
        sprint, at = sprint_of(part(event, kind)), reading.moment(part(event, "created_at"))
        if sprint is None or at is None:
            continue
        after = sprint.external_id if part(event, "action") == "add" else "" if place == sprint.external_id else place
        yield Change(
            "sprint",
            place or (sprint.external_id if part(event, "action") == "remove" else ""),
            after,
            at,
            person_of(part(event, "user")),
        )
        place = after


# --- Asking -----------------------------------------------------------------------------------------------------------
def pull(client: Client, project: str, since: datetime | None) -> Iterator[Told]:
    """Everything of a project, or what was touched since a moment."""
    yield from LEDGER
    base = f"projects/{quote(project, safe='')}"
    gaps, refused, seen = list[Gap](), set[str](), dict[str, TrackedSprint]()
    for path, sprint_of in (("iterations", sprint_of_iteration), ("milestones", sprint_of_milestone)):
        yield from _sprints(client, f"{base}/{path}", sprint_of, seen)
    asked: dict[str, Any] = {
        "scope": "all", "order_by": "created_at", "sort": "asc", "updated_after": reading.bound_of(since),
    }  # fmt: skip

    def told_of(line: int, row: Any) -> Iterator[Told]:
        story = _story(client, f"{base}/issues/{part(row, 'iid')}", refused, gaps)
        yield from reading.news_of(sprints_in(row, story), seen)
        issue = read_issue(line, row, story)
        if isinstance(issue, RowError):
            yield issue
            return
        yield replace(issue, blocks=_held_up(client, base, row, gaps))
        yield from gaps_in(issue)

    pages = linked_pages(client, f"{base}/issues", each_by_itself=True, **asked)
    yield from each_told(each_row(pages, gaps), _key, told_of)
    yield from gaps
    for kind in sorted(refused):
        yield Gap(NO_EVENTS.format(kind=kind), ("velocity", "what a sprint had committed"))


def _sprints(client: Client, path: str, sprint_of: Any, seen: dict[str, TrackedSprint]) -> Iterator[Told]:
    gaps: list[Gap] = []
    try:
        asked: dict[str, Any] = {"include_ancestors": "true", "state": "all"}
        found = each_row(linked_pages(client, path, **asked), gaps)
        yield from reading.news_of(reading.sprints(sprint_of, found), seen)
    except TrackerRefused:
        # Without the paid tier there are no iterations; issues name what they are in.
        yield Gap(f"{path.rpartition('/')[2]} may not be read: those that issues name are known", ("sprint outcomes",))
    yield from gaps


def _held_up(client: Client, base: str, row: Any, gaps: list[Gap]) -> tuple[str, ...] | None:
    """Issues of the same project that wait for this one; its row counts them, so that most are not asked for."""
    count = part(row, "blocking_issues_count")
    if not isinstance(count, int):
        return None
    pages = linked_pages(client, f"{base}/issues/{part(row, 'iid')}/links") if count else ()
    found = whole(pages, gaps)
    if found is None or (count and not found):
        # It may be of what we may not see, and says nothing.
        return None
    waiting = (each for each in found if part(each, "link_type") == "blocks")
    return tuple(_key(each) for each in waiting if part(each, "project_id") == part(row, "project_id"))


def _story(client: Client, path: str, refused: set[str], gaps: list[Gap]) -> Story:
    """All events of an issue; a kind that was refused once is not asked for again."""
    events: dict[str, list[Any]] = {}
    for kind in EVENTS:
        if kind in refused:
            continue
        try:
            found = whole(linked_pages(client, f"{path}/resource_{kind}_events"), gaps)
            if found is not None:
                events[kind] = found
        except NotThere:
            # An issue that went has none of any kind; of one that is there the tracker does not have this kind.
            client.get(path)
            refused.add(kind)
        except TrackerRefused:
            refused.add(kind)
    return Story(events)
