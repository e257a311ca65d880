"""The sprints that a cell names: one, a list, a path of a tree, or what old Jira servers print. Pure."""

import re
from datetime import date, datetime, timedelta

from apps.importers.sources.csv.cells import is_empty

#: com.atlassian.greenhopper.service.sprint.Sprint@1f[id=2,rapidViewId=1,state=CLOSED,name=Sprint 2,goal=,...]
_GREENHOPPER = re.compile(r"service\.sprint\.Sprint@\w+\[(?P<fields>[^\]]*)\]")
_NAME = re.compile(r"(?:^|,)name=(?P<name>.*?)(?:,[a-zA-Z]+=|$)")


def sprint_names(cell: str, *, is_path: bool = False) -> list[str]:
    """The names in a cell, in its order; of a path the last step, and nothing for the root of its tree."""
    text = " ".join(cell.split())
    if is_empty(text):
        return []
    if found := [match["fields"] for match in _GREENHOPPER.finditer(text)]:
        return [match["name"].strip() for fields in found if (match := _NAME.search(fields))]
    if is_path:
        # The root holds the backlog: Azure puts into it what is in no iteration.
        steps = [step for step in text.split("\\") if step]
        return [steps[-1]] if len(steps) > 1 else []
    # Jira and Asana list sprints with semicolons or commas; a comma inside one name is rare, and so is ', '.
    return [part.strip() for part in re.split(r";|,\s", text) if part.strip()]


def exclusive_end(end: datetime) -> date:
    """The last day of a cycle whose end is the moment at which the next one begins."""
    return (end - timedelta.resolution - timedelta(hours=end.hour, minutes=end.minute)).date()
