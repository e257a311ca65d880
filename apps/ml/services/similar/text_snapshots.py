"""Indexes of texts outside the process: each begins with the one that lies in the store, and one writes the next.

What is in the store is worth time only: where it is missing, damaged or forgotten, an index is built from the database.
"""

import logging
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, connections
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from apps.common.exceptions import ApplicationError
from apps.common.heartbeat import silent
from apps.common.operations.database_faults import by_itself
from apps.common.operations.metrics import INDEX_READS
from apps.ml.core.artifact import ArtifactCorrupted
from apps.ml.core.meaning import load_meaning
from apps.ml.core.text_index import TextIndex
from apps.ml.models import TextSnapshot
from apps.ml.selectors.issues import TextRevision, n_newest, n_touched
from apps.ml.services.models.memory import Remembered
from apps.ml.services.upkeep.installation import our_names
from apps.ml.storage.errors import ArtifactRefused, ObjectMissing, StorageError
from apps.ml.storage.s3 import S3ModelStorageService
from apps.projects.history.moments import lies_ahead
from apps.projects.models import Issue, Project
from apps.projects.selectors import edit_stamps, ids_after

logger = logging.getLogger(__name__)

#: Fewer issues are indexed as fast as they are fetched.
MIN_ISSUES = 500
#: A stored index is far behind when so many issues were touched since, and one of so many that it holds.
FEWEST_BEHIND, SHARE_BEHIND = 200, 50
#: Who began to write and did not end is taken for dead: writing takes seconds.
CLAIM = timedelta(minutes=10)
#: No index holds more, see `issue_texts`.
MOST_COUNTED = 100_000


def stored_index(project_id: UUID | str) -> Remembered[TextIndex] | None:
    """The index in the store and what it has seen; None where there is none that can be used, which is counted."""
    row = TextSnapshot.objects.filter(project_id=project_id).exclude(key="").first()
    if row is None:
        INDEX_READS.labels(outcome="none").inc()
        return None
    try:
        data = S3ModelStorageService().verified_index(
            row.key, project_id=row.project_id, digest=row.digest, signature=row.signature
        )
        index = _read(data)
    except (ArtifactRefused, ArtifactCorrupted, StorageError) as error:
        INDEX_READS.labels(outcome=error.code).inc()
        logger.warning("An index of texts cannot be used and is built anew project=%s: %s", project_id, error.message)
        if isinstance(error, ArtifactRefused | ArtifactCorrupted | ObjectMissing):
            # The next one is written over it.
            TextSnapshot.objects.filter(pk=row.pk, key=row.key).update(key="")
            _drop_quietly(row.key, S3ModelStorageService(our_names()))
        return None
    INDEX_READS.labels(outcome="read").inc()
    return Remembered(index, TextRevision(row.last_edit, row.last_removal, row.forgotten_at))


def _read(data: bytes) -> TextIndex:
    try:
        return TextIndex.from_bytes(data, load_meaning())
    except ApplicationError:
        raise
    except Exception as error:  # arrays of another layout raise whatever they raise
        raise ArtifactCorrupted(f"The index of texts cannot be read: {type(error).__name__}.") from error


def keep_snapshot(project_id: UUID | str, index: TextIndex, revision: TextRevision) -> None:
    """Write an index beside where the stored one is far behind it and nobody else is about to."""
    if len(index) < MIN_ISSUES or not _is_far_behind(project_id, len(index)) or not _claimed(project_id, revision):
        return
    writer = threading.Thread(target=_write_beside, args=(project_id, index, revision), name="snapshot", daemon=True)
    if settings.ML_RENEW_ASIDE:
        writer.start()
    else:
        _write(project_id, index, revision)


def projects_behind(after: str = "") -> Iterator[UUID]:
    """Projects whose stored index is far behind, or that have enough issues and none; by their ids."""
    issues = Issue.objects.filter(project=OuterRef("pk"))
    newest = edit_stamps(OuterRef("pk"), now=timezone.now()).last
    large = Project.objects.filter(Exists(issues.order_by()[MIN_ISSUES - 1 : MIN_ISSUES])).annotate(newest=newest)
    changed = large.filter(~Q(text_snapshot__last_edit=F("newest")) | Q(text_snapshot=None))
    for project_id in ids_after(changed, after):
        is_behind = False
        with by_itself("refresh_indexes", project_id):
            is_behind = _is_far_behind(project_id, n_newest(project_id, MOST_COUNTED))
        if is_behind:
            yield project_id


def forget_indexes(*, now: datetime) -> set[str]:
    """Of all projects: texts were erased, and what was read of them before is not used any more, in no process.

    Returns the keys of the objects, which the caller removes.
    """
    keys = set(TextSnapshot.objects.exclude(key="").values_list("key", flat=True))
    TextSnapshot.objects.bulk_create(
        [TextSnapshot(pk=pk, forgotten_at=now) for pk in Project.objects.order_by().values_list("pk", flat=True)],
        update_conflicts=True,
        unique_fields=["project"],
        update_fields=["key", "forgotten_at"],
    )
    return keys


def _is_far_behind(project_id: UUID | str, n_issues: int) -> bool:
    last_edit = TextSnapshot.objects.filter(project_id=project_id).exclude(key="").values_list("last_edit", flat=True)
    since, most = last_edit.first(), max(FEWEST_BEHIND, n_issues // SHARE_BEHIND)
    return since is None or lies_ahead(since, timezone.now()) or n_touched(project_id, since=since, most=most) == most


def _claimed(project_id: UUID | str, revision: TextRevision) -> bool:
    """Whether this process is the one to write."""
    now = timezone.now()
    TextSnapshot.objects.bulk_create([TextSnapshot(project_id=project_id)], ignore_conflicts=True)
    free = Q(claimed_at=None) | silent("claimed_at", now=now, after=CLAIM)
    # Not what had been read before texts were erased.
    mine = TextSnapshot.objects.filter(free, project_id=project_id, forgotten_at=revision.forgotten_at)
    return mine.update(claimed_at=now) == 1


def _write_beside(project_id: UUID | str, index: TextIndex, revision: TextRevision) -> None:
    try:
        _write(project_id, index, revision)
    except DatabaseError:
        # Who claimed it did not end: another one tries after a while.
        logger.exception("An index of texts could not be stored project=%s", project_id)
    finally:
        connections.close_all()


def _write(project_id: UUID | str, index: TextIndex, revision: TextRevision) -> None:
    now, storage = timezone.now(), S3ModelStorageService(our_names())
    try:
        stored = storage.upload_index(project_id, index.to_bytes(), now=now)
    except StorageError as error:
        logger.warning("An index of texts could not be stored project=%s: %s", project_id, error.message)
        return
    try:
        before = TextSnapshot.objects.filter(project_id=project_id, forgotten_at=revision.forgotten_at)
        old = before.values_list("key", flat=True).first()
        is_kept = before.update(
            key=stored.key, digest=stored.digest, signature=stored.signature, last_edit=revision.last_edit,
            last_removal=revision.last_removal, made_at=now, claimed_at=None,
        )  # fmt: skip
    except BaseException:
        # Its titles may be erased by now. Should the row name it after all, the index is built anew.
        _drop_quietly(stored.key, storage)
        raise
    logger.info("Index of texts stored project=%s issues=%d bytes=%d", project_id, len(index), stored.size_bytes)
    if gone := old if is_kept else stored.key:
        _drop_quietly(gone, storage)


def _drop_quietly(key: str, storage: S3ModelStorageService) -> None:
    """Remove an object that no row names; one that stays is removed with other strays."""
    try:
        storage.delete_object(key)
    except StorageError as error:
        logger.warning("An index of texts that nobody needs stays key=%s: %s", key, error.message)
