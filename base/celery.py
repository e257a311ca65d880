"""The Celery app and its schedule."""

import contextlib
import functools
import logging
import os
import signal
import threading
import time
import warnings
from typing import Any

from celery import Celery
from celery.bootsteps import RUN  # type: ignore[attr-defined] # its stub lacks it
from celery.exceptions import SecurityWarning
from celery.platforms import EX_FAILURE
from celery.schedules import crontab
from celery.signals import (
    beat_embedded_init,
    beat_init,
    import_modules,
    worker_init,
    worker_process_init,
    worker_ready,
    worker_shutdown,
)
from celery.worker import state
from django.conf import settings

from apps.common.broker import BROKER_FAULTS
from apps.common.operations.metric_files import leave, share
from base import folder_broker

logger = logging.getLogger(__name__)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "base.settings")
# Celery warns of root because a message in pickle is a program. None is read here (CELERY_ACCEPT_CONTENT), and a
# container whose only user is root is no fault; C_FORCE_ROOT would let pickle through as well.
warnings.filterwarnings("ignore", "You're running the worker with superuser privileges", SecurityWarning)

#: How often beat looks whether its worker lives: sooner than the next minute.
_LOOK_SECONDS = 5.0
#: By then a worker knows of a signal to all processes, which may have ended the beat inside it first.
_SIGNAL_SECONDS = 2.0
#: A message of a task of every minute is worthless once the next one exists; no heap of them waits for a worker.
_MINUTELY = {"expires": 55}
#: Nor does a round that is not at its end stand beside the next one.
_QUARTER_HOURLY, _SIX_HOURLY, _DAILY, _WEEKLY = ({"expires": 3_600 * hours - 50} for hours in (0.25, 6, 24, 7 * 24))
CELERY_BEAT_SCHEDULE = {
    "retrain-ml-models": {
        "task": "apps.ml.tasks.retrain_ml_models",
        "schedule": crontab(hour=2, minute=0, day_of_week=1),
    },
    "replay-pasts": {
        "task": "apps.ml.tasks.replay_pasts",
        "schedule": crontab(hour=4, minute=0, day_of_week=1),
        "options": _WEEKLY,
    },
    "record-prediction-outcomes": {
        "task": "apps.ml.tasks.record_prediction_outcomes",
        "schedule": crontab(),
        "options": _MINUTELY,
    },
    "record-dated-outcomes": {
        "task": "apps.ml.tasks.record_dated_outcomes",
        "schedule": crontab(hour=4, minute=20),
        "options": _DAILY,
    },
    "requeue-lost-trainings": {
        "task": "apps.ml.tasks.requeue_lost_trainings",
        "schedule": crontab(),
        "options": _MINUTELY,
    },
    "note-long-worker": {
        "task": "apps.ml.tasks.note_long_worker",
        "schedule": crontab(),
        "options": _MINUTELY,
    },
    "note-import-worker": {
        "task": "apps.importers.tasks.note_import_worker",
        "schedule": crontab(),
        "options": _MINUTELY,
    },
    "detect-anomalies": {
        "task": "apps.ml.tasks.detect_anomalies",
        "schedule": crontab(hour="*/6", minute=15),
        "options": _SIX_HOURLY,
    },
    "keep-forecasts": {
        "task": "apps.ml.tasks.keep_forecasts",
        # Days begin at another hour in each time zone, and some zones are off by a quarter of one.
        "schedule": crontab(minute="*/15"),
        "options": _QUARTER_HOURLY,
    },
    "refresh-indexes": {
        "task": "apps.ml.tasks.refresh_indexes",
        "schedule": crontab(minute="5-59/15"),
        "options": _QUARTER_HOURLY,
    },
    "watch-sprints": {
        "task": "apps.ml.tasks.watch_sprints",
        # Before the day's stand-up, UTC.
        "schedule": crontab(hour=6, minute=45),
        "options": _DAILY,
    },
    "send-deliveries": {
        "task": "apps.notifications.tasks.send_deliveries",
        "schedule": crontab(),
        "options": _MINUTELY,
    },
    "run-due-imports": {
        "task": "apps.importers.tasks.run_due_imports",
        "schedule": crontab(),
        "options": _MINUTELY,
    },
    "forget-log-ins": {
        "task": "apps.accounts.tasks.forget_log_ins",
        "schedule": crontab(minute=40),
    },
    "sync-connections": {
        "task": "apps.importers.tasks.sync_connections",
        "schedule": crontab(minute=25),
    },
    "close-ended-sprints": {
        "task": "apps.projects.tasks.close_ended_sprints",
        "schedule": crontab(minute="*/15"),
    },
    "remove-old-history": {
        "task": "apps.ml.tasks.remove_old_history",
        "schedule": crontab(hour=3, minute=30),
    },
    "forget-old-answers": {
        "task": "apps.common.tasks.forget_old_answers",
        "schedule": crontab(minute=50),
    },
    "empty-logs": {
        "task": "apps.common.tasks.empty_logs",
        "schedule": crontab(),
        "options": _MINUTELY,
    },
    "finish-erasures": {
        "task": "apps.upkeep.tasks.finish_erasures",
        "schedule": crontab(minute=10),
    },
    "sweep-model-store": {
        "task": "apps.ml.tasks.sweep_model_store",
        "schedule": crontab(hour=4, minute=10),
    },
}
#: How long a request waits for a broker that is away, in all: three tries within a second. Kombu's own default is to
#: try for ever, in whatever request or task wants to send something.
_PUBLISH_LIMITS = {"max_retries": 2, "interval_start": 0.0, "interval_step": 0.2, "interval_max": 0.4}
#: Seconds for one answer of a Redis that accepts connections and then says nothing.
_SOCKET_LIMITS = {"socket_connect_timeout": 2.0, "socket_timeout": 5.0}


@import_modules.connect
def _share_metrics(**_: Any) -> None:
    """A worker counts into files that the web server's `/metrics` adds up; decided before the tasks are imported."""
    share(settings.METRICS_DIR)


@worker_init.connect
@beat_init.connect
def _refuse_slips(**_: Any) -> None:
    _refuse_them_once()


@functools.cache
def _refuse_them_once() -> None:
    """The beat within a worker is forked from it, and need not tell the same again."""
    from apps.common.operations.slips import refuse_slips  # noqa: PLC0415 - the apps are ready only now

    refuse_slips()


@worker_ready.connect
def _show_worker(**_: Any) -> None:
    """Pages need not wait a minute to know of it; a broker that is away by now is told by the worker itself."""
    with contextlib.suppress(*BROKER_FAULTS):
        for task in (
            "ml.tasks.requeue_lost_trainings",
            "ml.tasks.note_long_worker",
            "importers.tasks.note_import_worker",
        ):
            app.send_task(f"apps.{task}", expires=_MINUTELY["expires"])


@worker_process_init.connect
def _leave_the_end_to_the_worker(**_: Any) -> None:
    """A SIGTERM to all processes (`timeout`, systemd) is the worker's, as a Ctrl-C is: it lets them end what they do.

    Of a pool that lost its processes in the midst of that a worker never ended.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


@beat_embedded_init.connect
def _end_with_the_worker(**_: Any) -> None:
    """A worker that is killed ends no beat inside it: that would go on for ever, beside the one of the next worker."""
    worker = os.getppid()

    def watch() -> None:
        while os.getppid() == worker:
            time.sleep(_LOOK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="worker-lives", daemon=True).start()


@worker_ready.connect
def _end_with_the_beat(sender: Any, **_: Any) -> None:
    """Nobody looks after the beat inside a worker that was killed: the worker ends too, and both are started again."""
    worker = sender.controller

    def watch() -> None:
        worker.beat.join()
        time.sleep(_SIGNAL_SECONDS)
        if worker.blueprint.state == RUN and state.should_stop is None and state.should_terminate is None:
            code = worker.beat.exitcode
            logger.error("The schedule inside this worker has ended (code %s), and so does the worker.", code)
            # As a signal says it: what it does comes to its end.
            state.should_stop = EX_FAILURE  # type: ignore[assignment] # its stub knows None alone

    if worker.beat is not None:
        threading.Thread(target=watch, name="beat-lives", daemon=True).start()


@worker_shutdown.connect
def _leave_metrics(**_: Any) -> None:
    leave(settings.METRICS_DIR)


folder_broker.use()
app = Celery("base")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule = CELERY_BEAT_SCHEDULE
app.conf.beat_scheduler = "base.beat:SteadyScheduler"
app.conf.worker_pool = "base.pool:TaskPool"
# A broker may be away for a night; after a hundred tries, some 46 minutes, a worker would end.
app.conf.broker_connection_max_retries = None
app.conf.task_acks_late = True
# What kills its worker would kill the next. Trainings and imports count their attempts and are given on; the clock asks
# for all else again.
app.conf.task_reject_on_worker_lost = False
app.conf.broker_transport_options = {**_PUBLISH_LIMITS, **_SOCKET_LIMITS, **app.conf.broker_transport_options}
app.autodiscover_tasks()
