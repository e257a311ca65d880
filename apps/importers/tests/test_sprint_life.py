"""Imported sprints end, issues vanish, and cells cannot be read: what an import makes of it."""

from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from apps.importers.services import import_issues
from apps.importers.sources.csv.file import inspect_file, read_issues
from apps.importers.sources.csv.survey import reading_of
from apps.importers.writing.workflow import category_of
from apps.ml.models import PredictionHistory
from apps.ml.services.evaluation.closing import record_outcomes
from apps.ml.tests.factories import PredictionHistoryFactory
from apps.projects import tasks
from apps.projects.history.snapshots import books_of
from apps.projects.models import Issue, IssueChange, Sprint
from apps.projects.sprint_ends import close_ended_sprints

pytestmark = pytest.mark.django_db
HEADER = "Key,Title,Status,Points,Created,Resolved,Updated,Sprint,Sprint Start,Sprint End\n"
DAY = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def load(write):
    """Imports rows at a moment."""

    def load(*rows, now=DAY, header=HEADER, create_as="Shop", **options):
        shape = inspect_file(write(header + "".join(f"{row}\n" for row in rows)))
        reading = reading_of(shape, now=now, meaning=category_of)
        return import_issues(
            read_issues(shape, reading, now=now),
            project_key="SHOP",
            mapped=frozenset(reading.columns.positions),
            now=now,
            create_as=create_as,
            scope_is_recorded=reading.names_all_sprints,
            **options,
        )

    return load


def line(key, status="To Do", *, resolved="", updated="", sprint="S 1,2026-03-02,2026-03-13", points=5):
    return f"{key},Title {key},{status},{points},2026-02-20,{resolved},{updated},{sprint}"


def row(name="S 1"):
    return Sprint.objects.select_related("project", "snapshot").get(name=name)


class TestEnds:
    def test_a_sprint_seen_running_is_closed_by_beat_and_its_prediction_scored(self, load):
        load(line("A", "Done", resolved="2026-03-05"), line("B"))
        sprint = row()
        told = PredictionHistoryFactory(
            project=sprint.project, sprint=sprint, prediction_type="sprint_outcome", details={"unit": "points"},
            created_at=DAY,
        )  # fmt: skip
        assert sprint.status == "active"

        assert close_ended_sprints(now=datetime(2026, 3, 13, 23, 59, tzinfo=UTC)) == 0
        assert tasks.close_ended_sprints.delay().get() == 1
        record_outcomes(now=timezone.now())
        assert PredictionHistory.objects.get(pk=told.pk).actual_value is None
        # A week without news of another end.
        record_outcomes(now=timezone.now() + timedelta(days=8))

        assert (row().status, row().snapshot.completed_points, row().snapshot.carried_over_points) == (
            "completed",
            5.0,
            5.0,
        )
        assert PredictionHistory.objects.get(pk=told.pk).actual_value == 5.0

    def test_a_last_day_that_is_moved_later_opens_the_books_again(self, load):
        load(line("A", "Done", resolved="2026-03-05"), line("B"))
        close_ended_sprints(now=datetime(2026, 3, 14, 8, tzinfo=UTC))

        longer = "S 1,2026-03-02,2026-03-20"
        rows = (
            line("A", "Done", resolved="2026-03-05", sprint=longer),
            line("B", "Done", resolved="2026-03-17", sprint=longer),
        )
        load(*rows, now=datetime(2026, 3, 18, 8, tzinfo=UTC))
        assert (row().status, row().end_date, hasattr(row(), "snapshot")) == ("active", date(2026, 3, 20), False)

        close_ended_sprints(now=datetime(2026, 3, 21, 8, tzinfo=UTC))
        assert (row().status, row().snapshot.completed_points) == ("completed", 10.0)

    def test_what_a_later_file_tells_of_the_sprints_own_time_is_in_its_books(self, load):
        load(line("A"), line("B"), line("C", sprint=",,"))
        close_ended_sprints(now=datetime(2026, 3, 14, 8, tzinfo=UTC))
        assert (row().snapshot.completed_points, row().snapshot.carried_over_points) == (0.0, 10.0)

        rows = (line(key, "Done", resolved="2026-03-12") for key in "AC")
        load(*rows, line("B", points=8, sprint="S 2,2026-03-16,2026-03-27"), now=datetime(2026, 3, 17, 8, tzinfo=UTC))

        # B was worth 5 when the sprint ended, and C came in by then.
        books = row().snapshot
        assert (books.completed_points, books.carried_over_points, books.added_points) == (10.0, 5.0, 5.0)
        assert books.frozen_at == datetime(2026, 3, 17, 8, tzinfo=UTC)
        frozen_at = row().snapshot.frozen_at
        load(line("A", "To Do"), now=datetime(2026, 3, 19, 8, tzinfo=UTC))
        assert row().snapshot.frozen_at == frozen_at

    def test_a_sprint_seen_before_it_begins_has_a_known_commitment(self, load):
        load(line("A"), line("B", sprint="S 0,2026-02-16,2026-02-27"), now=datetime(2026, 2, 26, tzinfo=UTC))

        assert (row("S 1").scope_is_recorded, row("S 0").scope_is_recorded) == (True, False)


class TestDates:
    def test_dates_that_the_user_says_make_sprints_of_names(self, load, write):
        path = write(
            HEADER + line("A", "Done", resolved="2026-03-05", sprint="S 1,,") + "\n" + line("B", sprint="S 2,,")
        )
        out = StringIO()
        call_command(
            "import_issues", path, "--project", "SHOP", "--create-project", "--sprints", "2026-03-02/14d", stdout=out
        )

        assert "S 2: 2026-03-16 to 2026-03-29 (as said)" in out.getvalue()
        assert (row("S 1").start_date, row("S 1").end_date) == (date(2026, 3, 2), date(2026, 3, 15))
        assert [row("S 1").status, row("S 1").dates_are_inferred] == ["completed", False]

    def test_inferred_dates_are_marked_and_give_way_to_told_ones(self, load):
        ends = ["2026-01-06", "2026-01-14", "2026-01-21", "2026-01-29", "2026-02-03", "2026-02-12"]
        rows = [f"A-{n},Fix,Done,3,2025-12-20,{end},,S {n // 2 + 1},," for n, end in enumerate(ends)]
        report = load(*rows)

        assert (row("S 1").start_date, row("S 1").end_date) == (date(2026, 1, 5), date(2026, 1, 18))
        assert set(Sprint.objects.values_list("status", "dates_are_inferred")) == {("completed", True)}
        assert report.sprint_dates[0].startswith("S 1: 2026-01-05 to 2026-01-18 (inferred")
        assert load(*rows).unchanged == 6

        load("A-0,Fix,Done,3,2025-12-20,2026-01-06,,S 1,2026-01-01,2026-01-14")
        assert (row("S 1").start_date, row("S 1").dates_are_inferred) == (date(2026, 1, 1), False)

    def test_a_day_is_the_day_that_its_cell_names(self, load):
        moments = "S 1,2026-03-02T00:00:00-07:00,2026-03-13T20:00:00-07:00"

        load(line("A", sprint=moments))

        assert (row().start_date, row().end_date) == (date(2026, 3, 2), date(2026, 3, 13))


class TestMissing:
    def test_what_vanished_is_named_and_stays_without_being_asked(self, load):
        load(line("A"), line("B"), line("C", "Done", resolved="2026-03-05"))

        report = load(line("A"))

        assert (report.missing, report.missing_shown, report.removed) == (2, ["B", "C"], 0)
        assert Issue.objects.filter(status__category="dropped").count() == 0

    def test_marked_as_missing_it_is_dropped_and_what_was_delivered_stays_so(self, load):
        load(line("A"), line("B"), line("C", "Done", resolved="2026-03-05"))
        later = DAY + timedelta(days=1)

        report = load(line("A"), now=later, mark_missing=True)

        gone = Issue.objects.get(external_id="B")
        assert (report.removed, gone.status.name, gone.status.category, gone.dropped_at) == (
            1,
            "Removed",
            "dropped",
            later,
        )
        assert IssueChange.objects.get(issue=gone, field="status").changed_at == later
        assert Issue.objects.get(external_id="C").status.category == "done"
        assert books_of([row()], now=later)[str(row().pk)].report.amount("carried_over").points == 5.0
        # It is back in the next file.
        assert load(line("A"), line("B"), now=later + timedelta(days=1)).missing == 1
        assert Issue.objects.get(external_id="B").status.category == "to_do"

    def test_a_row_that_cannot_be_read_is_not_missing(self, load):
        load(line("A"), line("B", "Done", resolved="2026-03-05"))

        assert load(line("A"), line("B", "Done", resolved="2026-01-05")).missing == 0


class TestCells:
    def test_an_unreadable_moment_costs_the_cell_and_is_told(self, load):
        heard = []

        report = load(
            "A,Fix,Done,5,some day,soon,,,,", "B,Mend,Done,5,2026-02-20,2026-03-01,,,,", on_error=heard.append
        )

        assert (report.new, report.error_count) == (2, 0)
        assert [(error.external_id, error.reason) for error in heard] == [
            ("A", "created is no date: 'some day' (the cell is left empty)"),
            ("A", "resolved is no date: 'soon' (the cell is left empty)"),
        ]
        assert Issue.objects.get(external_id="A").status.category == "done"

    def test_without_a_status_the_end_alone_says_that_it_was_done_and_costs_the_row(self, load):
        report = load("A,Fix,soon", "B,Mend,2026-03-05", header="Key,Title,Resolved\n")

        assert (report.new, report.errors[0].reason) == (1, "resolved is no date: 'soon'")

    def test_what_the_source_saw_last_is_kept(self, load):
        load(
            "A,Fix,In Progress,2026-02-20,2026-03-09 10:00,2026-03-01 09:00",
            header="Key,Title,Status,Created,Updated,Status Category Changed\n",
        )

        issue = Issue.objects.get()
        assert (issue.last_touched_at, issue.last_moved_at) == (
            datetime(2026, 3, 9, 10, tzinfo=UTC), datetime(2026, 3, 1, 9, tzinfo=UTC),
        )  # fmt: skip
