"""How a file is to be read: what its columns are, and how it writes dates, numbers and statuses."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from apps.importers.sources.csv.columns import Columns
from apps.importers.sources.csv.dates import DateStyle
from apps.importers.sources.csv.numbers import NumberStyle


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found out of a file before its first row is read."""

    columns: Columns
    dates: DateStyle = field(default_factory=DateStyle)
    numbers: NumberStyle = field(default_factory=NumberStyle)
    #: Status without case → 'done', 'in_progress' or 'to_do', as all of its rows together say; known names stay out.
    statuses: Mapping[str, str] = field(default_factory=dict)
    #: Whether issues bear all sprints that they were in, in several columns or in one cell; else only the last.
    names_all_sprints: bool = False
    #: The zone that all times of the file name by one offset from UTC; empty where they name none, or several.
    time_zone: str = ""
    #: Planned starts are no starts: some of them lie ahead.
    starts_are_plans: bool = False
