"""When an issue last moved, and which issues nobody has touched: by what is on record, never by its absence.

Of issues made here every change is on record. An import knows of the changes before it only what its source says:
without that nobody knows whether an issue is stale.
"""

from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from apps.projects.history.issue_past import IssuePast
from apps.projects.models import IssueChange


def touched_since(moment: datetime) -> Q:
    """Issues in which something happened since a moment."""
    changes = IssueChange.objects.filter(issue=OuterRef("pk"), changed_at__gte=moment)
    at_all = Q(created_at__gte=moment) | Q(started_at__gte=moment) | Q(last_touched_at__gte=moment)
    return at_all | Q(last_moved_at__gte=moment) | Q(Exists(changes))


def untouched_since(moment: datetime) -> Q:
    """Issues that are known to have lain idle since a moment: made here, or with a change on record before it."""
    changes = IssueChange.objects.filter(issue=OuterRef("pk"))
    is_known = Q(source="") | Q(last_touched_at__isnull=False) | Q(last_moved_at__isnull=False) | Q(Exists(changes))
    return is_known & ~touched_since(moment)


def last_move_of(
    issue: IssuePast, *, is_made_here: bool, last_moved_at: datetime | None, last_touched_at: datetime | None
) -> datetime | None:
    """When an issue's status last changed, or a moment after which it has not; None where nothing is on record."""
    moves = issue.timeline("status").changed_at[-1:]
    if is_made_here:
        return latest(issue.created_at, issue.started_at, *moves)
    return latest(last_moved_at, *moves) or last_touched_at


def latest(*moments: datetime | None) -> datetime | None:
    """The last of some moments; None where none is known."""
    return max((moment for moment in moments if moment is not None), default=None)
