"""The texts of a project's issues, open and finished, indexed once a process and brought up to date as they change."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from apps.ml.core.meaning import load_meaning
from apps.ml.core.text_index import TextIndex, Texts
from apps.ml.selectors.issues import issue_ids, issue_texts, text_revision
from apps.ml.services.models.single_flight import SingleFlight

#: Memory of all indexes together; 5,000 issues take 5 MB, and one project more than this is kept alone.
MAX_BYTES = 256 * 2**20
#: How long an index is trusted before one small query asks whether issues changed since.
CHECK_SECONDS = 5.0
#: The newest issues of a project that are searched.
MAX_ISSUES = 100_000
#: Issues touched so long before the last known change are read again: a transaction may end after a later one.
OVERLAP = timedelta(minutes=1)

_Revision = tuple[int, datetime | None]


@dataclass(slots=True)
class _Entry:
    index: TextIndex
    revision: _Revision
    checked_at: float


class IssueTexts:
    """An index a project; threads share it, and one at a time brings it up to date."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, max_bytes: int = MAX_BYTES) -> None:
        self._clock = clock
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._building = SingleFlight()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def of_project(self, project_id: UUID | str) -> TextIndex:
        """The index of a project's issues; at most CHECK_SECONDS behind the database."""
        key = str(project_id)
        entry = self._fresh(key)
        if entry is None:
            with self._building.turn(key):
                entry = self._fresh(key) or self._keep(key, self._refreshed(key, self._entries.get(key)))
        return entry.index

    def clear(self) -> None:
        """Forget all indexes."""
        with self._lock:
            self._entries.clear()

    def _fresh(self, key: str) -> _Entry | None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or self._clock() - entry.checked_at > CHECK_SECONDS:
                return None
            self._entries.move_to_end(key)
            return entry

    def _keep(self, key: str, entry: _Entry) -> _Entry:
        with self._lock:
            self._entries[key] = entry
            self._entries.move_to_end(key)
            while len(self._entries) > 1 and self._nbytes() > self._max_bytes:
                self._entries.popitem(last=False)
        return entry

    def _nbytes(self) -> int:
        return sum(entry.index.nbytes for entry in self._entries.values())

    def _refreshed(self, project_id: str, known: _Entry | None) -> _Entry:
        revision = text_revision(project_id)
        if known is not None and known.revision == revision:
            known.checked_at = self._clock()
            return known
        texts = _all(project_id) if known is None else _changed(project_id, known, revision)
        return _Entry(TextIndex.build(texts, load_meaning()), revision, self._clock())


def _all(project_id: str) -> Texts:
    return Texts.read(issue_texts(project_id, newest=MAX_ISSUES), load_meaning())


def _changed(project_id: str, known: _Entry, revision: _Revision) -> Texts:
    """What was read before, with what was touched since read again and what is gone left out."""
    wanted, last = min(revision[0], MAX_ISSUES), known.revision[1]
    touched = issue_texts(project_id, newest=MAX_ISSUES, changed_from=None if last is None else last - OVERLAP)
    kept = known.index.texts.without({issue.issue_id for issue in touched})
    texts = kept.followed_by(Texts.read(touched, load_meaning()))
    if len(texts) > wanted:
        texts = texts.without(set(texts.issue_ids) - issue_ids(project_id))
        texts = texts.without(set(texts.issue_ids[: len(texts) - wanted]))
    # Fewer than there are, as where issues came from another project: nothing short of reading them all is right.
    return texts if len(texts) == wanted else _all(project_id)


ISSUE_TEXTS = IssueTexts()
