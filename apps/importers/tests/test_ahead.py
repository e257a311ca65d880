"""No source has recorded what is yet to come: what lies further ahead than clocks differ is left out, and told."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from apps.importers.records import ImportedIssue, NamedSprint
from apps.importers.services import import_issues
from apps.importers.sources.csv.columns import SYNONYMS
from apps.importers.sources.jsonlines import read_line
from apps.importers.sources.lines.mapping import mapping_of
from apps.importers.syncing import import_told
from apps.importers.tests.trackers.test_writing import DOING, DONE, TODO, issue
from apps.importers.tracked import TOUCHED, Change
from apps.projects import services
from apps.projects.models import Issue, IssueChange, Sprint
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory
from conftest import NOW

pytestmark = pytest.mark.django_db
HOURS, YEARS = timedelta(hours=4), timedelta(days=3_650)
LEFT_OUT = "lies ahead, and is left out until then"
FIELDS = frozenset({"title", "status", "story_points"})


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


def told(project, *records, now=NOW):
    report = import_told(records, project=project, source="jira", fields=FIELDS, now=now)
    return [line.what for line in report.ledger]


def history():
    return list(IssueChange.objects.order_by("changed_at", "id").values_list("field", "new_value", "changed_at"))


@pytest.mark.parametrize("ahead", [HOURS, YEARS])
def test_a_line_of_a_file_whose_history_lies_ahead_leaves_the_books_right(project, ahead):
    lead = TeamMemberFactory(project=project, role="lead")
    sprint = SprintFactory(project=project, start_date=NOW.date())
    change = {"field": "title", "from": "Pay", "to": "Pay by card", "at": (NOW + ahead).isoformat()}
    line = {
        "id": "P-1", "title": "Pay by card", "status": "To do", "story_points": 5,
        "created_at": "2025-10-01T10:00:00Z", "changes": [change], "recorded": ["title", "status"],
    }  # fmt: skip
    gaps = told(project, *read_line(1, json.dumps(line).encode(), mapping_of({})))
    assert gaps == [f"some of the history of title {LEFT_OUT}"]

    row, done = Issue.objects.get(), services.create_status(project, name="Ended", category="done")
    services.update_issue(row, by=None, now=NOW, sprint=sprint)
    services.start_sprint(sprint, now=NOW + timedelta(minutes=2))
    services.update_issue(row, by=None, now=NOW + timedelta(minutes=4), status=done)
    services.close_sprint(sprint, by=lead.user, now=NOW + timedelta(minutes=6))

    books = Sprint.objects.get(pk=sprint.pk).snapshot
    assert (books.committed_points, books.completed_points) == (5.0, 5.0)


def test_what_lies_no_further_ahead_than_clocks_differ_is_taken(project):
    soon = NOW + timedelta(seconds=50)
    record = issue("1", DOING, Change("status", TODO, DOING, soon))

    assert told(project, record) == []
    assert history() == [("status", "In progress", soon)]


@pytest.mark.parametrize("field", sorted(TOUCHED))
def test_a_change_of_any_field_that_lies_ahead_is_left_out_and_told_and_comes_once_its_time_has(project, field):
    values = {
        "status": (TODO, DONE), "assignee": (None, None), "labels": (("a",), ("b",)), "sprint": ("", "7"),
        "story_points": (1.0, 2.0), "estimated_hours": (1.0, 2.0), "actual_hours": (1.0, 2.0), "priority": (1, 2),
    }  # fmt: skip
    old, new = values.get(field, ("a", "b"))
    record = replace(issue("1"), changes=(Change(field, old, new, NOW + HOURS),), recorded=frozenset({field, "status"}))

    for _ in range(2):
        assert told(project, record) == [f"some of the history of {field.replace('_', ' ')} {LEFT_OUT}"]
        assert history() == []

    told(project, record, now=NOW + HOURS)
    assert len(history()) == (field != "assignee")


def test_an_end_that_lies_ahead_is_none_yet_and_known_work_ended_when_somebody_looked(project):
    told(project, issue("1", DOING, Change("status", TODO, DOING, NOW - HOURS)), now=NOW - timedelta(hours=1))
    ends = Change("status", DOING, DONE, NOW + YEARS)
    record = issue("1", DONE, Change("status", TODO, DOING, NOW - HOURS), ends)
    assert record.resolved_at == NOW + YEARS

    for day in range(2):
        now = NOW + timedelta(days=day)
        assert told(project, record, now=now) == [
            f"some of the history of status {LEFT_OUT}", f"a moment of the issue {LEFT_OUT}",
        ]  # fmt: skip

        row = Issue.objects.get()
        assert (row.status.category, row.resolved_at) == ("done", None)
        assert history() == [("status", "In progress", NOW - HOURS), ("status", "Done", NOW)]


def test_what_is_said_to_come_from_the_future_came_with_its_import(project):
    told(project, replace(issue("1"), created_at=NOW + HOURS))

    assert Issue.objects.get().created_at == NOW


def test_what_moved_on_from_a_sprint_that_ends_ahead_has_not_yet(project):
    SprintFactory(project=project, name="One", status="completed", completed_at=NOW + HOURS)
    SprintFactory(project=project, name="Two", active=True)
    row = ImportedIssue(
        line=1, external_id="A-1", title="x", created_at=NOW - HOURS, status="To do", sprint="Two",
        earlier_sprints=(NamedSprint("One"),),
    )  # fmt: skip

    for now, moves in ((NOW, 0), (NOW + HOURS, 1)):
        import_issues([row], project_key=project.key, mapped=frozenset(SYNONYMS), now=now)
        assert IssueChange.objects.filter(field="sprint").count() == moves


def test_what_an_import_changes_is_not_moved_by_what_lies_ahead(project):
    row = IssueFactory(project=project, external_id="A-1", source="csv", story_points=1)
    for field in ("title", "story_points"):
        row.changes.create(field=field, old_value="", new_value="1", changed_at=NOW + YEARS)
    told_row = ImportedIssue(
        line=1, external_id="A-1", title=row.title, created_at=row.created_at, status=row.status.name, story_points=3.0
    )

    import_issues([told_row], project_key=project.key, mapped=frozenset(SYNONYMS), now=NOW)

    assert row.changes.get(new_value="3").changed_at == NOW
