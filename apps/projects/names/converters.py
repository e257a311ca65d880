"""What stands in addresses: a day, and projects and issues by key or id."""

from datetime import date
from uuid import UUID


class DayConverter:
    """A day of the calendar in an address; no other text is one."""

    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        return date.fromisoformat(value)

    def to_url(self, value: date) -> str:
        return value.isoformat()


class ProjectConverter:
    """A project's id or key. Whose it is, and whether it is there at all, is asked once somebody is known to ask."""

    regex = r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: UUID | str) -> str:
        return str(value)


class IssueConverter(ProjectConverter):
    """An issue's id or key, which may be anything that a tracker calls it; one with a slash has its id alone."""

    regex = r"[^/]{1,200}"
