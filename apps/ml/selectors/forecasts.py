"""What a team finished by week, and the issues a forecast is asked about, each in a constant number of queries."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from itertools import pairwise
from uuid import UUID

import numpy as np
from django.db.models import F, Max, Q, QuerySet

from apps.ml.core.anomalies.rules import STALE_AFTER
from apps.ml.core.forecasts.calendar import WorkingCalendar
from apps.ml.core.forecasts.links import Link, LinkedWork
from apps.ml.core.forecasts.simulation import MAX_HISTORY_WEEKS
from apps.ml.core.forecasts.units import Throughput, WorkItem
from apps.ml.core.past.recent import FinishedIssue, RecentWork, in_order
from apps.ml.selectors.evidence import untouched_since
from apps.ml.selectors.issues import DONE, ENDED, open_in
from apps.projects.history.days import beginning_of, day_of
from apps.projects.history.issue_past import ENDED as ENDED_CATEGORIES
from apps.projects.history.issue_past import FieldChange, number_or_none, value_as_of
from apps.projects.history.reads import changed_after, issue_pasts
from apps.projects.levels import COUNTED
from apps.projects.models import Issue, IssueChange, IssueLink, Sprint, WorkflowStatus
from apps.projects.selectors import zone_of

WEEK = timedelta(days=7)


def throughput(
    project_id: UUID | str,
    *,
    now: datetime,
    calendar: WorkingCalendar | None = None,
    weeks: int = MAX_HISTORY_WEEKS,
) -> Throughput:
    """What was finished in each of the past weeks, with the points an issue had when it was finished.

    With a calendar it is known what part of each week was worked.
    """
    zone = calendar.zone if calendar else zone_of(project_id)
    since = beginning_of(day_of(now, zone) - weeks * WEEK, zone)
    work = RecentWork.of(since, finished_issues(project_id, since=since, now=now))
    return throughput_of(work, now=now, zone=zone, calendar=calendar, weeks=weeks)


def throughput_of(
    work: RecentWork,
    *,
    now: datetime,
    zone: tzinfo,
    calendar: WorkingCalendar | None = None,
    weeks: int = MAX_HISTORY_WEEKS,
) -> Throughput:
    """What was finished by the weeks before today; ends outside are left out.

    Weeks end at the team's last midnight: what is finished today changes what is left, not the history, so that two
    answers of one day agree.
    """
    today = day_of(now, zone)
    places = work.ends_between(_borders(today, zone, weeks))
    by_week = [slice(*each) for each in pairwise(places)]
    within = slice(places[0], places[-1])
    points, hours = work.points[within], work.hours[within]
    return Throughput(
        issues=tuple(float(week.stop - week.start) for week in by_week),
        points=tuple(in_order(work.points[week]) for week in by_week),
        hours=tuple(in_order(work.hours[week]) for week in by_week),
        sizes=tuple(points[~np.isnan(points)].tolist()),
        sizes_hours=tuple(hours[~np.isnan(hours) & (hours != 0)].tolist()),
        presence=calendar.weekly_shares(today, weeks) if calendar else (),
    )


def _borders(today: date, zone: tzinfo, weeks: int = MAX_HISTORY_WEEKS) -> list[datetime]:
    return [beginning_of(today - back * WEEK, zone) for back in range(weeks, -1, -1)]


def issues_by_week(project_id: UUID | str, field: str, *, now: datetime, weeks: int) -> tuple[int, ...]:
    """How many issues have a moment ('created_at' or 'resolved_at') in each of the weeks before `now`, oldest first.

    Weeks before the first such issue of all are left out.
    """
    moments = _moments(project_id, field, now)
    known: list[datetime] = []
    if field == "resolved_at":
        later = changed_after(project_id, now)
        moments = moments.filter(DONE).exclude(pk__in=later.values("pk"))
        known = [past.resolved_at for past in issue_pasts(later, now=now) if past.resolved_at]
    first = min(filter(None, (moments.values_list(field, flat=True).first(), *known)), default=None)
    if first is None:
        return ()
    counts = [0] * min((now - first) // WEEK, weeks)
    since = now - len(counts) * WEEK
    known = [moment for moment in known if moment > since]
    for moment in (*moments.filter(**{f"{field}__gt": since}).values_list(field, flat=True), *known):
        counts[-1 - (now - moment) // WEEK] += 1
    return tuple(counts)


def _moments(project_id: UUID | str, field: str, now: datetime) -> QuerySet[Issue]:
    return Issue.objects.filter(COUNTED, **{"project_id": project_id, f"{field}__lte": now}).order_by(field)


def finished_by_week_of(
    work: RecentWork, project_id: UUID | str, *, now: datetime, weeks: int = MAX_HISTORY_WEEKS
) -> tuple[int, ...]:
    """The same of what was finished, in a state in which nothing on record is later; by an index and in memory."""
    first = _moments(project_id, "resolved_at", now).filter(DONE).values_list("resolved_at", flat=True).first()
    full = 0 if first is None else min((now - first) // WEEK, weeks)
    return tuple(work.finished_until([now - back * WEEK for back in range(full, -1, -1)]))


def unfinished(
    project_id: UUID | str,
    *,
    issue_ids: Sequence[UUID] = (),
    component: str = "",
    label: str = "",
) -> tuple[WorkItem, ...]:
    """Open issues of a project by id, component or label; all of them without any."""
    issues = _chosen(project_id, component).filter(open_in(project_id))
    if issue_ids:
        issues = issues.filter(id__in=issue_ids)
    items = work_items(issues)
    if not label:
        return items
    labelled = {str(id_) for id_, labels in issues.values_list("id", "labels") if _bears(label, labels)}
    return tuple(item for item in items if item.issue_id in labelled)


def unfinished_as_of(project_id: UUID | str, moment: datetime) -> tuple[WorkItem, ...]:
    """All issues of a project that were open at a moment, sized as they were then, by id."""
    issues = Issue.objects.filter(COUNTED, project_id=project_id)
    later = IssueChange.objects.filter(project_id=project_id, changed_at__gt=moment).order_by().values("issue_id")
    ended_later = Q(resolved_at__gt=moment) | Q(dropped_at__gt=moment)
    pasts = issue_pasts(issues.filter(~ENDED | ended_later | Q(pk__in=later)), now=moment)
    return tuple(
        WorkItem(
            past.issue_id,
            story_points=past.story_points,
            is_assigned=bool(past.assignee),
            logged_hours=past.actual_hours or 0.0,
        )
        for past in sorted(pasts, key=lambda past: past.issue_id)
        if past.category not in ENDED_CATEGORIES
    )


def bears_label(project_id: UUID | str, label: str) -> bool:
    """Whether any issue of a project, open or finished, bears a label."""
    labels = Issue.objects.filter(project_id=project_id).order_by().values_list("labels", flat=True)
    return any(_bears(label, each) for each in labels.iterator())


def has_component(project_id: UUID | str, component: str) -> bool:
    """Whether any issue of a project, open or finished, is of a component."""
    return _chosen(project_id, component).exists()


def created_by_week(
    project_id: UUID | str, *, now: datetime, component: str = "", label: str = ""
) -> tuple[float, ...]:
    """How many issues of a project, with this component or label, came in each past week of its throughput."""
    zone = zone_of(project_id)
    since = beginning_of(day_of(now, zone) - MAX_HISTORY_WEEKS * WEEK, zone)
    rows = _chosen(project_id, component).filter(created_at__gte=since, created_at__lte=now).order_by()
    columns = rows.values_list("id", "created_at", "labels")
    created = [(str(id_), moment) for id_, moment, labels in columns if not label or _bears(label, labels)]
    return created_by_week_of(RecentWork.of(since, (), created), now=now, zone=zone)


def created_by_week_of(work: RecentWork, *, now: datetime, zone: tzinfo) -> tuple[float, ...]:
    """What was created by the weeks before today, from the first one on in which something was."""
    counts = work.created_between(_borders(day_of(now, zone), zone))
    first = next((week for week, count in enumerate(counts) if count), len(counts))
    return tuple(float(count) for count in counts[first:])


def created_since(
    project_id: UUID | str, *, since: datetime, among: Collection[str] | None = None
) -> list[tuple[str, datetime]]:
    """Counted issues and when they were created; of a few issues, where these are given."""
    created = Issue.objects.filter(COUNTED, project_id=project_id, created_at__gte=since).order_by()
    chosen = created if among is None else created.filter(pk__in=among)
    return [(str(id_), moment) for id_, moment in chosen.values_list("id", "created_at")]


def _chosen(project_id: UUID | str, component: str) -> QuerySet[Issue]:
    issues = Issue.objects.filter(COUNTED, project_id=project_id)
    return issues.filter(component=component) if component else issues


def _bears(label: str, labels: Sequence[str] | None) -> bool:
    # Labels are a list in one column: which rows hold one is told here, the same on every database.
    return label in (labels or ())


def in_progress(project_id: UUID | str, *, now: datetime, besides: Iterable[str] = ()) -> tuple[WorkItem, ...]:
    """Issues of a project that are being worked on, besides some."""
    asked_about = set(besides)
    return tuple(item for item in work_items(_begun(project_id, now)) if item.issue_id not in asked_about)


def in_progress_by_sprint(project_id: UUID | str, *, now: datetime) -> dict[UUID | None, tuple[WorkItem, ...]]:
    """The same by the sprint that they are in; None: in no sprint."""
    return work_by_sprint(_begun(project_id, now))


def _begun(project_id: UUID | str, now: datetime) -> QuerySet[Issue]:
    """What is known to have lain idle for long is not being worked on."""
    in_progress = open_in(project_id, WorkflowStatus.Category.IN_PROGRESS)
    return Issue.objects.filter(COUNTED, in_progress).exclude(untouched_since(now - STALE_AFTER))


def running_before(project_id: UUID | str, day: date) -> tuple[tuple[WorkItem, ...], date | None]:
    """Open issues of the sprints that run and end before a day, and the last of their days; None without any."""
    running = Sprint.objects.filter(project_id=project_id, status=Sprint.Status.ACTIVE, end_date__lt=day)
    last_day = running.aggregate(last=Max("end_date"))["last"]
    items = work_items(Issue.objects.filter(COUNTED, sprint__in=running).exclude(ENDED)) if last_day else ()
    return items, last_day


def work_items(issues: QuerySet[Issue]) -> tuple[WorkItem, ...]:
    """Open issues as the engine sees them, by id."""
    return tuple(_work_item(*row) for row in issues.order_by("id").values_list(*_OF_WORK))


def work_by_sprint(issues: QuerySet[Issue]) -> dict[UUID | None, tuple[WorkItem, ...]]:
    """The same for each sprint that they are in."""
    found = defaultdict[UUID | None, list[WorkItem]](list)
    for sprint_id, *row in issues.order_by("id").values_list("sprint_id", *_OF_WORK):
        found[sprint_id].append(_work_item(*row))
    return {sprint_id: tuple(items) for sprint_id, items in found.items()}


_OF_WORK = ("id", "story_points", "estimated_hours", "assignee_id", "worked_hours")


def _work_item(
    id_: UUID, points: float | None, hours: float | None, assignee: UUID | None, logged: float | None
) -> WorkItem:
    return WorkItem(
        issue_id=str(id_),
        story_points=points,
        estimated_hours=hours,
        is_assigned=assignee is not None,
        logged_hours=logged or 0.0,
    )


def expendable_first(sprint: Sprint) -> tuple[str, ...]:
    """Ids of a sprint's open issues in the order in which they may go: not begun, then least urgent, then newest."""
    rows = Issue.objects.filter(COUNTED, sprint=sprint).exclude(ENDED)
    columns = rows.values_list("id", "status__category", "priority", "created_at")
    begun = WorkflowStatus.Category.IN_PROGRESS
    # Without a priority nobody has said that it is urgent.
    ordered = sorted(columns, key=lambda row: (row[1] == begun, -(row[2] or _NO_PRIORITY), -row[3].timestamp(), row[0]))
    return tuple(str(row[0]) for row in ordered)


#: Less urgent than any priority a tracker has.
_NO_PRIORITY = 1_000


def finished_issues(project_id: UUID | str, *, since: datetime, now: datetime) -> list[FinishedIssue]:
    """What was finished since a moment, as it was known at `now`."""
    later = changed_after(project_id, now)
    done = _done(project_id, since).filter(resolved_at__lte=now).exclude(pk__in=later.values("pk"))
    found = list(_as_finished(done, _points_changes(project_id, since=since)))
    for past in issue_pasts(later, now=now):
        if past.resolved_at is not None and since <= past.resolved_at:
            points = past.points_at(past.resolved_at)
            found.append(FinishedIssue(past.issue_id, past.resolved_at, points, past.actual_hours))
    return found


def finished_by_now(
    project_id: UUID | str, *, since: datetime, among: Collection[str] | None = None
) -> list[FinishedIssue]:
    """`finished_issues` of the present, where nothing on record is later; of a few issues, where these are given."""
    done = _done(project_id, since) if among is None else _done(project_id, since).filter(pk__in=among)
    return list(_as_finished(done, _points_changes(project_id, since=since, among=among)))


def _done(project_id: UUID | str, since: datetime) -> QuerySet[Issue]:
    return Issue.objects.filter(DONE, COUNTED, project_id=project_id, resolved_at__gte=since).order_by()


def _as_finished(done: QuerySet[Issue], changes: Mapping[UUID, Sequence[FieldChange]]) -> Iterable[FinishedIssue]:
    for id_, resolved_at, points, hours in done.values_list("id", "resolved_at", "story_points", "worked_hours"):
        if resolved_at is not None:
            size = points
            if id_ in changes:
                text = value_as_of("" if points is None else str(points), "story_points", changes[id_], resolved_at)
                size = number_or_none(text)
            yield FinishedIssue(str(id_), resolved_at, size, hours)


def _points_changes(
    project_id: UUID | str, *, since: datetime, among: Collection[str] | None = None
) -> dict[UUID, list[FieldChange]]:
    # Only what changed after an issue was finished is asked for, and that is later than the first week.
    history = IssueChange.objects.filter(
        project_id=project_id,
        issue__project_id=project_id,
        field=IssueChange.Field.STORY_POINTS,
        changed_at__gte=since,
        changed_at__gt=F("issue__resolved_at"),
    )
    if among is not None:
        history = history.filter(issue__in=among)
    columns = history.order_by("changed_at", "id").values_list(
        "issue_id", "field", "old_value", "new_value", "changed_at"
    )
    changes: dict[UUID, list[FieldChange]] = {}
    for issue_id, field, old_value, new_value, changed_at in columns:
        changes.setdefault(issue_id, []).append(FieldChange(field, old_value, new_value, changed_at))
    return changes


#: Half a year of finished issues tells how long one takes once it is begun.
CYCLE_PAST = timedelta(weeks=26)
_WEEK_SECONDS = timedelta(weeks=1).total_seconds()


def open_links(project_id: UUID | str, *, now: datetime) -> LinkedWork:
    """Links of open issues to open issues; one query where there are none, and four where there are."""
    links = IssueLink.objects.filter(blocked__project_id=project_id, blocker__created_at__lte=now)
    still = links.exclude(blocked__status__category__in=ENDED_CATEGORIES).exclude(
        blocker__status__category__in=ENDED_CATEGORIES
    )
    rows = sorted(still.order_by().values_list("blocker_id", "blocked_id", "blocker__project_id"))
    if not rows:
        return LinkedWork()
    own = [blocker for blocker, _, project in rows if str(project) == str(project_id)]
    return LinkedWork(
        links=tuple(Link(str(blocker), str(blocked)) for blocker, blocked, _ in rows),
        blockers=work_items(Issue.objects.filter(COUNTED, pk__in=own)),
        elsewhere=frozenset(str(blocker) for blocker, _, project in rows if str(project) != str(project_id)),
        cycle_weeks=_cycle_weeks(project_id, now=now),
        order=_taken_up(project_id),
    )


def _cycle_weeks(project_id: UUID | str, *, now: datetime) -> tuple[float, ...]:
    """Weeks from start to end of what was finished lately."""
    done = Issue.objects.filter(DONE, COUNTED, project_id=project_id, started_at__isnull=False)
    times = done.filter(resolved_at__gt=now - CYCLE_PAST, resolved_at__lte=now).order_by()
    took = (end - start for start, end in times.values_list("started_at", "resolved_at") if start and end)
    return tuple(sorted(max(each.total_seconds(), 0.0) / _WEEK_SECONDS for each in took))


def _taken_up(project_id: UUID | str) -> dict[str, int]:
    """Open issues in the order in which they are usually taken up: what is begun, the urgent, the old."""
    rows = Issue.objects.filter(COUNTED, project_id=project_id).exclude(ENDED).order_by()
    columns = rows.values_list("id", "status__category", "priority", "created_at")
    begun = WorkflowStatus.Category.IN_PROGRESS
    ordered = sorted(columns, key=lambda row: (row[1] != begun, row[2] or _NO_PRIORITY, row[3], row[0]))
    return {str(row[0]): place for place, row in enumerate(ordered)}
