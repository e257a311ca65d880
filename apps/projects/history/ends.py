"""When work on an issue began and when it ended, by what its status means."""

from datetime import datetime

from django.core.exceptions import ValidationError

from apps.projects.models import Issue, WorkflowStatus

#: With one of these nothing is left to do.
ENDED = (WorkflowStatus.Category.DONE, WorkflowStatus.Category.DROPPED)
#: When it ended, by how.
ENDS = {"resolved_at": WorkflowStatus.Category.DONE, "dropped_at": WorkflowStatus.Category.DROPPED}


def check_times(issue: Issue, now: datetime) -> None:
    """Times of another tool must be possible: in order, not in the future, no end without being done."""
    errors: dict[str, str] = {}
    if issue.created_at > now:
        errors["created_at"] = "An issue cannot come from the future."
    for name in ("started_at", *ENDS):
        value = getattr(issue, name)
        if value is not None and not issue.created_at <= value <= now:
            errors[name] = "This must lie between the creation of the issue and now."
    if issue.resolved_at is not None and issue.status.category != WorkflowStatus.Category.DONE:
        errors["resolved_at"] = "An issue that is not done has no time of resolution."
    if issue.dropped_at is not None and issue.status.category != WorkflowStatus.Category.DROPPED:
        errors["dropped_at"] = "An issue that is not dropped has no time when it was dropped."
    if errors:
        raise ValidationError(errors)


def set_times(issue: Issue, *, was: str | None, now: datetime) -> None:
    """Begin when work first starts, end when it is done or dropped; what is reopened has no end and begins no more."""
    category = issue.status.category
    if category == WorkflowStatus.Category.IN_PROGRESS and issue.started_at is None and was not in ENDED:
        issue.started_at = now
    for name, end in ENDS.items():
        if category != end:
            setattr(issue, name, None)
        elif was != category and getattr(issue, name) is None:
            setattr(issue, name, now)
