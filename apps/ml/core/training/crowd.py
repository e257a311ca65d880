"""Whether enough people stand behind some projects that nobody can tell one of them by what they have in common."""

from collections import defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import Any

#: So few teams are told apart; five is the usual least size of a group of which sums are published.
LEAST_PROJECTS = 5
#: Beside those of whoever asks.
LEAST_OTHERS = LEAST_PROJECTS - 1


@dataclass(frozen=True, slots=True)
class People:
    """Who is behind a project: who can ask from within it, and who made it or was in it and can ask."""

    members: AbstractSet[str] = frozenset()
    former: AbstractSet[str] = frozenset()


class Crowd:
    """Projects with their people. A set of projects is a number with a bit for each, in the order of `people`.

    Anybody may make projects, invite colleagues and leave. So whoever asks is told nothing that fewer than
    `LEAST_OTHERS` people beside them could hide: of the projects that they neither are nor were in nor made, so many
    need a member each who stands for no other one. That is a matching of projects and people [1]_. A project that
    nobody can log in to hides nobody.

    References
    ----------
    .. [1] J. Hopcroft, R. Karp: An n^(5/2) algorithm for maximum matchings in bipartite graphs. SIAM J. Comput. 2
       (1973), 225-231.
    """

    def __init__(self, people: Sequence[People]) -> None:
        self.bits = [1 << place for place in range(len(people))]
        self._people = people
        self._inhabited = sum(bit for bit, each in zip(self.bits, people, strict=True) if each.members)
        own: dict[str, int] = defaultdict(int)
        for bit, each in zip(self.bits, people, strict=True):
            for person in each.members | each.former:
                own[person] |= bit
        #: Of everybody, the projects that are theirs.
        self._own = set(own.values())
        self._known: dict[int, bool] = {}

    def hides(self, projects: int) -> bool:
        """Whether nobody can take from what these have in common that one of a few others is among them."""
        projects &= self._inhabited
        if projects.bit_count() < LEAST_PROJECTS:
            return False
        if projects not in self._known:
            matched = self._matched(projects)
            others = {projects & ~mine for mine in self._own}
            self._known[projects] = all(self._are_enough(each, matched) for each in others)
        return self._known[projects]

    def _are_enough(self, others: int, matched: int) -> bool:
        # Those matched among all are matched among these, too; only where they are too few another matching may do.
        return (
            not others
            or (others & matched).bit_count() >= LEAST_OTHERS
            or self._matched(others).bit_count() >= LEAST_OTHERS
        )

    def _matched(self, projects: int) -> int:
        """Those of them that a largest matching gives a person of their own."""
        from scipy.sparse.csgraph import maximum_bipartite_matching  # noqa: PLC0415 - the web process has no scipy

        places = [place for place, bit in enumerate(self.bits) if projects & bit]
        person_of = maximum_bipartite_matching(self._graph[places], perm_type="column")
        return sum(self.bits[place] for place, person in zip(places, person_of, strict=True) if person >= 0)

    @cached_property
    def _graph(self) -> Any:
        """Projects by people, one where somebody is in it."""
        from scipy.sparse import csr_matrix  # noqa: PLC0415 - likewise

        names = sorted({person for each in self._people for person in each.members})
        column = {person: place for place, person in enumerate(names)}
        pairs = [(row, column[person]) for row, each in enumerate(self._people) for person in sorted(each.members)]
        rows, columns = zip(*pairs, strict=True)
        return csr_matrix(([1] * len(pairs), (rows, columns)), shape=(len(self._people), len(names)))
