"""Which parents issues may get so that none is below itself. Pure."""

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

Id = TypeVar("Id", bound=Hashable)


def without_rings(
    present: Mapping[Id, Id | None], told: Mapping[Id, Id | None]
) -> tuple[dict[Id, Id | None], dict[Id, Id]]:
    """Parents as they are told, as far as no issue comes to be below itself, and those that are not taken.

    What stays as it is comes first, then one move after the other, as if each were asked for by itself: of a ring the
    last one told is not taken, and that issue keeps what it had, or nothing where that closes a ring by now. The time
    is that of going through all of them a few times, however deep they are.

    Parameters
    ----------
    present : mapping
        The parents that issues have; who has none may be left out.
    told : mapping
        The parents that some of them shall have.
    """
    trees, taken, refused = _Trees[Id](), dict[Id, Id | None](), dict[Id, Id]()
    for part, parent in present.items():
        if part not in told and parent is not None:
            trees.join(part, parent)
    stay = {part: parent for part, parent in told.items() if present.get(part) == parent}
    for part, parent in (stay | dict(told)).items():
        taken[part] = parent
        if parent is not None and not trees.join(part, parent):
            refused[part], had = parent, present.get(part)
            taken[part] = had if had not in (None, parent) and trees.join(part, had) else None
    return taken, refused


def depths_of(issues: Mapping[Id, Id | None]) -> dict[Id, int]:
    """How many issues stand above each of these; a ring that was there before ends where it began."""
    depths: dict[Id, int] = {}
    for issue in issues:
        way, above = dict[Id, None](), issue
        while above not in depths and above not in way:
            way[above] = None
            parent = issues.get(above)
            if parent is None:
                break
            above = parent
        depth = depths.get(above, -1)
        for each in reversed(way):
            depth += 1
            depths[each] = depth
    return depths


class _Trees(Generic[Id]):
    """Which issues hang together: of two that do, the upper one cannot be put below the other."""

    def __init__(self) -> None:
        self._towards: dict[Id, Id] = {}

    def join(self, top: Id, below: Id) -> bool:
        """Put what has no parent below an issue; False where that is a part of it already."""
        tree, other = self._of(top), self._of(below)
        if tree == other:
            return False
        self._towards[tree] = other
        return True

    def _of(self, issue: Id) -> Id:
        """What all of its tree is known by; the way there is half as long the next time."""
        towards = self._towards
        while (nearer := towards.get(issue)) is not None:
            towards[issue] = issue = towards.get(nearer, nearer)
        return issue
