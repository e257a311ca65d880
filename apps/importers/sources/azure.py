"""Azure DevOps: work items revision by revision, iterations from their tree.

Read in recorded answers: an update's id is no revision; updates of links repeat one and have no date; `revisedDate` is
when a revision ended, `System.ChangedDate` when it began; the last batch has a link to the next all the same; the tree
writes `\\P\\Iteration\\S` where a work item writes `P\\S`; the root of the tree is no sprint; Resolved is not done.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from apps.importers.records import Person, RowError
from apps.importers.sources import reading
from apps.importers.sources.client import AnswerUnusable, Client
from apps.importers.sources.csv.cells import BadValue
from apps.importers.sources.csv.values import person as person_in
from apps.importers.sources.paging import each_told, in_pieces, rows_of
from apps.importers.sources.reading import part, rows
from apps.importers.tracked import Change, Gap, Stage, Told, TrackedIssue, TrackedSprint, cuts_in, in_order, with_life
from apps.importers.writing.workflow import category_of, means_dropped

API_VERSION = "7.1"
CATEGORY = {"Proposed": "to_do", "InProgress": "in_progress", "Resolved": "in_progress", "Completed": "done",
            "Removed": "dropped"}  # fmt: skip
DELETED = Stage("Deleted", "dropped")
LEVELS = {"Epic": 2, "Feature": 1, "Task": -1}
POINT_FIELDS = (
    "Microsoft.VSTS.Scheduling.StoryPoints", "Microsoft.VSTS.Scheduling.Effort", "Microsoft.VSTS.Scheduling.Size",
)  # fmt: skip
ESTIMATE, COMPLETED = "Microsoft.VSTS.Scheduling.OriginalEstimate", "Microsoft.VSTS.Scheduling.CompletedWork"
PRIORITY, RESOLVED_REASON = "Microsoft.VSTS.Common.Priority", "Microsoft.VSTS.Common.ResolvedReason"
ASKED = (
    "System.Id", "System.Rev", "System.Title", "System.WorkItemType", "System.State", "System.Reason",
    "System.IterationPath", "System.IterationId", "System.AreaPath", "System.AssignedTo", "System.CreatedBy",
    "System.CreatedDate", "System.ChangedDate", "System.ChangedBy", "System.Tags", "System.Parent", "System.IsDeleted",
    "System.Description", "Microsoft.VSTS.Scheduling.DueDate", *POINT_FIELDS, ESTIMATE, COMPLETED, PRIORITY,
)  # fmt: skip
#: Azure allows 14 levels of names. What is below a longer path is known by its id.
LONGEST_PATH = 1_000
PAGE_UPDATES = 200
#: As Azure decides it; of fewer we tell it how many.
BATCH_REVISIONS = 1_000
RECORDED = frozenset({
    "status", "sprint", "story_points", "estimated_hours", "actual_hours", "assignee", "title", "issue_type",
    "priority", "labels",
})  # fmt: skip
LEDGER = (Gap("a changed link to a parent is no revision and may be seen late", ("levels",)),)


@dataclass(slots=True)
class Site:
    """What a project's rows mean."""

    #: (type, state) → what it means.
    stages: dict[tuple[str, str], Stage] = field(default_factory=dict)
    #: Of a sprint, and by path too.
    sprints: dict[str, TrackedSprint] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    #: Paths and ids of nodes that are no sprints: the root, and what only holds others.
    holders: set[str] = field(default_factory=set)
    #: Names of sprints whose dates cannot be read.
    undated: list[str] = field(default_factory=list)

    def stage(self, fields: Mapping[str, Any]) -> Stage:
        """What a revision's state means; a reason such as Duplicate, Cut or As Designed delivers nothing."""
        name = reading.fitting(fields.get("System.State"), reading.LONGEST_NAME)
        if _is_deleted(fields):
            return DELETED
        known = self.stages.get((str(fields.get("System.WorkItemType")), name))
        stage = known or Stage(name, category_of(name) or "in_progress")
        reason = str(fields.get("System.Reason") or "")
        if stage.category == "done" and means_dropped(reason):
            return Stage(reading.fitting(reason, reading.LONGEST_NAME), "dropped")
        return stage

    def place(self, fields: Mapping[str, Any]) -> str:
        """The iteration of a revision: by its id, else by its path; none for what is no sprint."""
        key, path = str(fields.get("System.IterationId") or ""), str(fields.get("System.IterationPath") or "")
        if key in self.sprints:
            return key
        if len(path) > LONGEST_PATH or key in self.holders or path in self.holders or "\\" not in path:
            return ""
        return self.paths.get(path) or path


def _is_deleted(fields: Mapping[str, Any]) -> bool:
    return fields.get("System.IsDeleted") in (True, "True", "true")


def stages_of(kind: str, found: Iterable[Any]) -> Iterator[tuple[tuple[str, str], Stage]]:
    """The states of a type of work item."""
    for row in found:
        name = reading.fitting(part(row, "name"), reading.LONGEST_NAME)
        category = CATEGORY.get(str(part(row, "category")), "in_progress")
        yield (kind, name), Stage(name, "dropped" if category == "done" and means_dropped(name) else category)


def read_tree(site: Site, node: Any, path: str = "") -> None:
    """Take over the iterations of a tree: those with dates, and those that hold no others."""
    path = f"{path}\\{part(node, 'name')}" if path else str(part(node, "name"))
    key, children = str(part(node, "id")), rows(part(node, "children"))
    try:
        starts_on, ends_on = (reading.day(part(node, "attributes", name)) for name in ("startDate", "finishDate"))
    except BadValue:
        starts_on = ends_on = None
        site.undated.append(reading.fitting(part(node, "name"), 40))
    is_root = "\\" not in path
    # Each child bears the names of all above it.
    path = path[: LONGEST_PATH + 1]
    if is_root or (children and not starts_on):
        site.holders |= {key, path}
    else:
        site.paths[path] = key
        site.sprints[key] = TrackedSprint(
            external_id=key, name=reading.fitting(part(node, "name"), 200), starts_on=starts_on, ends_on=ends_on
        )
    for child in children:
        read_tree(site, child, path)


def person_of(value: Any) -> Person | None:
    """'Ada <ada@example.org>' in the feed, a record in updates."""
    if isinstance(value, Mapping):
        email = str(part(value, "uniqueName") or "")
        return reading.person(name=part(value, "displayName"), email=email if "@" in email else "")
    return person_in(str(value)) if value else None


def revisions_of_updates(updates: Iterable[Any]) -> list[dict[str, Any]]:
    """Whole revisions from what each update changed; those of links alone are none.

    Of the fields that are read here: each revision has all of them, and an update may bring any number of others.
    """
    held: dict[str, Any] = {}
    found = []
    for update in sorted(updates, key=lambda each: _order(part(each, "id"))):
        changed = part(update, "fields")
        if not isinstance(changed, Mapping):
            continue
        told = {name: part(changed, name, "newValue") for name in ASKED if name in changed}
        if told:
            held = {**held, **told}
            found.append(held)
    return found


def read_issue(line: int, number: str, revisions: Sequence[Mapping[str, Any]], site: Site) -> TrackedIssue | RowError:
    """One work item from its revisions, in any order."""
    try:
        ordered = sorted(revisions, key=_revision)
        if not ordered:
            raise BadValue("the answer holds no revision")
        return _issue(line, number, ordered, site)
    except BadValue as error:
        return RowError(line, number, error.message)


def sprints_in(revisions: Sequence[Mapping[str, Any]], site: Site) -> Iterator[TrackedSprint]:
    """Iterations that the tree no longer holds, by their path alone."""
    last: tuple[Any, ...] = (None, None)
    for fields in revisions:
        where = fields.get("System.IterationId"), fields.get("System.IterationPath")
        if _are_same(where, last):
            continue
        last, key = where, site.place(fields)
        if key and key not in site.sprints:
            name = reading.fitting(key.rpartition("\\")[2], 200)
            yield site.sprints.setdefault(key, TrackedSprint(external_id=key, name=name, is_only_named=True))


def _issue(line: int, number: str, revisions: Sequence[Mapping[str, Any]], site: Site) -> TrackedIssue:
    first, now = revisions[0], revisions[-1]
    created_at = reading.moment(now.get("System.CreatedDate") or first.get("System.ChangedDate"))
    if created_at is None:
        raise BadValue("the answer holds no time of creation")
    told = _Told(site, _points_field(revisions))
    changes = list(told.changes(revisions))
    meant = told.of(now)
    stage, sprint_id = meant.pop("status"), meant.pop("sprint")
    return with_life(
        TrackedIssue(
            line=line,
            source_id=number,
            external_id=number,
            description=reading.text_of_html(now.get("System.Description")),
            level=LEVELS.get(str(now.get("System.WorkItemType")), 0),
            parent=str(now.get("System.Parent") or ""),
            status=stage.name,
            status_category=stage.category,
            component=_component(now),
            reporter=person_of(now.get("System.CreatedBy")),
            sprint_id=sprint_id,
            created_at=created_at,
            dropped_at=reading.moment(now.get("System.ChangedDate")) if _is_deleted(now) else None,
            due_date=reading.day(now.get("Microsoft.VSTS.Scheduling.DueDate")),
            changes=in_order(changes),
            untold=frozenset(() if site.sprints else {"sprint"}),
            # The feed may begin after the item did: then what came before is not told.
            recorded=RECORDED if _order(first.get("System.Rev")) == 1 else frozenset(),
            **meant,
        )
    )


class _Told:
    """What a revision says, field by field. What is as in the last one is not read again, however long it is."""

    def __init__(self, site: Site, points_field: str) -> None:
        #: What is told → the fields that it stands in, and how it is read of them.
        self._how: Mapping[str, tuple[tuple[str, ...], Callable[[Mapping[str, Any]], Any]]] = {
            "title": (("System.Title", "System.Id"), _title),
            **_alone("issue_type", "System.WorkItemType", lambda said: reading.fitting(said, reading.LONGEST_NAME)),
            **_alone("priority", PRIORITY, reading.rank_of),
            **_alone("labels", "System.Tags", lambda said: reading.labels_of(str(said or "").split(";"))),
            **_alone("assignee", "System.AssignedTo", person_of),
            **_alone("story_points", points_field, reading.points),
            **_alone("estimated_hours", ESTIMATE, reading.hours),
            **_alone("actual_hours", COMPLETED, reading.hours),
            "status": (("System.State", "System.IsDeleted", "System.WorkItemType", "System.Reason"), site.stage),
            "sprint": (("System.IterationId", "System.IterationPath"), site.place),
        }
        self._when = {
            **_alone("at", "System.ChangedDate", reading.moment),
            **_alone("by", "System.ChangedBy", person_of),
        }
        self._read: dict[str, tuple[tuple[Any, ...], Any]] = {}

    def of(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        return self._told(self._how, fields)

    def changes(self, revisions: Sequence[Mapping[str, Any]]) -> Iterator[Change]:
        """What each revision made of the one before."""
        before = self.of(revisions[0])
        for fields in revisions[1:]:
            when, after = self._told(self._when, fields), self.of(fields)
            if when["at"] is None:
                raise BadValue("a revision has no time")
            for name, value in after.items():
                if value is not before[name] and value != before[name]:
                    yield Change(name, before[name], value, when["at"], when["by"])
            before = after

    def _told(self, how: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
        for name, (places, read) in how.items():
            said = tuple(map(fields.get, places))
            if name not in self._read or not _are_same(said, self._read[name][0]):
                self._read[name] = said, read(fields)
        return {name: self._read[name][1] for name in how}


def _alone(name: str, place: str, read: Callable[[Any], Any]) -> dict[str, Any]:
    """How a field is read that one field of a revision tells."""
    return {name: ((place,), lambda fields: read(fields.get(place)))}


def _are_same(some: Sequence[Any], others: Sequence[Any]) -> bool:
    """Whether they are the same objects, which no value is looked at for."""
    return all(one is other for one, other in zip(some, others, strict=True))


def _title(fields: Mapping[str, Any]) -> str:
    number = reading.fitting(fields.get("System.Id"), 20)
    return reading.fitting(fields.get("System.Title"), reading.LONGEST_TITLE) or f"#{number}"


def _points_field(revisions: Sequence[Mapping[str, Any]]) -> str:
    """Story points, effort or size: whichever the item has, or last had."""
    filled = (name for row in reversed(revisions) for name in POINT_FIELDS if row.get(name) is not None)
    return next(filled, POINT_FIELDS[0])


def _component(fields: Mapping[str, Any]) -> str:
    """The last part of the area; the root says nothing."""
    area = str(fields.get("System.AreaPath") or "")
    return reading.fitting(area.rpartition("\\")[2], reading.LONGEST_COMPONENT) if "\\" in area else ""


def _revision(fields: Mapping[str, Any]) -> float:
    return _order(fields.get("System.Rev"))


def _order(value: Any) -> float:
    """A number of a revision or update; what is none comes first."""
    return reading.number(value) or 0.0


# --- Asking -----------------------------------------------------------------------------------------------------------
def pull(client: Client, project: str, since: datetime | None) -> Iterator[Told]:
    """Everything of a project, or what was touched since a moment."""
    yield from LEDGER
    base = f"{quote(project, safe='')}/_apis/wit"
    site = _site(client, base)
    yield from site.sprints.values()
    if site.undated:
        yield Gap("dates of sprints cannot be read", ("sprint outcomes", "sprint durations"), tuple(site.undated))
    found, is_whole = defaultdict[int, list[Mapping[str, Any]]](list), True
    for revision in _revisions(client, base, since):
        own_id, fields = reading.number(part(revision, "id")), part(revision, "fields")
        if own_id is not None and isinstance(fields, Mapping):
            found[int(own_id)].append({"System.Rev": part(revision, "rev"), **fields})
            continue
        is_whole = False
        said = str(part(revision, "id") or "")[:20]
        yield revision if isinstance(revision, Gap) else RowError(0, said, "a revision holds no id or fields")

    def told_of(line: int, key: int) -> Iterator[Told]:
        number, revisions = str(key), found[key]
        # Where the feed holds only what is new, or is not whole, each item is asked for its own history. Of what was
        # deleted there is nothing else.
        if not _is_deleted(max(revisions, key=_revision)):
            revisions = revisions if is_whole and since is None else _whole(client, base, number)
        elif not is_whole:
            yield RowError(line, number, "it was deleted, and revisions are missing that may have restored it")
            return
        yield from sprints_in(revisions, site)
        issue = read_issue(line, number, revisions, site)
        yield issue
        if isinstance(issue, TrackedIssue):
            yield from cuts_in(issue)
            if not issue.recorded | issue.cut:
                yield Gap("the first revisions are missing", ("all figures of the past",), (issue.external_id,))

    yield from each_told(sorted(found), str, told_of)


def _site(client: Client, base: str) -> Site:
    site = Site()
    for kind in values_of(client.get(f"{base}/workitemtypes", **{"api-version": API_VERSION}).data):
        name = str(part(kind, "name"))
        answer = client.get(f"{base}/workitemtypes/{quote(name, safe='')}/states", **{"api-version": API_VERSION})
        site.stages |= dict(stages_of(name, values_of(answer.data)))
    tree = client.get(f"{base}/classificationnodes/iterations", **{"$depth": 20, "api-version": API_VERSION}).data
    if not part(tree, "name"):
        raise AnswerUnusable("What answered holds no iterations: every project has one for its root.")
    read_tree(site, tree)
    return site


def values_of(data: Any) -> list[Any]:
    """The rows of an answer, under either of the two names in use."""
    return rows_of(data, "values" if part(data, "value") is None else "value")


def _revisions(client: Client, base: str, since: datetime | None) -> Iterator[Any]:
    asked: dict[str, Any] = {
        "fields": ",".join(ASKED), "includeDeleted": "true", "api-version": API_VERSION,
        "startDateTime": reading.bound_of(since),
    }  # fmt: skip
    link, seen, most = f"{base}/reporting/workitemrevisions", set[str](), BATCH_REVISIONS

    def ask(most: int) -> Any:
        return client.get(link, **asked, **({} if most == BATCH_REVISIONS else {"$maxPageSize": most})).data

    while True:
        data, most = in_pieces(ask, most)
        yield from values_of(data)
        link, is_last = str(part(data, "nextLink") or ""), part(data, "isLastBatch")
        if not isinstance(is_last, bool) or not (is_last or link):
            raise AnswerUnusable("A batch does not tell whether, and where, there is another one.")
        if is_last:
            return
        if link in seen:
            yield Gap("a batch leads back to an earlier one", ("all figures",))
            return
        seen.add(link)
        # The link says all the rest.
        asked.clear()


def _whole(client: Client, base: str, number: str) -> list[Mapping[str, Any]]:
    updates, most = list[Any](), PAGE_UPDATES

    def ask(most: int) -> list[Any]:
        asked = {"$top": most, "$skip": len(updates), "api-version": API_VERSION}
        return values_of(client.get(f"{base}/workitems/{number}/updates", **asked).data)

    while True:
        page, most = in_pieces(ask, most)
        updates += page
        if len(page) < most:
            return list(revisions_of_updates(updates))
