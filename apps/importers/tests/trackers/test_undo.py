"""A second import from a tracker over a first, taken back: the whole project is as it was."""

from datetime import timedelta

import pytest

from apps.importers import runs
from apps.importers.keeping import begun, ended, failing
from apps.importers.models import ImportRun
from apps.importers.syncing import import_told
from apps.importers.tests.snapshots import CREATED, FIELDS, WEEK, everything
from apps.importers.tracked import Change, Gap, Stage, TrackedIssue, TrackedSprint
from apps.projects.models import Sprint, SprintSnapshot
from apps.projects.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
TOLD = frozenset({
    "title", "description", "priority", "component", "labels", "story_points", "estimated_hours", "actual_hours",
    "assignee", "reporter", "due_date",
})  # fmt: skip
OVER = {
    "state": "completed", "starts_on": CREATED.date(), "ends_on": CREATED.date() + WEEK, "completed_at": CREATED + WEEK,
}  # fmt: skip
RUNS = {"state": "active", "starts_on": CREATED.date(), "ends_on": CREATED.date() + 99 * WEEK}


def tracked(key, **said):
    values = {
        "title": f"Title of {key}", "created_at": CREATED, "status": "To do", "status_category": "to_do",
        "issue_type": "story", "source_id": f"id-{key}", "line": 2,
    } | said  # fmt: skip
    return TrackedIssue(external_id=key, **values)


TRACKED = {
    **{
        name: ([tracked("A-1", **{name: was})], [tracked("A-1", **{name: said})])
        for name, (was, said) in FIELDS.items()
        if name in TOLD | {"parent", "blocked_by", "blocks", "issue_type", "last_touched_at"}
    },
    "key": ([tracked("A-1", source_id="7")], [tracked("B-1", source_id="7")]),
    "status": ([tracked("A-1")], [tracked("A-1", status="Odd", status_category="in_progress", started_at=CREATED)]),
    "history": (
        [tracked("A-1")],
        [
            tracked(
                "A-1",
                status="Odd",
                status_category="in_progress",
                changes=(Change("status", Stage("To do", "to_do"), Stage("Odd", "in_progress"), CREATED + WEEK),),
                recorded=frozenset({"status"}),
            )
        ],
    ),
    "sprint": (
        [TrackedSprint(external_id="7", name="Seven", **RUNS), tracked("A-1", sprint_id="7")],
        [TrackedSprint(external_id="8", name="Eight", **RUNS), tracked("A-1", sprint_id="8")],
    ),
    "sprint of no name": ([tracked("A-1")], [tracked("A-1", sprint_id="9")]),
    "name and goal of a sprint": (
        [TrackedSprint(external_id="7", name="Seven", **RUNS), tracked("A-1", sprint_id="7")],
        [TrackedSprint(external_id="7", name="Eight", goal="More", **RUNS), tracked("A-1", sprint_id="7")],
    ),
    "end of a sprint with its books": (
        [TrackedSprint(external_id="7", name="Seven", **RUNS), tracked("A-1", sprint_id="7")],
        [
            TrackedSprint(external_id="7", name="Seven", **OVER),
            tracked("A-1", sprint_id="7"),
        ],
    ),
    "a sprint alone": ([tracked("A-1")], [TrackedSprint(external_id="7", name="Seven", **RUNS), tracked("A-1")]),
    "what cannot be told": ([tracked("A-1")], [tracked("A-1"), Gap("nothing is told", ("all figures",))]),
}


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


@pytest.fixture
def sync(project, now):
    days = iter(range(99))

    def sync(*told):
        at = now - WEEK + timedelta(days=next(days))
        run = begun(project, "jira", now=at)
        with failing(run):
            report = import_told(told, project=project, source="jira", fields=TOLD, now=at, run=run)
        return ended(run, ImportRun.Status.COMPLETED, report=report.as_dict())

    return sync


@pytest.mark.parametrize("what", TRACKED)
def test_a_second_import_from_a_tracker_taken_back_leaves_everything_as_it_was(sync, each_way_back, what):
    was, said = TRACKED[what]
    others = [tracked("A-2", actual_hours=1.0), tracked("A-3")]
    sync(*was, *others)
    before = everything()

    second = sync(*said, *others)

    assert everything() != before
    for way in each_way_back():
        assert (way, runs.undo(ImportRun.objects.get(pk=second.pk))) == (way, 0)
        assert (way, everything()) == (way, before)


@pytest.mark.usefixtures("way_back")
def test_books_that_were_closed_by_plan_and_opened_by_a_tracker_are_closed_again(sync, now):
    """Kept as they were frozen, whatever would be told of them today."""
    plan = {"state": "active", "starts_on": now.date() - 3 * WEEK, "ends_on": now.date() - timedelta(days=7)}
    sync(TrackedSprint(external_id="7", name="Seven", **plan), tracked("A-1", sprint_id="7"))
    sync(TrackedSprint(external_id="7", name="Seven", **plan), tracked("A-1", sprint_id="7"))
    assert SprintSnapshot.objects.count() == 1
    before = everything()

    longer = plan | {"ends_on": now.date() + WEEK}
    second = sync(TrackedSprint(external_id="7", name="Seven", **longer), tracked("A-1", sprint_id="7"))

    assert not SprintSnapshot.objects.exists()
    assert runs.undo(second) == 0
    assert everything() == before


@pytest.mark.usefixtures("way_back")
def test_a_name_of_a_sprint_that_a_pseudonym_made_too_long_is_cut(sync):
    sync(TrackedSprint(external_id="7", name="x" * 200, **RUNS), tracked("A-1", sprint_id="7"))
    second = sync(TrackedSprint(external_id="7", name="New", **RUNS), tracked("A-1", sprint_id="7"))
    trace = second.traces.get(table="projects.Sprint")
    trace.before["name"] += "y" * 30
    trace.save()

    assert runs.undo(second) == 0
    assert Sprint.objects.get().name == "x" * 200
