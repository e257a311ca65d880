"""A field that a later file tells alone takes effect on an issue that is known."""

import json

import pytest

from apps.importers import runs
from apps.importers.sources.lines.mapping import PATHS
from apps.importers.tests.trackers.test_reopened import at
from apps.projects.models import Issue
from apps.projects.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
FIRST = {"id": "A-1", "title": "One", "created_at": "2026-03-01T10:00:00Z"}
MOVED = {"field": "status", "from": "To Do", "to": {"name": "Done", "category": "done"}, "at": "2026-03-04T10:00:00Z"}
#: Field → what tells it, which attribute holds it then, and as what.
TOLD = {
    "title": ("New", "title", "New"),
    "description": ("Words", "description", "Words"),
    "type": ("Bug", "issue_type__name", "bug"),
    "status": ("Done", "status__category", "done"),
    "status_category": ("done", "status__category", "done"),
    "priority": ("high", "priority", 2),
    "component": ("api", "component", "api"),
    "labels": (["a"], "labels", ["a"]),
    "reporter": ({"name": "Ann"}, "reporter__full_name", "Ann"),
    "assignee": ({"name": "Ann"}, "assignee__full_name", "Ann"),
    "sprint": ("s1", "sprint__external_id", "s1"),
    "story_points": (3, "story_points", 3),
    "estimated_hours": (4, "estimated_hours", 4),
    "actual_hours": (5, "actual_hours", 5),
    "created_at": ("2026-02-01T10:00:00Z", "created_at__month", 2),
    "started_at": ("2026-03-02T10:00:00Z", "status__category", "in_progress"),
    "resolved_at": ("2026-03-03T10:00:00Z", "status__category", "done"),
    "dropped_at": ("2026-03-03T10:00:00Z", "status__category", "dropped"),
    "due_date": ("2026-04-01", "due_date__month", 4),
    "parent": ("A-2", "parent__external_id", "A-2"),
    "blocked_by": (["A-2"], "links_to_blockers__blocker__external_id", "A-2"),
    "blocks": (["A-2"], "links_to_blocked__blocked__external_id", "A-2"),
    "changes": ([MOVED], "status__category", "done"),
}


def lines(project, *rows, on):
    content = "\n".join(map(json.dumps, rows)).encode()
    run = runs.execute(runs.ask_upload(project, name="a.jsonl", content=content, by=None, now=at(on)).pk, now=at(on))
    assert (run.status, run.error) == ("completed", "")


def test_no_field_is_left_out_here():
    of_others = {"id", "source_id", "level", "recorded", "cut", "untold", "told_sprints", "last_moved_at"}
    assert {PATHS[name] for name in PATHS} - TOLD.keys() == of_others


@pytest.mark.parametrize("field", TOLD)
def test_what_one_field_tells_is_known_afterwards(field):
    said, attribute, expected = TOLD[field]
    project = ProjectFactory()
    epic = {"id": "A-2", "title": "Two", "type": "Epic", "level": 1, "status": "To Do"}
    lines(project, FIRST, epic, on=5)

    lines(project, {"id": "A-1", field: said}, on=6)

    assert Issue.objects.filter(external_id="A-1").values_list(attribute, flat=True).get() == expected


#: What follows from another field.
ENDS = frozenset({"status", "started_at", "resolved_at", "dropped_at", "last_moved_at"})
FOLLOWS = {
    "created_at": {"last_moved_at"},
    **dict.fromkeys(("status", "status_category", "started_at", "resolved_at", "dropped_at", "changes"), ENDS),
}
ATTRIBUTES = tuple(field.name for field in Issue._meta.concrete_fields if field.name not in ("id", "updated_at"))
WHOLE = FIRST | {
    name: said
    for name, (said, *_) in TOLD.items()
    if name not in ("created_at", "title", "status_category", "dropped_at", "changes", "blocks")
}


@pytest.mark.parametrize("field", TOLD)
def test_what_one_field_tells_changes_nothing_else(field):
    project = ProjectFactory()
    epic = {"id": "A-2", "title": "Two", "type": "Epic", "level": 1, "status": "To Do"}
    lines(project, epic, WHOLE, on=5)
    known = Issue.objects.filter(external_id="A-1").values(*ATTRIBUTES)
    before = known.get()
    links = {"links_to_blockers", "links_to_blocked"}

    lines(project, {"id": "A-1", field: TOLD[field][0]}, on=6)

    changed = {name for name, value in known.get().items() if value != before[name]}
    assert changed <= {TOLD[field][1].partition("__")[0]} - links | set(FOLLOWS.get(field, ()))


def test_an_end_that_is_told_by_a_category_alone_has_its_moment():
    project = ProjectFactory()
    lines(project, FIRST | {"status_category": "to_do"}, on=5)

    lines(project, FIRST | {"status_category": "done", "resolved_at": "2026-03-05T10:00:00Z"}, on=6)

    issue = Issue.objects.select_related("status").get()
    assert (issue.status.category, issue.resolved_at.day) == ("done", 5)


@pytest.mark.parametrize(
    ("known", "said", "expected"),
    [
        ({"status": "Done", "started_at": 2, "resolved_at": 4}, {"status": "Done"}, (2, 4, None)),
        ({"status": "Doing", "started_at": 2}, {"status": "Doing"}, (2, None, None)),
        ({"status": "Doing", "started_at": 2}, {"status": "Done"}, (2, None, None)),
        ({"status": "Done", "started_at": 2, "resolved_at": 4}, {"status": "Doing"}, (2, None, None)),
        ({"status": "Done", "started_at": 2, "resolved_at": 4}, {"status": "To Do"}, (None, None, None)),
        ({"status_category": "dropped", "dropped_at": 4}, {"status_category": "dropped"}, (None, None, 4)),
        ({"status_category": "dropped", "dropped_at": 4}, {"status": "Done", "resolved_at": 5}, (None, 5, None)),
    ],
)
def test_a_status_without_moments_keeps_those_that_are_known_and_are_of_it(known, said, expected):
    def row(told):
        moments = {name: f"2026-03-0{day}T10:00:00Z" for name, day in told.items() if name.endswith("_at")}
        return FIRST | told | moments

    project = ProjectFactory()
    lines(project, row(known), on=5)

    lines(project, row(said), on=6)

    issue = Issue.objects.get()
    days = [moment and moment.day for moment in (issue.started_at, issue.resolved_at, issue.dropped_at)]
    assert tuple(days) == expected
