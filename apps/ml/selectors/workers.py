"""Whether background work is done: when a worker of each queue was last seen."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.db.models import Max

from apps.ml.models import TrainingRun, WorkerSeen

#: Queues as `base/settings.py` routes to them: what is due every minute, trainings, and imports.
SHORT, LONG, IMPORTS = "celery", "long", "imports"
#: A worker is seen every minute; so long without means that there is none, or that it does not get on.
MISSING_AFTER = timedelta(minutes=3)
_WAITS = {
    SHORT: "outcomes, e-mails and recoveries wait",
    LONG: "trainings wait",
    IMPORTS: "imports wait",
}


def missing_workers(now: datetime) -> dict[str, str]:
    """By queue that nobody serves, a sentence for whoever waits; empty while all are served."""
    return dict(_missing(now))


def _missing(now: datetime) -> Iterator[tuple[str, str]]:
    seen = dict(WorkerSeen.objects.values_list("queue", "seen_at"))
    for queue, waits in _WAITS.items():
        last = _latest(seen.get(queue), SIGNS_OF_LIFE[queue]() if queue in SIGNS_OF_LIFE else None)
        if last is None:
            yield queue, f"No worker has been seen: {waits}. Start one: ./run worker"
        elif now - last > MISSING_AFTER:
            minutes = int((now - last).total_seconds() // 60)
            yield queue, f"No worker has been seen for {minutes} minutes: {waits}. Start one: ./run worker"


def _last_heartbeat() -> datetime | None:
    running = TrainingRun.objects.filter(state=TrainingRun.State.RUNNING)
    seen: datetime | None = running.aggregate(last=Max("heartbeat_at"))["last"]
    return seen


#: Of long work, during which no message of the same queue is read; apps above add theirs.
SIGNS_OF_LIFE: dict[str, Callable[[], datetime | None]] = {LONG: _last_heartbeat}


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)
