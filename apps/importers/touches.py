"""What an import does to issues, kept so that it can be taken back (see `runs.undo`)."""

from collections.abc import Iterable
from uuid import UUID

from apps.importers.models import ImportRun, ImportTouch
from apps.importers.writing.changes import Touch


def keep(run: ImportRun, touches: Iterable[Touch], sprints_made: Iterable[UUID]) -> None:
    """Keep what a batch did, in the transaction that does it; the run is not saved, but for its sprints."""
    ImportTouch.objects.bulk_create(
        ImportTouch(
            run=run,
            issue=touch.issue,
            before=None if touch.before is None else dict(touch.before),
            changes=touch.change_ids,
        )
        for touch in touches
    )
    run.sprint_ids = [str(sprint) for sprint in sprints_made]
    run.save(update_fields=["sprint_ids"])
