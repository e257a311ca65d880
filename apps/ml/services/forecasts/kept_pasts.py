"""What one process worked out of a project's past, for the next: in the database, with the state that it holds in."""

from dataclasses import dataclass
from uuid import UUID

from apps.ml.models import KeptPast
from apps.projects.selectors import PresentState

Part = KeptPast.Part


@dataclass(frozen=True, slots=True)
class PackedPast:
    """Packed numbers."""

    data: bytes
    state: PresentState


def kept_past(project_id: UUID | str, part: Part) -> PackedPast | None:
    """What is kept; one query."""
    row = KeptPast.objects.filter(project_id=project_id, part=part).first()
    return None if row is None else PackedPast(bytes(row.data), PresentState(row.last_edit, row.rest))


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
