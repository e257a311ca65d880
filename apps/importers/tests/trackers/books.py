"""A sprint's books from the records alone, by the definition in words: a second count, to compare with."""

from collections.abc import Sequence

from apps.importers.tracked import Stage, TrackedIssue, TrackedSprint, value_at


def books(sprint: TrackedSprint, issues: Sequence[TrackedIssue]) -> dict[str, list[str]]:
    """Keys of what was committed, added, removed; of what was in at the end by the meaning of its status."""
    found: dict[str, list[str]] = {
        name: [] for name in ("committed", "added", "removed", "done", "dropped", "in_progress", "to_do")
    }
    begin, end = sprint.started_at, sprint.completed_at
    for issue in issues:
        moments = [begin, *(change.at for change in issue.changes if begin < change.at <= end), end]
        if begin < issue.created_at <= end:
            moments.append(issue.created_at)
        was_in = [moment for moment in moments if _is_in(issue, sprint, moment)]
        if not was_in:
            continue
        found["committed" if begin in was_in else "added"].append(issue.external_id)
        if end in was_in:
            present = Stage(issue.status, issue.status_category)
            found[value_at(issue.changes, "status", present, end).category].append(issue.external_id)
        else:
            found["removed"].append(issue.external_id)
    return found


def _is_in(issue, sprint, moment):
    place = value_at(issue.changes, "sprint", issue.sprint_id, moment)
    return issue.created_at <= moment and place == sprint.external_id
