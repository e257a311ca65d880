"""Reads of the domain: who may see what, and the rows the API shows, each in a constant number of queries."""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from apps.accounts.models import User
from apps.common.heartbeat import CLOCKS_DIFFER
from apps.common.lately import Lately
from apps.projects.erasures import ERASED_AT
from apps.projects.history.ends import ENDED
from apps.projects.history.moments import lies_ahead
from apps.projects.models import (
    DayOff,
    Issue,
    IssueChange,
    IssueLink,
    IssueType,
    Project,
    Sprint,
    TeamMember,
    WorkedHoliday,
    WorkflowStatus,
)
from apps.projects.names.ids import id_in
from apps.projects.names.references import sprint_references

#: Projects, by whoever goes through all of them.
READ_AT_ONCE = 500
#: Whoever sent the request.
Visitor = User | AnonymousUser


def is_administrator(user: Visitor) -> bool:
    """Administrators of the installation belong to every project; staff, who open the administration, do not."""
    return bool(user.is_active and user.is_superuser)


def sees_everything(user: Visitor) -> bool:
    """Whether this person, as they ask now, may decide about the whole installation."""
    return isinstance(user, User) and is_administrator(user) and user.confined_to is None


def projects_visible_to(user: Visitor) -> QuerySet[Project]:
    """Projects that exist as far as this person can know."""
    return _visible(Project.objects.all(), user, project="")


def projects_after(projects: QuerySet[Project], after: str = "") -> Iterator[Project]:
    """By their ids, from behind this one on: what goes from one to the next, in parts. As many are read as are taken.

    Where the next part begins does not depend on what becomes of any of them meanwhile.
    """
    rows = projects.order_by("pk")
    while part := list((rows.filter(pk__gt=after) if after else rows)[:READ_AT_ONCE]):
        yield from part
        after = str(part[-1].pk)


def ids_after(projects: QuerySet[Project], after: str = "") -> Iterator[UUID]:
    """Likewise, the ids alone."""
    return (project.pk for project in projects_after(projects.only("pk"), after))


def with_issues(projects: QuerySet[Project], **such: Any) -> QuerySet[Project]:
    """Those that have issues, or `such` ones: of the others there is nothing to tell."""
    return projects.filter(Exists(Issue.objects.filter(project=OuterRef("pk"), **such)))


#: Projects by who asked about them within the last seconds.
_LATELY: Lately[Project, None] = Lately(Project, TeamMember, User)


def project_lately_visible_to(user: Visitor, project_id: UUID) -> Project | None:
    """A project, if this person sees it or saw it some seconds ago; no query for some seconds after one."""
    if isinstance(user, AnonymousUser):
        return None
    key = (user.pk, user.is_active, user.is_superuser, user.confined_to, project_id)
    known = _LATELY.get(key)
    if known is not None:
        return known[0]
    since = _LATELY.n_forgotten
    project = projects_visible_to(user).filter(id=project_id).first()
    if project is not None:
        _LATELY.put(key, project, None, since=since)
    return project


def issues_visible_to(user: Visitor) -> QuerySet[Issue]:
    return _visible(Issue.objects.all(), user, project="project__")


def sprints_visible_to(user: Visitor) -> QuerySet[Sprint]:
    return _visible(Sprint.objects.all(), user, project="project__")


def _visible(rows: QuerySet[Any], user: Visitor, *, project: str) -> QuerySet[Any]:
    """Rows of the projects in which the person is; `project` is the path to them."""
    if isinstance(user, AnonymousUser) or not user.is_active:
        return rows.none()
    if user.confined_to is not None:
        rows = rows.filter(**{f"{project}id": user.confined_to})
    # A person is in a team once (projects_member_once): the join repeats no row.
    return rows if is_administrator(user) else rows.filter(**{f"{project}team__user": user})


def zone_of(project_id: UUID | str) -> ZoneInfo:
    """The time zone of a project; `Project.DoesNotExist` without one."""
    return Project.objects.only("time_zone").get(pk=project_id).zone


def role_of(user: Visitor, project: Project) -> TeamMember.Role | None:
    """What this person is in the project; None for a stranger. Administrators act as lead."""
    if isinstance(user, AnonymousUser) or user.confined_to not in (None, project.pk):
        return None
    if is_administrator(user):
        return TeamMember.Role.LEAD
    role = TeamMember.objects.filter(project=project, user=user).values_list("role", flat=True).first()
    return TeamMember.Role(role) if role is not None else None


def issues_of(project: Project) -> QuerySet[Issue]:
    """A project's issues with all that is shown of them."""
    return Issue.objects.filter(project=project).select_related("issue_type", "status", "assignee", "reporter")


def history_of(issue: Issue) -> QuerySet[IssueChange]:
    """What was changed, oldest first."""
    return IssueChange.objects.filter(issue=issue).select_related("changed_by").order_by("changed_at", "id")


def sprints_of(project: Project) -> QuerySet[Sprint]:
    """Sprints ordered by their start; those without a date come last, on every database."""
    return Sprint.objects.filter(project=project).order_by(F("start_date").asc(nulls_last=True), "name", "id")


def sprint_by_reference(project: Project, reference: str) -> Sprint | None:
    """The sprint that an address names, see `sprint_references`, with its snapshot and project; None without one."""
    names = Sprint.objects.filter(project=project).order_by().values_list("id", "name")
    found = next((id_ for id_, own in sprint_references(names).items() if own == reference), None)
    return Sprint.objects.select_related("snapshot", "project").get(pk=found) if found else None


def team_of(project: Project) -> QuerySet[TeamMember]:
    return TeamMember.objects.filter(project=project).select_related("user").order_by("joined_at", "id")


def days_off_of(project: Project) -> QuerySet[DayOff]:
    return DayOff.objects.filter(project=project).order_by("day")


def names_of(issue_ids: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Key and title of issues by id; deleted ones are absent. One query."""
    rows = Issue.objects.filter(id__in=list(issue_ids)).order_by().values_list("id", "external_id", "title")
    return {str(id_): (key, title) for id_, key, title in rows}


#: Issues touched so long before the last known edit count as touched since: a transaction may end after a later one.
EDIT_OVERLAP = timedelta(minutes=1)


class EditStamps(NamedTuple):
    """Of a project, as part of a query: one of them changes with every issue that is added or edited."""

    last: Subquery
    #: The last that lies ahead. Where a clock that was ahead wrote some, what is edited since it was set back is before
    #: them.
    ahead: Subquery


def edit_stamps(project_id: UUID | str | OuterRef, *, now: datetime) -> EditStamps:
    """Two looks into an index, however many issues there are."""
    edits = Issue.objects.filter(project_id=project_id).order_by("-updated_at").values("updated_at")
    latest = now + CLOCKS_DIFFER
    return EditStamps(
        Subquery(edits.filter(updated_at__lte=latest)[:1]), Subquery(edits.filter(updated_at__gt=latest)[:1])
    )


def edited_from(last_edit: datetime | None, *, now: datetime) -> datetime | None:
    """From when on issues may have been edited after the last edit that is known.

    None where any may have been: no edit is known, or a clock told it that was ahead and is set back.
    """
    return None if last_edit is None or lies_ahead(last_edit, now) else last_edit - EDIT_OVERLAP


def issues_stamp(project_id: UUID | str, *, now: datetime) -> tuple[datetime | None, ...]:
    """Last edits and last deletion: changes with every issue that is added, edited or deleted."""
    project = Project.objects.filter(pk=project_id)
    return project.values_list(*edit_stamps(project_id, now=now), "issues_removed_at").first() or ()


class PresentState(NamedTuple):
    """What a project's figures are told from, as it is now."""

    #: None without issues, and where all lie ahead.
    last_edit: datetime | None
    #: Tells all but the edits of issues from what it was, see `project_revision`.
    rest: str

    def is_edited_into(self, later: "PresentState") -> bool:
        """Whether from this state to another issues were added or edited, and nothing else happened.

        Nor was the clock set back that told the last edit.
        """
        if self.last_edit is None or later.last_edit is None:
            return False
        return self.rest == later.rest and self.last_edit <= later.last_edit


def present_state(project_id: UUID | str, *, now: datetime) -> PresentState | None:
    """None where anything on record is later than `now`: each moment then tells something else."""
    changes = IssueChange.objects.filter(project_id=project_id).order_by("-changed_at").values("changed_at")
    issues, edits = Issue.objects.filter(project_id=project_id).order_by(), edit_stamps(project_id, now=now)
    project = Project.objects.annotate(
        last_edit=edits.last,
        last_ahead=edits.ahead,
        last_change=Subquery(changes[:1]),
        last_created=Subquery(issues.order_by("-created_at").values("created_at")[:1]),
        last_end=Subquery(issues.filter(resolved_at__isnull=False).order_by("-resolved_at").values("resolved_at")[:1]),
        erased_at=F(ERASED_AT),
    ).get(pk=project_id)
    moments = (project.last_change, project.last_created, project.last_end)
    if any(moment is not None and moment > now for moment in moments):
        return None
    rest = _revision(project, project.last_ahead, project.issues_removed_at, project.erased_at)
    return PresentState(project.last_edit, rest)


#: Of a project all but what is in no figure: its stamps are asked for apart.
_OF_PROJECTS = tuple(
    field.attname
    for field in Project._meta.concrete_fields
    if field.name not in ("name", "description", "created_at", "made_by", "issues_removed_at")
)
#: Goals are not here: whoever shows one reads it. Books may be kept anew of the same end, and the sprint's row stays.
_OF_SPRINTS = (
    "id", "name", "status", "start_date", "end_date", "started_at", "completed_at", "scope_is_recorded",
    "dates_are_inferred", "snapshot__frozen_at",
)  # fmt: skip
#: Neither are names of people.
_OF_TEAM = (
    "user_id", "role", "joined_at", "available_for_assignment", "is_agent", "absent_from", "absent_until",
    "user__is_active", "user__is_placeholder",
)  # fmt: skip
#: So many last edits stand for all: a transaction may end after one that edited later.
_LAST_EDITS = 20


def project_revision(project: Project, *, now: datetime) -> str:
    """Changes with all that figures of a project are told from: its issues, sprints, calendar, team and workflow.

    And with what its issues wait for in other projects, and each erasure. The same in all processes; in a constant
    number of queries. Goals of sprints, names of people and descriptions are not in it: what is remembered under a
    revision holds none.
    """
    edits = Issue.objects.filter(project=project, updated_at__lte=now + CLOCKS_DIFFER).order_by("-updated_at")
    ahead = edit_stamps(project.pk, now=now).ahead
    others = Project.objects.filter(pk=project.pk).values_list(ahead, "issues_removed_at", ERASED_AT)
    last_edits = tuple(edits.values_list("updated_at", flat=True)[:_LAST_EDITS])
    return _revision(project, last_edits, others.first(), tuple(open_blockers_elsewhere(project)))


def open_blockers_elsewhere(project: Project) -> QuerySet[Issue, UUID]:
    """Ids of open issues of other projects that its issues wait for: no more of these is in any figure of it.

    However one ends, is opened again or goes, nothing of the project itself is touched.
    """
    # Each is looked at once, though thousands wait for it.
    blockers = IssueLink.objects.filter(waiting_project=project).order_by().values("blocker")
    still_open = Issue.objects.filter(pk__in=blockers).exclude(status__category__in=ENDED)
    return still_open.order_by("pk").values_list("pk", flat=True)


def _revision(project: Project, *stamps: object) -> str:
    """Of all but the issues, which `stamps` tell."""
    sprints = Sprint.objects.filter(project=project).order_by("id")
    team = TeamMember.objects.filter(project=project).order_by("id")
    types = types_of(project).values_list("id", "name", "level", "counts")
    statuses = statuses_of(project).values_list("id", "name", "category", "position")
    worked = WorkedHoliday.objects.filter(project=project).order_by("day").values_list("day", flat=True)
    facts = (
        *(str(getattr(project, name)) for name in _OF_PROJECTS),
        *stamps,
        tuple(sprints.values_list(*_OF_SPRINTS)),
        tuple(team.values_list(*_OF_TEAM)),
        tuple(days_off_of(project).values_list("day", flat=True)),
        # Where there are no holidays, none is worked.
        tuple(worked) if project.holiday_country else (),
        (*types, *statuses),
    )
    return hashlib.blake2b(repr(facts).encode(), digest_size=16).hexdigest()


def issues_by_id(issue_ids: Iterable[str], *columns: str) -> Iterable[tuple[Any, ...]]:
    """Columns of some issues, of whichever project: the caller looks whose they are.

    By id alone: with the project in the condition SQLite walks the project's index.
    """
    return Issue.objects.filter(id__in=list(issue_ids)).order_by().values_list(*columns)


def person_names(ids: Iterable[str]) -> dict[str, str]:
    """Names of people by id; whatever is no person's id is absent, and e-mail addresses are no names. One query."""
    known = [text for text in ids if id_in(text)]
    return {str(id_): name for id_, name in User.objects.filter(id__in=known).values_list("id", "full_name")}


def people_named(ids: Collection[UUID]) -> dict[UUID, str]:
    """What to call some people, by id: by their addresses where they have no name. One query, none for nobody."""
    return {person.pk: str(person) for person in User.objects.filter(pk__in=ids)} if ids else {}


def types_of(project: Project) -> QuerySet[IssueType]:
    return IssueType.objects.filter(project=project).order_by("name", "id")


def statuses_of(project: Project) -> QuerySet[WorkflowStatus]:
    return WorkflowStatus.objects.filter(project=project).order_by("position", "name", "id")


def status_is_used(status: WorkflowStatus) -> bool:
    """Whether an issue has, or an issue's history names, this status."""
    in_history = IssueChange.objects.filter(project_id=status.project_id, field=IssueChange.Field.STATUS)
    return (
        Issue.objects.filter(status=status).exists()
        or in_history.filter(new_value=status.name).exists()
        or in_history.filter(old_value=status.name).exists()
    )


def type_is_in_history(issue_type: IssueType) -> bool:
    """Whether an issue was changed to or from this type."""
    changes = IssueChange.objects.filter(project_id=issue_type.project_id, field=IssueChange.Field.ISSUE_TYPE)
    return changes.filter(Q(new_value=issue_type.name) | Q(old_value=issue_type.name)).exists()
