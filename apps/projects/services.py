"""The only writes of the domain: each keeps the rules that span rows and records what the past will be asked about.

All raise `ValidationError` (Django's, with a message per field) for input that cannot be right and `Conflict` for
input that contradicts the present state. What decides a write is locked before it is read, in the order of `rows`;
then only a clock is read, see `history.moments`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError

from apps.accounts.models import User
from apps.common.exceptions import Conflict
from apps.projects.history.ends import ENDED, ENDS, check_times, set_times
from apps.projects.history.moments import Moments, When, moment_of, moments_after, moments_of
from apps.projects.history.snapshots import carried_over, freeze
from apps.projects.history.writing import new_change, set_for_all, store_changes
from apps.projects.holidays import check_place
from apps.projects.leads import require_account, require_another_lead, require_room_for_one_more
from apps.projects.levels import MOST_SPRINTS, new_type, require_no_ring, require_room, roll_up
from apps.projects.models import Issue, IssueChange, IssueType, Project, Sprint, TeamMember, WorkflowStatus
from apps.projects.placeholders import forget, placeholders_of
from apps.projects.preferences import PREFERENCES
from apps.projects.rows import (
    all_or_nothing,
    delete_unused,
    enter,
    insert,
    lock,
    lock_by_id,
    lock_issues,
    locked,
    note_removal,
    update,
    validate,
)
from apps.projects.selectors import status_is_used, type_is_in_history

#: What a new project starts with; teams rename, add and remove.
DEFAULT_TYPES = ("bug", "story", "task")
DEFAULT_STATUSES = (
    ("To do", WorkflowStatus.Category.TO_DO),
    ("In progress", WorkflowStatus.Category.IN_PROGRESS),
    ("Done", WorkflowStatus.Category.DONE),
    ("Won't do", WorkflowStatus.Category.DROPPED),
)
#: What a project may say of itself besides its name.
PROJECT_SETTINGS = frozenset({"description", "time_zone", "holiday_country", "holiday_region", *PREFERENCES})
#: What a change of an issue may name; its project, source and times stay what they are. Every change of all but the
#: due date is kept, because predictions need to know what was known when.
EDITABLE_ISSUE_FIELDS = frozenset({
    "title", "description", "issue_type", "status", "priority", "assignee", "sprint", "story_points", "estimated_hours",
    "actual_hours", "component", "labels", "due_date", "parent",
})  # fmt: skip
#: What the hours of its parent, of which it may get another, are summed up from, and whether it holds such itself.
_ROLLED_UP = frozenset({"actual_hours", "parent", "issue_type"})


# --- Projects -----------------------------------------------------------------------------------------------------
@all_or_nothing()
def create_project(*, key: str, name: str, by: User, now: datetime, **settings: Any) -> Project:
    """A project led by its creator, with the default types and statuses; `settings` are `PROJECT_SETTINGS`."""
    require_room_for_one_more(by)
    project = Project(key=key, name=name, created_at=now, made_by=by, **settings)
    check_place(project.holiday_country, project.holiday_region)
    insert(project)
    TeamMember.objects.create(project=project, user=by, role=TeamMember.Role.LEAD, joined_at=now)
    add_default_workflow(project)
    return project


def add_default_workflow(project: Project) -> None:
    """Give a project the default issue types and statuses."""
    IssueType.objects.bulk_create([IssueType(project=project, name=name) for name in DEFAULT_TYPES])
    WorkflowStatus.objects.bulk_create(
        WorkflowStatus(project=project, name=name, category=category, position=position)
        for position, (name, category) in enumerate(DEFAULT_STATUSES)
    )


@all_or_nothing()
def update_project(project: Project, **fields: Any) -> Project:
    """Change name or settings; the key is how others know the project and stays."""
    lock(project)
    check_place(*(fields.get(name, getattr(project, name)) for name in ("holiday_country", "holiday_region")))
    return update(project, fields, allowed={"name", *PROJECT_SETTINGS})


@all_or_nothing()
def delete_project(project: Project) -> None:
    """Delete a project with everything in it, and whom its imports named."""
    # Locked first, as by those who add to it: the rows of a project are never locked before itself.
    lock(project, to_delete=True)
    named = list(placeholders_of(project).values_list("pk", flat=True))
    # By a copy: the caller's keeps its id.
    Project.objects.get(pk=project.pk).delete()
    forget(named)


# --- Team ---------------------------------------------------------------------------------------------------------
@all_or_nothing()
def add_member(project: Project, *, user: User, role: str, now: datetime) -> TeamMember:
    """Take a person into the team; `Conflict` when already there."""
    lock(project)
    if TeamMember.objects.filter(project=project, user=user).exists():
        raise Conflict("This person is already in the team.")
    return insert(TeamMember(project=project, user=user, role=role, joined_at=now))


@all_or_nothing()
def change_member(member: TeamMember, **fields: Any) -> TeamMember:
    """Change role or availability; `Conflict` when the project would be left without a lead."""
    lock(member.project)
    if fields.get("role") == TeamMember.Role.LEAD:
        require_account(member.user)
    elif "role" in fields:
        require_another_lead(member)
    allowed = {"role", "is_agent", "available_for_assignment", "absent_from", "absent_until"}
    return update(member, fields, allowed=allowed)


@all_or_nothing()
def remove_member(member: TeamMember, *, by: User, now: When) -> None:
    """Take a person out of the team; open work becomes unassigned, finished work still says who did it."""
    lock(member.project)
    lock(member)
    require_another_lead(member)
    open_issues = Issue.objects.filter(project=member.project, assignee=member.user)
    left_alone = locked(open_issues.exclude(status__category__in=ENDED))
    set_for_all(left_alone, "assignee", None, by=by, at=moments_of([issue.pk for issue in left_alone], now))
    member.delete()


# --- Issue types and statuses -------------------------------------------------------------------------------------
@all_or_nothing()
def create_issue_type(project: Project, *, name: str, level: str = "", counts: bool | None = None) -> IssueType:
    """A type; without a level its name tells it, and standard issues are counted."""
    lock(project)
    require_room(project.issue_types.all())
    return insert(new_type(project, name, level=level, counts=counts))


@all_or_nothing()
def update_issue_type(issue_type: IssueType, **fields: Any) -> IssueType:
    """Change a type; `Conflict` for its name once the history names it."""
    lock(issue_type.project)
    lock(issue_type)
    if fields.get("name", issue_type.name) != issue_type.name and type_is_in_history(issue_type):
        raise Conflict("A type that issues were changed to or from keeps its name: make a new one.")
    updated = update(issue_type, fields, allowed={"name", "level", "counts"})
    if "counts" in fields:
        roll_up(issue_type.project_id)
    return updated


@all_or_nothing()
def delete_issue_type(issue_type: IssueType) -> None:
    """Delete a type that no issue has; else `Conflict`."""
    delete_unused(issue_type, "Some issues are of this type.")


@all_or_nothing()
def create_status(project: Project, *, name: str, category: str, position: int = 0) -> WorkflowStatus:
    lock(project)
    require_room(project.statuses.all())
    return insert(WorkflowStatus(project=project, name=name, category=category, position=position))


@all_or_nothing()
def update_status(status: WorkflowStatus, **fields: Any) -> WorkflowStatus:
    """Change a status; `Conflict` for name or category once issues or their history refer to it."""
    lock(status.project)
    lock(status)
    changed = {name for name in ("name", "category") if name in fields and fields[name] != getattr(status, name)}
    # The history names statuses by text, and resolution times follow from categories: both would become untrue.
    if changed and status_is_used(status):
        raise Conflict("A status that issues have or had keeps its name and category: make a new one.")
    return update(status, fields, allowed={"name", "category", "position"})


@all_or_nothing()
def delete_status(status: WorkflowStatus) -> None:
    """Delete a status that no issue has or had; else `Conflict`."""
    lock(status.project)
    lock(status)
    if status_is_used(status):
        raise Conflict("Some issues have or had this status.")
    delete_unused(status, "Some issues have this status.")


# --- Sprints ------------------------------------------------------------------------------------------------------
@all_or_nothing()
def create_sprint(project: Project, *, name: str, now: When, **fields: Any) -> Sprint:
    """A planned sprint; `fields` may give goal, start_date and end_date."""
    _check_dates(fields.get("start_date"), fields.get("end_date"))
    enter(project.pk)
    require_room(project.sprints.all(), MOST_SPRINTS)
    return insert(Sprint(project=project, name=name, created_at=moment_of(now), **fields))


@all_or_nothing()
def update_sprint(sprint: Sprint, **fields: Any) -> Sprint:
    """Change name, goal or dates; a completed sprint keeps the dates that are known (`Conflict`)."""
    lock(sprint)
    dates = {name: fields.get(name, getattr(sprint, name)) for name in ("start_date", "end_date")}
    _check_dates(**dates)
    changed = [name for name in dates if dates[name] != getattr(sprint, name)]
    if sprint.status == Sprint.Status.COMPLETED:
        _tell_dates(sprint, changed)
    said = {"dates_are_inferred": False} if changed else {}
    return update(sprint, fields | said, allowed={"name", "goal", "start_date", "end_date", *said})


@all_or_nothing()
def start_sprint(sprint: Sprint, *, now: When) -> Sprint:
    """Make a planned sprint the running one; else `Conflict`."""
    lock(sprint)
    if sprint.status != Sprint.Status.PLANNED:
        raise Conflict(f"Only a planned sprint can be started; this one is {sprint.status}.")
    sprint.status, sprint.started_at = Sprint.Status.ACTIVE, moment_of(now)
    sprint.save(update_fields=["status", "started_at"])
    return sprint


@all_or_nothing()
def close_sprint(sprint: Sprint, *, by: User, now: When, move_to: Sprint | None = None) -> Sprint:
    """Complete an active sprint and freeze its books; what is unfinished goes to the backlog or to `move_to`."""
    enter(sprint.project_id)
    lock_by_id([sprint, move_to] if move_to else [sprint])
    if sprint.status != Sprint.Status.ACTIVE:
        raise Conflict(f"Only an active sprint can be closed; this one is {sprint.status}.")
    _check_next_sprint(sprint, move_to)
    issues = locked(Issue.objects.filter(sprint=sprint))
    at = moments_after(issues, now, sprint.started_at)
    sprint.status, sprint.completed_at = Sprint.Status.COMPLETED, at.now
    sprint.save(update_fields=["status", "completed_at"])
    set_for_all(carried_over(freeze(sprint, now=at.now), issues), "sprint", move_to, by=by, at=at)
    return sprint


@all_or_nothing()
def delete_sprint(sprint: Sprint, *, by: User, now: When) -> None:
    """Delete a sprint that was never started; its issues go back to the backlog. Else `Conflict`."""
    lock(sprint.project)
    lock(sprint)
    if sprint.status != Sprint.Status.PLANNED:
        raise Conflict("A sprint that was started is history and stays.")
    issues = locked(Issue.objects.filter(sprint=sprint))
    set_for_all(issues, "sprint", None, by=by, at=moments_of([issue.pk for issue in issues], now))
    sprint.delete()


def _tell_dates(sprint: Sprint, changed: Sequence[str]) -> None:
    """Allow dates once, for a completed sprint that an import knew by its name alone; all others are history."""
    is_guessed = sprint.dates_are_inferred and getattr(sprint, "snapshot", None) is None
    are_known = any(getattr(sprint, name) is not None for name in changed) and not is_guessed
    if changed and (sprint.started_at or are_known):
        raise Conflict("The dates of a completed sprint are history.")
    if "end_date" in changed:
        # It was guessed by the last of its issues.
        sprint.completed_at = None
        sprint.save(update_fields=["completed_at"])


def _check_dates(start_date: Any, end_date: Any) -> None:
    if start_date is not None and end_date is not None and end_date < start_date:
        raise ValidationError({"end_date": "A sprint cannot end before it starts."})


def _check_next_sprint(sprint: Sprint, move_to: Sprint | None) -> None:
    if move_to is None:
        return
    if move_to.project_id != sprint.project_id:
        raise ValidationError({"move_to": "This sprint belongs to another project."})
    if move_to.pk == sprint.pk or move_to.status == Sprint.Status.COMPLETED:
        raise Conflict("Unfinished issues can only move on to another sprint that is not completed.")


# --- Issues -------------------------------------------------------------------------------------------------------
@all_or_nothing()
def create_issue(project: Project, *, title: str, by: User | None, now: When, **fields: Any) -> Issue:
    """An issue; without a status it gets the first one 'to do', without a reporter its creator.

    `created_at`, `started_at` and `resolved_at` may be given as another tool knew them. Later, only changes of status
    set the latter two.
    """
    enter(project.pk)
    fields.setdefault("status", _first_status(project))
    fields.setdefault("reporter", by)
    _lock_what_it_enters(project.pk, fields)
    _check_issue_fields(project.pk, fields)
    at = moment_of(now)
    issue = Issue(project=project, title=title, **{"created_at": at} | fields)
    check_times(issue, at)
    set_times(issue, was=None, now=at)
    insert(issue)
    if issue.parent_id is not None:
        roll_up(project.pk, [issue.parent_id])
    if _came_in_late(issue, at):
        store_changes([new_change(issue, "sprint", None, issue.sprint, by=by, at=at)])
    return issue


@all_or_nothing()
def update_issue(issue: Issue, *, by: User | None, now: When, **fields: Any) -> Issue:
    """Change an issue; each change is recorded, and the times follow the status."""
    if unknown := set(fields) - EDITABLE_ISSUE_FIELDS:
        raise TypeError(f"An issue's {', '.join(sorted(unknown))} cannot be changed.")
    if fields.get("parent") is not None:
        # One after the other: two at once could take each other, or each an end of the other's chain.
        lock(issue.project)
        require_no_ring(issue, fields["parent"])
    else:
        enter(issue.project_id)
    _lock_what_it_enters(issue.project_id, fields)
    if _ROLLED_UP & fields.keys():
        lock_issues([issue.pk, issue.parent_id, getattr(fields.get("parent"), "pk", None)])
    lock(issue)
    changed = {name: value for name, value in fields.items() if getattr(issue, name) != value}
    _check_issue_fields(issue.project_id, changed)
    before = {name: getattr(issue, name) for name in (*changed, *ENDS)}
    was, at = issue.status.category, moments_after([issue], now)
    for name, value in changed.items():
        setattr(issue, name, value)
    set_times(issue, was=was, now=at.now)
    validate(issue, changed)
    issue.save(update_fields=[*changed, "started_at", *ENDS, "updated_at"])
    store_changes(_changes(issue, before, by=by, at=at))
    if _ROLLED_UP & changed.keys():
        roll_up(issue.project_id, [issue.pk, issue.parent_id, getattr(before.get("parent"), "pk", None)])
    return issue


@all_or_nothing()
def delete_issue(issue: Issue) -> None:
    """Delete an issue with its history; its parts are parts of nothing then."""
    lock(issue.project)
    lock_issues([issue.pk, issue.parent_id, *issue.children.values_list("pk", flat=True)])
    lock(issue, to_delete=True)
    parent_id = issue.parent_id
    issue.delete()
    note_removal(issue.project_id)
    if parent_id is not None:
        roll_up(issue.project_id, [parent_id])


def _lock_what_it_enters(project_id: Any, fields: Mapping[str, Any]) -> None:
    """Whose work it becomes stays in the team, its sprint open; its type and status go on meaning what they mean."""
    _is_stranger(project_id, fields.get("assignee"))
    for name in ("sprint", "issue_type", "status"):
        if fields.get(name) is not None:
            lock(fields[name])


def _came_in_late(issue: Issue, now: datetime) -> bool:
    """An issue with an older date of creation enters a sprint that runs: nothing else would tell when."""
    started_at = issue.sprint.started_at if issue.sprint else None
    return started_at is not None and issue.created_at <= started_at < now


def _first_status(project: Project) -> WorkflowStatus:
    statuses = list(WorkflowStatus.objects.filter(project=project).order_by("position", "id"))
    if not statuses:
        raise Conflict("The project has no statuses yet: add one first.")
    return next((status for status in statuses if status.category == WorkflowStatus.Category.TO_DO), statuses[0])


def _check_issue_fields(project_id: Any, fields: Mapping[str, Any]) -> None:
    """What an issue refers to belongs to its project."""
    errors = {
        name: "This belongs to another project."
        for name in ("issue_type", "status", "sprint", "parent")
        if fields.get(name) is not None and fields[name].project_id != project_id
    }
    if _is_stranger(project_id, fields.get("assignee")):
        errors["assignee"] = "This person is not in the team."
    sprint = fields.get("sprint")
    if sprint is not None and sprint.status == Sprint.Status.COMPLETED:
        errors.setdefault("sprint", "A completed sprint takes no more issues.")
    if errors:
        raise ValidationError(errors)


def _is_stranger(project_id: Any, user: User | None) -> bool:
    team = TeamMember.objects.select_for_update(no_key=True).filter(project_id=project_id)
    return user is not None and team.filter(user=user).first() is None


def _changes(issue: Issue, before: Mapping[str, Any], *, by: User | None, at: Moments) -> list[IssueChange]:
    """What the history keeps of a change: everything tracked, and an end that was taken away."""
    kept = [name for name in before if name in IssueChange.Field.values and name not in ENDS]
    kept += [name for name in ENDS if before[name] is not None and getattr(issue, name) is None]
    return [
        new_change(issue, name, before[name], getattr(issue, name), by=by, at=at.of(issue.pk, name)) for name in kept
    ]
