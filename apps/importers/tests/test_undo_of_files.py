"""Imports of files are kept row by row: taken back, they leave nothing; a dry run says what it understood."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from apps.common.exceptions import Conflict
from apps.importers import runs
from apps.importers.models import ImportRun
from apps.importers.records import ImportedIssue, ImportRefused, NamedSprint
from apps.importers.services import import_issues
from apps.importers.sources.csv.columns import SYNONYMS
from apps.importers.telling import understanding
from apps.importers.telling.understanding import features_of
from apps.ml.core.forecasts import simulation
from apps.projects.models import Issue, IssueChange, Sprint, WorkflowStatus
from apps.projects.services import update_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("way_back")]
CREATED = datetime(2025, 1, 6, 9, 0, tzinfo=UTC)
WEEK = timedelta(weeks=1)


def record(key, **said):
    values = {"title": f"Title of {key}", "created_at": CREATED, "status": "To do", "issue_type": "bug"} | said
    return ImportedIssue(line=2, external_id=key, **values)


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


@pytest.fixture
def load(project, now):
    def load(*rows, **options):
        options.setdefault("now", now)
        return import_issues(rows, project_key="SHOP", mapped=frozenset(SYNONYMS), **options)

    return load


def run_of(report):
    return ImportRun.objects.get(pk=report.import_id)


def test_the_first_import_of_a_file_taken_back_leaves_no_issue_sprint_or_history(load):
    over = {"status": "Done", "resolved_at": CREATED + WEEK}
    rows = [
        record("A-1", sprint="Two", earlier_sprints=(NamedSprint("One"),), **over),
        record("A-2", sprint="One", sprint_starts_on=CREATED.date(), sprint_ends_on=(CREATED + WEEK).date(), **over),
    ]
    report = load(*rows)
    assert (Issue.objects.count(), Sprint.objects.count(), IssueChange.objects.count()) == (2, 2, 1)

    assert runs.undo(run_of(report)) == 0

    assert (Issue.objects.count(), Sprint.objects.count(), IssueChange.objects.count()) == (0, 0, 0)


def test_a_later_import_taken_back_restores_what_was_there(load, now):
    load(record("A-1", story_points=3.0), now=now - WEEK)
    before = Issue.objects.values("title", "story_points", "status_id").get()
    report = load(record("A-1", title="Another", story_points=8.0, status="Doing"), record("A-2"))
    assert (report.new, report.changed) == (1, 1)

    runs.undo(run_of(report))

    assert Issue.objects.values("title", "story_points", "status_id").get() == before
    assert not IssueChange.objects.exists()


def test_what_was_closed_since_the_file_names_it_no_more_is_open_again(load, now):
    load(record("A-1"), record("A-2"), now=now - WEEK)
    report = load(record("A-1"), mark_missing=True)
    assert report.removed == 1
    assert Issue.objects.get(external_id="A-2").status.category == "dropped"

    runs.undo(run_of(report))

    issue = Issue.objects.get(external_id="A-2")
    assert (issue.status.category, issue.dropped_at) == ("to_do", None)
    assert not IssueChange.objects.exists()


def test_what_somebody_worked_on_since_stays(load, now):
    report = load(record("A-1"), record("A-2"))
    issue = Issue.objects.get(external_id="A-1")
    update_issue(issue, by=None, now=now + WEEK, title="By hand")

    assert runs.undo(run_of(report)) == 1
    assert Issue.objects.get().title == "By hand"


def test_an_import_that_changed_nothing_or_was_dry_cannot_be_taken_back(load):
    load(record("A-1"))
    again = load(record("A-1"))
    with pytest.raises(Conflict, match="cannot be taken back"):
        runs.undo(run_of(again))
    assert load(record("A-2"), dry_run=True).import_id == ""
    assert ImportRun.objects.count() == 2


def test_an_import_that_was_stopped_can_be_taken_back(project, monkeypatch):
    def rows():
        yield record("A-1")
        raise ImportRefused("The file broke off.")

    monkeypatch.setattr("apps.importers.services.BATCH_ROWS", 1)
    with pytest.raises(ImportRefused):
        import_issues(rows(), project_key="SHOP", mapped=frozenset(SYNONYMS), now=CREATED + 60 * WEEK)

    run = ImportRun.objects.get()
    assert (run.status, run.error, run.rows_read) == ("failed", "The file broke off.", 1)
    assert runs.undo(run) == 0
    assert not Issue.objects.exists()


def test_a_dry_run_says_what_is_filled_what_words_mean_and_what_it_would_suffice_for(tmp_path):
    path = tmp_path / "shop.csv"
    path.write_text("id,title,status,type,points\nSHOP-1,Fix,In QA,bug,3\nSHOP-2,Make,Open,epic,\n")
    out = StringIO()
    call_command("import_issues", str(path), create_project="", dry_run=True, stdout=out)

    told = out.getvalue()
    assert "SHOP-1 is read as:\n  external_id      SHOP-1\n" in told
    assert "  story_points     1\n" in told
    assert "  In QA                    in progress  1 issue\n" in told
    assert "epic         1 issue, not counted\n" in told
    assert "  hours of an issue: not yet, 0 finished issues with hours (50 are needed)\n" in told
    assert "Dry run, nothing was changed. SHOP: 2 new" in told
    assert not Issue.objects.exists()


def test_each_feature_counts_what_it_needs(project, now):
    done = WorkflowStatus.objects.filter(project=project, category="done").first()
    for week in range(6):
        ended = now - (2 * week + 2) * WEEK
        IssueFactory(project=project, status=done, resolved_at=ended, created_at=ended - WEEK, story_points=2.0)

    found = {feature.name: (feature.have, feature.suffices) for feature in features_of(project, now)}

    assert found["story points of an issue"] == (6, False)
    assert found["forecasts and unusual weeks"] == (6, True)
    assert found["how long a sprint takes"] == (0, False)


def test_the_weeks_that_are_needed_are_those_of_the_engine():
    assert (understanding.MIN_WEEKS, understanding.MIN_ACTIVE_WEEKS) == (
        simulation.MIN_WEEKS,
        simulation.MIN_ACTIVE_WEEKS,
    )
