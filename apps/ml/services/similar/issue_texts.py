"""The texts of a project's issues, open and finished: an index that begins in the store and takes in what changes."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils import timezone

from apps.ml.core.issue_texts import Texts
from apps.ml.core.meaning import load_meaning
from apps.ml.core.text_index import TextIndex
from apps.ml.selectors.issues import TextRevision, issue_texts, n_newest, n_touched, newest_ids, text_revision
from apps.ml.services.models.memory import MemoryRenewedAside, Remembered
from apps.ml.services.similar.text_snapshots import keep_snapshot, stored_index
from apps.projects.selectors import edited_from

#: How long an index is trusted before one small query asks whether issues changed since.
CHECK_SECONDS = 5.0
#: The newest issues of a project that are searched.
MAX_ISSUES = 100_000
#: With fewer changes since it was stored, an index of at most so many issues takes them in before it answers first, for
#: a tenth of a second; with more it answers as it is, and is renewed aside.
MOST_AT_ONCE, LARGEST_AT_ONCE = 1_000, 20_000


class IssueTexts(MemoryRenewedAside[TextIndex]):
    """The index of each project's issues."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, max_bytes: int | None = None) -> None:
        super().__init__(
            _revision,
            _made,
            trusted_seconds=CHECK_SECONDS,
            # Titles are shown from the database, without those of issues that were deleted.
            gone=lambda revision: revision.forgotten_at,
            most=max_bytes,
            size=lambda index: index.nbytes,
            clock=clock,
        )

    def _renewed(self, key: str, known: Remembered[TextIndex] | None) -> Remembered[TextIndex]:
        stored = stored_index(key) if known is None else None
        if stored is not None and len(stored.value) <= LARGEST_AT_ONCE and _is_near(key, stored.revision):
            revision = _revision(key)
            return stored if revision == stored.revision else Remembered(_made(key, stored, revision), revision)
        return super()._renewed(key, known or stored)


def _revision(project_id: str) -> TextRevision:
    return text_revision(project_id, now=timezone.now())


def _made(project_id: str, known: Remembered[TextIndex] | None, revision: TextRevision) -> TextIndex:
    """Read whole, or what was read before with what was touched since read again and what is gone left out."""
    known = None if known is None or known.revision.forgotten_at != revision.forgotten_at else known
    index = None if known is None else _changed(project_id, known, revision)
    if index is None:
        index = TextIndex.build(_read(project_id), load_meaning())
    keep_snapshot(project_id, index, revision)
    return index


def _changed(project_id: str, known: Remembered[TextIndex], revision: TextRevision) -> TextIndex | None:
    """None where so much is missing that all of them are read as fast."""
    fresh = _read(project_id, changed_from=_since(known.revision))
    index = known.value.changed(fresh, most=MAX_ISSUES)
    is_cut = any(known.value.row_of(id_) is not None and index.row_of(id_) is None for id_ in fresh.issue_ids)
    is_whole = known.revision.last_removal == revision.last_removal and not is_cut
    if is_whole and len(index) == n_newest(project_id, MAX_ISSUES):
        return index
    # Issues were deleted, came from another project, or made way for older ones: which are the newest is asked.
    here, wanted = set(index.issue_ids.astype(str).tolist()), newest_ids(project_id, MAX_ISSUES)
    missing = wanted - here
    if len(missing) > MOST_AT_ONCE:
        return None
    return index.changed(_read(project_id, among=missing), gone=here - wanted)


def _read(project_id: str, **which: Any) -> Texts:
    return Texts.read(issue_texts(project_id, newest=MAX_ISSUES, **which), load_meaning())


def _since(revision: TextRevision) -> datetime | None:
    return edited_from(revision.last_edit, now=timezone.now())


def _is_near(project_id: str, revision: TextRevision) -> bool:
    """Whether few issues were touched since."""
    since = _since(revision)
    return since is not None and n_touched(project_id, since=since, most=MOST_AT_ONCE) < MOST_AT_ONCE


ISSUE_TEXTS = IssueTexts()
