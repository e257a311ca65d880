"""What workers do for imports. A message carries ids only."""

import logging
from collections.abc import Iterable
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from apps.common.broker import is_handed_over
from apps.common.operations.database_faults import by_itself
from apps.importers import runs
from apps.importers.telling.out_of_step import tell_out_of_step
from apps.importers.waiting import due_runs
from apps.ml.selectors.workers import IMPORTS
from apps.ml.services.upkeep.installation import note_worker

logger = logging.getLogger(__name__)
#: Fifty thousand requests at the pace that trackers allow.
TIME_LIMIT_SECONDS = 6 * 3_600
#: What still waits is sent by the next minute: a message that nobody has read by then is one too many.
SENT_AGAIN_SECONDS = 55


@shared_task(acks_late=True, reject_on_worker_lost=True, time_limit=TIME_LIMIT_SECONDS)
def run_import(run_id: str) -> None:
    """Carry one import out, and send what waited for it; nothing if another of its project or person is running."""
    if runs.execute(UUID(run_id), now=timezone.now):
        send(due_runs(now=timezone.now(), behind=UUID(run_id)))


@shared_task
def note_import_worker() -> None:
    """Show that somebody serves the queue of imports; every minute."""
    note_worker(IMPORTS, timezone.now())


@shared_task
def run_due_imports() -> int:
    """Send what waits and what a dead worker left; every minute."""
    return send(due_runs(now=timezone.now()))


@shared_task
def sync_connections() -> int:
    """Bring every connected project in step, and let go of files that nobody imported; every hour.

    Who is out of step is told after each of their imports, and here of those that were switched off or are gone.
    """
    with by_itself("sync_connections", runs.forget_uploads):
        runs.forget_uploads(now=timezone.now())
    with by_itself("sync_connections", tell_out_of_step):
        tell_out_of_step(now=timezone.now())
    return send(run.pk for run in runs.ask_due_syncs(now=timezone.now()))


def send(run_ids: Iterable[UUID]) -> int:
    """Hand runs to the workers; without a broker the next minute does."""
    sent = 0
    for run_id in run_ids:
        if not is_handed_over(run_import, str(run_id), expires=SENT_AGAIN_SECONDS):
            logger.warning("Imports wait for the next minute")
            break
        sent += 1
    return sent
