"""Reading an issue's history in tests."""

from apps.projects.models import Issue


def recorded(issue: Issue) -> list[tuple[str, str, str]]:
    """Field, old and new value of each change, oldest first."""
    return list(issue.changes.values_list("field", "old_value", "new_value"))
