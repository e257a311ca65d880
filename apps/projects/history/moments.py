"""The moment that is recorded of a change: told once the locks are held, since whoever waits for them comes second."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
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
    """When issues change that are changed together: at once, but no field before what is recorded of it already.

    The history of a field is a chain, and stays one where the clock is set back or another machine's is ahead.
    """

    now: datetime
    #: Of an issue and a field the last entry, but for those that lie ahead.
    last: Mapping[tuple[UUID, str], datetime]

    def of(self, issue_id: UUID, field: str) -> datetime:
        """What an entry bears that is written of a field of an issue."""
        return max(self.now, self.last.get((issue_id, field), self.now))


def moment_of(when: When) -> datetime:
    """By the clock, if it is one; else as given."""
    return when if isinstance(when, datetime) else when()


def lies_ahead(moment: datetime, now: datetime) -> bool:
    """Whether it is further ahead than clocks differ: a slip, by which no other moment is told."""
    return moment > now + CLOCKS_DIFFER


def moments_of(issue_ids: Sequence[UUID], when: When) -> Moments:
    """Of issues that are locked."""
    now = moment_of(when)
    last: dict[tuple[UUID, str], datetime] = {}
    for part in in_parts(issue_ids):
        entries = IssueChange.objects.filter(issue_id__in=part, changed_at__lte=now + CLOCKS_DIFFER)
        rows = entries.order_by().values_list("issue_id", "field").annotate(Max("changed_at"))
        last |= {(issue_id, field): moment for issue_id, field, moment in rows}
    return Moments(now, last)


def moments_after(issues: Sequence[Issue], when: When, *known: datetime | None) -> Moments:
    """Likewise, at a moment that comes after all that is known of any: what ends together is told as it is."""
    moments = moments_of([issue.pk for issue in issues], when)
    now, times = moments.now, [(one.created_at, one.started_at, one.resolved_at, one.dropped_at) for one in issues]
    told = (moment for moment in (*known, *chain.from_iterable(times)) if moment and not lies_ahead(moment, now))
    return Moments(max([now, *told, *moments.last.values()]), moments.last)
