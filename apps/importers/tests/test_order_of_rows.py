"""The order of the rows of a file never matters, and a second import changes nothing."""

import random
from io import StringIO

import pytest
from django.core.management import call_command

from apps.projects.models import Issue, IssueChange, IssueType, Sprint, WorkflowStatus

pytestmark = pytest.mark.django_db
HEADER = "Issue id,Issue key,Parent id,Summary,Issue Type,Status,Sprint,Sprint,Story Points"
HEADER += ",Assignee,Created,Started,Resolved"


def row(n):
    status = ("Done", "Cooking", "Parked", "Cancelled")[n % 4]
    return ",".join([
        str(n), f"SHOP-{n}", "" if n % 5 else "1", f"Title {n}", "Epic" if n == 1 else "Story", status,
        f"Sprint {n // 10}", f"Sprint {n // 10 + 1}" if n % 3 == 0 else "", str(n % 8), f"Person {n % 4}",
        f"2025-01-{n % 28 + 1:02}", f"2025-02-{n % 28 + 1:02}" if n % 4 == 1 else "",
        f"2025-03-{n % 28 + 1:02}" if n % 4 == 0 else "",
    ])  # fmt: skip


ROWS = [
    *map(row, range(1, 40)),
    "41,SHOP-41,40,Part,Sub-task,Done,,,,Person 1,2025-01-05,,2025-02-05",
    "40,SHOP-40,,Whole,Story,Open,Sprint 2,,5,Person 1,2025-01-04,,",
]


def load(tmp_path, rows, key):
    path = tmp_path / f"{key}.csv"
    path.write_text("\n".join([HEADER, *rows]))
    call_command("import_issues", str(path), project=key, create_project="", json=True, stdout=StringIO())


def state(key):
    mine = {"project__key": key}
    return [
        list(rows)
        for rows in (
            Issue.objects.filter(**mine).order_by("external_id").values_list(
                "external_id", "title", "status__name", "issue_type__name", "sprint__name", "parent__external_id",
                "story_points", "assignee__full_name", "created_at", "started_at", "resolved_at", "dropped_at",
            ),
            WorkflowStatus.objects.filter(**mine).order_by("name").values_list("name", "category"),
            IssueType.objects.filter(**mine).order_by("name").values_list("name", "level", "counts"),
            Sprint.objects.filter(**mine).order_by("name").values_list("name", "status", "start_date", "completed_at"),
            IssueChange.objects.filter(issue__project__key=key)
            .order_by("issue__external_id", "changed_at")
            .values_list("issue__external_id", "field", "changed_at"),
        )
    ]  # fmt: skip


def test_rows_in_any_order_make_the_same_project(tmp_path):
    load(tmp_path, ROWS, "FIRST")
    expected = state("FIRST")
    assert len(expected[0]) == 41
    for seed in range(3):
        rows = list(ROWS)
        random.Random(seed).shuffle(rows)
        load(tmp_path, rows, f"T{seed}")
        assert state(f"T{seed}") == expected
    load(tmp_path, rows, "FIRST")
    assert state("FIRST") == expected
