"""Whether anybody works: without a worker nothing is scored, trained, imported or told, and pages say so."""

from datetime import datetime, timedelta

from apps.common.models import WorkerSeen

#: The schedule asks a worker to show itself each minute; one that trains is busy for longer, and shows that itself.
MISSING_AFTER = timedelta(minutes=5)
_ROW = 1


def worker_seen(*, now: datetime) -> None:
    """A worker is here."""
    WorkerSeen.objects.update_or_create(id=_ROW, defaults={"at": now})


def worker_seen_at() -> datetime | None:
    """When one was last here; None for never."""
    return WorkerSeen.objects.filter(id=_ROW).values_list("at", flat=True).first()


def is_worker_missing(*, now: datetime) -> bool:
    """Whether what waits will wait until somebody starts one."""
    seen = worker_seen_at()
    return seen is None or now - seen > MISSING_AFTER
