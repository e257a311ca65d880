"""The texts of a project's issues, open and finished, indexed once a process and brought up to date as they change."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from apps.ml.core.meaning import load_meaning
from apps.ml.core.text_index import TextIndex, Texts
from apps.ml.selectors.issues import issue_ids, issue_texts, text_revision
from apps.ml.services.models.memory import ProjectMemory, Remembered

#: How long an index is trusted before one small query asks whether issues changed since.
CHECK_SECONDS = 5.0
#: The newest issues of a project that are searched.
MAX_ISSUES = 100_000
#: Issues touched so long before the last known change are read again: a transaction may end after a later one.
OVERLAP = timedelta(minutes=1)

_Revision = tuple[int, datetime | None]


class IssueTexts(ProjectMemory[TextIndex]):
    """The index of each project's issues."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, max_bytes: int | None = None) -> None:
        super().__init__(
            _refreshed, trusted_seconds=CHECK_SECONDS, most=max_bytes, size=lambda index: index.nbytes, clock=clock
        )


def _refreshed(project_id: str, known: Remembered[TextIndex] | None) -> Remembered[TextIndex]:
    revision = text_revision(project_id)
    if known is not None and known.revision == revision:
        return known
    texts = _all(project_id) if known is None else _changed(project_id, known, revision)
    return Remembered(TextIndex.build(texts, load_meaning()), revision)


def _all(project_id: str) -> Texts:
    return Texts.read(issue_texts(project_id, newest=MAX_ISSUES), load_meaning())


def _changed(project_id: str, known: Remembered[TextIndex], revision: _Revision) -> Texts:
    """What was read before, with what was touched since read again and what is gone left out."""
    wanted, last = min(revision[0], MAX_ISSUES), known.revision[1]
    touched = issue_texts(project_id, newest=MAX_ISSUES, changed_from=None if last is None else last - OVERLAP)
    kept = known.value.texts.without({issue.issue_id for issue in touched})
    texts = kept.followed_by(Texts.read(touched, load_meaning()))
    if len(texts) > wanted:
        texts = texts.without(set(texts.issue_ids) - issue_ids(project_id))
        texts = texts.without(set(texts.issue_ids[: len(texts) - wanted]))
    # Fewer than there are, as where issues came from another project: nothing short of reading them all is right.
    return texts if len(texts) == wanted else _all(project_id)


ISSUE_TEXTS = IssueTexts()
