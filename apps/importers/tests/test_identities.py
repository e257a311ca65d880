"""Keys and ids of a source are two things, though both may be plain numbers: an id decides, else a key."""

from datetime import timedelta

import pytest

from apps.importers import runs
from apps.importers.models import ImportRun
from apps.importers.records import ImportedIssue
from apps.importers.services import import_issues
from apps.importers.syncing import import_told
from apps.importers.tests.snapshots import everything
from apps.importers.tracked import TrackedIssue
from apps.importers.writing.identities import KEY_IS_ANOTHERS
from apps.projects.models import Issue
from apps.projects.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


@pytest.fixture(params=["file", "tracker"])
def load(request, project, now):
    """Imports issues, each told as its key, its id and its title; the later import a day after the earlier one."""
    days = iter(range(-9, 0))

    def load(*told):
        at = now + timedelta(days=next(days))
        values = [
            {"line": n, "external_id": key, "source_id": own, "title": title, "created_at": now - timedelta(days=30)}
            for n, (key, own, title) in enumerate(told, start=2)
        ]
        if request.param == "file":
            rows = [ImportedIssue(**each) for each in values]
            return import_issues(rows, project_key="SHOP", mapped={"external_id", "source_id", "title"}, now=at)
        tracked = [TrackedIssue(status="Open", status_category="to_do", **each) for each in values]
        run = ImportRun.objects.create(project=project, source="csv", status="running", created_at=at, started_at=at)
        report = import_told(tracked, project=project, source="csv", fields={"title"}, now=at, run=run)
        ImportRun.objects.filter(pk=run.pk).update(status="completed")
        report.import_id = str(run.pk)
        return report

    return load


def board():
    return sorted(Issue.objects.values_list("external_id", "source_id", "title"))


def counts(report):
    return report.new, report.changed, report.unchanged, report.error_count


ONE, OTHER = ("1", "37", "one"), ("37", "80", "thirty-seven")
RING = [("5", "100", "five"), ("100", "5", "hundred")]


@pytest.mark.parametrize(
    ("first", "second", "counted"),
    [
        pytest.param([ONE, OTHER], [ONE, OTHER], (0, 0, 2, 0), id="again"),
        pytest.param([OTHER, ONE], [ONE, OTHER], (0, 0, 2, 0), id="in another order"),
        pytest.param([OTHER], [OTHER, ONE], (1, 0, 1, 0), id="a new one whose id is a key"),
        pytest.param([ONE], [ONE, OTHER], (1, 0, 1, 0), id="a new one whose key is an id"),
        pytest.param(RING, RING, (0, 0, 2, 0), id="ring"),
        pytest.param([ONE, ("80", "", "no id")], [ONE, ("80", "", "no id")], (0, 0, 2, 0), id="a key alone"),
    ],
)  # fmt: skip
def test_an_issue_whose_id_is_anothers_key_is_not_taken_for_it(load, first, second, counted):
    load(*first)
    told = load(*second)

    assert counts(told) == counted
    assert board() == sorted({*first, *second})
    assert counts(load(*second))[:2] == (0, 0)


def test_keys_that_two_issues_changed_with_each_other_are_changed_once_and_taken_back(load):
    load(("A-1", "1", "one"), ("A-2", "2", "two"))
    before = everything()
    swapped = [("A-2", "1", "one"), ("A-1", "2", "two")]
    told = load(*swapped)

    assert (counts(told), board()) == ((0, 2, 0, 0), sorted(swapped))
    assert counts(load(*swapped)) == (0, 0, 2, 0)
    assert runs.undo(ImportRun.objects.get(pk=told.import_id)) == 0
    assert everything() == before


def test_keys_go_on_in_batches_that_tell_one_issue_each(load, monkeypatch):
    monkeypatch.setattr("apps.importers.services.BATCH_ROWS", 1)
    monkeypatch.setattr("apps.importers.syncing.BATCH_ISSUES", 1)
    load(("A-1", "1", "one"), ("A-2", "2", "two"), ("A-3", "3", "three"))
    before = everything()
    moved = [("A-2", "1", "one"), ("A-3", "2", "two"), ("A-1", "3", "three")]
    told = load(*moved)

    assert (counts(told), board()) == ((0, 3, 0, 0), sorted(moved))
    assert KEY_IS_ANOTHERS not in told.remarks
    assert counts(load(*moved)) == (0, 0, 3, 0)
    assert runs.undo(ImportRun.objects.get(pk=told.import_id)) == 0
    assert everything() == before


def test_an_issue_whose_key_another_one_has_by_now_stays_without_a_key_and_that_is_told(load):
    load(("A-1", "1", "one"))
    before = everything()
    told = load(("A-1", "2", "two"))

    assert board() == [("", "1", "one"), ("A-1", "2", "two")]
    assert (counts(told), told.remarks[KEY_IS_ANOTHERS]) == ((1, 0, 0, 0), 1)
    assert runs.undo(ImportRun.objects.get(pk=told.import_id)) == 0
    assert everything() == before


def test_whoever_was_left_without_a_key_is_no_ones_parent_and_found_by_its_id(load, project):
    load(("A-1", "1", "one"))
    load(("A-1", "2", "two"), ("A-3", "3", "three"))

    told = load(("A-9", "1", "one"), ("A-1", "2", "two"), ("A-3", "3", "three"))

    assert (counts(told), board()[-1]) == ((0, 1, 2, 0), ("A-9", "1", "one"))
    assert not Issue.objects.exclude(parent=None).exists()


def test_an_issue_that_was_imported_without_an_id_gets_one_and_keeps_it(load):
    load(("A-1", "", "one"))
    with_id = load(("A-1", "1", "one"))
    without = load(("A-1", "", "one"))

    assert (counts(with_id), counts(without)) == ((0, 1, 0, 0), (0, 0, 1, 0))
    assert board() == [("A-1", "1", "one")]


@pytest.mark.parametrize("rows_a_batch", [1, 9])
@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        pytest.param([("A-1", "", "by key"), ("B-1", "1", "by id")], "the issue stands in line 2 already", id="issue"),
        pytest.param([("A-1", "1", "one"), ("A-1", "2", "two")], "the key stands in line 2 already", id="key"),
    ],
)
def test_two_rows_for_one_issue_are_one_row_and_an_error(load, rows, reason, rows_a_batch, monkeypatch):
    monkeypatch.setattr("apps.importers.services.BATCH_ROWS", rows_a_batch)
    monkeypatch.setattr("apps.importers.syncing.BATCH_ISSUES", rows_a_batch)
    load(("A-1", "1", "one"))
    told = load(*rows)

    assert [(error.line, error.reason) for error in told.errors] == [(3, reason)]
    assert (told.rows, Issue.objects.count()) == (2, 1)
    assert counts(load(*rows)) == (0, 0, 1, 1)


def test_two_rows_of_a_file_with_one_id_are_one_row_and_an_error(project, now):
    rows = [ImportedIssue(line=n, external_id=f"A-{n}", source_id="1", title=f"{n}") for n in (2, 3)]
    told = import_issues(rows, project_key="SHOP", mapped={"source_id"}, now=now)

    assert [(error.line, error.reason) for error in told.errors] == [(3, "the issue stands in line 2 already")]
    assert (told.rows, board()) == (2, [("A-2", "1", "2")])


def test_what_could_not_be_used_of_an_issue_that_is_there_closes_it_not_as_removed(project, now):
    first, second = (("A-1", "1"), ("A-2", "2")), (("A-1", "1"), ("A-1", "2"))
    for told in (first, second):
        rows = [ImportedIssue(line=n, external_id=key, source_id=own, title=own) for n, (key, own) in enumerate(told)]
        report = import_issues(rows, project_key="SHOP", mapped={"source_id"}, now=now, mark_missing=True)

    assert (report.error_count, report.missing, report.removed) == (1, 0, 0)
