"""The sprints that a cell names: one, a list, a path of a tree, or what old Jira servers print. Pure."""

import re
from datetime import date, datetime, timedelta

from apps.common.plausible import date_fault
from apps.importers.records import NamedSprint
from apps.importers.sources.csv.cells import is_empty

#: com.atlassian.greenhopper.service.sprint.Sprint@1f[id=2,rapidViewId=1,state=CLOSED,name=Sprint 2,goal=,...]
_GREENHOPPER = re.compile(r"service\.sprint\.Sprint@\w++\[(?P<fields>(?:[^\]s]|s(?!ervice\.sprint\.Sprint@))*+)\]")
_ID = re.compile(r"(?:^|,)id=(?P<id>[0-9]{1,18})(?:,|$)")
_NAME = re.compile(r"(?:^|,)name=(?P<name>.*?)(?:,[a-zA-Z]+=|$)")


def sprints_in(cell: str, *, is_path: bool = False) -> list[NamedSprint]:
    """The sprints in a cell, in its order; of a path the last step, and nothing for the root of its tree."""
    text = " ".join(cell.split())
    if is_empty(text):
        return []
    if found := [match["fields"] for match in _GREENHOPPER.finditer(text)]:
        return [sprint for fields in found if (sprint := _of_greenhopper(fields)).name]
    if is_path:
        # The root holds the backlog: Azure puts into it what is in no iteration.
        steps = [step for step in text.split("\\") if step]
        return [NamedSprint(steps[-1])] if len(steps) > 1 else []
    # Jira and Asana list sprints with semicolons or commas; a comma inside one name is rare, and so is ', '.
    return [NamedSprint(part.strip()) for part in re.split(r";|,\s", text) if part.strip()]


def _of_greenhopper(fields: str) -> NamedSprint:
    name, number = _NAME.search(fields), _ID.search(fields)
    first, last = (_day(fields, field) for field in ("startDate", "endDate"))
    is_plan = first is not None and last is not None and first <= last
    return NamedSprint(
        name=name["name"].strip() if name else "",
        external_id=number["id"] if number else "",
        starts_on=first if is_plan else None,
        ends_on=last if is_plan else None,
    )


def _day(fields: str, name: str) -> date | None:
    """The day of a moment such as 2019-02-04T10:12:44.123+01:00, where it was written; '<null>' is none."""
    match = re.search(rf"(?:^|,){name}=([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})T", fields)
    try:
        day = date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None
    return day if day and date_fault(day) is None else None


def exclusive_end(end: datetime) -> date:
    """The last day of a cycle whose end is the moment at which the next one begins."""
    return (end - timedelta.resolution - timedelta(hours=end.hour, minutes=end.minute)).date()
