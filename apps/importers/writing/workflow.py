"""What the names of statuses mean; the names of the trackers' default workflows and of common boards. Pure."""

from collections.abc import Mapping

from apps.importers.sources.csv.columns import normal_form

TO_DO, IN_PROGRESS, DONE = "to_do", "in_progress", "done"
_NAMES: Mapping[str, tuple[str, ...]] = {
    TO_DO: (
        "to do", "open", "opened", "new", "backlog", "triage", "proposed", "approved", "reopened", "ready", "planned",
        "selected for development", "ready for development", "estimated", "unstarted", "not started", "pending",
        "icebox", "accepted for work", "authorise", "product backlog", "sprint backlog", "draft",
    ),
    IN_PROGRESS: (
        "in progress", "doing", "started", "active", "in development", "development", "in review", "review",
        "code review", "peer review", "testing", "in testing", "in test", "test", "qa", "in qa", "blocked",
        "on hold", "committed", "ongoing", "wip", "work in progress", "implementing", "ready for review",
        "ready for test", "ready for testing", "ready for qa", "indeterminate", "reviewable", "waiting",
    ),
    DONE: (
        "done", "closed", "resolved", "finished", "completed", "complete", "released", "fixed", "won't fix",
        "won't do", "invalid", "duplicate", "cancelled", "canceled", "rejected", "merged", "shipped", "deployed",
        "verified", "accepted", "delivered", "archived", "removed", "abandoned", "declined", "implemented", "live",
        "not a bug", "cannot reproduce", "obsolete",
    ),
}  # fmt: skip
_CATEGORY = {normal_form(name): category for category, names in _NAMES.items() for name in names}


def category_of(name: str) -> str:
    """The category a status of this name has nearly everywhere; empty for a name of the team's own."""
    return _CATEGORY.get(normal_form(name), "")
