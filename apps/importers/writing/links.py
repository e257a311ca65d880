"""Which issue waits for which: both ends come in any order, so they are tied together at the end."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from django.utils import timezone

from apps.importers.records import ImportedIssue
from apps.importers.writing.traces import Traces
from apps.projects.models import Issue, IssueLink, Project
from apps.projects.rows import in_parts, lock_issues

Pair: TypeAlias = tuple[UUID, UUID]


#: A link needs both of its issues; who deletes one while links are written is in their right.
END_IS_GONE = "links of issues that were deleted while they were written: left out"


class Links:
    """What the records of one import say of links between issues of its project."""

    def __init__(self, project: Project, source: str, now: datetime, traces: Traces) -> None:
        self._project, self._source, self._now, self._traces = project, source, now, traces
        #: Blocker and blocked, by the names that the source gives them.
        self._pairs: set[tuple[str, str]] = set()
        #: Issues of which all blockers are told, and those of which all is told that they block.
        self._told_whole: tuple[set[str], set[str]] = set(), set()
        #: Links that could not be made, since an issue is gone.
        self.left_out = 0

    def learn(self, batch: Sequence[ImportedIssue]) -> None:
        """Remember what a batch says; a source may tell one side, both or none."""
        for record in batch:
            own = record.external_id
            if record.blocked_by is not None:
                self._told_whole[0].add(own)
                self._pairs |= {(other, own) for other in record.blocked_by}
            if record.blocks is not None:
                self._told_whole[1].add(own)
                self._pairs |= {(own, other) for other in record.blocks}

    def tie(self) -> set[UUID]:
        """Make the links that are told, and take away those of this source that it tells no more; who is blocked."""
        if not any(self._told_whole):
            return set()
        ids = self._ids()
        new, gone = self._differing(ids)
        # From now on nobody deletes or links any of these; what somebody did meanwhile is seen when they are held.
        ends = {end for pair in (*new, *gone) for end in pair}
        held = lock_issues(ends)
        self.left_out = sum(not held.issuperset(pair) for pair in new)
        new, gone = self._differing(ids)
        new = {pair for pair in new if held.issuperset(pair)}
        keys = [gone[pair] for pair in gone if held.issuperset(pair)]
        for part in in_parts(keys):
            leaving = IssueLink.objects.filter(pk__in=part)
            self._traces.before(leaving)
            leaving.delete()
        made = IssueLink.objects.bulk_create(
            IssueLink(blocker_id=one, blocked_id=other, source=self._source, created_at=self._now)
            for one, other in sorted(new)
        )
        self._traces.made(IssueLink, *(link.pk for link in made))
        changed = {blocked for _, blocked in (*new, *gone)}
        self._touch(changed)
        return changed

    def _differing(self, ids: Mapping[str, UUID]) -> tuple[set[Pair], dict[Pair, int]]:
        """Blocker and blocked of links that are told and not there, and those that are told no more, with their ids."""
        wanted = {(ids[one], ids[other]) for one, other in self._pairs if one in ids and other in ids}
        wanted = {(one, other) for one, other in wanted if one != other}
        present = {(one, other): (pk, source) for pk, one, other, source in self._present()}
        all_blockers, all_blocked = ({ids[name] for name in told if name in ids} for told in self._told_whole)
        gone = {
            (blocker, blocked): present[blocker, blocked][0]
            for blocker, blocked in present.keys() - wanted
            if present[blocker, blocked][1] == self._source and (blocked in all_blockers or blocker in all_blocked)
        }
        return wanted - present.keys(), gone

    def _ids(self) -> dict[str, UUID]:
        """Issues by key, and by the tracker's own id."""
        issues = Issue.objects.filter(project=self._project, source=self._source).order_by()
        rows = list(issues.values_list("id", "external_id", "source_id"))
        return {own: id_ for id_, _, own in rows if own} | {key: id_ for id_, key, _ in rows}

    def _present(self) -> Iterable[tuple[int, UUID, UUID, str]]:
        """Links inside the project. Asked for by both ends, SQLite looks each pair of issues up among the links."""
        rows = IssueLink.objects.filter(blocked__project=self._project).order_by()
        fields = ("pk", "blocker_id", "blocked_id", "source", "blocker__project_id")
        for pk, blocker, blocked, source, place in rows.values_list(*fields):
            if place == self._project.pk:
                yield pk, blocker, blocked, source

    def _touch(self, blocked: Iterable[UUID]) -> None:
        """What is told of a project is told anew once an issue of it has changed."""
        some = sorted(blocked)
        for part in in_parts(some):
            Issue.objects.filter(pk__in=part).update(updated_at=timezone.now())
