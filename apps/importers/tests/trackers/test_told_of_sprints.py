"""What a source does not tell of a sprint is what is known; its state is judged by what is told and known together."""

from dataclasses import replace
from datetime import timedelta
from itertools import chain, combinations

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.accounts.tests.factories import UserFactory
from apps.importers.report import ImportReport
from apps.importers.sources.gitlab import sprint_of_iteration, sprint_of_milestone
from apps.importers.sources.jsonlines import read_line
from apps.importers.sources.linear import sprint_of
from apps.importers.sources.lines.mapping import mapping_of
from apps.importers.tests.trackers.test_reopened import at, seven
from apps.importers.tracked import TrackedSprint
from apps.importers.writing.board import SPRINT_FIELDS, TrackedBoard
from apps.importers.writing.sprints import Sprints
from apps.importers.writing.traces import Traces
from apps.projects import services
from apps.projects.models import Sprint
from apps.projects.sprint_ends import take_late_news
from apps.projects.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
TODAY = 9
PLANNED = TrackedSprint(external_id="7", name="Seven", goal="Ship", starts_on=at(12).date(), ends_on=at(20).date())
RUNS = replace(PLANNED, state="active", starts_on=at(2).date(), ends_on=at(13).date(), started_at=at(2))
PAST = replace(RUNS, ends_on=at(4).date())
OVER = {"state": "completed", "completed_at": at(5)}
#: How a sprint came to be what is known: what was told of it, on which day.
KNOWN = {
    "planned": [(PLANNED, 3)],
    "running": [(RUNS, 3)],
    "running by its state alone": [(TrackedSprint(external_id="7", name="Seven", state="active"), 3)],
    "closed, its last day ahead": [(RUNS, 3), (replace(RUNS, **OVER), 6)],
    "closed, its last day over": [(PAST, 3), (replace(PAST, **OVER), 6)],
    "closed at a moment that is not told": [(RUNS, 3), (replace(RUNS, state="completed"), 6)],
    "closed by its plan": [(PAST, 3), (PAST, 6)],
    "closed by its team": [(RUNS, 3), (None, 6)],
}
#: Field of what is told → column.
COLUMNS = {
    "name": "name", "goal": "goal", "state": "status", "starts_on": "start_date", "ends_on": "end_date",
    "started_at": "started_at", "completed_at": "completed_at",
}  # fmt: skip


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


def tell(project, *told, on=TODAY):
    board = TrackedBoard(project, "jira", at(on), ImportReport("SHOP", False))
    with transaction.atomic():
        board.take_all(told)
        board.close_sprints(())


def known(project, way):
    for told, day in KNOWN[way]:
        if told is None:
            services.close_sprint(seven(project), by=UserFactory(), now=at(day))
        else:
            tell(project, told, on=day)
    return present(project)


def present(project):
    row = seven(project)
    kept = getattr(row, "snapshot", None)
    return {name: getattr(row, name) for name in SPRINT_FIELDS} | {"books": kept and kept.frozen_at}


def parts(values):
    return chain.from_iterable(combinations(values.items(), n) for n in range(len(values) + 1))


@pytest.mark.parametrize("as_moments", [False, True], ids=["days", "moments"])
@pytest.mark.parametrize("way", KNOWN)
def test_what_is_known_and_told_once_more_in_any_part_changes_nothing(project, way, as_moments):
    before = known(project, way)
    values = {field: before[column] for field, column in COLUMNS.items() if before[column] not in (None, "")}
    if as_moments:
        days = {"starts_at": values.pop("starts_on", None), "ends_at": values.pop("ends_on", None)}
        values |= {field: at(day.day) for field, day in days.items() if day}

    for some in parts(values):
        tell(project, TrackedSprint(**{"external_id": "7", "name": "", **dict(some)}))
        assert present(project) == before, some


AHEAD, OVER_BY_NOW = at(25).date(), at(7).date()
RUNS_AGAIN = {"status": "active", "completed_at": None, "books": None}
#: What is known, what is told anew, and what it changes.
ANEW = [
    *((way, {"name": "Eight"}, {"name": "Eight"}) for way in KNOWN),
    *((way, {"goal": ""}, {"goal": ""}) for way in KNOWN),
    ("planned", {"starts_on": at(11).date()}, {"start_date": at(11).date()}),
    ("planned", {"starts_on": at(8).date()}, {"start_date": at(8).date(), "status": "active"}),
    ("planned", {"ends_on": AHEAD}, {"end_date": AHEAD}),
    ("planned", {"started_at": at(8)}, {"started_at": at(8), "status": "active"}),
    ("planned", {"state": "active"}, {"status": "active"}),
    ("planned", OVER, {"status": "completed", "completed_at": at(5)}),
    ("running", {"starts_on": at(1).date()}, {"start_date": at(1).date()}),
    ("running", {"starts_on": at(10).date()}, {"start_date": at(10).date()}),
    ("running", {"ends_on": AHEAD}, {"end_date": AHEAD}),
    ("running", {"ends_at": at(25)}, {"end_date": AHEAD}),
    ("running", {"ends_on": OVER_BY_NOW}, {"end_date": OVER_BY_NOW, "status": "completed", "books": at(TODAY)}),
    ("running", {"started_at": at(3)}, {"started_at": at(3)}),
    ("running", {"state": "planned"}, {"status": "planned", "started_at": None}),
    ("running", {"state": "completed"}, {"status": "completed", "books": at(TODAY)}),
    ("running", {"completed_at": at(8)}, {"status": "completed", "completed_at": at(8), "books": at(TODAY)}),
    ("running by its state alone", {"ends_on": AHEAD}, {"end_date": AHEAD}),
    ("running by its state alone", {"starts_on": AHEAD}, {"start_date": AHEAD}),
    ("closed, its last day ahead", {"starts_on": at(1).date()}, {"start_date": at(1).date()}),
    ("closed, its last day ahead", {"started_at": at(3)}, {"started_at": at(3)}),
    ("closed, its last day ahead", {"ends_on": AHEAD}, {"end_date": AHEAD, **RUNS_AGAIN}),
    ("closed, its last day ahead", {"ends_on": OVER_BY_NOW}, {"end_date": OVER_BY_NOW}),
    ("closed, its last day ahead", {"state": "active"}, RUNS_AGAIN),
    ("closed, its last day ahead", {"state": "open"}, RUNS_AGAIN),
    ("closed, its last day ahead", {"completed_at": at(8)}, {"completed_at": at(8), "books": at(TODAY)}),
    ("closed, its last day over", {"ends_on": AHEAD}, {"end_date": AHEAD, **RUNS_AGAIN}),
    ("closed at a moment that is not told", {"started_at": at(3)}, {"started_at": at(3)}),
    ("closed at a moment that is not told", {"state": "open"}, RUNS_AGAIN),
    ("closed by its plan", {"state": "active"}, {}),
    ("closed by its plan", {"state": "open"}, {}),
    ("closed by its plan", {"starts_on": at(1).date()}, {"start_date": at(1).date()}),
    ("closed by its plan", {"ends_on": AHEAD}, {"end_date": AHEAD, **RUNS_AGAIN}),
    ("closed by its team", {"state": "active", "ends_on": AHEAD}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("way", "said", "changed"), ANEW)
def test_what_is_told_anew_changes_itself_and_what_follows_from_it(project, way, said, changed):
    before = known(project, way)

    for _ in range(2):
        tell(project, TrackedSprint(**{"external_id": "7", "name": "", **said}))

        assert present(project) == before | changed


def test_days_that_a_tracker_moves_ahead_make_one_that_only_they_began_planned_again(project):
    tell(project, replace(RUNS, state="", started_at=None), on=3)
    assert seven(project).status == "active"

    tell(project, PLANNED)

    assert seven(project).status == "planned"


def test_time_alone_begins_and_ends_one_of_which_only_days_are_told(project):
    told = replace(PLANNED, starts_on=at(5).date(), ends_on=at(8).date())
    states = []
    for day in (4, 5, 8, 9):
        tell(project, told, on=day)
        states.append(seven(project).status)

    assert states == ["planned", "active", "active", "completed"]


def test_of_days_that_contradict_what_is_known_these_go(project):
    known(project, "running")

    tell(project, TrackedSprint(external_id="7", name="", starts_on=at(20).date()))
    assert (seven(project).start_date, seven(project).end_date) == (at(20).date(), None)

    tell(project, TrackedSprint(external_id="7", name="", ends_on=at(18).date()))
    assert (seven(project).start_date, seven(project).end_date) == (None, at(18).date())


def test_an_end_that_one_line_tells_is_known_to_the_next(project):
    known(project, "running")

    goal, plan = {"goal": "Another"}, {"ends_on": RUNS.ends_on}
    told = [TrackedSprint(**{"external_id": "7", "name": "", **said}) for said in (OVER, goal, plan)]
    tell(project, *told)

    row = seven(project)
    assert (row.status, row.completed_at, row.goal, row.snapshot.frozen_at) == (
        "completed", at(5), "Another", at(TODAY),
    )  # fmt: skip

    known_before = present(project)
    tell(project, TrackedSprint(external_id="7", name="", state="active"), told[0], on=TODAY + 1)
    assert present(project) == known_before | {"books": at(TODAY + 1)}


@pytest.mark.parametrize(
    ("read", "row"),
    [
        (sprint_of_milestone, {"id": 7, "start_date": "2026-03-02", "due_date": "2026-03-13", "state": "active"}),
        (sprint_of_iteration, {"id": 7, "start_date": "2026-03-02", "due_date": "2026-03-13", "state": "opened"}),
        (sprint_of, {"id": "7", "startsAt": "2026-03-02T09:00:00Z", "endsAt": "2026-03-14T09:00:00Z"}),
    ],
    ids=["milestone", "iteration", "cycle"],
)
def test_a_tracker_that_tells_of_no_end_of_an_open_one_opens_it_again(project, read, row):
    told = replace(read(row), external_id="7")
    tell(project, told, on=3)
    tell(project, replace(told, state="completed"), on=6)
    assert seven(project).status == "completed"

    tell(project, told)

    assert (seven(project).status, present(project)["books"]) == ("active", None)


def test_a_line_tells_that_one_is_open():
    (told,) = read_line(1, b'{"sprint": {"id": "7", "state": "open"}}', mapping_of({}))

    assert (told.state, told.is_bare) == ("open", False)


def test_one_that_ends_after_the_clock_here_keeps_its_books_where_nothing_is_said_of_its_end(project):
    tell(project, RUNS, on=3)
    tell(project, replace(RUNS, state="completed", completed_at=at(6) + timedelta(hours=9)), on=6)
    before = present(project)
    assert before["books"] == at(6)

    tell(project, TrackedSprint(external_id="7", name="", started_at=at(2)))

    assert present(project) == before


def test_what_is_in_books_is_read_of_one_sprint_at_a_time(project):
    known(project, "closed at a moment that is not told")

    with CaptureQueriesContext(connection) as queries:
        TrackedBoard(project, "jira", at(TODAY), ImportReport("SHOP", False))
        Sprints(project, "csv", at(TODAY), ImportReport("SHOP", False), Traces(), scope_is_recorded=True)
        take_late_news(list(Sprint.objects.values_list("pk", flat=True)), now=at(TODAY))

    # Of one whose books may be closed anew they are read under its lock.
    contents = [query["sql"] for query in queries if "pasts" in query["sql"]]
    assert all('"sprint_id" = ' in sql and "JOIN" not in sql for sql in contents)
