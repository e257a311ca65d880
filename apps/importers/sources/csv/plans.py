"""Columns of plans that look like facts: a start or an end that lies ahead, or that open work bears. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from apps.importers.records import RowError
from apps.importers.sources.csv.cells import BadValue, is_empty
from apps.importers.sources.csv.columns import Columns, normal_form
from apps.importers.sources.csv.dates import DateStyle, moment
from apps.importers.sources.csv.file import CsvShape, rows

#: Headers that name a plan in Redmine, GitLab and OpenProject, and an event elsewhere; and the statuses of work that
#: has not come so far. What bears both tells that it is a plan.
_PLANS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "started_at": (frozenset({"startdate", "plannedstart", "plannedstartdate"}), frozenset({"to_do"})),
    "resolved_at": (
        frozenset({"finishdate", "plannedfinish", "plannedfinishdate"}),
        frozenset({"to_do", "in_progress"}),
    ),
}
STARTS = "Column {} holds plans: some lie ahead, or on work that has not begun. None is read as a start of work."
ENDS = "Column {} holds plans: some lie ahead, or on work that is open. They are read as due dates, not as ends."


def planned_fields(
    shape: CsvShape, columns: Columns, style: DateStyle, *, now: datetime, meaning: Callable[[str], str]
) -> frozenset[str]:
    """Those of 'started_at' and 'resolved_at' that are plans; `meaning` tells what a status or category means."""
    judge = _Judge(columns, style, now, meaning)
    open_fields = {name for name in _PLANS if judge.may_be_plan(name)}
    found: set[str] = set()
    for _, cells in rows(shape) if open_fields else ():
        if not isinstance(cells, RowError):
            found |= {name for name in open_fields - found if judge.is_plan(name, cells)}
        if found == open_fields:
            break
    return frozenset(found)


def without_planned_ends(columns: Columns) -> Columns:
    """The same columns with planned ends as due dates, where there are no others."""
    positions = dict(columns.positions)
    ends = positions.pop("resolved_at")
    positions.setdefault("due_date", ends)
    return replace(columns, positions=positions)


@dataclass(frozen=True, slots=True)
class _Judge:
    """Tells of a row whether a field of it is a plan."""

    columns: Columns
    style: DateStyle
    now: datetime
    meaning: Callable[[str], str]

    def may_be_plan(self, name: str) -> bool:
        """A start may; an end that lies ahead is a slip of its own row, unless its column names a plan."""
        return name in self.columns.positions and (name == "started_at" or self._names_a_plan(name))

    def is_plan(self, name: str, cells: Sequence[str]) -> bool:
        """It lies ahead, or the work has not come so far."""
        text = cells[self.columns.positions[name][0]]
        if is_empty(text):
            return False
        is_too_early = self._names_a_plan(name) and self._category(cells) in _PLANS[name][1]
        return is_too_early or self._is_ahead(text)

    def _names_a_plan(self, name: str) -> bool:
        return normal_form(self.columns.header[self.columns.positions[name][0]]) in _PLANS[name][0]

    def _category(self, cells: Sequence[str]) -> str:
        positions = self.columns.positions
        told = (self.meaning(cells[at]) for name in ("status_category", "status") for at in positions.get(name, ()))
        return next(filter(None, told), "")

    def _is_ahead(self, text: str) -> bool:
        try:
            found = moment(text, "", self.style)
        except BadValue:
            return False
        return found is not None and found > self.now
