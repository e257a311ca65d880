"""Which issue is a part of which, while parents are put back batch by batch.

At the end of each batch nothing is below itself: whoever is to be below an issue comes with it, and what is put back is
looked at where all others stand then.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from apps.importers.models import ImportRun
from apps.projects.models import Issue
from apps.projects.rows import in_parts

Values = Mapping[str, Any]
_PARENT = "parent_id"


@dataclass(slots=True)
class Above:
    """Issues that are put back together, and the present parent of each and of all above them."""

    issue_ids: set[UUID]
    parents: dict[UUID, UUID | None] = field(default_factory=dict)

    @property
    def all_ids(self) -> set[UUID | None]:
        """All that are there, and their parents."""
        return {*self.parents.keys(), *self.parents.values()}


def with_those_above(run: ImportRun, issue_ids: Collection[UUID]) -> Above:
    """Issues, and with those whose parents the import changed all of the same kind that were, or are, above them."""
    above = Above(set(issue_ids), _present_parents(issue_ids))
    asked = old = _old_parents(run, issue_ids)
    # Most imports move nothing: then nobody is asked for.
    while asked:
        known = above.parents
        upwards = {parent for pk, parent in old.items() if pk in asked} | {known.get(pk) for pk in asked}
        new = {pk for pk in upwards if pk is not None} - known.keys()
        old = _old_parents(run, new)
        above.issue_ids |= old.keys()
        above.parents |= _present_parents(new)
        # Also of one that stays where it is, who is above it.
        asked = old | dict.fromkeys(pk for pk in new if pk in above.parents)
    return above


class Tree:
    """Which of them can be parts of what they were a part of: as they are at the end of the batch."""

    def __init__(self, above: Above, befores: Mapping[UUID, Values], afters: Mapping[UUID, Values]) -> None:
        present = above.parents
        moves: dict[UUID, UUID | None] = {
            pk: before[_PARENT]
            for pk, before in befores.items()
            # Where somebody chose another parent since, that one stays.
            if _PARENT in before and pk in present and present[pk] == afters.get(pk, {}).get(_PARENT, present[pk])
        }
        self._stay: set[UUID] = set()
        is_settled = False
        while not is_settled:
            # Who stays where it is may be below who was to be below it.
            end = present | {pk: parent for pk, parent in moves.items() if pk not in self._stay}
            not_possible = {pk for pk in moves if pk not in self._stay and not _fits(pk, end)}
            is_settled = not not_possible
            self._stay |= not_possible

    def takes(self, issue_id: UUID) -> bool:
        """Whether an issue can be put back: its old parent is there, and no part of it."""
        return issue_id not in self._stay


def _fits(issue_id: UUID, parents: Mapping[UUID, UUID | None]) -> bool:
    above, seen = parents[issue_id], set[UUID]()
    if above is not None and above not in parents:
        return False
    while above is not None and above not in seen and above != issue_id:
        seen.add(above)
        above = parents.get(above)
    return above != issue_id


def _old_parents(run: ImportRun, issue_ids: Collection[UUID]) -> dict[UUID, UUID | None]:
    """Those of issues that are to be put back, and had others before the import than after it."""
    befores: dict[UUID, Any] = {}
    for some in in_parts(sorted(issue_ids)):
        for issue_id, before in run.touches.filter(issue__in=some).order_by("-pk").values_list("issue", "before"):
            # The first step of the import knows best; what it made itself was nowhere before.
            told = None if before is None or befores.get(issue_id, {}) is None else befores.get(issue_id, {}) | before
            befores[issue_id] = told
    told_of = {pk: before[_PARENT] for pk, before in befores.items() if before and _PARENT in before}
    return {pk: parent and UUID(parent) for pk, parent in told_of.items()}


def _present_parents(issue_ids: Collection[UUID]) -> dict[UUID, UUID | None]:
    found: dict[UUID, UUID | None] = {}
    for some in in_parts(sorted(issue_ids)):
        found.update(Issue.objects.filter(pk__in=some).order_by().values_list("pk", "parent_id"))
    return found
