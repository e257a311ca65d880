"""A second, differing file over a first, taken back: the whole project is as it was, whatever the second wrote."""

from datetime import timedelta

import pytest

from apps.accounts.models import User
from apps.importers import runs
from apps.importers.keeping import begun
from apps.importers.models import ImportRun
from apps.importers.records import ImportedIssue, NamedSprint, Person
from apps.importers.services import import_issues
from apps.importers.sources.csv.columns import SYNONYMS
from apps.importers.tests.snapshots import ANNA, BERT, CREATED, FIELDS, WEEK, everything
from apps.projects import services
from apps.projects.links.services import link_issues
from apps.projects.models import (
    Issue,
    IssueLink,
    IssueType,
    Sprint,
)
from apps.projects.tests.factories import IssueFactory, ProjectFactory

pytestmark = pytest.mark.django_db
#: Told twice: taken back in one transaction, and batch by batch.
both_ways = pytest.mark.usefixtures("way_back")
DONE = {"status": "Done", "started_at": CREATED, "resolved_at": CREATED + WEEK}
#: Several things that belong together.
TOGETHER = {
    "finished": ({}, DONE),
    "reopened": (DONE, {}),
    "dropped": ({}, {"status": "Won't fix", "resolved_at": CREATED + WEEK}),
    "moved below another": ({"parent": "A-2"}, {"parent": "A-3"}),
    "no part any more": ({"parent": "A-2"}, {"parent": ""}),
    "part of a new one": ({"parent": "A-2"}, {"parent": "A-4"}),
    "nobody's": ({"assignee": ANNA}, {"assignee": None}),
    "no links": ({"blocked_by": ("A-2", "A-3"), "blocks": ()}, {"blocked_by": (), "blocks": ()}),
    "sprint with dates": (
        {"sprint": "One"},
        {"sprint": "One", "sprint_starts_on": CREATED.date(), "sprint_ends_on": CREATED.date() + WEEK},
    ),
    "sprint with other dates": (
        {"sprint": "One", "sprint_starts_on": CREATED.date(), "sprint_ends_on": CREATED.date() + WEEK},
        {"sprint": "One", "sprint_starts_on": CREATED.date(), "sprint_ends_on": CREATED.date() + 2 * WEEK},
    ),
    "sprint that is over": ({"sprint": "One"}, {"sprint": "One", **DONE}),
    "several sprints": ({"sprint": "One", **DONE}, {"sprint": "Two", "earlier_sprints": (NamedSprint("One"),), **DONE}),
    "nothing but a new issue": ({}, {}),
}
PAIRS = {name: ({name: was}, {name: said}) for name, (was, said) in FIELDS.items()} | TOGETHER


def record(key, **said):
    values = {"title": f"Title of {key}", "created_at": CREATED, "status": "To do", "issue_type": "story"} | said
    return ImportedIssue(line=2, external_id=key, **values)


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


@pytest.fixture
def load(project, now):
    """Imports issues, each a day later than the one before; its run, and what it told."""
    days = iter(range(99))

    def load(*rows, mapped=frozenset(SYNONYMS), **options):
        at = now - WEEK + timedelta(days=next(days))
        report = import_issues(rows, project_key="SHOP", mapped=mapped, now=at, **options)
        if options.get("dry_run"):
            run = ImportRun()
        else:
            run = ImportRun.objects.get(pk=report.import_id)
            ImportRun.objects.filter(pk=run.pk).update(created_at=at, started_at=at)
        run.told = report.as_dict()
        return run

    return load


@pytest.mark.parametrize("what", PAIRS)
def test_a_second_file_that_is_only_tried_tells_the_same__and_taken_back_leaves_everything_as_it_was(
    load, each_way_back, what
):
    was, said = PAIRS[what]
    load(record("A-1", **was), record("A-2", actual_hours=1.0), record("A-3", sprint="Three", **DONE))
    before, rows = everything(), [record("A-1", **said), record("A-2", actual_hours=1.0), record("A-4")]

    tried = load(*rows, mark_missing=True, dry_run=True)
    assert everything() == before
    second = load(*rows, mark_missing=True)

    assert everything() != before
    assert differing(tried.told, second.told) == {"import_id", "dry_run"}
    for way in each_way_back():
        run = ImportRun.objects.get(pk=second.pk)
        assert (way, runs.undo(run)) == (way, 0)
        assert (way, everything()) == (way, before)


def differing(tried, done):
    for told in (tried, done):
        # Of equals PostgreSQL tells any first.
        told["board"] = {name: sorted(rows, key=str) for name, rows in told["board"].items()}
    return {name for name in done if tried[name] != done[name]}


@both_ways
def test_both_files_taken_back_leave_an_empty_project(project, load):
    before = everything()
    told = [{}, {}]
    for was, said in PAIRS.values():
        told[0] |= was
        told[1] |= said
    first = load(record("A-1", **told[0]), record("A-2"), record("A-3", **DONE))
    between = everything()
    second = load(record("A-1", **told[1]), record("A-2"), record("A-4"), mark_missing=True)

    assert runs.undo(second) == 0
    assert everything() == between
    assert runs.undo(first) == 0
    assert everything() == before


@both_ways
def test_levels_that_the_tree_told_are_those_of_before(load):
    parts = [record(f"A-{n}", issue_type="odd part", actual_hours=2.0, parent="") for n in range(4)]
    wholes = [record(f"B-{n}", issue_type="odd whole", story_points=3.0) for n in range(2)]
    load(*parts, *wholes)
    before = everything()
    below = [record(f"A-{n}", issue_type="odd part", actual_hours=2.0, parent="B-0") for n in range(4)]

    second = load(*below, *wholes)

    assert IssueType.objects.get(name="odd part").level == "sub_task"
    assert runs.undo(second) == 0
    assert everything() == before


@pytest.mark.parametrize("told", ["parent", "blocked_by"])
def test_an_issue_of_which_only_a_tie_changed_is_counted_as_changed(load, told):
    load(record("A-1"), record("A-2"), record("A-3"))
    said = {"parent": "A-2"} if told == "parent" else {"blocked_by": ("A-2",)}

    second = load(record("A-1", **said), record("A-2"), record("A-3"))

    assert {name: second.report[name] for name in ("new", "changed", "unchanged")} == {
        "new": 0, "changed": 1, "unchanged": 2,
    }  # fmt: skip


@both_ways
def test_an_import_whose_first_worker_died_is_taken_back_with_what_that_one_did(project, now, monkeypatch):
    monkeypatch.setattr("apps.importers.services.BATCH_ROWS", 1)
    before = everything()
    run = begun(project, "csv", now=now)
    rows = [
        record("A-1", sprint="One", issue_type="odd", assignee=ANNA, parent="A-2", title="Old"),
        record("A-2", sprint="Two", assignee=BERT, blocked_by=("A-1",)),
    ]

    def half():
        yield rows[0]
        raise ConnectionError

    common = {"project_key": "SHOP", "mapped": frozenset(SYNONYMS), "now": now, "run": run}
    with pytest.raises(ConnectionError):
        import_issues(half(), **common)
    import_issues(rows, **common)

    assert runs.undo(run) == 0
    assert everything() == before


# --- What happened since ------------------------------------------------------------------------------------------
def named(key):
    return Issue.objects.get(external_id=key)


@both_ways
def test_a_parent_that_somebody_chose_since_stays_and_is_counted(load, now):
    rows = [record("A-2"), record("A-3"), record("A-4")]
    load(record("A-1", parent="A-2"), *rows)
    second = load(record("A-1", parent="A-3"), *rows)
    services.update_issue(named("A-1"), by=None, now=now, parent=named("A-4"))

    assert runs.undo(second) == 1
    assert named("A-1").parent == named("A-4")


@both_ways
def test_where_the_old_parent_is_gone_the_new_one_stays_and_is_counted(load):
    load(record("A-1", parent="A-2"), record("A-2"), record("A-3"))
    second = load(record("A-1", parent="A-3"), record("A-3"))
    services.delete_issue(named("A-2"))

    assert runs.undo(second) == 1
    assert named("A-1").parent == named("A-3")


@both_ways
def test_an_old_parent_that_is_below_the_issue_by_now_is_none(load, now):
    load(record("A-1", parent="A-2"), record("A-2"))
    second = load(record("A-1", parent=""), record("A-2"))
    services.update_issue(named("A-2"), by=None, now=now, parent=named("A-1"))

    assert runs.undo(second) == 1
    assert (named("A-1").parent, named("A-2").parent) == (None, named("A-1"))


@both_ways
def test_two_that_changed_places_change_back(load):
    load(record("A-1", parent="A-2"), record("A-2", parent=""))
    second = load(record("A-1", parent=""), record("A-2", parent="A-1"))

    assert runs.undo(second) == 0
    assert (named("A-1").parent, named("A-2").parent) == (named("A-2"), None)


@both_ways
def test_a_link_whose_other_end_is_gone_does_not_come_back_and_is_counted(load):
    load(record("A-1", blocked_by=("A-2", "A-3")), record("A-2"), record("A-3"))
    second = load(record("A-1", blocked_by=()), record("A-3"))
    services.delete_issue(named("A-2"))

    assert runs.undo(second) == 1
    assert [link.blocker for link in IssueLink.objects.all()] == [named("A-3")]


@both_ways
def test_a_link_that_somebody_made_again_is_theirs(load, now):
    load(record("A-1", blocked_by=("A-2",)), record("A-2"))
    second = load(record("A-1", blocked_by=()), record("A-2"))
    link_issues(named("A-2"), named("A-1"), now=now)

    assert runs.undo(second) == 0
    assert IssueLink.objects.get().source == ""


@both_ways
def test_dates_that_somebody_gave_a_sprint_since_stay_and_are_counted(load):
    first, later = CREATED.date(), CREATED.date() + WEEK
    load(record("A-1", sprint="One", sprint_starts_on=first, sprint_ends_on=later))
    second = load(record("A-1", sprint="One", sprint_starts_on=first, sprint_ends_on=later + WEEK))
    Sprint.objects.update(end_date=later + 2 * WEEK)

    assert runs.undo(second) == 1
    assert Sprint.objects.get().end_date == later + 2 * WEEK


@both_ways
def test_a_type_and_a_person_that_somebody_uses_since_stay(project, load):
    first = load(record("A-1", issue_type="odd", status="Strange", assignee=ANNA))
    anna = User.objects.get(full_name="Anna One")
    IssueFactory(
        project=project, issue_type=project.issue_types.get(name="odd"), status=project.statuses.get(name="Strange"),
        assignee=anna,
    )  # fmt: skip

    assert runs.undo(first) == 2
    assert project.issues.count() == 1
    assert set(project.issues.values_list("issue_type__name", "status__name")) == {("odd", "Strange")}
    assert project.team.filter(user=anna).exists()


@both_ways
def test_whom_a_wrong_file_named_is_forgotten_with_it(project, load):
    load(record("A-1", assignee=ANNA))
    second = load(record("B-1", assignee=BERT, reporter=Person("Carl Three", email="carl@example.com")))

    runs.undo(second)

    assert list(User.objects.filter(is_placeholder=True).values_list("full_name", flat=True)) == ["Anna One"]


@both_ways
def test_what_a_stopped_import_made_besides_issues_goes_too(project, load, monkeypatch):
    before = everything()
    monkeypatch.setattr("apps.importers.services.BATCH_ROWS", 1)

    def rows():
        yield record("A-1", sprint="One", issue_type="odd", assignee=ANNA)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        import_issues(rows(), project_key="SHOP", mapped=frozenset(SYNONYMS), now=CREATED + 9 * WEEK)

    assert runs.undo(ImportRun.objects.get()) == 0
    assert everything() == before


@both_ways
def test_a_run_that_was_asked_for_first_and_carried_out_last_is_taken_back_first(load, now):
    first, second = load(record("A-1", title="One")), load(record("A-1", title="Two"))
    ImportRun.objects.filter(pk=second.pk).update(created_at=first.created_at - WEEK)

    with pytest.raises(runs.Conflict, match="later import"):
        runs.undo(first)
    assert runs.undo(ImportRun.objects.get(pk=second.pk)) == 0
    assert named("A-1").title == "One"
