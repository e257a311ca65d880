"""What workers do: fetch, call a service, send what follows from it. A message carries ids only."""

import logging
import random
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from celery import Task, shared_task
from celery.signals import worker_process_init
from django.utils import timezone

from apps.common.broker import hand_over_each, is_handed_over
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
from apps.ml.services.upkeep.installation import note_activity, note_worker
from apps.ml.services.upkeep.strays import sweep_store
from apps.notifications.services.clean_up import remove_old_notifications
from apps.notifications.tasks import send_soon
from apps.projects.models import Sprint

logger = logging.getLogger(__name__)


class BrokerUnavailable(ApplicationError):
    """The queue of background work cannot be reached."""

    code = "broker_unavailable"


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
    retry = training_jobs.run_training(UUID(run_id), now=timezone.now(), rng=random.Random())  # noqa: S311 - jitter
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
    """From within a round: tasks of all projects may take minutes together, in which no other message is read."""
    note_worker(LONG, timezone.now())


@shared_task
def record_prediction_outcomes() -> int:
    """Close open predictions about finished issues; every minute."""
    return closing.record_outcomes(now=timezone.now())


@shared_task
def record_dated_outcomes() -> int:
    """Close open answers about days; every night."""
    return closing.record_dated_outcomes(now=timezone.now())


@shared_task
def detect_anomalies() -> int:
    """Look at every project, each in a task of its own, so that one that fails harms no other; every six hours."""
    projects = predicted_projects().order_by().values_list("id", flat=True)
    return hand_over_each(detect_project_anomalies, projects.iterator())


@shared_task
def detect_project_anomalies(project_id: str) -> None:
    """Look for what is unusual in one project; one that was deleted or switched off meanwhile is no error."""
    _show_long_worker()
    if predicted_projects().filter(id=project_id).exists():
        AnomalyDetectionService().detect_project_anomalies(project_id, now=timezone.now())
        send_soon()


@shared_task
def keep_forecasts() -> int:
    """Keep what is said today of each project's end, and at the turns of sprints; every quarter of an hour."""
    due = due_projects(now=timezone.now())
    return hand_over_each(keep_project_forecasts, due)


@shared_task
def keep_project_forecasts(project_id: str) -> None:
    """Keep the forecast of one project; one that was deleted meanwhile is no error."""
    _show_long_worker()
    project = predicted_projects().filter(id=project_id).first()
    if project is not None:
        keep_due_forecasts(project, now=timezone.now())


@shared_task
def watch_sprints() -> int:
    """Look at the running sprints of every project, each project in a task of its own; every morning."""
    active = Sprint.objects.filter(status=Sprint.Status.ACTIVE)
    projects = predicted_projects().filter(pk__in=active.values("project")).order_by().values_list("id", flat=True)
    return hand_over_each(watch_project_sprints, projects.iterator())


@shared_task
def watch_project_sprints(project_id: str) -> None:
    """Announce what endangers a project's sprints; one that was deleted or switched off meanwhile is no error."""
    _show_long_worker()
    project = predicted_projects().filter(id=project_id).first()
    if project is not None:
        AnomalyDetectionService().watch_sprints(project, now=timezone.now())
        send_soon()


@shared_task
def remove_old_history() -> int:
    """Remove what is older than ML_HISTORY_DAYS, batch by batch, sums of predictions kept; every night."""
    with by_itself("remove_old_history", remove_old_notifications):
        remove_old_notifications(now=timezone.now())
    with by_itself("remove_old_history", forget_inputs):
        forget_inputs(now=timezone.now())
    return clean_up.remove_old_history(now=timezone.now())


@shared_task
def refresh_indexes() -> int:
    """Bring stored indexes of texts up to date that are far behind, one task a project; every quarter of an hour."""
    return hand_over_each(refresh_index, projects_behind())


@shared_task
def refresh_index(project_id: str) -> None:
    """Index one project's texts, and store what processes then begin with."""
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


@shared_task
def replay_pasts() -> int:
    """The replay of every project with models of its own, one task each; Monday at 04:00, after the trainings."""
    sent = 0
    for project_id in projects_with_models():
        with by_itself("replay_pasts", project_id):
            if ask_for_replays(project_id, now=timezone.now()):
                if not send_replay(project_id):
                    # Each further one would wait as long.
                    break
                sent += 1
    return sent


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
