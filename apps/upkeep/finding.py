"""What an erasure is to change, by id: looked for while everybody goes on writing, so that only the change holds them.

Searching takes seconds of a large installation, and SQLite has one writer. What is written meanwhile is found by
looking once more after the change: texts anew, files that had not come before.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.accounts.names.needles import Needles
from apps.common.exceptions import ApplicationError
from apps.importers.models import ImportRun
from apps.projects.models import Issue
from apps.upkeep.kept import file_holds
from apps.upkeep.pseudonyms import take_names_from_addresses
from apps.upkeep.sought import Sought
from apps.upkeep.texts import TextTable, replace_in_database, rows_in_database


class NobodyFound(ApplicationError):
    """There is no such person or project, and no text names it."""

    code = "nobody_found"


@dataclass(frozen=True, slots=True)
class Found:
    """Rows whose texts hold a name, beside what was looked for; and imports whose files do."""

    rows: Sequence[tuple[Sought, Mapping[TextTable, Sequence[Any]]]]
    uploads: Sequence[Any]

    def __bool__(self) -> bool:
        return bool(self.uploads) or any(rows for _, rows in self.rows)

    @property
    def issues(self) -> list[Any]:
        """Those whose texts hold a name."""
        return list(
            {pk for _, rows in self.rows for texts, keys in rows.items() if texts.model is Issue for pk in keys}
        )


@dataclass(slots=True)
class Search:
    """Finds what is there, as often as it is asked; each file is read once, since none changes."""

    sought: Sequence[Sought]
    _read: set[Any] = field(default_factory=set)

    def also(self, sought: Sequence[Sought]) -> "Search":
        """This, or one for what it does not look for, too: that reads all files anew."""
        new = [each for each in sought if each not in self.sought]
        return Search([*self.sought, *new]) if new else self

    def look(self, *, in_files: bool = True) -> Found:
        """What holds a name now, but for files that were told before."""
        rows = [(each, rows_in_database(each.names, each.within)) for each in self.sought if each.names]
        return Found(rows, list(self._uploads()) if in_files else [])

    def _uploads(self) -> Iterator[Any]:
        anything = Needles([name for each in self.sought for name in each.names])
        needles = [(each.projects, Needles(each.names)) for each in self.sought if each.names]
        kept = ImportRun.objects.exclude(upload=None).order_by()
        for pk, project in [each for each in kept.values_list("pk", "project") if each[0] not in self._read]:
            # One at a time: a file may have 50 MiB.
            data = bytes(kept.filter(pk=pk).values_list("upload", flat=True).first() or b"")
            self._read.add(pk)
            if file_holds(anything, data) and any(
                file_holds(each, data) for within, each in needles if within is None or project in within
            ):
                yield pk


def replace(found: Found, word: str) -> dict[str, int]:
    """Put a word in place of each name, as rows and people are now, and let the files go; how much, by table."""
    counts = Counter[str]()
    for each, rows in found.rows:
        if rows:
            counts.update(replace_in_database(each.names, word, rows, each.within))
    counts.update(take_names_from_addresses())
    # Some may have ended, and their files are gone.
    let_go = ImportRun.objects.filter(pk__in=found.uploads).exclude(upload=None).update(upload=None)
    return {**counts, **({"importers.importrun.upload": let_go} if let_go else {})}
