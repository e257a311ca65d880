"""What one process worked out of a project's past, for the next: in the database, with the state that it holds in.

It is signed as artefacts are, for its project, part and state: what is damaged, or was written by somebody else, is
told anew, and never served.
"""

import logging
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TypeVar
from uuid import UUID

from apps.ml.core.artifact import ArtifactCorrupted
from apps.ml.models import KeptPast
from apps.ml.storage.errors import SignatureInvalid
from apps.ml.storage.signing import Identity, digest, sign, verify
from apps.projects.selectors import PresentState

logger = logging.getLogger(__name__)
Part = KeptPast.Part
Read = TypeVar("Read")
#: Between the signature, which is text, and what is signed.
_BETWEEN = b"\n"


class KeptPasts:
    """What is kept of a project; one query, once something of it is asked for."""

    def __init__(self, project_id: UUID | str) -> None:
        self._project_id = project_id

    def read(self, part: Part, read: Callable[[bytes], Read]) -> tuple[Read, PresentState] | None:
        """One part of it, and the state that it holds in; None where it is not kept, or not as this code writes it."""
        row = self._rows.get(part)
        if row is None:
            return None
        state = PresentState(row.last_edit, row.rest)
        signature, _, data = bytes(row.data).partition(_BETWEEN)
        try:
            owner = _owner(self._project_id, part, state)
            verify(data, digest=digest(data), signature=signature.decode(errors="replace"), of=owner)
            return read(data), state
        # All but the first two: signed by us, and of other columns, of another state of the code.
        except (SignatureInvalid, ArtifactCorrupted, KeyError, TypeError, ValueError, IndexError) as error:
            logger.warning(
                "What was kept is told anew project=%s part=%s: %s", self._project_id, part, type(error).__name__
            )
            return None

    @cached_property
    def _rows(self) -> Mapping[str, KeptPast]:
        return {row.part: row for row in KeptPast.objects.filter(project_id=self._project_id)}


def keep_past(project_id: UUID | str, part: Part, data: bytes, state: PresentState) -> None:
    """Keep it in place of what was there; of two processes that do so at once either may be the last."""
    if state.last_edit is None:
        return
    signed = sign(digest(data), of=_owner(project_id, part, state)).encode() + _BETWEEN + data
    row = KeptPast(project_id=project_id, part=part, last_edit=state.last_edit, rest=state.rest, data=signed)
    KeptPast.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["project", "part"], update_fields=["last_edit", "rest", "data"]
    )


def _owner(project_id: UUID | str, part: str, state: PresentState) -> Identity:
    assert state.last_edit is not None  # noqa: S101 - see `keep_past`; this tells mypy
    return Identity(f"kept past {part}", project_id, f"{state.last_edit.timestamp()} {state.rest}")


def forget_pasts() -> None:
    """Of all projects: people were erased, and who did what is told anew."""
    KeptPast.objects.all().delete()
