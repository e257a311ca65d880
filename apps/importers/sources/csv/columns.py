"""Which column says what: header names of the trackers' own exports and of the public data sets, as one table.

Sources of the names: Jira's CSV export, GitHub's and GitLab's issue fields, Linear's importer, Azure DevOps queries.
What they are in other languages stands in `languages`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from apps.importers.records import ImportRefused
from apps.importers.sources.csv.languages import in_english, plain
from apps.importers.sources.csv.units import HOURS_PER_UNIT, is_least, parted, unit_in


def _in_units(*names: str) -> tuple[str, ...]:
    """The names with each unit behind them, as `normal_form` spells 'Time Spent (min)'."""
    return tuple(name + unit for unit in HOURS_PER_UNIT for name in names)


#: Field → header names in normal form, the best first: where a file has several, the first one listed is read.
# fmt: off
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "external_id": (
        "issuekey", "key", "tasknumber", "issuenumber", "number", "iid", "id", "issueid", "workitemid", "bugid",
        "taskid", "externalid", "ticket", "ticketid", "reference", "#",
    ),
    "source_id": ("issueid", "globalid", "nodeid", "uuid"),
    "title": (
        "title", "summary", "name", "subject", "issuetitle", "tasktitle", "taskname", "headline", "task",
    ),
    "description": ("description", "body", "details", "text"),
    "issue_type": ("issuetype", "workitemtype", "type", "tracker", "kind"),
    "parent": ("parent", "parentkey", "parentid", "parentissue", "parenttask", "epiclink", "parentreferenceid"),
    # Jira names a column by its type of link: "Inward issue link (Blocks)".
    "blocked_by": (
        "blockedby", "isblockedby", "inwardissuelinkblocks", "inwardissuelinkblocker", "blockers", "dependson",
        "predecessors", "predecessor",
    ),
    "blocks": ("blocks", "outwardissuelinkblocks", "outwardissuelinkblocker", "blocking", "successors"),
    "status": ("status", "state"),
    "status_category": ("statuscategory",),
    "resolution": ("resolution", "statereason", "closereason", "resolvedreason"),
    "priority": ("priority", "prio"),
    "component": ("component", "components", "areapath", "module", "project", "projectname", "epictitle"),
    "reporter": (
        "reporter", "raisedby", "author", "authorusername", "createdby", "user", "userlogin", "creator", "openedby",
        "reportername", "reporterid", "submitter", "reporteremail",
    ),
    "reporter_email": ("reporteremail", "reporteremailaddress", "authoremail", "creatoremail"),
    "assignee": (
        "assignee", "assignedto", "assignees", "assigneeusername", "owner", "developer", "assigneename", "assigneeid",
        "assigneddeveloper", "assigneeemail",
    ),
    "assignee_email": ("assigneeemail", "assigneeemailaddress", "owneremail", "assignedtoemail"),
    "sprint": ("sprint", "sprints", "sprintname", "cyclename", "iteration", "iterationpath", "iterationtitle"),
    "sprint_id": ("cyclenumber", "sprintid", "iterationid"),
    "sprint_starts_on": (
        "sprintstart", "sprintstartdate", "cyclestart", "iterationstart", "iterationstartdate",
        "sprintestimatedstart",
    ),
    "sprint_ends_on": (
        "sprintend", "sprintenddate", "cycleend", "iterationend", "iterationenddate", "sprintestimatedfinish",
    ),
    "story_points": (
        "storypoints", "storypoint", "storypointestimate", "customfieldstorypoints", "customfieldstorypointestimate",
        "points", "totalpoints", "estimate", "weight", "effort", "size", "estimatedsize", "sp",
    ),
    "estimated_hours": (
        "estimatedhours", "estimatehours", "hoursestimated", "plannedhours", "originalestimate", "timeestimate",
        "timeoriginalestimate", "estimatedtime", "estimatedminutes", "estimatehrs", "estimatedeffort", "plannedeffort",
        *_in_units("estimate", "originalestimate", "timeestimate", "estimatedtime", "estimatedeffort", "plannedeffort"),
    ),
    "actual_hours": (
        "actualhours", "hours", "hoursspent", "spenthours", "hoursactual", "loggedhours", "timespentminutes",
        "completedwork", "timespent", "spenttime", "totaltimespent", "actualminutes", "workhours", "loggedminutes",
        "actualeffort",
        # An effort may be a plan: what was spent goes before it.
        *_in_units("timespent", "spenttime", "totaltimespent", "completedwork"), *_in_units("effort", "actualeffort"),
    ),
    "created_at": (
        "created", "createdat", "createdon", "createddate", "creationdate", "datecreated", "createdatutc",
        "estimatedon", "opened", "openedat", "creationtime", "createdtime", "dateopened", "openeddate", "reportedat",
        "submittedat",
    ),
    "started_at": (
        "started", "startedat", "startedon", "starteddate", "activateddate", "dateactivated", "startdate",
        "datestarted",
    ),
    "resolved_at": (
        "resolved", "resolvedat", "resolvedon", "resolutiondate", "completed", "completedat", "completedon",
        "completeddate", "closed", "closedat", "closedon", "closeddate", "closedatutc", "resolveddate", "dateclosed",
        "finished", "finishedat", "finishedon", "completiondate", "datecompleted", "dateresolved", "doneat",
        "donedate", "finishdate", "doneon", "datedone",
    ),
    "dropped_at": ("canceled", "cancelled", "canceledat", "cancelledat", "dropped", "droppedat"),
    "due_date": ("duedate", "due", "dueon"),
    "last_moved_at": (
        "statuscategorychanged", "statuscategorychangedate", "statuschanged", "statuschangedat", "statechangedate",
        "statuscategorychangeddate",
    ),
    "last_touched_at": (
        "updated", "updatedat", "updatedon", "updateddate", "updatedatutc", "changeddate", "modifieddate", "modified",
        "modifiedat", "lastmodified", "lastupdated", "lastupdatedat",
    ),
    "labels": ("labels", "label", "tags", "tag", "projectbreakdown", "category", "subcategory"),
}
# fmt: on
#: Columns that must not be read as something they resemble, with the reason the user is told.
LEFT_OUT: Mapping[str, str] = {
    "inprogressminutes": "calendar time in a status, nights and weekends included: not hours of work",
    "totaleffortminutes": "calendar time in a status, nights and weekends included: not hours of work",
    "resolutiontimeminutes": "calendar time, which the dates say already",
    "developerids": "known only after the work",
    "developerhours": "known only after the work",
    "ndevelopers": "known only after the work",
}
#: Header names of the trackers' own that say nothing of their unit: seconds in Jira and GitLab, hours in Azure DevOps.
UNIT_UNKNOWN = frozenset(
    {
        "originalestimate",
        "timeestimate",
        "timeoriginalestimate",
        "timespent",
        "totaltimespent",
        "spenttime",
        "estimatedtime",
        "estimatedeffort",
        "plannedeffort",
        "actualeffort",
    }
)
#: Headers only one kind of tracker writes, which settle the unit.
SECONDS_TRACKERS = frozenset({"issuekey", "workratio", "timeestimate", "weight", "lastviewed"})
HOURS_TRACKERS = frozenset({"workitemtype", "completedwork", "remainingwork", "areapath"})
#: Headers whose cells list several values, parted by commas, where the domain has room for the first.
LISTS = frozenset({"assignees", "components"})
NO_END = (
    "No column says when work was completed: the issues are imported, but nothing can be learned from them. "
    "Name one: --map resolved_at=COLUMN."
)
HOUR_FIELDS = ("estimated_hours", "actual_hours")
NUMBER_FIELDS = ("story_points", *HOUR_FIELDS)
#: Keys of other issues.
LINK_FIELDS = ("parent", "blocked_by", "blocks")
#: What these tell has happened.
PAST_FIELDS = ("created_at", "resolved_at", "dropped_at", "last_moved_at", "last_touched_at")
DATE_FIELDS = (*PAST_FIELDS, "started_at", "due_date", "sprint_starts_on", "sprint_ends_on")
#: Fields whose value may stand in any of several columns, from row to row: two names that one tracker gave its points
#: over the years, or the sprints of an issue.
CELL_BY_CELL = frozenset({"story_points", "sprint", "labels", "blocked_by", "blocks"})


#: How something went, and when.
_WHEN: Mapping[str, str] = {"resolution": "resolved"}
#: Names of columns of time, and those that bear their unit.
_TIMES = frozenset(name for field in HOUR_FIELDS for name in SYNONYMS[field])


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands in a row."""

    #: Field → positions in the row, one or several (a repeated header, or the many columns of labels).
    positions: Mapping[str, tuple[int, ...]]
    #: Hours per unit of the time columns.
    hours_factor: Mapping[str, float]
    header: tuple[str, ...]
    #: What the user should know of columns left out for a reason.
    notes: tuple[str, ...] = ()
    #: Headers of which nothing is read.
    unread: tuple[str, ...] = ()
    #: Fields whose cells may list several values, of which the first counts.
    lists: frozenset[str] = frozenset()

    def names(self) -> dict[str, str]:
        """Field → the header's own words."""
        return {
            name: ", ".join(dict.fromkeys(self.header[at] for at in found)) for name, found in self.positions.items()
        }


@lru_cache(maxsize=4_000)
def normal_form(header: str) -> str:
    """A header without case, blanks and punctuation, in English: 'story_points' and 'Story Points' are one.

    'Benötigte Zeit' is 'Time Spent', and 'Time Spent (h)' is 'Time Spent Hours', where that is a name of ours.
    """
    own = in_english(header)
    if own not in _TIMES:
        before, unit = parted(header)
        name = in_english(before)
        for spelled in (name, f"{name}{unit}"):
            if unit and spelled.endswith(unit) and spelled in _TIMES:
                return spelled
    return own or header.strip()


def detect_columns(
    header: Sequence[str],
    overrides: Mapping[str, str] | None = None,
    *,
    unreadable: Mapping[int, str] | None = None,
    filled: Collection[int] | None = None,
    dated: Collection[int] = (),
) -> Columns:
    """Find the fields in a header line; what the user says goes before what the names suggest.

    Parameters
    ----------
    header : sequence of str
        The header line, as it stands.
    overrides : mapping of str to str, optional
        Field → column, from ``--map``; a time column may end in ``:hours``, ``:minutes`` or ``:seconds``. An empty
        column means that none is to be read.
    unreadable : mapping of int to str, optional
        Positions of columns whose cells are not what this field takes; they are left out.
    filled : collection of int, optional
        Positions of columns that hold anything: an empty one is chosen only where none of its kind is filled.
    dated : collection of int, optional
        Positions of columns of which all cells are dates: 'Résolution' is when work ended there, and how elsewhere, and
        where another column tells when.

    Raises
    ------
    ImportRefused
        If an override names no field or no column, or if no column holds titles.
    """
    normal = _normal_forms(header)
    unreadable = unreadable or {}
    if not any(key in _WHEN.values() for at, key in enumerate(normal) if at not in unreadable):
        normal = [_WHEN.get(key, key) if at in dated else key for at, key in enumerate(normal)]
    chosen, units = _overridden(header, normal, overrides or {})
    everywhere = range(len(header)) if filled is None else filled
    positions = _positions(normal, chosen, unreadable, filled=everywhere, english=_english(header, normal))
    if "title" not in positions:
        raise ImportRefused(_no_title(header))
    notes = [_no_values(field, header[at]) for at, field in unreadable.items()]
    explained = {*unreadable}
    misleading = [at for at, key in enumerate(normal) if key in LEFT_OUT and not _is_read(at, positions)]
    notes += [f"{header[at]} is left out: {LEFT_OUT[normal[at]]}." for at in misleading]
    explained.update(misleading)
    if "resolved_at" not in positions:
        notes.append(NO_END)
    unread = [name for at, name in enumerate(header) if at not in explained and not _is_read(at, positions)]
    lists = frozenset(name for name, found in positions.items() if normal[found[0]] in LISTS)
    if filled is not None:
        full = [name for at, name in enumerate(header) if name in unread and at in filled]
        unread = [*full, *(name for name in unread if name not in full)]
    return Columns(positions, units, tuple(header), tuple(notes), _distinct(unread), lists)


def recognised(header: Sequence[str]) -> dict[str, str]:
    """Field → the header's own words, by names alone: what there is to show of a file that is refused."""
    normal = _normal_forms(header)
    found = _positions(normal, {}, {}, filled=range(len(header)), english=_english(header, normal))
    return Columns(found, {}, tuple(header)).names()


def _normal_forms(header: Sequence[str]) -> list[str]:
    """Of all names together: what is the least beside the most is in no minutes."""
    return [in_english(name) if is_least(name, header) else normal_form(name) for name in header]


def _english(header: Sequence[str], normal: Sequence[str]) -> set[int]:
    """Where columns stand that are in English themselves."""
    return {at for at, (name, key) in enumerate(zip(header, normal, strict=True)) if plain(name) == key}


def _positions(
    normal: Sequence[str],
    chosen: Mapping[str, tuple[int, ...]],
    unreadable: Collection[int],
    *,
    filled: Collection[int],
    english: Collection[int],
) -> dict[str, tuple[int, ...]]:
    """Field → where it stands: what the user chose, then the best header for each field; no column serves twice."""
    positions = {name: tuple(at for at in found if at not in unreadable) for name, found in chosen.items()}
    taken = {*unreadable, *(at for found in positions.values() for at in found)}
    for name in SYNONYMS:
        if name not in positions:
            positions[name] = _find(name, normal, taken, filled=filled, english=english)
            taken.update(positions[name])
    return {name: found for name, found in positions.items() if found}


def unit_by_name(column: str, header: Sequence[str]) -> tuple[str, str]:
    """What the header's own name says of its unit, and what its tracker uses where it says nothing; else empty."""
    key, normal = normal_form(column), [normal_form(name) for name in header]
    said = unit_in(column)
    if said or key.startswith("completedwork"):
        return said or "hours", ""
    # What a team named by itself is in a unit of its own.
    if key not in UNIT_UNKNOWN:
        return "", ""
    if HOURS_TRACKERS.intersection(normal):
        return "", "hours"
    return "", "seconds" if SECONDS_TRACKERS.intersection(normal) else ""


def _is_read(at: int, positions: Mapping[str, tuple[int, ...]]) -> bool:
    return any(at in found for found in positions.values())


def _find(
    name: str, normal: Sequence[str], taken: set[int], *, filled: Collection[int], english: Collection[int]
) -> tuple[int, ...]:
    """The positions of the best header for a field that holds anything; some fields take every column that fits.

    Of two columns of titles the one that is in English itself goes first: another one would rename all issues.
    """
    fitting = [[at for at, key in enumerate(normal) if key == word and at not in taken] for word in SYNONYMS[name]]
    full = [[at for at in found if at in filled] for found in fitting]
    if name in CELL_BY_CELL and any(full):
        return tuple(at for found in full for at in found)
    spelled = [[at for at in found if at in english] for found in full] if name == "title" else []
    return tuple(next(filter(None, [*spelled, *full, *fitting]), ()))


def _overridden(
    header: Sequence[str], normal: Sequence[str], overrides: Mapping[str, str]
) -> tuple[dict[str, tuple[int, ...]], dict[str, float]]:
    positions: dict[str, tuple[int, ...]] = {}
    factors: dict[str, float] = {}
    for name, column in overrides.items():
        if name not in SYNONYMS:
            raise ImportRefused(f"--map {name}=…: there is no field {name!r}. Fields: {', '.join(SYNONYMS)}.")
        if not column.strip():
            positions[name] = ()
            continue
        wanted, unit = split_unit(name, column, header)
        # Two columns may be one in English: the one that is spelled so goes first.
        spelled = tuple(at for at, each in enumerate(header) if plain(each) and plain(each) == plain(wanted))
        positions[name] = spelled or tuple(at for at, key in enumerate(normal) if key == normal_form(wanted))
        if not positions[name]:
            raise ImportRefused(
                f"--map {name}={column}: the file has no column {wanted!r}. Columns: {_listed(header)}."
            )
        if unit:
            factors[name] = HOURS_PER_UNIT[unit]
    return positions, factors


def split_unit(name: str, column: str, header: Collection[str]) -> tuple[str, str]:
    """'Time Spent:seconds' → ('Time Spent', 'seconds'); a column may have a colon of its own."""
    wanted, colon, unit = column.rpartition(":")
    if colon and name in HOUR_FIELDS and unit in HOURS_PER_UNIT and normal_form(column) not in map(normal_form, header):
        return wanted, unit
    return column, ""


def _no_values(field: str, column: str) -> str:
    kind = "numbers" if field in NUMBER_FIELDS else "dates" if field in DATE_FIELDS else "keys of issues"
    shape = ", --date-format to tell how they are written" if field in DATE_FIELDS else ""
    return f"Column {column} holds no {kind}: left out; --map {field}=… to choose another{shape}."


def unit_question(name: str, column: str) -> str:
    return (
        f"{column} is left out: nothing says whether it is in hours, minutes or seconds. Choose it with its unit "
        f"(with a command: --map {name}='{column}:hours', or :minutes, :seconds)."
    )


def _no_title(header: Sequence[str]) -> str:
    return (
        f"No column holds titles. The file has: {_listed(header)}. Choose the one that does "
        "(with a command: --map title=COLUMN)."
    )


def _listed(header: Sequence[str]) -> str:
    return ", ".join(_distinct(header))


def _distinct(header: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in header if name.strip()))
