"""How sprints are named in addresses: by the number in their name, or else by the beginning of their id."""

import re
from collections import Counter
from collections.abc import Iterable
from uuid import UUID

#: Of an id: two sprints of one project that share so many characters are one in millions.
SHORT_ID = 8
#: Of the digits that addresses may have: `\d` is those of all scripts.
_NUMBERS = re.compile(r"[0-9]+")


def sprint_references(named: Iterable[tuple[UUID, str]]) -> dict[UUID, str]:
    """The reference of each sprint of a project, from ids and names.

    'Sprint 52' is 52, as long as no other sprint of the project is; teams that begin again with 'Sprint 1' each year,
    and names with several numbers or none, get the beginning of the id.
    """
    sprints = list(named)
    numbers = {id_: found[0] for id_, name in sprints if len(found := _NUMBERS.findall(name)) == 1}
    times = Counter(numbers.values())
    # A number as long as a short id could be one.
    own = {id_: text for id_, text in numbers.items() if times[text] == 1 and len(text) < SHORT_ID}
    return {id_: own.get(id_, id_.hex[:SHORT_ID]) for id_, _ in sprints}
