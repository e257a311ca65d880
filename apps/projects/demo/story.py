"""A demonstration team with two years of history up to `now`: always the same one, ready to learn from.

The hours follow from the work (type, words, component, person) with log-normal noise, the estimates are the team's own
and too low, and some things have gone wrong on purpose: work comes into sprints late, leaves them and is carried over,
the last sprint delivered little, the running one is behind, part of the backlog is stale and unassigned.
"""

import math
import random
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction

from apps.accounts.models import User
from apps.common.operations.rights import kept_secret
from apps.common.operations.unnamed_files import coming_to
from apps.projects.demo.scope import Entry, came_in_late, was_in_before
from apps.projects.demo.texts import ACTIONS, ASKERS, COMPONENTS, SENTENCES, TEAM, THINGS, TYPES, DemoPerson
from apps.projects.history.snapshots import freeze
from apps.projects.history.writing import as_history_text
from apps.projects.models import Issue, IssueChange, IssueType, Project, Sprint, TeamMember, WorkflowStatus

PROJECT_KEY, PROJECT_NAME = "DEMO", "Demonstration shop"
LOGIN_EMAIL, LOGIN_NAME = "demo@example.com", "Demo Lead"
PASSWORD_FILE = "demo_password"  # noqa: S105 - a name, not the password
SOURCE = "demo"
SEED = 20_260_302
SPRINT_DAYS, SPRINT_WORKING_DAYS = 14, 10
COMPLETED_SPRINTS = 51
ISSUES_PER_SPRINT = 12.5
BACKLOG_ISSUES = 24
POINTS_SCALE = (1, 2, 3, 5, 8, 13, 21)
HOURS_PER_POINT = 2.5
#: How far hours scatter around what the work explains, and how well points and estimates see it (sd of log hours).
HOURS_NOISE, POINTS_NOISE, ESTIMATE_NOISE = 0.45, 0.35, 0.4
#: Teams estimate too low; this one by three tenths.
ESTIMATE_BIAS = 0.7
UNESTIMATED_SHARE, REESTIMATED_SHARE = 0.12, 0.04
FOCUSED_HOURS_A_DAY = 5.0
#: Planted: of what the last completed sprint planned, this many were finished; the running one has finished these.
FINISHED_IN_LAST_SPRINT, FINISHED_IN_RUNNING_SPRINT = 5, 4
ADDED_TO_RUNNING_SPRINT = 3
#: Of every completed sprint: so many issues came in after its start at most, and one in two sprints took one out.
MOST_ADDED, REMOVED_SHARE = 2, 0.5
STATUSES = (
    ("To do", WorkflowStatus.Category.TO_DO),
    ("In progress", WorkflowStatus.Category.IN_PROGRESS),
    ("In review", WorkflowStatus.Category.IN_PROGRESS),
    ("Done", WorkflowStatus.Category.DONE),
)


@dataclass(slots=True)
class Work:
    """An issue to be, with what happened to it. Sprints and people by position."""

    title: str
    description: str
    issue_type: str
    component: str
    priority: int
    points: int
    estimated_hours: float | None
    actual_hours: float
    reporter: int
    created_at: datetime
    assignee: int | None = None
    sprint: int | None = None
    status: str = "To do"
    started_at: datetime | None = None
    resolved_at: datetime | None = None
    #: Values as in `Work`.
    history: list[Entry] = field(default_factory=list)


# --- The story, without a database --------------------------------------------------------------------------------
def sprint_starts(today: date) -> list[date]:
    """First days of all sprints, the running one last and about half over today; all on the same working day."""
    running = today - timedelta(days=SPRINT_DAYS // 2 - 1)
    running += timedelta(days={5: -1, 6: 1}.get(running.weekday(), 0))
    return [running - timedelta(days=SPRINT_DAYS * back) for back in range(COMPLETED_SPRINTS, -1, -1)]


def invent_work(now: datetime, rng: random.Random) -> list[Work]:
    """All issues of the two years, oldest sprint first, the backlog last."""
    starts = sprint_starts(now.date())
    team = _Storyteller(now, starts, rng)
    carried: list[Work] = []
    for number in range(len(starts)):
        carried = team.live_through(number, carried)
    team.fill_backlog()
    return sorted(team.told, key=lambda work: work.created_at)


class _Storyteller:
    """Invents sprint after sprint."""

    def __init__(self, now: datetime, starts: Sequence[date], rng: random.Random) -> None:
        self._now, self._starts, self._rng = now, starts, rng
        self.told: list[Work] = []
        # Its own, so that what comes in late changes nothing else of the story.
        self._disturbance = random.Random(SEED)  # noqa: S311 - a story, not a secret

    def live_through(self, number: int, carried: list[Work]) -> list[Work]:
        """One sprint; returns what it leaves unfinished to the next."""
        rng, running = self._rng, number == COMPLETED_SPRINTS
        planned = [self._idea(number) for _ in range(max(6, round(rng.gauss(ISSUES_PER_SPRINT, 1.3)) - len(carried)))]
        for work in planned:
            self._plan(work, number, self._moment(number, 0.0), self._somebody(work.component))
        if running:
            planned += self._late_additions(number)
        self.told += planned
        limit = {COMPLETED_SPRINTS - 1: FINISHED_IN_LAST_SPRINT, COMPLETED_SPRINTS: FINISHED_IN_RUNNING_SPRINT}
        left = self._work_off(number, carried + planned, limit.get(number))
        if not running:
            self._disturb(number, planned)
        return left

    def fill_backlog(self) -> None:
        """Open issues nobody has touched for long, most of them nobody's."""
        for _ in range(BACKLOG_ISSUES):
            work = self._idea(COMPLETED_SPRINTS)
            work.created_at = self._now - timedelta(days=self._rng.uniform(35, 220))
            if self._rng.random() < 0.25:
                work.assignee = self._somebody(work.component)
                self._record(work, work.created_at + timedelta(hours=2), "assignee", None, work.assignee)
            self.told.append(work)

    def _idea(self, number: int) -> Work:
        """An issue with its hours; what is written about it does not know them."""
        rng = self._rng
        issue_type = rng.choices(list(TYPES), [share for share, _ in TYPES.values()])[0]
        action, thing = rng.choice(list(ACTIONS[issue_type])), rng.choice(list(THINGS))
        component = rng.choice(list(COMPONENTS))
        typical = TYPES[issue_type][1] * ACTIONS[issue_type][action] * THINGS[thing] * COMPONENTS[component]
        created_at = self._moment(number, 0.0) - timedelta(days=rng.uniform(1, 24))
        return Work(
            title=" ".join(filter(None, (action, thing, f"in {component}", rng.choice(ASKERS)))),
            description=" ".join(rng.sample(SENTENCES, rng.randrange(4))),
            issue_type=issue_type,
            component=component,
            priority=rng.choices((1, 2, 3, 4), (1, 3, 5, 2))[0],
            points=_on_scale(typical * math.exp(rng.gauss(0, POINTS_NOISE)) / HOURS_PER_POINT),
            estimated_hours=_estimate(typical, rng),
            actual_hours=typical * math.exp(rng.gauss(0, HOURS_NOISE)),
            reporter=rng.randrange(len(TEAM)),
            created_at=min(created_at, self._now - timedelta(hours=3)),
        )

    def _plan(self, work: Work, number: int, moment: datetime, assignee: int | None) -> None:
        """Refine, assign and take into the sprint, in the hours before `moment`."""
        refined = max(work.created_at, moment - timedelta(hours=20))
        self._record(work, refined, "story_points", None, work.points)
        if work.estimated_hours is not None:
            self._record(work, refined, "estimated_hours", None, work.estimated_hours)
        planned = max(work.created_at, moment - timedelta(minutes=self._rng.uniform(5, 60)))
        self._record(work, planned, "sprint", None, number)
        work.sprint = number
        if assignee is not None:
            self._record(work, planned, "assignee", None, assignee)
            work.assignee = assignee
            work.actual_hours = _to_quarters(work.actual_hours * TEAM[assignee].pace)

    def _late_additions(self, number: int) -> list[Work]:
        """Work that entered the running sprint after its start, and that nobody has taken."""
        late = [self._idea(number) for _ in range(ADDED_TO_RUNNING_SPRINT)]
        for work in late:
            self._plan(work, number, min(self._moment(number, self._rng.uniform(1, 3)), self._now), None)
        return late

    def _work_off(self, number: int, open_work: list[Work], limit: int | None) -> list[Work]:
        """Start and finish what fits into the sprint, at most `limit`; the rest is carried over."""
        end, finished, left = self._moment(number, SPRINT_WORKING_DAYS), 0, []
        for work in open_work:
            begun, days = self._rng.uniform(0, 6), work.actual_hours / FOCUSED_HOURS_A_DAY + self._rng.uniform(0.1, 1.0)
            if work.started_at:
                begun, days = 0.0, days / 2
            resolved_at = self._moment(number, min(begun + days, SPRINT_WORKING_DAYS + 5))
            self._start(work, self._moment(number, begun), slow=limit is not None)
            on_time = resolved_at < min(end, self._now) and (limit is None or finished < limit)
            if on_time and work.started_at:
                self._finish(work, max(resolved_at, work.started_at + timedelta(hours=1)))
                finished += 1
            else:
                left.append(work)
        if number < COMPLETED_SPRINTS:
            for work in left:
                self._record(work, end, "sprint", number, number + 1)
                work.sprint = number + 1
        return left

    def _disturb(self, number: int, planned: list[Work]) -> None:
        """Some of the planned issues came in only after the start; one may have been taken out of the sprint before."""
        day, before = self._moment(number, 1.0), self._moment(max(number - 1, 0), 0.0)
        late = [work for work in planned if work.started_at and work.started_at > day]
        late = late[: self._disturbance.randrange(MOST_ADDED + 1)]
        for work in late:
            work.history = came_in_late(work.history, day)
        old = [work for work in planned if work not in late and work.created_at < before - timedelta(hours=3)]
        if number and old and self._disturbance.random() < REMOVED_SHARE:
            work, left_at = self._disturbance.choice(old), self._moment(number - 1, self._disturbance.uniform(2, 7))
            work.history = was_in_before(work.history, number - 1, begins_at=before, left_at=left_at)

    def _start(self, work: Work, moment: datetime, *, slow: bool) -> None:
        """Begin the work unless it has begun; in a slow sprint a third of it stays where it is."""
        planned = max(moment for moment, *_ in work.history)
        possible = work.assignee is not None and planned <= moment < self._now
        if work.started_at or not possible or (slow and self._rng.random() < 0.35):
            return
        work.started_at, work.status = moment, "In progress"
        self._record(work, moment, "status", "To do", "In progress")
        if self._rng.random() < REESTIMATED_SHARE:
            larger = POINTS_SCALE[min(POINTS_SCALE.index(work.points) + 1, len(POINTS_SCALE) - 1)]
            self._record(work, moment + timedelta(minutes=30), "story_points", work.points, larger)
            work.points = larger

    def _finish(self, work: Work, moment: datetime) -> None:
        begun = work.started_at or moment
        self._record(work, begun + (moment - begun) * 0.8, "status", "In progress", "In review")
        self._record(work, moment, "status", "In review", "Done")
        work.resolved_at, work.status = moment, "Done"

    def _somebody(self, component: str) -> int:
        """Usually a person who knows the component."""
        experts = [at for at, person in enumerate(TEAM) if component in person.components]
        return self._rng.choice(experts) if experts and self._rng.random() < 0.8 else self._rng.randrange(len(TEAM))

    def _moment(self, number: int, working_days: float) -> datetime:
        """So many working days after the start of a sprint, between nine and five."""
        whole = int(working_days)
        day = self._starts[number]
        for _ in range(whole):
            day += timedelta(days={4: 3}.get(day.weekday(), 1))
        return datetime.combine(day, time(9), tzinfo=self._now.tzinfo) + timedelta(hours=8 * (working_days - whole))

    def _record(self, work: Work, moment: datetime, name: str, old: Any, new: Any) -> None:
        work.history.append((moment, name, old, new))


def _on_scale(points: float) -> int:
    """The nearest value of the scale, by ratio."""
    return min(POINTS_SCALE, key=lambda value: abs(math.log(value / points)))


def _to_quarters(hours: float) -> float:
    """As time is booked, at least a quarter of an hour."""
    return max(round(hours * 4), 1) / 4


def _estimate(typical_hours: float, rng: random.Random) -> float | None:
    """The team's guess: too low, rounded as people round, sometimes missing."""
    guess = typical_hours * ESTIMATE_BIAS * math.exp(rng.gauss(0, ESTIMATE_NOISE))
    step = 0.5 if guess < 4 else 1.0 if guess < 12 else 4.0
    rounded = max(round(guess / step) * step, 0.5)
    return None if rng.random() < UNESTIMATED_SHARE else rounded


# --- The story, told to the database ------------------------------------------------------------------------------
@transaction.atomic
def seed_demo_team(*, now: datetime) -> tuple[Project, bool]:
    """The demonstration project, and whether it had to be made. One that is there is left exactly as it is."""
    there = Project.objects.filter(key=PROJECT_KEY).first()
    if there is not None:
        return there, False
    work = invent_work(now, random.Random(SEED))  # noqa: S311 - a story, not a secret
    starts = sprint_starts(now.date())
    began = datetime.combine(starts[0], time(9), tzinfo=now.tzinfo) - timedelta(days=30)
    project = Project.objects.create(key=PROJECT_KEY, name=PROJECT_NAME, created_at=began)
    lead, people = _people(project, began)
    writer = _Writer(project, lead, people, _sprints(project, starts, now))
    writer.write(work)
    return project, True


def ensure_login(var_dir: Path) -> tuple[User, str]:
    """The demonstration's lead with a password only this installation knows, kept in a file only its owner can read."""
    password = _own_password(var_dir / PASSWORD_FILE)
    user = User.objects.filter(email=LOGIN_EMAIL).first() or User.objects.create_user(LOGIN_EMAIL, full_name=LOGIN_NAME)
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    return user, password


def _own_password(path: Path) -> str:
    """Written whole; what a full disk or a power cut left of an earlier one is none."""
    if path.exists() and (kept := kept_secret(path)):
        return kept
    # Of several first processes one makes it.
    with suppress(FileExistsError), coming_to(path, prefix=f".{path.name}.", replace=path.exists()) as file:
        file.write(secrets.token_urlsafe(12).encode())
    return path.read_text().strip()


def _people(project: Project, began: datetime) -> tuple[User, list[User]]:
    """The lead, who can be given a password, and the team, who cannot log in."""
    lead = User.objects.filter(email=LOGIN_EMAIL).first() or User.objects.create_user(LOGIN_EMAIL, full_name=LOGIN_NAME)
    people = [_person(person) for person in TEAM]
    TeamMember.objects.create(project=project, user=lead, role=TeamMember.Role.LEAD, joined_at=began)
    TeamMember.objects.bulk_create(TeamMember(project=project, user=user, joined_at=began) for user in people)
    return lead, people


def _person(person: DemoPerson) -> User:
    email = f"{person.name.lower().replace(' ', '.')}@demo.example.com"
    return User.objects.filter(email=email).first() or User.objects.create_user(email, full_name=person.name)


def _sprints(project: Project, starts: Sequence[date], now: datetime) -> list[Sprint]:
    """All but the last one completed, at the end of their last day's work."""
    sprints = []
    for number, start in enumerate(starts, start=1):
        end, completed = start + timedelta(days=SPRINT_DAYS - 1), number <= COMPLETED_SPRINTS
        sprints.append(
            Sprint(
                project=project,
                name=f"Sprint {number}",
                status=Sprint.Status.COMPLETED if completed else Sprint.Status.ACTIVE,
                start_date=start,
                end_date=end,
                started_at=datetime.combine(start, time(9), tzinfo=now.tzinfo),
                completed_at=datetime.combine(end, time(17), tzinfo=now.tzinfo) if completed else None,
                created_at=datetime.combine(start, time(9), tzinfo=now.tzinfo) - timedelta(days=SPRINT_DAYS),
            )
        )
    return Sprint.objects.bulk_create(sprints)


class _Writer:
    """Turns positions into rows: people, sprints, types and statuses of one project."""

    def __init__(self, project: Project, lead: User, people: Sequence[User], sprints: Sequence[Sprint]) -> None:
        self._project, self._lead, self._people, self._sprints = project, lead, people, sprints
        types = IssueType.objects.bulk_create(IssueType(project=project, name=name) for name in TYPES)
        self._types = {one.name: one for one in types}
        statuses = WorkflowStatus.objects.bulk_create(
            WorkflowStatus(project=project, name=name, category=category, position=position)
            for position, (name, category) in enumerate(STATUSES)
        )
        self._statuses = {one.name: one for one in statuses}

    def write(self, story: Sequence[Work]) -> None:
        issues = [self._issue(number, work) for number, work in enumerate(story, start=1)]
        Issue.objects.bulk_create(issues)
        changes = [change for issue, work in zip(issues, story, strict=True) for change in self._changes(issue, work)]
        IssueChange.objects.bulk_create(sorted(changes, key=lambda change: change.changed_at))
        for sprint in self._sprints:
            if sprint.completed_at is not None:
                freeze(sprint, now=sprint.completed_at)

    def _issue(self, number: int, work: Work) -> Issue:
        refined = any(name == "story_points" for _, name, *_ in work.history)
        return Issue(
            project=self._project,
            title=work.title,
            description=work.description,
            issue_type=self._types[work.issue_type],
            status=self._statuses[work.status],
            priority=work.priority,
            assignee=self._row("assignee", work.assignee),
            reporter=self._people[work.reporter],
            sprint=self._row("sprint", work.sprint),
            story_points=work.points if refined else None,
            estimated_hours=work.estimated_hours if refined else None,
            actual_hours=work.actual_hours if work.resolved_at else None,
            component=work.component,
            created_at=work.created_at,
            started_at=work.started_at,
            resolved_at=work.resolved_at,
            source=SOURCE,
            external_id=f"{PROJECT_KEY}-{number}",
        )

    def _changes(self, issue: Issue, work: Work) -> list[IssueChange]:
        """Whoever works on an issue moves it; what concerns planning is the lead's doing."""
        worker = self._row("assignee", work.assignee)
        return [
            IssueChange(
                issue=issue,
                field=name,
                old_value=as_history_text(self._row(name, old)),
                new_value=as_history_text(self._row(name, new)),
                changed_at=moment,
                changed_by=worker if name == "status" else self._lead,
            )
            for moment, name, old, new in work.history
        ]

    def _row(self, name: str, value: Any) -> Any:
        rows: Any = {"assignee": self._people, "sprint": self._sprints, "status": self._statuses}.get(name)
        return value if value is None or rows is None else rows[value]
