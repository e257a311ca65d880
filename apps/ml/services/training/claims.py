"""Who works on a training job: claims that expire, so that a lost worker loses no job."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from apps.common.exceptions import ApplicationError
from apps.common.heartbeat import silent
from apps.ml.models import MLModel, TrainingRun
from apps.ml.services.upkeep.installation import note_activity

#: Eight missed heartbeats: a worker that was killed is noticed within two minutes, a busy one is not.
LOST_AFTER = timedelta(minutes=2)
#: A worker's own limit, in seconds: its training ends with a reason. 100,000 issues take minutes.
SOFT_LIMIT_SECONDS = 1800
#: When a worker is killed that did not end by itself; later, whatever its heartbeat says, its run is lost.
HARD_LIMIT_SECONDS = SOFT_LIMIT_SECONDS + 60


class ClaimLost(ApplicationError):
    """Another worker has taken over this training, it begins anew after an erasure, or it was given up."""

    code = "claim_lost"


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's right to one attempt of a run; worth nothing once the run has another attempt."""

    run_id: UUID
    attempt: int

    def beat(self, now: datetime) -> None:
        """Show that the worker lives; ClaimLost if the run is no longer its own."""
        self._change(heartbeat_at=now)

    def report(self, step: int, text: str) -> None:
        """Show how far the training is; ClaimLost likewise."""
        self._change(progress_step=step, progress_text=text, heartbeat_at=timezone.now())

    def succeed(self, model: MLModel) -> None:
        """Inside the transaction that stores the model: both or neither."""
        self._change(state=TrainingRun.State.SUCCEEDED, model=model, finished_at=timezone.now(), failure_reason="")

    def fail(self, reason: str) -> None:
        note_activity(timezone.now())
        self._change(state=TrainingRun.State.FAILED, failure_reason=reason, finished_at=timezone.now())

    def requeue(self, reason: str, *, now: datetime | None = None) -> None:
        now = now or timezone.now()
        note_activity(now)
        self._change(state=TrainingRun.State.QUEUED, failure_reason=reason, queued_at=now)

    def _change(self, **fields: object) -> None:
        mine = TrainingRun.objects.filter(id=self.run_id, attempts=self.attempt, state=TrainingRun.State.RUNNING)
        if not mine.update(**fields):
            raise ClaimLost


def claim(run_id: UUID, *, now: datetime) -> Claim | None:
    """Begin a queued run; None if another worker has, or it is over."""
    note_activity(now)
    mine = TrainingRun.objects.filter(id=run_id, state=TrainingRun.State.QUEUED).update(
        state=TrainingRun.State.RUNNING,
        attempts=F("attempts") + 1,
        started_at=now,
        heartbeat_at=now,
        progress_step=0,
        progress_text="",
    )
    if not mine:
        return None
    return Claim(run_id, TrainingRun.objects.values_list("attempts", flat=True).get(id=run_id))


def take_away(reason: str) -> list[UUID]:
    """Let every training that runs begin anew: what its worker has read is kept no more. Their runs, to be sent."""
    taken = []
    for run_id, attempt in TrainingRun.objects.filter(state=TrainingRun.State.RUNNING).values_list("id", "attempts"):
        try:
            Claim(run_id, attempt).requeue(reason)
        except ClaimLost:
            # It has just ended.
            continue
        taken.append(run_id)
    return taken


def lost_runs(now: datetime) -> QuerySet[TrainingRun]:
    # A worker whose training hangs still beats; its time limit has killed it, or it is beyond help.
    endless = Q(started_at__lt=now - timedelta(seconds=HARD_LIMIT_SECONDS) - LOST_AFTER)
    return TrainingRun.objects.filter(
        silent("heartbeat_at", now=now, after=LOST_AFTER) | endless, state=TrainingRun.State.RUNNING
    )
