"""What one process worked out of a project's past, for the next: in the database, with the state that it holds in.

It is signed as artefacts are, for its project, part and state: what is damaged, or was written by somebody else, is
told anew, and never served.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from apps.ml.models import KeptPast
from apps.ml.storage.errors import DigestMismatch, SignatureInvalid
from apps.ml.storage.signing import Identity, digest, sign, verify
from apps.projects.selectors import PresentState

logger = logging.getLogger(__name__)
Part = KeptPast.Part
#: Between the signature, which is text, and what is signed.
_BETWEEN = b"\n"


@dataclass(frozen=True, slots=True)
class PackedPast:
    """Packed numbers."""

    data: bytes
    state: PresentState


class KeptPasts:
    """What is kept of a project; one query, once something of it is asked for."""

    def __init__(self, project_id: UUID | str) -> None:
        self._project_id = project_id

    def of(self, part: Part) -> PackedPast | None:
        """One part of it; None where it is not kept."""
        return self._parts.get(part)

    @cached_property
    def _parts(self) -> Mapping[str, PackedPast]:
        found = {}
        for row in KeptPast.objects.filter(project_id=self._project_id):
            state = PresentState(row.last_edit, row.rest)
            signature, _, data = bytes(row.data).partition(_BETWEEN)
            signed = signature.decode(errors="replace")
            try:
                verify(data, digest=digest(data), signature=signed, of=_owner(self._project_id, row.part, state))
            except (DigestMismatch, SignatureInvalid) as error:
                logger.warning("What was kept is told anew project=%s: %s", self._project_id, error.code)
                continue
            found[row.part] = PackedPast(data, state)
        return found


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
