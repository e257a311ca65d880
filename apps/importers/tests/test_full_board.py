"""A source of thousands of types and statuses makes a board that can still be read, and no issue is lost."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from apps.common.exceptions import Conflict
from apps.importers.records import ImportedIssue, NamedSprint
from apps.importers.report import ImportReport
from apps.importers.services import import_issues
from apps.importers.sources.csv.columns import SYNONYMS
from apps.importers.syncing import import_told
from apps.importers.tracked import Stage, TrackedIssue, TrackedSprint
from apps.importers.writing import board as board_module
from apps.importers.writing import sprints
from apps.importers.writing.board import TrackedBoard
from apps.importers.writing.kinds import MORE_SPRINTS, MORE_STATUSES, MORE_TYPES
from apps.importers.writing.parents import _tier
from apps.projects import services
from apps.projects.levels import MOST_KINDS
from apps.projects.models import IssueType, WorkflowStatus
from apps.projects.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 2, 2, 9, tzinfo=UTC)
MANY = MOST_KINDS + 50


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


def test_a_file_of_many_types_and_statuses_fills_the_board_and_brings_every_issue(project, now):
    rows = (
        ImportedIssue(
            line=n, external_id=f"A-{n}", title="x", issue_type=f"type {n}", status=f"state {n}", parent=f"A-{n + 1}",
            created_at=MONDAY,
        )
        for n in range(MANY)
    )  # fmt: skip

    report = import_issues(rows, project_key="SHOP", mapped=frozenset(SYNONYMS), now=now)

    assert project.issues.count() == report.new == MANY
    # What was there, and one more for what the others stand for.
    assert project.issue_types.count() <= MOST_KINDS + 1
    assert project.statuses.count() <= MOST_KINDS + 1
    assert report.remarks[MORE_TYPES] >= 50
    assert report.remarks[MORE_STATUSES] >= 50
    assert set(project.issues.filter(external_id=f"A-{MANY - 1}").values_list("issue_type__name", "status__name")) == {
        ("task", "To do")
    }


def test_a_tracker_of_many_fills_it_likewise(project, now):
    report = ImportReport(project="SHOP", dry_run=False)
    board = TrackedBoard(project, "jira", now, report)

    states = {board.status(Stage(f"state {n}", "in_progress")).pk for n in range(MANY)}

    assert len(states) <= MOST_KINDS
    assert board.status(Stage("one more", "in_progress")).category == "in_progress"
    assert report.remarks[MORE_STATUSES] > 0


def test_over_the_api_a_board_is_full_at_the_same_number(project):
    IssueType.objects.bulk_create(IssueType(project=project, name=f"type {n}") for n in range(MOST_KINDS))
    WorkflowStatus.objects.bulk_create(
        WorkflowStatus(project=project, name=f"state {n}", category="to_do") for n in range(MOST_KINDS)
    )

    with pytest.raises(Conflict, match="300 issue types at most"):
        services.create_issue_type(project, name="one more")
    with pytest.raises(Conflict, match="300"):
        services.create_status(project, name="one more", category="to_do")


def test_types_in_a_circle_or_a_chain_have_tiers():
    assert [_tier(kind, {1: 2, 2: 3, 3: 1}) for kind in (1, 2, 3)] == [2, 2, 2]
    assert [_tier(kind, {1: 2, 2: 3}) for kind in (1, 2, 3)] == [2, 1, 0]


def test_a_file_of_many_sprints_fills_the_project_and_brings_every_issue(project, now, monkeypatch):
    monkeypatch.setattr(sprints, "MOST_SPRINTS", 3)
    rows = [
        ImportedIssue(
            line=n, external_id=f"A-{n}", title="x", sprint=f"S {n}", earlier_sprints=(NamedSprint("earlier"),),
            created_at=MONDAY,
        )
        for n in range(5)
    ]  # fmt: skip

    report = import_issues(rows, project_key="SHOP", mapped=frozenset(SYNONYMS), now=now)

    assert set(project.sprints.values_list("name", flat=True)) == {"S 0", "earlier", "S 1"}
    assert project.issues.count() == report.new == 5
    assert project.issues.filter(sprint=None).count() == report.remarks[MORE_SPRINTS] == 3


def test_a_tracker_of_many_sprints_fills_it_likewise_and_what_is_known_goes_on(project, now, monkeypatch):
    monkeypatch.setattr(board_module, "MOST_SPRINTS", 3)
    told = [TrackedSprint(external_id=str(n), name=f"S {n}", state="active") for n in range(5)]
    issues = [
        TrackedIssue(
            line=n, external_id=f"A-{n}", title="x", created_at=MONDAY, sprint_id=str(n), status="To do",
            status_category="to_do",
        )
        for n in range(5)
    ]  # fmt: skip
    told_first = {"project": project, "source": "jira", "fields": {"sprint"}, "now": now}

    report = import_told([*told, *issues], **told_first)
    again = import_told([replace(told[0], name="renamed"), told[4]], **told_first)

    assert set(project.sprints.values_list("name", flat=True)) == {"renamed", "S 1", "S 2"}
    assert project.issues.filter(sprint=None).count() == 2
    assert report.remarks[MORE_SPRINTS] > 0
    assert again.remarks[MORE_SPRINTS] == 1


def test_over_the_api_a_project_has_as_many_sprints(project, now, monkeypatch):
    monkeypatch.setattr(services, "MOST_SPRINTS", 1)
    services.create_sprint(project, name="S 1", now=now)

    with pytest.raises(Conflict, match="1 sprints at most"):
        services.create_sprint(project, name="S 2", now=now)
