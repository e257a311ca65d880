"""Which issue is a part of which: parts and parents come in any order, so they are tied together at the end."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import gt, lt
from uuid import UUID

from django.db.models import Count, F, Q
from django.utils import timezone

from apps.importers.records import ImportedIssue
from apps.importers.writing.changes import Touch
from apps.importers.writing.traces import Traces
from apps.projects.levels import Level
from apps.projects.models import Issue, IssueType, Project

#: Issues that move in one step, each with the parent that it gets.
MOVES_PER_STEP = 250
#: A type is below another where more of its issues than this are parts of the other's: a few stray ones are slips.
MOSTLY = 0.5


class Parents:
    """What the records of one import say of parents, by the ids of the source."""

    def __init__(self, project: Project, mapped: Collection[str], source: str, traces: Traces) -> None:
        self._project, self._is_told, self._source, self._traces = project, "parent" in mapped, source, traces
        self._parent_of: dict[str, str] = {}

    def learn(self, batch: Sequence[ImportedIssue]) -> None:
        """Remember the parents of a batch; without such a column nothing is said of any."""
        if self._is_told:
            self._parent_of |= {record.external_id: record.parent for record in batch}

    def tie(self, *, levels_are_told: bool = False) -> Iterator[list[Touch]]:
        """Set the parents that differ, and tell the levels that the tree shows where the source does not.

        Step by step, each when it is asked for, in a transaction: what it did to issues.
        """
        if not self._is_told:
            return
        issues = Issue.objects.filter(project=self._project, source=self._source).exclude(external_id="")
        ids = dict(issues.values_list("external_id", "id"))
        present = dict(issues.values_list("external_id", "parent_id"))
        # An issue that a later line gave another key is known by that one alone.
        told = {part: parent for part, parent in self._parent_of.items() if part in ids and part != parent}
        wanted = {part: ids.get(parent) for part, parent in told.items()}
        moves = [(ids[part], parent) for part, parent in wanted.items() if present[part] != parent]
        for start in range(0, len(moves), MOVES_PER_STEP):
            yield _moved(dict(moves[start : start + MOVES_PER_STEP]))
        if moves and not levels_are_told:
            self._traces.before(IssueType.objects.filter(project=self._project))
            _tell_levels(self._project)
            yield []


def _moved(wanted: Mapping[UUID, UUID | None]) -> list[Touch]:
    """Move issues below others, as far as these are still there."""
    family = {*wanted, *filter(None, wanted.values())}
    rows = Issue.objects.select_for_update().filter(pk__in=family).only("parent_id").order_by("pk")
    there = {issue.pk: issue for issue in rows}
    touches = []
    for part, parent in wanted.items():
        issue = there.get(part)
        if issue is None or issue.parent_id == parent or (parent is not None and parent not in there):
            continue
        touches.append(Touch(issue, {"parent_id": issue.parent_id}))
        issue.parent_id, issue.updated_at = parent, timezone.now()
    Issue.objects.bulk_update([touch.issue for touch in touches], ["parent", "updated_at"])
    return touches


def _tell_levels(project: Project) -> None:
    """Types whose names say nothing are judged by the tree: a Feature over User Stories, a Task under them.

    Of the tiers of such a tree the standard one is where the team puts its sizes; where that does not tell, the second
    of three, or the upper of two.
    """
    kinds = {kind.pk: kind for kind in IssueType.objects.filter(project=project, level=Level.STANDARD, counts=True)}
    above = _types_above(project, kinds)
    tiers = {kind: _tier(kind, above) for kind in {*above, *above.values()}}
    if not tiers:
        return
    standard = _standard_tier(tiers)
    for level, is_of in ((Level.EPIC, lt), (Level.SUB_TASK, gt)):
        those = [pk for pk, tier in tiers.items() if is_of(tier, standard)]
        IssueType.objects.filter(pk__in=those).update(level=level, counts=False)


def _types_above(project: Project, kinds: Collection[int]) -> dict[int, int]:
    """Type → the type that most of its issues are parts of; types without such a one are left out."""
    issues = Issue.objects.filter(project=project, issue_type__in=kinds).order_by()
    totals = dict(issues.values_list("issue_type").annotate(n=Count("pk")))
    parts = issues.filter(parent__issue_type__in=kinds).exclude(parent__issue_type=F("issue_type"))
    pairs = parts.values_list("issue_type", "parent__issue_type").annotate(n=Count("pk"))
    return {part: whole for part, whole, n in pairs if n > MOSTLY * totals[part]}


def _tier(kind: int, above: dict[int, int]) -> int:
    """How many types stand above one; a circle of types ends where it began."""
    seen, upper = {kind}, above.get(kind)
    while upper is not None and upper not in seen:
        seen.add(upper)
        upper = above.get(upper)
    return len(seen) - 1


def _standard_tier(tiers: dict[int, int]) -> int:
    sized = Count("pk", filter=Q(story_points__isnull=False))
    issues = Issue.objects.filter(issue_type__in=tiers).order_by()
    rows = issues.values_list("issue_type").annotate(total=Count("pk"), with_points=sized)
    shares: dict[int, list[int]] = {tier: [0, 0] for tier in tiers.values()}
    for kind, total, with_points in rows:
        shares[tiers[kind]][0] += with_points
        shares[tiers[kind]][1] += total
    by_default = 1 if len(shares) > 2 else 0
    return max(shares, key=lambda tier: (shares[tier][0] / shares[tier][1], tier == by_default))
