"""What workers do: fetch, call a service, send what follows from it. A message carries ids only."""

import logging
import random
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from celery import Task, shared_task
from celery.signals import worker_process_init
from django.utils import timezone

from apps.common.broker import go_round, is_handed_over
from apps.common.exceptions import ApplicationError
from apps.common.heartbeat import beating
from apps.common.operations.database_faults import by_itself
from apps.ml.selectors.kept_forecasts import due_projects
from apps.ml.selectors.replays import projects_with_models
from apps.ml.selectors.workers import LONG, SHORT
from apps.ml.services import AnomalyDetectionService
from apps.ml.services.evaluation import closing
from apps.ml.services.evaluation.kept_replays import ask_for_replays, take_back
from apps.ml.services.forecasts.keeping import forget_inputs, keep_due_forecasts
from apps.ml.services.models.warming import warm_beside
from apps.ml.services.predictions.switch import predicted_projects
from apps.ml.services.similar.issue_texts import ISSUE_TEXTS
from apps.ml.services.similar.text_snapshots import projects_behind
from apps.ml.services.training import claims
from apps.ml.services.training import jobs as training_jobs
from apps.ml.services.training.due import queue_due_trainings
from apps.ml.services.upkeep import retention as clean_up
from apps.ml.services.upkeep.installation import note_activity, note_worker, tells_age
from apps.ml.services.upkeep.strays import sweep_store
from apps.notifications.services.clean_up import remove_old_notifications
from apps.notifications.tasks import send_soon
from apps.projects.models import Sprint
from apps.projects.selectors import ids_after, with_issues

logger = logging.getLogger(__name__)


class BrokerUnavailable(ApplicationError):
    """The queue of background work cannot be reached."""

    code = "broker_unavailable"


def _rng() -> random.Random:
    return random.Random()  # noqa: S311 - waits and turns, nothing secret


@worker_process_init.connect
def _load_models(**_: Any) -> None:
    """Each process of a worker has a cache of its own."""
    warm_beside()


@shared_task
def retrain_ml_models() -> int:
    """Plan what is due and fan it out, one task a model; Monday at 02:00."""
    return send_trainings(queue_due_trainings(now=timezone.now()))


@shared_task(
    bind=True,
    # Retries are counted in the row, so that a message that was lost loses no count.
    max_retries=None,
    # The row's state makes a second delivery harmless: so a message may outlive the worker that was killed.
    acks_late=True,
    reject_on_worker_lost=True,
    soft_time_limit=claims.SOFT_LIMIT_SECONDS,
    time_limit=claims.HARD_LIMIT_SECONDS,
)
def train_model(self: "Task[Any, None]", run_id: str) -> None:
    """Do a queued training; nothing if it is not queued any more."""
    retry = training_jobs.run_training(UUID(run_id), now=timezone.now(), rng=_rng())
    if retry is not None:
        raise self.retry(countdown=retry.after_seconds)


@shared_task
def requeue_lost_trainings() -> int:
    """Send again what a dead worker or a lost message left behind; every minute."""
    now = timezone.now()
    with by_itself("requeue_lost_trainings", note_activity):
        note_activity(now)
    with by_itself("requeue_lost_trainings", note_worker):
        note_worker(SHORT, now)
    return send_trainings(training_jobs.recover_lost_runs(now=timezone.now()))


@shared_task
def note_long_worker() -> None:
    """Show that somebody serves the queue of trainings; every minute."""
    note_worker(LONG, timezone.now())


def _show_long_worker() -> None:
    """From within a round: few projects may take minutes together, in which no other message is read."""
    note_worker(LONG, timezone.now())


@shared_task
def record_prediction_outcomes() -> int:
    """Close open predictions about finished issues; every minute."""
    return closing.record_outcomes(now=timezone.now())


@shared_task(bind=True)
def record_dated_outcomes(self: "Task[Any, int]", after: str = "") -> int:
    """Close open answers about days, project by project; every night."""
    return go_round(self, closing.projects_with_dated_answers(after), _record_dated_outcomes, rng=_rng())


def _record_dated_outcomes(project_id: UUID) -> None:
    _show_long_worker()
    closing.record_dated_outcomes(project_id=project_id, now=timezone.now())


@shared_task(bind=True)
def detect_anomalies(self: "Task[Any, int]", after: str = "") -> int:
    """Look at every project that has issues; every six hours."""
    return go_round(self, ids_after(with_issues(predicted_projects()), after), _detect, rng=_rng())


def _detect(project_id: UUID) -> None:
    _show_long_worker()
    # One that was deleted or switched off meanwhile is no error.
    if predicted_projects().filter(id=project_id).exists():
        AnomalyDetectionService().detect_project_anomalies(project_id, now=timezone.now())
        send_soon()


@shared_task(bind=True)
def keep_forecasts(self: "Task[Any, int]", after: str = "") -> int:
    """Keep what is said today of each project's end, and at the turns of sprints; every quarter of an hour."""
    due = due_projects(predicted_projects(), now=timezone.now(), after=after)
    return go_round(self, due, _keep_forecast, rng=_rng())


def _keep_forecast(project_id: UUID) -> None:
    _show_long_worker()
    project = predicted_projects().filter(id=project_id).first()
    if project is not None:
        keep_due_forecasts(project, now=timezone.now())


@shared_task(bind=True)
def watch_sprints(self: "Task[Any, int]", after: str = "") -> int:
    """Look at the running sprints of every project that have issues; every morning."""
    running = with_issues(predicted_projects(), sprint__status=Sprint.Status.ACTIVE)
    return go_round(self, ids_after(running, after), _watch, rng=_rng())


def _watch(project_id: UUID) -> None:
    _show_long_worker()
    project = predicted_projects().filter(id=project_id).first()
    if project is not None:
        AnomalyDetectionService().watch_sprints(project, now=timezone.now())
        send_soon()


@shared_task
def remove_old_history() -> int:
    """Remove what is older than ML_HISTORY_DAYS, batch by batch, sums of predictions kept; every night."""
    if not tells_age(timezone.now()):
        logger.warning("Nothing is removed for its age tonight: the clock has jumped, or nothing ran for weeks.")
        return 0
    with by_itself("remove_old_history", remove_old_notifications):
        remove_old_notifications(now=timezone.now())
    with by_itself("remove_old_history", forget_inputs):
        forget_inputs(now=timezone.now())
    return clean_up.remove_old_history(now=timezone.now())


@shared_task(bind=True)
def refresh_indexes(self: "Task[Any, int]", after: str = "") -> int:
    """Bring stored indexes of texts up to date that are far behind; every quarter of an hour."""
    return go_round(self, projects_behind(after), _refresh_index, rng=_rng())


def _refresh_index(project_id: UUID) -> None:
    _show_long_worker()
    ISSUE_TEXTS.of_project(project_id)


@shared_task
def sweep_model_store() -> int:
    """Remove objects that have belonged to no model for a week, those of deleted projects above all; every night."""
    return sweep_store(now=timezone.now())


@shared_task(soft_time_limit=claims.SOFT_LIMIT_SECONDS, time_limit=claims.HARD_LIMIT_SECONDS)
def replay_past(project_id: str) -> None:
    """Replay a project's past and keep what it showed."""
    # Web processes send this task; only a worker needs what trains.
    from apps.ml.services.evaluation.replaying import make_replays  # noqa: PLC0415

    # Minutes, during which no message of the same queue is read.
    with beating(lambda now: note_worker(LONG, now)):
        make_replays(UUID(project_id), now=timezone.now)


@shared_task(bind=True)
def replay_pasts(self: "Task[Any, int]", after: str = "") -> int:
    """The replay of every project with models of its own; Monday at 04:00, after the trainings.

    One waits at a time, minutes long as it is: the next is asked for behind it.
    """
    for project_id in projects_with_models(after):
        is_asked = False
        with by_itself("replay_pasts", project_id):
            is_asked = ask_for_replays(project_id, now=timezone.now())
        if is_asked:
            is_sent = send_replay(project_id)
            if is_sent:
                is_handed_over(self, str(project_id), expires=self.request.expires)
            return int(is_sent)
    return 0


def send_replay(project_id: UUID) -> bool:
    """Hand a replay that was asked for to the workers.

    False where the queue cannot be reached: then nothing was asked for, and whoever wants it asks again later.
    """
    if is_handed_over(replay_past, str(project_id)):
        return True
    take_back(project_id)
    return False


def send_training(run_id: UUID) -> None:
    """Hand a queued run to the workers.

    Raises
    ------
    BrokerUnavailable
        Nothing is lost: the row stays queued, and `requeue_lost_trainings` sends it once the broker is back.
    """
    if not is_handed_over(train_model, str(run_id)):
        training_jobs.send_again_soon(run_id, now=timezone.now())
        raise BrokerUnavailable


def send_trainings(run_ids: Iterable[UUID]) -> int:
    """Hand over several; returns how many were accepted.

    A broker that does not take one is not asked to take the next: each would wait as long. All the rest stay queued.
    """
    sent, waiting = 0, iter(run_ids)
    for run_id in waiting:
        try:
            send_training(run_id)
        except BrokerUnavailable as error:
            logger.warning("Training runs stay queued, the first of them run=%s: %s", run_id, error.message)
            break
        sent += 1
    for run_id in waiting:
        training_jobs.send_again_soon(run_id, now=timezone.now())
    return sent
