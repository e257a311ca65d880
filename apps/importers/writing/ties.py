"""What ties issues together, parents and links: told at the end, and counted where nothing else changed of an issue."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from apps.importers.records import ImportedIssue
from apps.importers.report import SHOWN_ERRORS, ImportReport
from apps.importers.tracked import TrackedIssue
from apps.importers.writing.changes import Touch
from apps.importers.writing.links import END_IS_GONE, Links
from apps.importers.writing.parents import PARENT_IS_A_PART, Parents
from apps.projects.models import Issue


@dataclass(slots=True)
class Ties:
    """Both kinds of one import, with what else the import did to their issues."""

    parents: Parents
    links: Links
    report: ImportReport
    _new: set[UUID] = field(default_factory=set)
    #: Counted as unchanged, so far.
    _same: set[UUID] = field(default_factory=set)

    def learn(
        self,
        batch: Sequence[ImportedIssue] | Sequence[TrackedIssue],
        *,
        new: Iterable[Issue],
        changed: Iterable[Issue],
        same: Iterable[Issue],
    ) -> None:
        """Remember what a batch says, and what became of its issues."""
        self.parents.learn(batch)
        self.links.learn(batch)
        self._new |= {issue.pk for issue in new}
        self._same |= {issue.pk for issue in same}
        self._same -= self._new | {issue.pk for issue in changed}

    def tie(self, *, levels_are_told: bool = False) -> Iterator[list[Touch]]:
        """Each step when it is asked for, in a transaction: what it did to issues."""
        for touches in self.parents.tie(levels_are_told=levels_are_told):
            self._count({touch.issue.pk for touch in touches})
            yield touches
        self._tell_refused()
        self._count(self.links.tie())
        if self.links.left_out:
            self.report.remarks[END_IS_GONE] += self.links.left_out
        yield []

    def _tell_refused(self) -> None:
        if refused := self.parents.refused:
            self.report.remarks[PARENT_IS_A_PART] += len(refused)
            shown = sorted(refused)[:SHOWN_ERRORS]
            self.report.parents_not_taken = [f"{part}: {parent} is not taken for its parent" for part, parent in shown]

    def _count(self, changed: set[UUID]) -> None:
        """An issue of which nothing but this changed."""
        only = changed & self._same
        self._same -= only
        self.report.changed += len(only)
        self.report.unchanged -= len(only)
