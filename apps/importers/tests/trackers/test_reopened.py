"""A sprint that is opened again in its tracker: its books are open, and closed at its next end, and no other waits."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.accounts.tests.factories import UserFactory
from apps.common.exceptions import Conflict
from apps.importers import runs
from apps.importers.keeping import begun, ended, failing
from apps.importers.models import ImportRun
from apps.importers.records import NamedSprint
from apps.importers.report import ImportReport
from apps.importers.syncing import import_told
from apps.importers.tests.snapshots import everything
from apps.importers.tracked import Change, Stage, TrackedIssue, TrackedSprint, in_order, with_life
from apps.importers.writing.board import TrackedBoard
from apps.importers.writing.sprints import Sprints
from apps.importers.writing.traces import Traces
from apps.projects import services, tasks
from apps.projects.history.snapshots import freeze
from apps.projects.models import Sprint, SprintSnapshot
from apps.projects.selectors import present_state, project_revision
from apps.projects.sprint_ends import close_ended_sprints
from apps.projects.tests.factories import ProjectFactory, SprintFactory

pytestmark = pytest.mark.django_db
TODO, DONE = Stage("To Do", "to_do"), Stage("Done", "done")


def at(day, hour=9):
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def sprint(state="active", *, completed=None, ends=13, **said):
    return TrackedSprint(
        external_id="7", name="Seven", state=state, started_at=at(2), starts_at=at(2), ends_at=at(ends),
        completed_at=completed and at(completed), **said,
    )  # fmt: skip


def issue(*, done=None):
    changes = [Change("status", TODO, DONE, at(done))] if done else []
    stage = DONE if done else TODO
    return with_life(
        TrackedIssue(
            line=1, external_id="A-1", source_id="1", title="One", created_at=at(1), sprint_id="7", story_points=5.0,
            issue_type="Story", level=0, status=stage.name, status_category=stage.category,
            recorded=frozenset({"status", "sprint"}), changes=in_order(changes),
        )
    )  # fmt: skip


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


def sync(project, told, *, on, done=None):
    run = begun(project, "jira", now=at(on))
    with failing(run):
        report = import_told(
            [told, issue(done=done)], project=project, source="jira",
            fields=frozenset({"title", "sprint", "status", "story_points"}), now=at(on), run=run,
        )  # fmt: skip
    return ended(run, ImportRun.Status.COMPLETED, report=report.as_dict())


def seven(project):
    return Sprint.objects.select_related("snapshot", "project").get(project=project, external_id="7")


def books(project):
    row = seven(project)
    kept = getattr(row, "snapshot", None)
    return row.status, row.completed_at, kept and (kept.frozen_at, kept.completed_points)


def closed_as_told(project):
    sync(project, sprint(), on=3)
    sync(project, sprint("completed", completed=5), on=6)
    assert books(project) == ("completed", at(5), (at(6), 0.0))


def test_one_that_is_closed_early_without_a_moment_is_open_again_too(project):
    # As GitLab tells of milestones.
    sync(project, sprint(), on=3)
    sync(project, sprint("completed"), on=5)
    closed = books(project)
    assert closed == ("completed", None, (at(5), 0.0))
    sync(project, sprint("completed"), on=6)
    assert books(project) == closed

    sync(project, sprint(), on=7)
    assert books(project) == ("active", None, None)
    sync(project, sprint(), on=12, done=10)
    sync(project, sprint(), on=16, done=10)

    # By its plan now, which the tracker has not noticed.
    assert books(project) == ("completed", None, (at(16), 5.0))


def test_its_books_are_open_again_and_closed_at_the_end_that_is_told_next(project):
    closed_as_told(project)

    sync(project, sprint(), on=7)
    assert books(project) == ("active", None, None)

    sync(project, sprint("completed", completed=9), on=10, done=8)
    assert books(project) == ("completed", at(9), (at(10), 5.0))


def test_one_whose_last_day_is_over_is_closed_by_its_plan_at_once_and_stays_so(project):
    sync(project, sprint(ends=4), on=3)
    sync(project, sprint("completed", completed=5, ends=4), on=6)

    for day in (7, 8, 9):
        sync(project, sprint(ends=4), on=day)
        assert books(project) == ("completed", None, (at(7), 0.0))


def test_one_that_was_opened_and_closed_again_between_two_imports_has_the_books_of_its_last_end(project):
    closed_as_told(project)

    sync(project, sprint("completed", completed=9), on=10, done=8)

    assert books(project) == ("completed", at(9), (at(10), 5.0))


def test_the_clock_closes_it_and_all_others(project, monkeypatch):
    closed_as_told(project)
    sync(project, sprint(), on=7)
    others = [ProjectFactory(key=f"OTHER-{n}") for n in range(3)]
    for other in others:
        sync(other, sprint(), on=3)
    monkeypatch.setattr(timezone, "now", lambda: at(20))

    assert tasks.close_ended_sprints() == 4

    assert {books(each)[0] for each in (project, *others)} == {"completed"}
    assert SprintSnapshot.objects.count() == 4


def test_a_file_of_lines_that_tells_the_end_of_what_runs_tells_none(project, monkeypatch):
    by = UserFactory(is_superuser=True)
    for state in ("active", "active", "planned", "completed", "active"):
        line = {
            "id": "7",
            "name": "S",
            "state": state,
            "starts_on": "2026-03-02",
            "completed_at": "2026-03-05T00:00:00Z",
        }
        content = f'{json.dumps({"sprint": line})}\n{{"id":"A-1","title":"x","sprint":"7"}}'
        run = runs.ask_upload(project, name="a.jsonl", content=content.encode(), by=by, now=at(6))
        assert runs.execute(run.pk, now=at(6)).status == "completed"
        row = Sprint.objects.get()
        assert (row.status, row.completed_at is None) == (state, state != "completed")


def test_an_end_without_a_state_is_one(project):
    sync(project, sprint(""), on=3)
    sync(project, sprint("", completed=5), on=6)

    assert books(project) == ("completed", at(5), (at(6), 0.0))


def test_what_its_team_closed_here_stays_as_it_was_whatever_goes_on_elsewhere(project):
    sync(project, sprint(), on=3)
    services.close_sprint(seven(project), by=UserFactory(), now=at(5))
    before = books(project)

    sync(project, sprint(goal="Another"), on=7)
    sync(project, sprint("completed", completed=9, ends=12, goal=""), on=10)

    assert books(project) == before == ("completed", at(5), (at(5), 0.0))
    assert (seven(project).goal, seven(project).end_date) == ("", at(13).date())


@pytest.mark.usefixtures("way_back")
def test_an_import_that_opened_it_is_taken_back_with_its_books(project):
    closed_as_told(project)
    before = everything()

    second = sync(project, sprint(), on=7)

    assert runs.undo(ImportRun.objects.get(pk=second.pk)) == 0
    assert everything() == before


@pytest.mark.usefixtures("way_back")
def test_an_import_that_closed_it_once_more_is_taken_back_to_the_books_of_before(project):
    closed_as_told(project)
    before = everything()

    second = sync(project, sprint("completed", completed=9), on=10)

    assert runs.undo(ImportRun.objects.get(pk=second.pk)) == 0
    assert everything() == before


def test_books_that_are_closed_anew_are_another_state(project, monkeypatch):
    """Whoever looks between the last batch and the books tells of the old ones: nobody remembers that afterwards."""
    sync(project, sprint(ends=4), on=3)
    assert close_ended_sprints(now=at(6)) == 1
    meanwhile, close = [], TrackedBoard.close_sprints

    def states():
        return project_revision(project, now=at(9)), present_state(project.pk, now=at(9)).rest

    def looked_at(board, touched):
        meanwhile.extend(states())
        return close(board, touched)

    monkeypatch.setattr(TrackedBoard, "close_sprints", looked_at)
    sync(project, sprint(ends=4), on=8, done=3)

    assert books(project) == ("completed", None, (at(8), 5.0))
    assert not set(meanwhile) & set(states())


class TestMeanwhile:
    """Between two batches others close what this import has read as running."""

    @pytest.fixture
    def board(self, project):
        sync(project, sprint(ends=4), on=3)
        return TrackedBoard(project, "jira", at(8), ImportReport("SHOP", False), Traces())

    def closed_by_plan(self, project):
        assert close_ended_sprints(now=at(6)) == 1
        return books(project)

    def test_what_its_plan_has_closed_is_not_written_over(self, project, board):
        closed = self.closed_by_plan(project)

        with transaction.atomic():
            board.take(sprint("planned", ends=4))

        assert books(project) == closed

    def test_its_told_end_closes_it_anew(self, project, board):
        with transaction.atomic():
            board.take(sprint("completed", completed=5, ends=4))
        self.closed_by_plan(project)

        with transaction.atomic():
            board.close_sprints(set())

        assert books(project) == ("completed", at(5), (at(8), 0.0))

    def test_later_dates_of_a_file_open_it_again(self, project):
        row = SprintFactory(
            project=project, name="S", source="csv", status="active", started_at=None,
            start_date=at(2).date(), end_date=at(4).date(),
        )  # fmt: skip
        known = Sprints(project, "csv", at(8), ImportReport("SHOP", False), Traces(), scope_is_recorded=True)
        self.closed_by_plan_of(row)

        with transaction.atomic():
            known._known(NamedSprint("S", "", at(2).date(), at(20).date()))

        row = Sprint.objects.get(pk=row.pk)
        assert (row.status, hasattr(row, "snapshot")) == ("active", False)

    def closed_by_plan_of(self, row):
        assert close_ended_sprints(now=at(6)) == 1
        assert SprintSnapshot.objects.filter(pk=row.pk).exists()


def test_what_was_left_is_put_right_by_the_update(project):
    left, over = (SprintFactory(project=project, active=True) for _ in range(2))
    for row in (left, over):
        freeze(row, now=at(5))
    Sprint.objects.filter(pk=over.pk).update(status="completed")

    state = MigrationLoader(connection).project_state(("projects", "0021_sizes_that_are_none"))
    import_module("apps.projects.migrations.0022_what_runs_has_not_ended").take_back_ends(state.apps, None)

    assert list(SprintSnapshot.objects.values_list("pk", flat=True)) == [over.pk]


def test_the_table_refuses_an_end_of_what_goes_on(project):
    for status in ("planned", "active"):
        with pytest.raises(IntegrityError), transaction.atomic():
            SprintFactory(project=project, status=status, completed_at=at(5))


def test_books_that_were_left_stand_in_the_way_of_no_end(project):
    row = SprintFactory(project=project, active=True)
    freeze(row, now=at(4))

    services.close_sprint(row, by=UserFactory(), now=at(5))

    assert SprintSnapshot.objects.get().frozen_at == at(5)


# --- Any way there ------------------------------------------------------------------------------------------------
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("told"),
            st.sampled_from(["", "planned", "active", "completed"]),
            st.sampled_from([None, 4, 6, 12]),
            st.sampled_from([5, 9, 27]),
        ),
        st.sampled_from([("clock",), ("start",), ("close",), ("undo",)]),
    ),
    max_size=6,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_happens_to_a_sprint_what_runs_has_no_end_and_no_books(steps):
    with transaction.atomic():
        _happen(ProjectFactory(), steps)
        transaction.set_rollback(True)


def _happen(project, steps):
    by = UserFactory()
    for day, (what, *said) in enumerate(steps, start=3):
        row = Sprint.objects.filter(project=project).first()
        if what == "told":
            state, completed, ends = said
            # Nothing that is told may end an import.
            sync(project, sprint(state, completed=completed, ends=ends), on=day)
        elif what == "clock":
            close_ended_sprints(now=at(day))
        elif what == "undo":
            if run := ImportRun.objects.filter(project=project, status="completed").first():
                # One that changed nothing is not taken back.
                with suppress(Conflict):
                    runs.undo(run)
        elif row is not None:
            with suppress(Conflict):
                _by_hand(what, row, by, at(day))
        assert not SprintSnapshot.objects.exclude(sprint__status="completed").exists()
        assert not Sprint.objects.exclude(status="completed").exclude(completed_at=None).exists()


def _by_hand(what, row, by, now):
    if what == "start":
        services.start_sprint(row, now=now)
    else:
        services.close_sprint(row, by=by, now=now)
