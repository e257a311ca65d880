"""Trainings that are asked for: queued once a scope, claimed by one worker, watched, and finished exactly once.

The row is the truth. Every change of state is one conditional UPDATE whose row count says who won, so that a message
may be lost, come twice or come late without harm.
"""

import logging
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from celery.exceptions import SoftTimeLimitExceeded
from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from apps.accounts.models import User
from apps.common.exceptions import ApplicationError, Conflict, NotEnoughData
from apps.common.heartbeat import beating, silent
from apps.common.operations.database_faults import DATABASE_FAULTS, by_itself
from apps.common.operations.metrics import TRAININGS
from apps.ml.core.training.retraining import MIN_TRAINING_ISSUES, retry_delay_seconds
from apps.ml.models import TrainingRun
from apps.ml.selectors.registry import count_outcomes
from apps.ml.services.model_trainer import ModelTrainer, Progress, Training, record_failure
from apps.ml.services.models.kinds import kind_of
from apps.ml.services.models.registry import ActivationConflict
from apps.ml.services.predictions.switch import require_predictions_of
from apps.ml.services.training.claims import SOFT_LIMIT_SECONDS, Claim, ClaimLost, claim, lost_runs
from apps.ml.storage.errors import StorageError

logger = logging.getLogger(__name__)

#: A run that failed this often is given up; the next one starts from zero.
MAX_ATTEMPTS = 3
#: Anybody may make projects, and trainings wait for one worker: all types of five projects.
MOST_OPEN = 20
#: A queued run is put in the queue again after this long: its message was lost, or the broker was away.
RESEND_AFTER = timedelta(minutes=10)
#: So many a minute, longest waiting first: more than are carried out meanwhile.
MOST_SENT_AGAIN = 200
#: Faults of the store or the database, which pass, and a meeting with a training that somebody started by hand: it
#: took the same version or was activated at the same moment, and the next attempt comes after it.
PASSING_FAULTS = (StorageError, *DATABASE_FAULTS, IntegrityError, ActivationConflict)


class AlreadyTraining(Conflict):
    """A training of this type and scope is queued or running."""

    code = "already_training"

    def __init__(self, run_id: UUID) -> None:
        super().__init__(f"A training of this type and scope is queued or running: job {run_id}.")
        self.run_id = run_id


class TooManyTrainings(Conflict):
    """As many trainings as one person may ask for wait or run: ask again when some of them are done."""

    code = "too_many_trainings"


@dataclass(frozen=True, slots=True)
class Retry:
    """A passing fault: the run is queued again and shall be begun after a while."""

    after_seconds: float


def request_training(
    model_type: str, project_id: UUID | None, *, cause: str, by: User | None = None, now: datetime
) -> TrainingRun:
    """Queue a training; the caller then sends its id to the workers.

    Raises
    ------
    AlreadyTraining
        If one of this type and scope is queued or running.
    PredictionsOff
        If nothing shall be predicted for the project.
    TooManyTrainings
        If `by` has asked for `MOST_OPEN` others that are not over.
    """
    require_predictions_of(project_id)
    try:
        with transaction.atomic():
            _require_turn(by)
            return TrainingRun.objects.create(
                model_type=model_type,
                project_id=project_id,
                cause=cause,
                requested_by=by,
                created_at=now,
                queued_at=now,
            )
    except IntegrityError as error:
        open_run = _open_run(model_type, project_id)
        if open_run is None:
            raise
        raise AlreadyTraining(open_run.id) from error


def _require_turn(by: User | None) -> None:
    if by is None:
        return
    # What two at once meet at: each counts the other's.
    User.objects.select_for_update(no_key=True).filter(pk=by.pk).first()
    if TrainingRun.objects.filter(requested_by=by, state__in=TrainingRun.OPEN).count() >= MOST_OPEN:
        raise TooManyTrainings


def require_enough_data(model_type: str, project_id: UUID | None) -> None:
    """Refuse what a worker would refuse, before it is queued; raises NotEnoughData."""
    kind = kind_of(model_type)
    have = count_outcomes(kind.outcome, project_id)
    if have < MIN_TRAINING_ISSUES:
        raise NotEnoughData(have=have, needed=MIN_TRAINING_ISSUES, what=kind.learns_from)


def _open_run(model_type: str, project_id: UUID | None) -> TrainingRun | None:
    of_scope = Q(project__isnull=True) if project_id is None else Q(project_id=project_id)
    return TrainingRun.objects.filter(of_scope, model_type=model_type, state__in=TrainingRun.OPEN).first()


def run_training(run_id: UUID, *, now: datetime, rng: random.Random) -> Retry | None:
    """Do one attempt of a queued run; a run that is not queued is left alone.

    A passing fault gives a `Retry` until MAX_ATTEMPTS; what does not pass is written into the row as its reason. A bug
    is written there too, and raised.
    """
    mine = claim(run_id, now=now)
    if mine is None:
        logger.info("Training run is not queued run=%s", run_id)
        return None
    try:
        with beating(mine.beat):
            _train(mine, now)
    except ClaimLost:
        logger.warning("Training run was taken over run=%s attempt=%d", run_id, mine.attempt)
    except SoftTimeLimitExceeded:
        _give_up(mine, f"It took longer than {SOFT_LIMIT_SECONDS // 60} minutes.")
    except PASSING_FAULTS as error:
        return _after_fault(mine, error, now=now, rng=rng)
    except ApplicationError as error:
        _give_up(mine, error.message)
    except (KeyboardInterrupt, SystemExit):
        # The worker is told to stop: another does it, or this one when it is back.
        mine.requeue("Its worker was stopped.")
        raise
    except BaseException as error:  # a panic of a library is no Exception, and no job stays `running` for it
        _give_up(mine, _bug(error))
        raise
    return None


def _bug(error: BaseException) -> str:
    return f"Internal error ({type(error).__name__}); the log has the details."


def train_here(
    model_type: str, project_id: UUID | None, *, cause: str, now: datetime, progress: Progress = lambda step, text: None
) -> Training:
    """Train in this process, under the workers' rule of one training a scope; one attempt, whose error is the caller's.

    What waits in the queue for this scope is done here instead, and so is what a dead worker left behind.

    Raises
    ------
    AlreadyTraining
        If a worker, or another command, trains this type and scope now.
    NotEnoughData
        If fewer than 50 finished issues can be learned from.
    StorageError
        If the artefacts cannot be stored.
    """
    require_enough_data(model_type, project_id)
    mine = _claim_scope(model_type, project_id, cause=cause, now=now)
    try:
        with beating(mine.beat):
            return _train(mine, now, shown=progress)
    except (KeyboardInterrupt, SystemExit):
        _give_up(mine, "It was stopped by hand.")
        raise
    except ApplicationError as error:
        _give_up(mine, error.message)
        _keep_failure(mine, error, now)
        raise
    except BaseException as error:  # as above
        _give_up(mine, _bug(error))
        raise


def _claim_scope(model_type: str, project_id: UUID | None, *, cause: str, now: datetime) -> Claim:
    try:
        run_id = request_training(model_type, project_id, cause=cause, now=now).id
    except AlreadyTraining as conflict:
        run_id = conflict.run_id
        for attempt in lost_runs(now).filter(id=run_id).values_list("attempts", flat=True):
            Claim(run_id, attempt).requeue("Its worker died.")
    mine = claim(run_id, now=now)
    if mine is None:
        raise AlreadyTraining(run_id)
    return mine


def _train(mine: Claim, now: datetime, *, shown: Progress = lambda step, text: None) -> Training:
    run = TrainingRun.objects.select_related("requested_by").get(id=mine.run_id)

    def report(step: int, text: str) -> None:
        shown(step, text)
        mine.report(step, text)

    return ModelTrainer().train(
        run.model_type,
        run.project_id,
        run.requested_by,
        now=now,
        progress=_on_change(report),
        on_registered=mine.succeed,
        keep_failure=False,
    )


def _on_change(report: Progress) -> Progress:
    """Fitting reports many times a second; only what is new is worth a write."""
    last: tuple[int, str] | None = None

    def tell(step: int, text: str) -> None:
        nonlocal last
        if (step, text) != last:
            last = (step, text)
            report(step, text)

    return tell


def _after_fault(mine: Claim, error: Exception, *, now: datetime, rng: random.Random) -> Retry | None:
    reason = error.message if isinstance(error, ApplicationError) else f"The database failed: {type(error).__name__}."
    # A database that was restarted is there again, but not on the connection that broke.
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
    if mine.attempt >= MAX_ATTEMPTS:
        _give_up(mine, f"{reason} Given up after {mine.attempt} attempts.")
        _keep_failure(mine, error, now)
        return None
    wait = Retry(retry_delay_seconds(mine.attempt, rng=rng))
    logger.warning("Training will be retried run=%s in_seconds=%.0f reason=%s", mine.run_id, wait.after_seconds, reason)
    try:
        mine.requeue(reason)
    except DATABASE_FAULTS:
        # The database is away: the heartbeat grows old, and the run is found lost when the database is back.
        logger.warning("Training run could not be queued again run=%s; it will be found lost", mine.run_id)
        return None
    except ClaimLost:
        # The database was away for so long that the run was found lost already.
        logger.warning("Training run was taken over run=%s attempt=%d", mine.run_id, mine.attempt)
        return None
    return wait


def _give_up(mine: Claim, reason: str) -> None:
    logger.error("Training run failed run=%s reason=%s", mine.run_id, reason)
    try:
        mine.fail(reason)
    except ClaimLost:
        logger.warning("Training run was over already run=%s attempt=%d", mine.run_id, mine.attempt)
        return
    model_type = TrainingRun.objects.values_list("model_type", flat=True).get(id=mine.run_id)
    TRAININGS.labels(type=model_type, outcome="given_up").inc()


def _keep_failure(mine: Claim, error: Exception, now: datetime) -> None:
    """In the registry too, once a run: attempts that failed before are the run's own affair."""
    if not isinstance(error, StorageError):
        return
    run = TrainingRun.objects.select_related("requested_by").get(id=mine.run_id)
    record_failure(run.model_type, run.project_id, error.message, user=run.requested_by, now=now)


def recover_lost_runs(*, now: datetime) -> Iterator[UUID]:
    """Queue again what dead workers left behind, give up what keeps killing them; ids to send to the workers.

    Runs whose message was lost, or could not be sent because the broker was away, are among the ids too.
    """
    for run_id, attempt in lost_runs(now).values_list("id", "attempts"):
        is_queued = False
        with by_itself("requeue_lost_trainings", run_id), suppress(ClaimLost):
            is_queued = _recovered(Claim(run_id, attempt), now)
        if is_queued:
            yield run_id
    yield from _unsent(now)


def _recovered(dead: Claim, now: datetime) -> bool:
    """Whether a run of a dead worker is queued again."""
    if dead.attempt >= MAX_ATTEMPTS:
        _give_up(dead, f"Its worker died {dead.attempt} times.")
        return False
    dead.requeue("Its worker died.", now=now)
    logger.warning("Training run of a dead worker is queued again run=%s attempt=%d", dead.run_id, dead.attempt)
    return True


def send_again_soon(run_id: UUID, *, now: datetime) -> None:
    """A run whose message could not be sent is due at once."""
    TrainingRun.objects.filter(id=run_id, state=TrainingRun.State.QUEUED).update(queued_at=now - 2 * RESEND_AFTER)


def _unsent(now: datetime) -> Iterator[UUID]:
    waiting = TrainingRun.objects.filter(
        silent("queued_at", now=now, after=RESEND_AFTER), state=TrainingRun.State.QUEUED
    )
    for run_id in waiting.order_by("queued_at").values_list("id", flat=True)[:MOST_SENT_AGAIN]:
        if waiting.filter(id=run_id).update(queued_at=now):
            yield run_id
