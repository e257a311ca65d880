"""An import that is taken back, batch by batch: each is whole or not there, and its entries go with what they undo.

So whoever begins anew goes on where another was stopped, and nothing is undone twice. What one batch has read the next
reads again: an erasure comes to its turn between them, and the next writes what it left. SQLite's one writer, and the
project, are free between batches; all in one transaction it is as it was before.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from apps.accounts.models import User
from apps.common.exceptions import Conflict
from apps.importers.keeping import TakenAway, keep_erasures_out
from apps.importers.models import Connection, ImportRun, TakingBack
from apps.importers.report import figures_of
from apps.importers.selectors import begun_after, touches_anything
from apps.importers.undoing.rows_back import lock_rows, take_links_back, take_rows_back
from apps.importers.undoing.taking_back import put_changed_back, put_names_back, take_made_back
from apps.importers.waiting import running
from apps.importers.writing.kinds import hold_project
from apps.projects.leads import made_by_a_lead
from apps.projects.levels import roll_up
from apps.projects.rows import all_or_nothing, note_removal

Status = ImportRun.Status
#: One after the other, each batch by batch: how many of a batch stay, None once nothing is left.
Phase = Callable[[ImportRun, TakingBack], int | None]
PHASES: tuple[Phase, ...] = (put_changed_back, take_made_back, put_names_back, take_links_back, take_rows_back)
#: What refuses a batch is told by the next look in most cases: who used a type a moment ago has let it go, say.
MOST_REFUSALS = 3
NO_LEAD = "Whoever asked for it to be taken back leads this project no more."


def begin(run: ImportRun, *, by: User | None, now: datetime) -> TakingBack:
    """Ask that an import be taken back, in a transaction; without somebody it is the operator who asks.

    Raises
    ------
    Conflict
        If it runs, changed nothing that is known, another import of the project runs, or a later one is to be taken
        back first.
    """
    _hold(run)
    if run.status not in (Status.COMPLETED, Status.FAILED) or not touches_anything(run):
        raise Conflict("This import cannot be taken back: it is not over, or it is not known what it changed.")
    if any(touches_anything(later) for later in begun_after(run)):
        raise Conflict("A later import changed this project: take that one back first.")
    if running(now).filter(project=run.project_id, is_dry_run=False).exists():
        raise Conflict("Another import of this project runs: take this one back when that is over.")
    before = TakingBack.objects.filter(run=run).first()
    if before is not None and run.error == before.error:
        # Why it stopped the last time.
        run.error = ""
    asked = {"asked_at": now, "asked_by": by, "is_operators": by is None, "began_at": None, "error": ""}
    back, _ = TakingBack.objects.update_or_create(run=run, defaults=asked | _what_is_to_do(run, before))
    run.status, run.seen_at, run.attempts = Status.UNDOING, None, 0
    run.save(update_fields=["status", "error", "seen_at", "attempts"])
    # What is half taken back is not in step either.
    Connection.objects.filter(imports=run).update(synced_until=None)
    return back


def is_begun(run: ImportRun) -> bool:
    """Whether somebody has asked for it already; until the transaction ends nobody else does."""
    _hold(run)
    return run.status == Status.UNDOING


def _hold(run: ImportRun) -> None:
    keep_erasures_out()
    hold_project(run.project_id)
    run.refresh_from_db()


def rows_of(run: ImportRun) -> int:
    """How many rows it is known of what the import did to them; of earlier imports' sprints without a trace, too."""
    return run.touches.count() + run.traces.count() + len(run.sprint_ids)


def all_at_once(run: ImportRun, back: TakingBack) -> None:
    """Take it back in the transaction that asked for it."""
    lock_rows(run)
    for phase in PHASES:
        while (kept := phase(run, back)) is not None:
            back.kept += kept
    note_removal(run.project_id)
    roll_up(run.project_id)
    _end(run, back)


def batch_by_batch(run: ImportRun, began_at: datetime) -> None:
    """Take it back in transactions of their own, as the one who began then.

    Raises
    ------
    TakenAway
        If another has begun anew meanwhile.
    """
    for phase in PHASES:
        is_left = True
        while is_left:
            is_left = _is_done(run, began_at, phase)
    roll_up(run.project_id)
    with all_or_nothing():
        back = _held(run, began_at)
        note_removal(run.project_id)
        _end(run, back)


def _is_done(run: ImportRun, began_at: datetime, phase: Phase) -> bool:
    """Do a batch; False where nothing of its kind is left."""
    for refusals in range(MOST_REFUSALS):
        try:
            return _batch(run, began_at, phase)
        except Conflict:
            if refusals == MOST_REFUSALS - 1:
                raise
    return False


@all_or_nothing()
def _batch(run: ImportRun, began_at: datetime, phase: Phase) -> bool:
    back = _held(run, began_at)
    lock_rows(run)
    kept = phase(run, back)
    if kept is None:
        return False
    back.kept += kept
    # Issues whose names changed keep an entry until the turn of names comes: one less tells that something is done.
    back.rows_left = max(min(rows_of(run), back.rows - 1), 0)
    back.save(update_fields=["kept", "rows_left"])
    # Whoever gets on has killed no worker.
    ImportRun.objects.filter(pk=run.pk).update(seen_at=timezone.now(), attempts=1)
    return True


def _held(run: ImportRun, began_at: datetime) -> TakingBack:
    keep_erasures_out()
    # Anew: what is told of a project changes meanwhile, and a batch that was refused may have left its traces here.
    run.refresh_from_db(fields=["sprint_ids"])
    run.project = hold_project(run.project_id)
    back = TakingBack.objects.select_for_update(of=("self",)).filter(run=run, began_at=began_at).first()
    if back is None:
        raise TakenAway
    return back


def _end(run: ImportRun, back: TakingBack) -> None:
    back.rows_left, back.began_at, back.error = 0, None, ""
    back.save(update_fields=["kept", "rows_left", "began_at", "error"])
    run.refresh_from_db(fields=["report"])
    # A wrong file leaves no names, neither in what it told nor in why it had failed.
    run.status, run.report, run.error = Status.UNDONE, figures_of(run.report), ""
    run.save(update_fields=["status", "report", "error"])


def stop(run: ImportRun, began_at: datetime | None, why: str) -> None:
    """End it before its end: an import of which nothing is taken back yet is what it was, else it has failed.

    What is left can be taken back by whoever asks for it again.
    """
    with all_or_nothing():
        back = TakingBack.objects.select_for_update(of=("self",)).filter(run=run, began_at=began_at).first()
        if back is None:
            raise TakenAway
        is_whole = back.rows_left == back.rows
        back.began_at, back.error = None, why
        back.save(update_fields=["began_at", "error"])
        row = ImportRun.objects.filter(pk=run.pk)
        row.update(status=back.was if is_whole else Status.FAILED)
        if not is_whole:
            # Why it had failed before stays, as an erasure may have left it meanwhile.
            row.filter(error="").update(error=why)
        run.refresh_from_db(fields=["status", "error"])


def claim(run: ImportRun, now: datetime) -> None:
    """Begin with one that waits, or whose worker was lost, in a transaction that holds the project.

    Who may have it taken back is asked again: else it is stopped.
    """
    asked = Q(taking_back__is_operators=True) | made_by_a_lead("taking_back__asked_by")
    if not ImportRun.objects.filter(asked, pk=run.pk).exists():
        stop(run, run.taking_back.began_at, NO_LEAD)
        return
    TakingBack.objects.filter(run=run).update(began_at=now)
    ImportRun.objects.filter(pk=run.pk).update(seen_at=now, attempts=F("attempts") + 1)


def put_off(run: ImportRun, began_at: datetime) -> None:
    """Let it wait again for whoever goes on with it."""
    with transaction.atomic():
        if TakingBack.objects.filter(run=run, began_at=began_at).update(began_at=None):
            ImportRun.objects.filter(pk=run.pk).update(seen_at=None)


def _what_is_to_do(run: ImportRun, before: TakingBack | None) -> dict[str, Any]:
    """How much there is to be taken back; of what was stopped in the midst that is known."""
    if before is not None and before.rows_left < before.rows:
        return {}
    rows = rows_of(run)
    return {
        "was": run.status, "rows": rows, "rows_left": rows, "kept": 0, "first_change": _first_change(run),
        "has_traces": run.traces.exists(),
    }  # fmt: skip


def _first_change(run: ImportRun) -> int | None:
    own = (pk for changes in run.touches.order_by().values_list("changes", flat=True).iterator() for pk in changes)
    return min(own, default=None)
