"""Which issue is a part of which: parts and parents come in any order, so they are tied together at the end."""

from collections.abc import Collection, Iterator, Sequence
from operator import gt, lt
from typing import TypeAlias
from uuid import UUID

from django.db import connection
from django.db.models import Count, F, Q
from django.utils import timezone

from apps.importers.records import ImportedIssue
from apps.importers.writing.changes import Touch
from apps.importers.writing.rings import depths_of, without_rings
from apps.importers.writing.traces import Traces
from apps.projects.levels import Level
from apps.projects.models import Issue, IssueType, Project

Tree: TypeAlias = dict[UUID, UUID | None]
#: Issues that move in one step, each with the parent that it gets.
MOVES_PER_STEP = 250
#: A type is below another where more of its issues than this are parts of the other's: a few stray ones are slips.
MOSTLY = 0.5
#: As whoever edits an issue is told (`apps.projects.levels`).
PARENT_IS_A_PART = "with a parent that is a part of them, or is themselves: not taken, what they had stays"


class Parents:
    """What the records of one import say of parents, by the ids of the source."""

    def __init__(self, project: Project, mapped: Collection[str], source: str, traces: Traces) -> None:
        self._project, self._is_told, self._source, self._traces = project, "parent" in mapped, source, traces
        self._parent_of: dict[str, str] = {}
        #: Issues, and the parents that they did not get since these are parts of them.
        self.refused: list[tuple[str, str]] = []

    def learn(self, batch: Sequence[ImportedIssue]) -> None:
        """Remember the parents of a batch; without such a column nothing is said of those that have none."""
        self._parent_of |= {record.external_id: record.parent for record in batch if self._is_told or record.parent}

    def tie(self, *, levels_are_told: bool = False) -> Iterator[list[Touch]]:
        """Set the parents that differ, and tell the levels that the tree shows where the source does not.

        Step by step, each when it is asked for, in a transaction: what it did to issues.
        """
        if not (self._is_told or self._parent_of):
            return
        issues = Issue.objects.filter(project=self._project).order_by()
        # One without a key is nobody's parent by its key.
        keyed = issues.filter(source=self._source).exclude(external_id="")
        ids = dict(keyed.values_list("external_id", "id"))
        present: Tree = dict(issues.filter(parent__isnull=False).values_list("pk", "parent_id"))
        # An issue that a later line gave another key is known by that one alone.
        told = {ids[part]: ids.get(parent) for part, parent in self._parent_of.items() if part in ids}
        taken, refused = without_rings(present, told)
        # From above: while only some have moved no issue is below itself either.
        depths = depths_of(present | taken)
        moves = sorted((part for part in taken if taken[part] != present.get(part)), key=depths.__getitem__)
        for start in range(0, len(moves), MOVES_PER_STEP):
            step = {part: taken[part] for part in moves[start : start + MOVES_PER_STEP]}
            touches, not_now = _moved(step)
            refused |= not_now
            yield touches
        names = {id_: key for key, id_ in ids.items()}
        self.refused = [(names[part], names[parent]) for part, parent in refused.items()]
        if moves and not levels_are_told:
            self._traces.before(IssueType.objects.filter(project=self._project))
            _tell_levels(self._project)
            yield []


def _moved(wanted: Tree) -> tuple[list[Touch], dict[UUID, UUID]]:
    """Move issues below others, as far as these are still there; and those that by now would be below themselves.

    Whoever gives an issue another parent holds the project, as each step does.
    """
    family = {*wanted, *filter(None, wanted.values())}
    rows = Issue.objects.select_for_update().filter(pk__in=family).only("parent_id").order_by("pk")
    there = {issue.pk: issue for issue in rows}
    told = {part: parent for part, parent in wanted.items() if part in there and parent in {*there, None}}
    taken, refused = without_rings(_above(family), told)
    touches = []
    for part, parent in taken.items():
        issue = there[part]
        if issue.parent_id == parent:
            continue
        touches.append(Touch(issue, {"parent_id": issue.parent_id}))
        issue.parent_id, issue.updated_at = parent, timezone.now()
    Issue.objects.bulk_update([touch.issue for touch in touches], ["parent", "updated_at"])
    return touches, refused


def _above(issues: Collection[UUID]) -> Tree:
    """These issues and all that they are parts of, with their parents: one question, however deep the tree is."""
    table, key = Issue._meta.db_table, Issue._meta.pk
    begin = ", ".join(["%s"] * len(issues))
    question = f"""
        WITH RECURSIVE above (id, parent_id) AS (
            SELECT id, parent_id FROM {table} WHERE id IN ({begin})
            UNION SELECT issue.id, issue.parent_id FROM {table} issue JOIN above ON issue.id = above.parent_id
        ) SELECT id, parent_id FROM above
    """  # noqa: S608 - the table's own name
    found = Issue.objects.raw(question, [key.get_db_prep_value(each, connection) for each in issues])
    return {issue.pk: issue.parent_id for issue in found}


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
