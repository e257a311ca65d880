"""What an import may change, and a picture of all of it."""

from datetime import UTC, date, datetime, timedelta

from django.db import connection, models

from apps.accounts.models import User
from apps.importers.records import Person
from apps.projects.models import (
    Issue,
    IssueChange,
    IssueLink,
    IssueType,
    Project,
    Sprint,
    SprintSnapshot,
    TeamMember,
    WorkflowStatus,
)

CREATED = datetime(2025, 1, 6, 9, 0, 0, 123_456, tzinfo=UTC)
WEEK = timedelta(weeks=1)
#: What imports write to.
TABLES = (
    Issue, IssueChange, IssueLink, IssueType, Project, Sprint, SprintSnapshot, TeamMember, User, WorkflowStatus,
)  # fmt: skip
#: Marks of what happened to a row, not what it holds.
UNSEEN = {"updated_at", "inserted_at", "issues_removed_at"}
ANNA, BERT = Person("Anna One", account="1"), Person("Bert Two", email="bert@example.com")

#: What one issue holds before and after, and what others stand beside it, by what an import writes.
FIELDS = {
    "title": ("Old", "New"),
    "description": ("Old words", "New words"),
    "priority": (1, 4),
    "component": ("Cart", "Till"),
    "labels": (("a", "b"), ("c",)),
    "story_points": (3.0, 8.0),
    "estimated_hours": (2.5, 5.0),
    "actual_hours": (1.0, 7.0),
    "created_at": (CREATED, CREATED - WEEK),
    "due_date": (date(2026, 12, 1), date(2026, 12, 24)),
    "last_moved_at": (CREATED, CREATED + WEEK),
    "last_touched_at": (CREATED, CREATED + WEEK),
    "issue_type": ("bug", "odd thing"),
    "status": ("To do", "On the way"),
    "assignee": (ANNA, BERT),
    "reporter": (None, BERT),
    "source_id": ("1001", "1002"),
    "parent": ("", "A-2"),
    "blocked_by": (("A-2",), ("A-3",)),
    "blocks": ((), ("A-2",)),
    "sprint": ("One", "Two"),
}


def everything():
    """All rows of all tables, by what they hold; imports themselves, and marks that nobody sees, are left out."""
    connection.check_constraints()
    found = {}
    for table in TABLES:
        names = [each.attname for each in table._meta.concrete_fields if each.attname not in UNSEEN]
        found[table.__name__] = sorted(models.QuerySet(table).values_list(*names), key=str)
    return found
