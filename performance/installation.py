"""Installations of a chosen size for benchmarks: projects with years of issues, their history, sprints and answers.

Rows go in by COPY on PostgreSQL and by one prepared statement on SQLite: a million issues are not made one by one.
"""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

#: A team grows with its backlog: issues a project gets in its first year, and the years that a project is at most old.
ISSUES_A_YEAR, MOST_YEARS = 4_000, 10
SPRINT_DAYS, MEMBERS, SPRINT_SHARE = 14, 12, 0.6
#: Of all years' issues so many were never done; of the open ones of the last weeks, so many are begun, and planned.
OPEN_SHARE, BEGUN_SHARE, PLANNED_SHARE = 0.06, 0.2, 0.4
FRESH, NEW = timedelta(days=60), timedelta(days=6)
#: Of the newest finished issues, so many have an answer on record, scored.
MOST_PREDICTED = 20_000
WORDS = (
    "login", "export", "report", "cache", "worker", "schema", "upgrade", "timeout", "filter", "invoice", "mail",
    "search", "index", "token", "page", "chart", "import", "backup", "queue", "label", "print", "locale", "folder",
    "driver", "kernel", "parser", "editor", "widget", "panel", "server", "client", "session", "header", "column",
)  # fmt: skip
VERBS = ("Fix", "Add", "Remove", "Investigate", "Rewrite", "Document", "Speed up", "Test")
POINTS = (1, 2, 3, 5, 8, 13)
COMPONENTS = tuple(f"part-{number}" for number in range(12))
BATCH = 20_000


@dataclass(frozen=True, slots=True)
class Made:
    """What a benchmark asks about."""

    project: UUID
    key: str
    #: The running one.
    sprint: UUID
    #: An open issue.
    issue: UUID


@dataclass(frozen=True, slots=True)
class _Plan:
    """Rows that a project's issues point to."""

    project: Any
    types: Sequence[int]
    statuses: dict[str, int]
    people: Sequence[UUID]
    sprints: Sequence[Any]
    begins: datetime
    now: datetime


def make_project(key: str, issues: int, *, now: datetime, login: Any, rng: random.Random) -> Made:
    """A project with so many issues, among them those of 26 two-week sprints a year, the last of them running."""
    plan = _plan(key, issues, now=now, login=login)
    running, opened = plan.sprints[-1], []
    for some in _batches(_issues(plan, issues, rng)):
        _insert("projects_issue", _ISSUE_COLUMNS, (row.columns for row in some))
        _insert("projects_issuechange", _CHANGE_COLUMNS, (change for row in some for change in row.changes))
        _insert("ml_predictionhistory", _ANSWER_COLUMNS, (row.answer for row in some if row.answer))
        opened += [row.columns[0] for row in some if row.columns[_SPRINT] == running.pk and not row.answer]
    return Made(plan.project.pk, key, running.pk, opened[-1])


def settle() -> None:
    """Statistics for the planner, as a running database gathers them by itself."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def _plan(key: str, issues: int, *, now: datetime, login: Any) -> _Plan:
    from apps.accounts.models import User
    from apps.projects.models import IssueType, Project, Sprint, TeamMember, WorkflowStatus
    from apps.projects.services import add_default_workflow

    days = 365 * min(1 + issues / ISSUES_A_YEAR / 2, MOST_YEARS)
    begins = now - timedelta(days=days)
    project = Project.objects.create(key=key, name=f"Growth {key}", created_at=begins)
    add_default_workflow(project)
    people = User.objects.bulk_create(
        User(email=f"{key.lower()}-{number}@example.com", full_name=f"Person {number}") for number in range(MEMBERS)
    )
    team = [TeamMember(project=project, user=person, joined_at=begins) for person in people]
    TeamMember.objects.bulk_create([*team, TeamMember(project=project, user=login, role="lead", joined_at=begins)])
    count = int(days) // SPRINT_DAYS
    first = now.date() - timedelta(days=count * SPRINT_DAYS - SPRINT_DAYS // 2)
    sprints = [_sprint(project, number, first + timedelta(days=number * SPRINT_DAYS), count) for number in range(count)]
    statuses = WorkflowStatus.objects.filter(project=project).values_list("category", "id")
    types = list(IssueType.objects.filter(project=project).values_list("id", flat=True))
    ids = [person.pk for person in people]
    return _Plan(project, types, dict(statuses), ids, Sprint.objects.bulk_create(sprints), begins, now)


def _sprint(project: Any, number: int, day: date, count: int) -> Any:
    from apps.projects.models import Sprint

    is_over = number < count - 1
    start, end = _morning(day), _morning(day + timedelta(days=SPRINT_DAYS - 1))
    return Sprint(
        project=project,
        name=f"Sprint {number + 1}",
        status="completed" if is_over else "active",
        start_date=start.date(),
        end_date=end.date(),
        started_at=start,
        completed_at=end + timedelta(hours=8) if is_over else None,
        created_at=start,
    )


def _morning(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 9, 0, tzinfo=UTC)


# --- Rows ---------------------------------------------------------------------------------------------------------
_ISSUE_COLUMNS = (
    "id", "project_id", "title", "description", "issue_type_id", "status_id", "priority", "assignee_id", "reporter_id",
    "sprint_id", "story_points", "estimated_hours", "actual_hours", "component", "labels", "created_at", "started_at",
    "resolved_at", "source", "external_id", "source_id", "inserted_at", "updated_at",
)  # fmt: skip
_SPRINT = _ISSUE_COLUMNS.index("sprint_id")
_CHANGE_COLUMNS = ("issue_id", "field", "old_value", "new_value", "changed_at", "changed_by_id")
_ANSWER_COLUMNS = (
    "id", "prediction_type", "method", "model_version", "project_id", "issue_id", "input", "predicted_value",
    "range_low", "range_high", "range_level", "confidence", "details", "created_at", "actual_value", "scored_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Row:
    columns: tuple[Any, ...]
    changes: Sequence[tuple[Any, ...]]
    answer: tuple[Any, ...] | None


def _issues(plan: _Plan, count: int, rng: random.Random) -> Iterator[_Row]:
    """Evenly over the project's years, oldest first."""
    step = (plan.now - timedelta(hours=12) - plan.begins) / count
    for number in range(count):
        created = plan.begins + number * step
        is_open = created > plan.now - NEW or rng.random() < OPEN_SHARE
        yield _row(plan, number, created, rng, is_open=is_open, is_old=count - number > MOST_PREDICTED)


def _row(plan: _Plan, number: int, created: datetime, rng: random.Random, *, is_open: bool, is_old: bool) -> _Row:
    id_, person, points = uuid4(), rng.choice(plan.people), rng.choice(POINTS)
    days = rng.lognormvariate(0.5, 0.8)
    started = min(created + timedelta(days=min(days, 40.0)), plan.now - timedelta(hours=2))
    resolved = min(started + timedelta(hours=6 * points), plan.now - timedelta(hours=1))
    is_fresh = is_open and created > plan.now - FRESH
    is_begun = not is_open or (is_fresh and rng.random() < BEGUN_SHARE)
    sprint = _sprint_at(plan, plan.now if is_fresh else resolved, rng, is_open=is_open)
    hours = round(points * rng.lognormvariate(0.3, 0.6), 2)
    status = plan.statuses["to_do" if not is_begun else "in_progress" if is_open else "done"]
    started_at, resolved_at = started if is_begun else None, None if is_open else resolved
    title = f"{rng.choice(VERBS)} {rng.choice(WORDS)} of {rng.choice(WORDS)} {number % 997}"
    text = f"The {rng.choice(WORDS)} fails when the {rng.choice(WORDS)} is read twice; see {rng.choice(WORDS)}." * 2
    columns = (
        id_, plan.project.pk, title, text, rng.choice(plan.types), status, rng.randrange(1, 6),
        person if is_begun else None, rng.choice(plan.people), sprint, None if rng.random() < 0.1 else points,
        None if rng.random() < 0.5 else 2.0 * points, None if is_open else hours, rng.choice(COMPONENTS),
        json.dumps([rng.choice(WORDS)]), created, started_at, resolved_at, "csv", f"{plan.project.key}-{number + 1}",
        "", resolved_at or started_at or created, resolved_at or started_at or created,
    )  # fmt: skip
    changes = [(id_, "story_points", "", str(float(points)), created + timedelta(hours=2), person)]
    if sprint:
        changes.append((id_, "sprint", "", str(sprint), started - timedelta(hours=1), person))
    if is_begun:
        changes.append((id_, "assignee", "", str(person), started, person))
        changes.append((id_, "status", "To do", "In progress", started, person))
    if not is_open:
        changes.append((id_, "status", "In progress", "Done", resolved, person))
    answer = None if is_open or is_old else _answer(plan, id_, created, hours, resolved)
    return _Row(columns, changes, answer)


def _sprint_at(plan: _Plan, moment: datetime, rng: random.Random, *, is_open: bool) -> UUID | None:
    """Of a finished issue the sprint of its end; of fresh open ones, asked as of now, the running one."""
    share = SPRINT_SHARE if not is_open else PLANNED_SHARE if moment == plan.now else 0.0
    place = (moment.date() - plan.sprints[0].start_date).days // SPRINT_DAYS
    return plan.sprints[min(place, len(plan.sprints) - 1)].pk if place >= 0 and rng.random() < share else None


def _answer(plan: _Plan, issue: UUID, made: datetime, hours: float, scored: datetime) -> tuple[Any, ...]:
    said = ("effort_prediction", "ml_model", "1.0.0", plan.project.pk, issue, "{}", 4.0, 1.0, 16.0, 0.8, 0.5, "{}")
    return (uuid4(), *said, made, hours, scored)


# --- Into the database --------------------------------------------------------------------------------------------
def _batches(rows: Iterator[_Row]) -> Iterator[list[_Row]]:
    from itertools import islice

    while some := list(islice(rows, BATCH)):
        yield some


def _insert(table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join("%s" for _ in columns)
            statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
            cursor.executemany(statement, (tuple(map(_as_sqlite, row)) for row in rows))


def _as_sqlite(value: Any) -> Any:
    """As the ORM writes it."""
    if isinstance(value, UUID):
        return value.hex
    return str(value.replace(tzinfo=None)) if isinstance(value, datetime) else value
