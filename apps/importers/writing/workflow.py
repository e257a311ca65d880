"""What the names of statuses and resolutions mean: the trackers' default workflows and common boards. Pure."""

import re
from collections.abc import Mapping

from apps.importers.sources.csv.languages import STATUSES, names_in, plain

TO_DO, IN_PROGRESS, DONE, DROPPED = "to_do", "in_progress", "done", "dropped"
# fmt: off
_NAMES: Mapping[str, tuple[str, ...]] = {
    TO_DO: (
        "to do", "open", "opened", "new", "backlog", "triage", "proposed", "approved", "reopened", "ready", "planned",
        "selected for development", "ready for development", "estimated", "unstarted", "not started", "pending",
        "icebox", "accepted for work", "authorise", "product backlog", "sprint backlog", "draft", "todo",
    ),
    IN_PROGRESS: (
        "in progress", "doing", "started", "active", "in development", "development", "in review", "review",
        "code review", "peer review", "testing", "in testing", "in test", "test", "qa", "in qa", "blocked",
        "on hold", "committed", "ongoing", "wip", "work in progress", "implementing", "ready for review",
        "ready for test", "ready for testing", "ready for qa", "indeterminate", "reviewable", "waiting",
    ),
    DONE: (
        "done", "closed", "resolved", "finished", "completed", "complete", "released", "fixed", "merged", "shipped",
        "deployed", "verified", "accepted", "delivered", "archived", "implemented", "live",
    ),
    DROPPED: (
        "won't fix", "wont fix", "will not fix", "won't do", "wont do", "will not do", "won't be done", "dropped",
        "invalid", "duplicate", "duplicated", "duplicate issue", "cancelled", "canceled", "rejected", "removed",
        "abandoned", "declined", "not a bug", "not an issue", "cannot reproduce", "can't reproduce", "cant reproduce",
        "not reproducible", "unreproducible", "works for me", "works as designed", "as designed", "by design",
        "obsolete", "not planned", "not needed", "no longer needed", "no longer relevant", "out of scope",
        "superseded", "withdrawn", "discarded", "deferred", "postponed", "incomplete", "cut", "spam", "outdated",
    ),
}
# fmt: on
_CATEGORY = {name: category for category, row in STATUSES.items() for name in names_in(row)}
_CATEGORY |= {plain(name): category for category, names in _NAMES.items() for name in names}
#: What parts a name into its words: 'Closed - Duplicate', 'Done (won't do)', 'Closed: Obsolete'.
_PARTS = re.compile(r"(?<!\s)\s++[-–—]\s+|[:/()\[\]|]")
#: 'Duplicate of TM-3' is a duplicate.
_DUPLICATE_OF = re.compile(r"duplicates?\s+of\b.*", re.IGNORECASE)


def category_of(name: str) -> str:
    """The category a status of this name has nearly everywhere; empty for a name of the team's own."""
    return DROPPED if means_dropped(name) else _CATEGORY.get(plain(name), "")


def means_dropped(name: str) -> bool:
    """Whether a status or resolution says that the work ended without being delivered, as a whole or in one part."""
    parts = [name, *_PARTS.split(name)]
    return any(_CATEGORY.get(plain(part)) == DROPPED or _DUPLICATE_OF.fullmatch(part.strip()) for part in parts)
