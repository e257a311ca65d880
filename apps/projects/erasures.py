"""What was read of a project's texts before an erasure is not written after it, whoever has read it."""

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import ClassVar, TypeVar
from uuid import UUID

from apps.common.exceptions import Conflict
from apps.projects.models import Project

logger = logging.getLogger(__name__)
Written = TypeVar("Written")
#: When texts of a project were last erased of which none ever were.
NEVER = datetime.fromtimestamp(0, UTC)
#: Where it stands, from a project on: beside the index of its texts, which an erasure forgets (`TextSnapshot`).
ERASED_AT = "text_snapshot__forgotten_at"
#: Told by who erases: when people and projects were.
MOMENTS: list[Callable[[], Iterable[datetime]]] = []
#: An erasure that looks again has another moment each time, within seconds.
_MOST_TIMES = 3


class ErasedMeanwhile(Conflict):
    """Somebody was erased while this was worked out: ask again."""

    code: ClassVar[str] = "erased_meanwhile"


def moments_of_erasures() -> set[datetime]:
    """When people and projects were erased, of all that is recorded."""
    return {moment for told in MOMENTS for moment in told()}


def texts_erased_at(project_id: UUID | str) -> datetime:
    """When texts of a project were last erased: asked before any is read, and once more where that is written."""
    erased_at: datetime | None = Project.objects.filter(pk=project_id).values_list(ERASED_AT, flat=True).first()
    return erased_at or NEVER


def is_erased_since(erased_at: datetime, project_id: UUID | str) -> bool:
    """Whether texts were erased after another moment than this was the last.

    By who has entered the project and writes now: an erasure waits for them before its last search
    (`apps.upkeep.alone`).
    """
    return texts_erased_at(project_id) != erased_at


def anew_if_erased(project_id: UUID | str, write: Callable[[datetime], Written]) -> Written:
    """What `write` reads, tells and writes after the moment that it is given; `ErasedMeanwhile` lets it begin anew."""
    for _ in range(_MOST_TIMES - 1):
        try:
            return write(texts_erased_at(project_id))
        except ErasedMeanwhile:
            logger.info("Somebody was erased meanwhile: told anew project=%s", project_id)
    return write(texts_erased_at(project_id))
