"""What one process worked out of a project's past, for the next: in the database, with the state that it holds in."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from apps.ml.models import KeptPast
from apps.projects.selectors import PresentState

Part = KeptPast.Part


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
        rows = KeptPast.objects.filter(project_id=self._project_id)
        return {row.part: PackedPast(bytes(row.data), PresentState(row.last_edit, row.rest)) for row in rows}


def keep_past(project_id: UUID | str, part: Part, data: bytes, state: PresentState) -> None:
    """Keep it in place of what was there; of two processes that do so at once either may be the last."""
    if state.last_edit is None:
        return
    row = KeptPast(project_id=project_id, part=part, last_edit=state.last_edit, rest=state.rest, data=data)
    KeptPast.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["project", "part"], update_fields=["last_edit", "rest", "data"]
    )


def forget_pasts() -> None:
    """Of all projects: people were erased, and who did what is told anew."""
    KeptPast.objects.all().delete()
