"""Whether background work is done: when a worker of each queue was last seen."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.db.models import Max

from apps.ml.models import TrainingRun, WorkerSeen

#: Queues as `base/settings.py` routes to them: what is due every minute, and what may take long.
SHORT, LONG, TRACKERS = "celery", "long", "trackers"
#: A worker is seen every minute; so long without means that there is none, or that it does not get on.
MISSING_AFTER = timedelta(minutes=3)
#: Other signs of life of long work, in which no message of the same queue is read; apps above add theirs.
LONG_WORK: list[Callable[[], datetime | None]] = []
_WAITS = {
    SHORT: "outcomes, e-mails and recoveries wait",
    LONG: "trainings and imports of files wait",
    TRACKERS: "imports from trackers wait",
}


def missing_workers(now: datetime) -> dict[str, str]:
    """By queue that nobody serves, a sentence for whoever waits; empty while all are served."""
    return dict(_missing(now))


def _missing(now: datetime) -> Iterator[tuple[str, str]]:
    seen = dict(WorkerSeen.objects.values_list("queue", "seen_at"))
    for queue, waits in _WAITS.items():
        last = _latest(seen.get(queue), *_signs_of_long_work()) if queue == LONG else seen.get(queue)
        if last is None:
            yield queue, f"No worker has been seen: {waits}. Start one: ./run worker"
        elif now - last > MISSING_AFTER:
            minutes = int((now - last).total_seconds() // 60)
            yield queue, f"No worker has been seen for {minutes} minutes: {waits}. Start one: ./run worker"


def _signs_of_long_work() -> list[datetime | None]:
    running = TrainingRun.objects.filter(state=TrainingRun.State.RUNNING)
    return [running.aggregate(last=Max("heartbeat_at"))["last"], *(sign() for sign in LONG_WORK)]


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)
