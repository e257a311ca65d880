"""Whether background work is done: when a worker of each queue was last seen."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from django.db.models import Max

from apps.common.heartbeat import CLOCKS_DIFFER
from apps.ml.models import TrainingRun, WorkerSeen

#: Queues as `base/settings.py` routes to them: what is due every minute, trainings, and imports.
SHORT, LONG, IMPORTS = "celery", "long", "imports"
#: A worker is seen every minute; so long without means that there is none, or that it does not get on.
MISSING_AFTER = timedelta(minutes=3)
_WAITS = {
    SHORT: ("outcomes", "e-mails", "recoveries"),
    LONG: ("trainings",),
    IMPORTS: ("imports",),
}
_OR_SCHEDULE = ". If workers run, their schedule does not: start ./run beat"


def missing_workers(now: datetime, queues: Collection[str] = tuple(_WAITS)) -> str:
    """One sentence for whoever waits for a queue of these that nobody serves; empty while all are served."""
    seen = dict(WorkerSeen.objects.values_list("queue", "seen_at"))
    told = {queue: (seen.get(queue), SIGNS_OF_LIFE[queue]() if queue in SIGNS_OF_LIFE else None) for queue in queues}
    # What is told of the future, a clock that was ahead told.
    latest_now = now + CLOCKS_DIFFER
    last = {queue: _latest(*(each for each in of if each and each <= latest_now)) for queue, of in told.items()}
    missing = {queue: moment for queue, moment in last.items() if moment is None or now - moment > MISSING_AFTER}
    if not missing:
        return ""
    # Of several the shortest time, which is true of all.
    latest = _latest(*missing.values())
    since = f" for {int((now - latest).total_seconds() // 60)} minutes" if latest else ""
    *waiting, at_last = (each for queue in missing for each in _WAITS[queue])
    waits = f"{', '.join(waiting)} and {at_last}" if waiting else at_last
    # Workers are seen because the schedule asks for it.
    asked = _latest(*(each for each in seen.values() if each <= latest_now))
    or_schedule = "" if asked and now - asked <= MISSING_AFTER else _OR_SCHEDULE
    return f"No worker has been seen{since}: {waits} wait. Start one: ./run worker{or_schedule}"


def _last_heartbeat() -> datetime | None:
    running = TrainingRun.objects.filter(state=TrainingRun.State.RUNNING)
    seen: datetime | None = running.aggregate(last=Max("heartbeat_at"))["last"]
    return seen


#: Of long work, during which no message of the same queue is read; apps above add theirs.
SIGNS_OF_LIFE: dict[str, Callable[[], datetime | None]] = {LONG: _last_heartbeat}


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)
