"""Counts of projects, in one query or two each, and who is in which."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from uuid import UUID

from django.db.models import Count, Max, Q

from apps.ml.core.anomalies.rules import STALE_AFTER
from apps.ml.core.summary import ProjectCounts
from apps.ml.core.training.crowd import People
from apps.ml.selectors.evidence import untouched_since
from apps.ml.selectors.issues import DONE, DROPPED, open_in
from apps.projects.history.days import day_of
from apps.projects.levels import COUNTED
from apps.projects.models import FormerMember, Issue, Project, TeamMember
from apps.projects.selectors import zone_of


def project_counts(project_id: UUID | str, *, now: datetime, completed: int | None = None) -> ProjectCounts:
    """Issues by what the summary says about them; overdue is what was due before the team's today.

    Of the open ones by an index: most of a large project is `completed`, which may be known.
    """
    counts = Issue.objects.filter(COUNTED, open_in(project_id)).aggregate(
        still_open=Count("id"),
        unassigned=Count("id", filter=Q(assignee=None)),
        overdue=Count("id", filter=Q(due_date__lt=day_of(now, zone_of(project_id)))),
        stale=Count("id", filter=untouched_since(now - STALE_AFTER)),
    )
    completed = n_completed(project_id) if completed is None else completed
    return ProjectCounts(total=completed + counts.pop("still_open"), completed=completed, **counts)


def n_completed(project_id: UUID | str) -> int:
    """Issues that are done."""
    return Issue.objects.filter(COUNTED, DONE, project_id=project_id).count()


@dataclass(frozen=True, slots=True)
class ProjectProgress:
    """How far a project is, and when anything in it last changed; None while it is empty."""

    total: int = 0
    completed: int = 0
    changed_at: datetime | None = None

    @property
    def share(self) -> float | None:
        """Of all issues those that are completed."""
        return self.completed / self.total if self.total else None


def progress_of(project_ids: Collection[UUID]) -> Mapping[UUID, ProjectProgress]:
    """Of some projects, in one query."""
    rows = Issue.objects.filter(COUNTED, project__in=project_ids).order_by().values_list("project_id")
    counts = rows.annotate(total=Count("id", filter=~DROPPED), done=Count("id", filter=DONE), last=Max("updated_at"))
    found = {id_: ProjectProgress(total, done, last) for id_, total, done, last in counts}
    return {id_: found.get(id_, ProjectProgress()) for id_ in project_ids}


def people_of_projects() -> dict[str, People]:
    """Who can ask from within each project, and who made it or was in it and can ask."""
    can_ask = Q(user__is_active=True, user__is_placeholder=False)
    members = _by_project(TeamMember.objects.filter(can_ask).order_by().values_list("project_id", "user_id"))
    left = FormerMember.objects.filter(can_ask).order_by().values_list("project_id", "user_id")
    made = Project.objects.filter(made_by__is_active=True).order_by().values_list("id", "made_by")
    former = _by_project(chain(left, made))
    nobody: frozenset[str] = frozenset()
    return {id_: People(members.get(id_, nobody), former.get(id_, nobody)) for id_ in {*members, *former}}


def _by_project(pairs: Iterable[tuple[UUID, UUID]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for project_id, user_id in pairs:
        found[str(project_id)].add(str(user_id))
    return {id_: frozenset(people) for id_, people in found.items()}
