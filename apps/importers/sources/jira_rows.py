"""Jira's rows one by one: custom fields, statuses, sprints, people, entries of a history. Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.importers.records import Person
from apps.importers.sources import reading
from apps.importers.sources.csv.cells import BadValue
from apps.importers.sources.reading import part, rows
from apps.importers.tracked import Stage, TrackedSprint
from apps.importers.writing.workflow import means_dropped

CATEGORY_OF_KEY = {"new": "to_do", "indeterminate": "in_progress", "done": "done"}
STATE_OF_SPRINT = {"future": "planned", "active": "active", "closed": "completed"}
SPRINT_SCHEMA = "com.pyxis.greenhopper.jira:gh-sprint"
POINTS_SCHEMA = "com.pyxis.greenhopper.jira:jsw-story-points"
#: A site has two, by its old and its new kind of board. Each is looked for in every issue.
MOST_POINT_FIELDS = 10
POINT_NAMES = ("story point estimate", "story points", "story-points", "points", "sp")
_KEY = re.compile(r"(?:^|,)(\w++)=")


@dataclass(frozen=True, slots=True)
class Fields:
    """Which custom fields hold sprints and points; points may be in one of several."""

    sprint: str = ""
    points: tuple[str, ...] = ()

    @property
    def asked(self) -> tuple[str, ...]:
        """What is asked for of an issue."""
        plain = (
            "summary", "description", "issuetype", "status", "priority", "resolution", "resolutiondate", "assignee",
            "reporter", "creator", "created", "updated", "duedate", "labels", "components", "parent", "issuelinks",
            "timespent", "timeoriginalestimate", "statuscategorychangedate",
        )  # fmt: skip
        return (*plain, *filter(None, (self.sprint, *self.points)))

    @property
    def told_of(self) -> tuple[str, ...]:
        """Whose history matters, the most important first; Cloud tells of ten at most."""
        wanted = (
            "status",
            "resolution",
            self.sprint,
            *self.points[:2],
            "assignee",
            "timeoriginalestimate",
            "timespent",
        )
        return tuple(filter(None, (*wanted, "issuetype", "priority", "summary")))[:10]


def fields_of(found: Iterable[Any]) -> Fields:
    """The custom fields of a site: by what they are, or by name where the site does not say (old Data Centers)."""
    sprint, points = "", []
    for row in found:
        key, schema = str(part(row, "id") or part(row, "key") or ""), str(part(row, "schema", "custom") or "")
        names = {str(part(row, name) or "").casefold() for name in ("name", "untranslatedName")}
        if not key.startswith("customfield_"):
            continue
        if schema == SPRINT_SCHEMA or (not schema and "sprint" in names):
            sprint = sprint or key
        elif schema == POINTS_SCHEMA or names & set(POINT_NAMES):
            points.append((schema != POINTS_SCHEMA, key))
    return Fields(sprint, tuple(key for _, key in sorted(points)[:MOST_POINT_FIELDS]))


def stages_of(found: Iterable[Any]) -> dict[str, Stage]:
    """Status id → its present name and what it means, by the list of the site."""
    stages = {}
    for row in found:
        category = CATEGORY_OF_KEY.get(str(part(row, "statusCategory", "key")))
        if category:
            stages[str(part(row, "id"))] = stage_named(str(part(row, "name")), category)
    return stages


def stage_named(name: str, category: str) -> Stage:
    """'Abandoned' is of the category done, and not done."""
    is_dropped = category == "done" and means_dropped(name)
    return Stage(reading.fitting(name, reading.LONGEST_NAME), "dropped" if is_dropped else category)


def sprint_of(row: Any) -> TrackedSprint | None:
    """A sprint from its row, or from the text that old servers give (…Sprint@1[id=2,state=FUTURE,name=…])."""
    if isinstance(row, str):
        _, *told = _KEY.split(row[row.find("[") + 1 : max(row.rfind("]"), 0)])
        row = {key: "" if text == "<null>" else text for key, text in zip(told[::2], told[1::2], strict=True)}
    if not part(row, "id"):
        return None
    state = STATE_OF_SPRINT.get(str(part(row, "state") or "").casefold(), "")
    began, ends = reading.moment(part(row, "startDate")), reading.moment(part(row, "endDate"))
    closed = reading.moment(part(row, "completeDate"))
    return TrackedSprint(
        external_id=str(part(row, "id")),
        name=reading.fitting(part(row, "name"), 200) or f"Sprint {part(row, 'id')}",
        goal=None if part(row, "goal") is None else reading.long_text(part(row, "goal")),
        state=state,
        # The start of a sprint that has not begun is a plan, and may lie in the past.
        started_at=began if state in ("active", "completed") else None,
        completed_at=closed if state == "completed" else None,
        starts_at=began,
        ends_at=ends if began is None or ends is None or ends >= began else None,
    )


def person_of(row: Any) -> Person | None:
    """Cloud knows people by account, servers by key and name."""
    account = part(row, "accountId") or part(row, "name") or part(row, "key")
    return reading.person(name=part(row, "displayName"), email=part(row, "emailAddress"), account=account)


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of the history of an issue."""

    field: str
    old_id: str
    new_id: str
    old_text: str
    new_text: str
    at: datetime
    by: Person | None


def entries_of(histories: Iterable[Any]) -> Iterator[Entry]:
    """The items of all histories, each with the moment of its history."""
    for history in histories:
        at, by = reading.moment(part(history, "created")), person_of(part(history, "author"))
        for item in rows(part(history, "items")):
            if at is None:
                raise BadValue("a history has no time")
            # Servers give no `fieldId`; of custom fields the name then is all there is.
            name = str(part(item, "fieldId") or part(item, "field") or "")
            values = (part(item, key) for key in ("from", "to", "fromString", "toString"))
            old_id, new_id, old_text, new_text = ("" if value is None else str(value) for value in values)
            yield Entry(name, old_id, new_id, old_text, new_text, at, by)


def ids_in(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def sprints_named(ids: str, names: str) -> Iterator[TrackedSprint]:
    """Sprints as a history names them: names may hold commas, so only one alone, or as many as ids, are sure."""
    keys = ids_in(ids)
    told = [names] if len(keys) == 1 else names.split(", ")
    for place, key in enumerate(keys):
        name = reading.fitting(told[place], 200) if len(told) == len(keys) else ""
        yield TrackedSprint(external_id=key, name=name or f"Sprint {key}", is_only_named=True)


#: How types of links say which of two issues has to be done before the other, in the words that sites use.
_BEFORE = frozenset({"blocks", "is required by", "is depended on by", "is depended upon by", "has to be done before"})
_AFTER = frozenset({"is blocked by", "requires", "depends on", "depends upon", "has to be done after"})


def linked_by(links: Any) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Keys of what an issue waits for, and of what waits for it; links of other kinds say nothing of that."""
    if not isinstance(links, list):
        return None, None
    waits_for, holds_up = list[str](), list[str]()
    for link in rows(links):
        for side, word in (("inwardIssue", "inward"), ("outwardIssue", "outward")):
            key, said = str(part(link, side, "key") or ""), str(part(link, "type", word) or "").casefold().strip()
            if key and said in _AFTER:
                waits_for.append(key)
            elif key and said in _BEFORE:
                holds_up.append(key)
    return tuple(dict.fromkeys(waits_for)), tuple(dict.fromkeys(holds_up))


def level_of(kind: Any) -> int | None:
    level = part(kind, "hierarchyLevel")
    if isinstance(level, int):
        return level
    # A server tells of sub-tasks alone: its epics are known by the name of their type.
    return {True: -1, False: None}[bool(part(kind, "subtask"))]
