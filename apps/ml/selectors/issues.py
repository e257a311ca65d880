"""Issues as the core's records: facts as they were known before the work, never as they were edited later.

`now` asks as of an earlier moment: which issues were finished by then, and with what outcome. None is the present.
"""

import json
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import F, Q, QuerySet

from apps.common.plausible import texts_in
from apps.ml.core.records import CompletedIssue, IssueFacts, by_people
from apps.ml.core.text_index import IssueText
from apps.ml.selectors.terms import USUAL_TERMS, AgentMarks, project_terms
from apps.projects.history.issue_past import number_or_none
from apps.projects.history.reads import MOST_IDS, issue_pasts
from apps.projects.levels import COUNTED
from apps.projects.models import Issue, IssueChange, Project, WorkflowStatus
from apps.projects.selectors import edit_stamps

Field = IssueChange.Field
_COLUMNS = (
    "id", "project_id", "title", "description", "issue_type__name", "priority", "story_points", "estimated_hours",
    "component", "labels", "reporter_id", "assignee_id", "created_at", "started_at", "resolved_at", "actual_hours",
    "sub_task_hours", "worked_hours",
)  # fmt: skip


def _moment_or_none(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


#: What the team calls done.
DONE = Q(status__category=WorkflowStatus.Category.DONE)
#: Ended without being delivered.
DROPPED = Q(status__category=WorkflowStatus.Category.DROPPED)
#: Nothing is left to do.
ENDED = DONE | DROPPED
_OPEN = (WorkflowStatus.Category.TO_DO, WorkflowStatus.Category.IN_PROGRESS)


def open_in(project_id: UUID | str, *categories: str) -> Q:
    """Open issues of a project, or those of some categories, found by the few statuses that they may have.

    Asked by a joined category, a database reads all that the project ever did.
    """
    statuses = WorkflowStatus.objects.filter(project_id=project_id, category__in=categories or _OPEN).order_by()
    return Q(project_id=project_id, status__in=statuses.values("pk"))


#: What is undone: the column of each field, and how the history's text is read.
_UNDONE: dict[str, tuple[str, Callable[[str], Any]]] = {
    Field.TITLE: ("title", str),
    Field.DESCRIPTION: ("description", str),
    Field.ISSUE_TYPE: ("issue_type__name", str),
    Field.PRIORITY: ("priority", number_or_none),
    Field.STORY_POINTS: ("story_points", number_or_none),
    Field.ESTIMATED_HOURS: ("estimated_hours", number_or_none),
    Field.COMPONENT: ("component", str),
    Field.LABELS: ("labels", lambda text: texts_in(json.loads(text or "[]"))),
    Field.REPORTER: ("reporter_id", str),
    Field.ASSIGNEE: ("assignee_id", str),
    Field.CREATED_AT: ("created_at", _moment_or_none),
    Field.STARTED_AT: ("started_at", _moment_or_none),
    Field.ACTUAL_HOURS: ("actual_hours", number_or_none),
}
#: One entry of the history: (field, value before, moment).
_Change = tuple[str, str, datetime]
#: Columns of issues, and what happened to each, latest first.
_Rows = tuple[list[dict[str, Any]], dict[UUID, list[_Change]]]


#: What issues are compared by.
_EVIDENCE = ("worked_hours", "story_points")
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class TextRevision(NamedTuple):
    """Which state of a project's texts it is."""

    last_edit: datetime | None
    last_removal: datetime | None
    #: When what had been read of them was last to be forgotten.
    forgotten_at: datetime | None
    #: See `edit_stamps`; unknown of what is stored.
    last_ahead: datetime | None = None


def completed_with_hours(
    project_id: UUID | str | None, *, newest: int | None = None, now: datetime | None = None
) -> list[CompletedIssue]:
    """What people finished, with actual hours, oldest outcome first; of all projects when `project_id` is None."""
    return by_people(issue for issue, _ in _completed(project_id, ("worked_hours",), newest, now))


def completed_with_points(
    project_id: UUID | str | None, *, newest: int | None = None, now: datetime | None = None
) -> list[CompletedIssue]:
    """What people finished, with story points, oldest outcome first; of all projects when `project_id` is None."""
    return by_people(issue for issue, _ in _completed(project_id, ("story_points",), newest, now))


def completed_with_people(project_id: UUID | str | None, *, now: datetime | None = None) -> list[CompletedIssue]:
    """What people finished, `facts.assignee` being who did, oldest first; none for all projects together."""
    if project_id is None:
        return []
    known = _completed(project_id, (), None, now)
    return by_people(replace(issue, facts=replace(issue.facts, assignee=person)) for issue, person in known if person)


def completed_for_evidence(
    project_id: UUID | str, *, newest: int, now: datetime | None = None, among: Collection[str] | None = None
) -> list[CompletedIssue]:
    """Finished issues with hours or points, of people and agents, oldest outcome first; `among` some ids if given."""
    if among is None:
        return [issue for issue, _ in _completed(project_id, _EVIDENCE, newest, now)]
    ids = sorted(among)
    parts = (ids[start : start + MOST_IDS] for start in range(0, len(ids), MOST_IDS))
    found = (_completed(project_id, _EVIDENCE, newest, now, among=Q(pk__in=part)) for part in parts)
    return [issue for part in found for issue, _ in part]


def evidence_ids(project_id: UUID | str, *, newest: int) -> list[str]:
    """Of the newest of these, in their order."""
    finished = _finished(Q(project_id=project_id), _EVIDENCE).order_by("-resolved_at", "-created_at", "id")
    return [str(id_) for id_ in finished.values_list("id", flat=True)[:newest]][::-1]


def touched_issues(project_id: UUID | str, *, since: datetime) -> set[str]:
    """Issues that were added or edited since a moment, and those whose parts were: their hours are told anew."""
    touched = Issue.objects.filter(project_id=project_id, updated_at__gte=since).order_by()
    return {str(id_) for row in touched.values_list("id", "parent_id") for id_ in row if id_ is not None}


def issue_titles(project_id: UUID | str, issue_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """What to call issues of one project: id -> title and key. Ids of other projects are simply absent."""
    # By id alone: with the project in the condition SQLite walks the project's index, which costs 5 ms at 6,000 issues.
    rows = Issue.objects.filter(id__in=list(issue_ids)).order_by()
    return {
        str(id_): {"key": key, "title": title}
        for id_, owner, key, title in rows.values_list("id", "project_id", "external_id", "title")
        if str(owner) == str(project_id)
    }


def issues_with_status(project_id: UUID | str, issue_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What to call issues of one project and how far they are, by id; ids of other projects are simply absent."""
    rows = Issue.objects.filter(id__in=list(issue_ids)).order_by()
    columns = ("id", "project_id", "external_id", "title", "status__name", "status__category")
    return {
        str(id_): {"key": key, "title": title, "status": status, "status_category": category}
        for id_, owner, key, title, status, category in rows.values_list(*columns)
        if str(owner) == str(project_id)
    }


def text_revision(project_id: UUID | str, *, now: datetime) -> TextRevision:
    """Changes with every text, outcome and deletion, and when texts are erased; two looks into an index, and a row."""
    edits, project = edit_stamps(project_id, now=now), Project.objects.filter(pk=project_id)
    found = project.values_list(edits.last, "issues_removed_at", "text_snapshot__forgotten_at", edits.ahead)
    return TextRevision(*(found.first() or (None, None, None)))


def issue_texts(
    project_id: UUID | str, *, newest: int, changed_from: datetime | None = None, among: Collection[str] | None = None
) -> list[IssueText]:
    """Texts of a project's newest issues, open ones too, oldest first and of equal moments the largest id first.

    Those touched from a moment on, or among some ids, if given. Outcomes are those of finished issues.
    """
    issues = Issue.objects.filter(project_id=project_id)
    if changed_from is not None:
        issues = issues.filter(updated_at__gte=changed_from)
    if among is not None:
        issues = issues.filter(pk__in=list(among))
    columns = ("id", "title", "description", "resolved_at", "actual_hours", "story_points", "external_id", "created_at")
    rows = list(issues.order_by("-created_at", "id").values_list(*columns)[:newest])
    return [
        IssueText(
            str(id_),
            title,
            description,
            hours=hours if resolved_at and hours else math.nan,
            points=points if resolved_at and points else math.nan,
            key=key,
            created=(created_at - _EPOCH) // _MICROSECOND,
        )
        for id_, title, description, resolved_at, hours, points, key, created_at in reversed(rows)
    ]


def n_touched(project_id: UUID | str, *, since: datetime, most: int) -> int:
    """How many issues were added or edited from a moment on; `most` for more."""
    return Issue.objects.filter(project_id=project_id, updated_at__gte=since).order_by()[:most].count()


def n_newest(project_id: UUID | str, newest: int) -> int:
    """How many issues a project has, but for so many at most."""
    return Issue.objects.filter(project_id=project_id).order_by()[:newest].count()


def projects_of_finished_issues() -> dict[str, str]:
    """Of every finished issue its project."""
    rows = Issue.objects.filter(resolved_at__isnull=False).order_by().values_list("id", "project_id")
    return {str(id_): str(project_id) for id_, project_id in rows.iterator()}


def newest_ids(project_id: UUID | str, newest: int) -> set[str]:
    """Of a project's newest issues."""
    rows = Issue.objects.filter(project_id=project_id).order_by("-created_at", "id").values_list("id", flat=True)
    return set(map(str, rows[:newest]))


def named_issues(issue_ids: Iterable[str], titles: Mapping[str, dict[str, str]]) -> list[dict[str, str]]:
    """Issues in their order with what to call them; those without a title (deleted since) are left out."""
    return [{"issue_id": issue_id, **titles[issue_id]} for issue_id in issue_ids if issue_id in titles]


def _completed(
    project_id: UUID | str | None,
    outcomes: Sequence[str],
    newest: int | None,
    now: datetime | None,
    *,
    among: Q | None = None,
) -> list[tuple[CompletedIssue, str]]:
    """Finished issues that have one of these outcomes (any issue without one named), with who finished each."""
    scope = Q(project__predictions_enabled=True) if project_id is None else Q(project_id=project_id)
    finished = _finished(scope & (among or Q()), outcomes)
    rows, changes = _present(finished, newest) if now is None else _as_of(now, scope, finished)
    if now is not None:
        rows = [row for row in rows if not outcomes or any((row[name] or 0) > 0 for name in outcomes)]
        rows = sorted(rows, key=_newest_first)[:newest]
    terms = project_terms(project_id) if rows else {}
    return [
        _record(row, changes.get(row["id"], ()), terms.get(row["project_id"], USUAL_TERMS).agents)
        for row in reversed(rows)
    ]


def _finished(scope: Q, outcomes: Sequence[str]) -> QuerySet[Issue]:
    """Finished issues that have one of these outcomes, or any where none is named."""
    has_outcome = Q()
    for outcome in outcomes:
        has_outcome |= Q(**{f"{outcome}__gt": 0})
    return Issue.objects.filter(COUNTED, scope, has_outcome, resolved_at__isnull=False)


def _newest_first(row: Mapping[str, Any]) -> tuple[float, float, UUID]:
    return -row["resolved_at"].timestamp(), -row["created_at"].timestamp(), row["id"]


def _present(finished: QuerySet[Issue], newest: int | None) -> _Rows:
    """The newest of the finished issues, latest first, with what happened since their work began."""
    # .values(): thousands of rows are read here, and model instances cost four times as much.
    rows = list(finished.order_by("-resolved_at", "-created_at", "id").values(*_COLUMNS)[:newest])
    begun = Q(issue__started_at=None) | Q(changed_at__gt=F("issue__started_at"))
    known = IssueChange.objects.filter(begun | Q(changed_at__gt=F("issue__resolved_at")), _about(rows, finished))
    return rows, _by_issue(known)


def _about(rows: Sequence[Mapping[str, Any]], finished: QuerySet[Issue]) -> Q:
    """Changes of some issues: of few by their ids, of one project's many by when they began."""
    projects = {row["project_id"] for row in rows}
    # Said of changes and issues: joined, a database else begins with all issues that there are.
    of_one = Q(project__in=projects, issue__project__in=projects) if len(projects) == 1 else Q()
    if len(rows) <= 500:
        return of_one & Q(issue_id__in=[row["id"] for row in rows])
    if len(projects) > 1:
        return Q(issue__in=finished.values("id"))
    first = min(min(_known_at(row), row["resolved_at"]) for row in rows)
    return of_one & Q(issue__resolved_at__isnull=False, changed_at__gt=first)


def _as_of(now: datetime, scope: Q, finished: QuerySet[Issue]) -> _Rows:
    """Issues that were finished at `now`, as they then were, with what had happened to them."""
    later = IssueChange.objects.filter(changed_at__gt=now).order_by().values("issue_id")
    untouched = finished.filter(resolved_at__lte=now, created_at__lte=now).exclude(pk__in=later)
    rows, changes = _present(untouched, None)
    touched = Issue.objects.filter(COUNTED, scope, pk__in=later, created_at__lte=now).order_by()
    happened = _by_issue(IssueChange.objects.filter(issue__in=touched.values("id")))
    ends = {past.issue_id: past.resolved_at for past in issue_pasts(touched, now=now)}
    for row in touched.values(*_COLUMNS):
        if (end := ends[str(row["id"])]) is not None:
            known = _undone(row, happened[row["id"]], now)
            known["worked_hours"] = _worked_hours(known)
            # What was finished without a start may have got one when it was opened again.
            started_at = known["started_at"]
            is_begun = started_at is not None and started_at <= now
            rows.append(known | {"resolved_at": end, "started_at": started_at if is_begun else None})
            changes[row["id"]] = [change for change in happened[row["id"]] if change[2] <= now]
    return rows, changes


def _by_issue(changes: QuerySet[IssueChange]) -> dict[UUID, list[_Change]]:
    """Changes of what a record knows, by issue, latest first."""
    columns = changes.filter(field__in=_UNDONE).order_by("-changed_at", "-id")
    found: dict[UUID, list[_Change]] = defaultdict(list)
    for issue_id, field, old_value, moment in columns.values_list("issue_id", "field", "old_value", "changed_at"):
        found[issue_id].append((field, old_value, moment))
    return found


def _undone(row: Mapping[str, Any], changes: Iterable[_Change], moment: datetime) -> dict[str, Any]:
    """The row as it was at a moment: latest first, so that the earliest of the later changes of a field wins."""
    known = dict(row)
    for field, old_value, changed_at in changes:
        if changed_at > moment:
            column, read = _UNDONE[field]
            known[column] = read(old_value)
    return known


def _worked_hours(row: Mapping[str, Any]) -> float | None:
    """The sum that the database keeps of the present, of a row as it was."""
    known = [hours for hours in (row["actual_hours"], row["sub_task_hours"]) if hours is not None]
    return sum(known) if known else None


def _known_at(row: Mapping[str, Any]) -> datetime:
    """The start of the work: what was set before it, an estimate say, was known; what was set after it was not."""
    created_at: datetime = row["created_at"]
    begun: datetime = min(row["started_at"] or created_at, row["resolved_at"])
    return max(created_at, begun)


def _record(row: Mapping[str, Any], changes: Sequence[_Change], agents: AgentMarks) -> tuple[CompletedIssue, str]:
    known_at = _known_at(row)
    known, at_end = (_undone(row, changes, at) if changes else row for at in (known_at, row["resolved_at"]))
    person = str(at_end["assignee_id"] or "")
    record = CompletedIssue(
        issue_id=str(row["id"]),
        facts=_facts(known),
        known_at=known_at,
        completed_at=row["resolved_at"],
        actual_hours=row["worked_hours"],
        story_points=row["story_points"],
        by_agent=agents.bear(at_end["labels"], person),
    )
    return record, person


def _facts(row: Mapping[str, Any]) -> IssueFacts:
    return IssueFacts(
        title=row["title"],
        description=row["description"],
        issue_type=row["issue_type__name"].casefold(),
        priority=row["priority"],
        story_points=row["story_points"],
        estimated_hours=row["estimated_hours"],
        component=row["component"],
        labels=tuple(row["labels"]),
        reporter=str(row["reporter_id"] or ""),
        assignee=str(row["assignee_id"] or ""),
    )


def facts_of(issue: Issue) -> IssueFacts:
    """Facts of one issue as they are now, for a prediction about it."""
    return IssueFacts(
        title=issue.title,
        description=issue.description,
        issue_type=issue.issue_type.name.casefold(),
        priority=issue.priority,
        story_points=issue.story_points,
        estimated_hours=issue.estimated_hours,
        component=issue.component,
        labels=tuple(issue.labels),
        reporter=str(issue.reporter_id or ""),
        assignee=str(issue.assignee_id or ""),
    )


def facts_of_issues(project_id: UUID | str, issue_ids: Iterable[str]) -> dict[str, IssueFacts]:
    """Facts of some issues of a project as they are now, by id, in one query."""
    issues = Issue.objects.filter(project_id=project_id, id__in=list(issue_ids)).order_by()
    return {str(row["id"]): _facts(row) for row in issues.values(*_COLUMNS)}


def facts_around(
    project_id: UUID | str, moment: datetime, *, before: int, after: int
) -> tuple[list[IssueFacts], list[IssueFacts]]:
    """Facts of the last issues that came before a moment and of the newest that came after it, in their order."""
    issues = Issue.objects.filter(COUNTED, project_id=project_id)
    older = issues.filter(created_at__lte=moment).order_by("-created_at", "-id").values(*_COLUMNS)[:before]
    newer = issues.filter(created_at__gt=moment).order_by("-created_at", "-id").values(*_COLUMNS)[:after]
    then, now = ([_facts(row) for row in rows][::-1] for rows in (older, newer))
    return then, now


def source_keys(project_id: UUID | str) -> list[str]:
    """Keys that a project's issues with points had where they came from."""
    rows = Issue.objects.filter(project_id=project_id, story_points__gt=0).exclude(external_id="")
    return list(rows.values_list("external_id", flat=True))
