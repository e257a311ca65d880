"""The moment that is recorded of a change: told once the locks are held, since whoever waits for them comes second."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from django.db.models import Max

from apps.common.heartbeat import CLOCKS_DIFFER
from apps.projects.models import Issue, IssueChange
from apps.projects.rows import in_parts

Clock: TypeAlias = Callable[[], datetime]
#: A clock for what happens now: it is read under the locks. A moment for what is told of the past, or is a test's.
When: TypeAlias = datetime | Clock


@dataclass(frozen=True, slots=True)
class Moments:
    """When issues change that are changed together: at once, but none before what is recorded of it already.

    The history of a field is a chain, and stays one where the clock is set back or another machine's is ahead.
    """

    now: datetime
    #: The last entry of each issue that has one.
    last: Mapping[UUID, datetime]

    def of(self, issue_id: UUID) -> datetime:
        """What the entries bear that are written of an issue."""
        return max(self.now, self.last.get(issue_id, self.now))


def moment_of(when: When) -> datetime:
    """By the clock, if it is one; else as given."""
    return when if isinstance(when, datetime) else when()


def moments_of(issue_ids: Sequence[UUID], when: When) -> Moments:
    """Of issues that are locked."""
    return Moments(moment_of(when), last_changes(issue_ids))


def moments_after(issues: Sequence[Issue], when: When, *known: datetime | None) -> Moments:
    """Likewise, at a moment that comes after all that is known of any: what ends together is told as it is.

    What lies further ahead than clocks differ is another tool's slip, and moves nobody's present there.
    """
    moments = moments_of([issue.pk for issue in issues], when)
    times = (time for one in issues for time in (one.created_at, one.started_at, one.resolved_at, one.dropped_at))
    return Moments(_latest(moments.now, [*known, *times, *moments.last.values()]), moments.last)


def last_changes(issue_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """When the latest entry of each issue says that something changed; of those without a history nothing."""
    last: dict[UUID, datetime] = {}
    for part in in_parts(issue_ids):
        rows = IssueChange.objects.filter(issue_id__in=part).order_by()
        last |= dict(rows.values_list("issue_id").annotate(Max("changed_at")))
    return last


def _latest(now: datetime, known: Iterable[datetime | None]) -> datetime:
    return max([now, *(time for time in known if time is not None and time <= now + CLOCKS_DIFFER)])
