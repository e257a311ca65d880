"""A sprint of which only the name is told keeps when it ran, and its books: nothing said is not none."""

import json
from datetime import date
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from apps.accounts.tests.factories import UserFactory
from apps.importers import runs
from apps.importers.keeping import begun, ended, failing
from apps.importers.models import ImportRun
from apps.importers.sources import azure, jira_cloud
from apps.importers.sources.client import TrackerRefused
from apps.importers.syncing import import_told
from apps.importers.tests.trackers.test_reopened import at, seven, sprint, sync
from apps.importers.tracked import TrackedSprint
from apps.projects.history.snapshots import freeze
from apps.projects.models import Issue, Sprint, SprintSnapshot
from apps.projects.tests.factories import ProjectFactory, SprintFactory

pytestmark = pytest.mark.django_db
ROW = {"id": 7, "name": "Seven", "startDate": "2026-03-02T09:00:00.000Z", "endDate": "2026-03-13T09:00:00.000Z"}
ACTIVE, CLOSED = ROW | {"state": "active"}, ROW | {"state": "closed", "completeDate": "2026-03-05T09:00:00.000Z"}
NAME = {"external_id": "7", "name": "Seven"}


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


def life(project):
    row = seven(project)
    kept = getattr(row, "snapshot", None)
    return (
        row.status, row.start_date, row.end_date, row.started_at, row.completed_at,
        kept and (kept.frozen_at, kept.completed_points),
    )  # fmt: skip


def closed(project):
    sync(project, sprint(goal="Ship"), on=3)
    sync(project, sprint("completed", completed=5), on=6, done=4)
    known = life(project)
    assert known == ("completed", at(2).date(), at(13).date(), at(2), at(5), (at(6), 5.0))
    return known


@pytest.mark.parametrize(
    "said",
    [NAME, NAME | {"is_only_named": True}, NAME | {"name": ""}, NAME | {"state": "completed"},
     NAME | {"completed_at": at(5)}, NAME | {"state": "completed", "completed_at": at(5)}],
)  # fmt: skip
def test_what_is_not_told_of_a_closed_sprint_stays(project, said):
    known = closed(project)

    for day in (7, 20):
        sync(project, TrackedSprint(**said), on=day, done=4)

    assert life(project) == known
    assert (seven(project).name, seven(project).goal) == ("Seven", "Ship")


def test_nor_is_one_that_runs_or_that_its_plan_closed_changed(project):
    sync(project, sprint(ends=4), on=3)
    known = life(project)
    sync(project, TrackedSprint(**NAME), on=4)
    assert life(project) == known

    sync(project, sprint(ends=4), on=6)
    known = life(project)
    sync(project, TrackedSprint(**NAME), on=7)
    assert known[-1] is not None
    assert life(project) == known


def test_its_end_is_kept_where_the_tracker_s_clock_is_ahead(project):
    sync(project, sprint(), on=3)
    sync(project, sprint("completed", completed=7), on=6)
    known = life(project)

    sync(project, TrackedSprint(**NAME), on=7)

    assert life(project) == known
    assert known[-1] is not None


def test_a_new_name_is_taken_but_not_one_that_a_history_once_gave(project):
    closed(project)

    sync(project, TrackedSprint(external_id="7", name="Of old", is_only_named=True), on=7)
    assert seven(project).name == "Seven"

    sync(project, TrackedSprint(external_id="7", name="Renamed"), on=8)
    assert seven(project).name == "Renamed"


def test_one_that_nobody_knows_is_made_and_told_whole_later(project):
    sync(project, TrackedSprint(external_id="7", name="", is_only_named=True), on=3)
    assert (seven(project).name, *life(project)) == ("Sprint 7", "planned", None, None, None, None, None)

    sync(project, sprint(), on=4)

    assert (seven(project).name, *life(project)[:3]) == ("Seven", "active", at(2).date(), at(13).date())


def test_a_goal_of_which_a_tracker_says_nothing_is_the_team_s(project):
    sync(project, sprint(), on=3)
    Sprint.objects.update(goal="Ours")

    sync(project, sprint(), on=4)
    assert seven(project).goal == "Ours"

    sync(project, sprint(goal=""), on=5)
    assert seven(project).goal == ""


def test_an_iteration_whose_dates_cannot_be_read_keeps_them(project):
    site = azure.Site()
    node = {"id": 7, "name": "Seven", "attributes": {"startDate": "the second"}}
    azure.read_tree(site, {"id": 1, "name": "Shop", "children": [node]})
    known = closed(project)

    sync(project, site.sprints["7"], on=7, done=4)

    assert life(project) == known


# --- Jira -------------------------------------------------------------------------------------------------------------
def move(day, old, new):
    names = {"7": "Seven", "": ""}
    item = {"field": "Sprint", "fieldId": "customfield_1", "from": old, "to": new,
            "fromString": names[old], "toString": names[new]}  # fmt: skip
    return {"created": f"2026-03-0{day}T08:00:00.000+0000", "author": {"accountId": "ada"}, "items": [item]}


def jira_issue(number, held):
    """One that was in the sprint, and is still where it holds it."""
    fields = {
        "summary": "x", "created": "2026-03-01T00:00:00.000+0000", "status": {"id": "1", "name": "Open"},
        "issuetype": {"id": "1", "name": "Story"}, "customfield_1": [held] if held else None,
    }  # fmt: skip
    histories = [move(2, "", "7")] if held else [move(2, "", "7"), move(3, "7", "")]
    return {"id": str(number), "key": f"A-{number}", "fields": fields}, histories


def site(issues, boards):
    def say(path, *_, **__):
        if path.endswith("field"):
            schema = {"custom": "com.pyxis.greenhopper.jira:gh-sprint"}
            data = [{"id": "summary"}, {"id": "customfield_1", "name": "Sprint", "schema": schema}]
        elif path.endswith("status"):
            data = [{"id": "1", "name": "Open", "statusCategory": {"key": "new"}}]
        elif path.endswith("/sprint"):
            data = {"values": boards, "isLast": True}
        elif path.endswith("board"):
            if boards is None:
                raise TrackerRefused("403")
            data = {"values": [{"id": 1, "type": "scrum"}], "isLast": True}
        elif path.endswith("search/jql"):
            data = {"issues": [row for row, _ in issues]}
        else:
            data = {"issueChangeLogs": [{"issueId": row["id"], "changeHistories": told} for row, told in issues]}
        return SimpleNamespace(data=data)

    return SimpleNamespace(get=say, post=say)


def pull(project, issues, boards, on):
    run = begun(project, "jira", now=at(on))
    with failing(run):
        report = import_told(
            jira_cloud.pull(site(issues, boards), "A", None), project=project, source="jira",
            fields=frozenset({"title", "sprint", "status"}), now=at(on), run=run,
        )  # fmt: skip
    return ended(run, ImportRun.Status.COMPLETED, report=report.as_dict())


@pytest.mark.parametrize("boards", [None, []], ids=["boards refused", "sprint deleted"])
def test_a_history_that_names_a_sprint_which_no_board_lists_takes_nothing_of_it(project, boards):
    pull(project, [jira_issue(1, None), jira_issue(2, ACTIVE)], [ACTIVE], on=3)
    pull(project, [jira_issue(2, CLOSED)], [CLOSED], on=6)
    known = life(project)
    assert known[-1] is not None

    pull(project, [jira_issue(1, None)], boards, on=7)

    assert life(project) == known


def test_without_boards_a_sprint_that_an_issue_tells_whole_takes_the_place_of_its_name(project):
    pull(project, [jira_issue(1, None), jira_issue(2, CLOSED)], None, on=8)

    assert life(project) == ("completed", at(2).date(), at(13).date(), at(2), at(5), None)


# --- Lines ------------------------------------------------------------------------------------------------------------
def lines(project, *rows, on):
    content = "\n".join(json.dumps(row) for row in rows)
    run = runs.ask_upload(
        project, name="a.jsonl", content=content.encode(), by=UserFactory(is_superuser=True), now=at(on)
    )
    assert runs.execute(run.pk, now=at(on)).status == "completed"


def test_a_file_leaves_of_an_issue_what_none_of_its_lines_speaks_of(project):
    told = {"id": "s1", "name": "S", "state": "active", "starts_on": "2026-03-02", "ends_on": "2026-03-13"}
    one = {"id": "A-1", "title": "One", "status": "Done", "type": "Bug", "sprint": "s1", "parent": "A-2",
           "started_at": "2026-03-03T09:00:00Z", "resolved_at": "2026-03-04T09:00:00Z"}  # fmt: skip
    lines(project, {"sprint": told}, {"id": "A-2", "title": "Two", "type": "Epic", "level": 1}, one, on=5)
    names = ("sprint", "status", "issue_type", "parent", "started_at", "resolved_at", "last_moved_at")
    before = Issue.objects.values_list(*names).get(external_id="A-1")
    assert all(before[:6])

    lines(project, {"sprint": {"id": "s1"}}, {"id": "A-1", "title": "New"}, on=6)

    assert Issue.objects.values_list(*names).get(external_id="A-1") == before
    assert Issue.objects.get(external_id="A-1").title == "New"
    row = Sprint.objects.get()
    assert (row.name, row.start_date, row.end_date) == ("S", date(2026, 3, 2), date(2026, 3, 13))


# --- The update -------------------------------------------------------------------------------------------------------
def update():
    state = MigrationLoader(connection).project_state(("projects", "0021_sizes_that_are_none"))
    import_module("apps.projects.migrations.0022_what_runs_has_not_ended").take_back_ends(state.apps, None)


def test_the_update_keeps_the_books_of_a_sprint_whose_end_and_dates_were_taken_away(project):
    closed(project)
    Sprint.objects.update(status="planned", start_date=None, end_date=None, started_at=None, completed_at=None)
    reopened = SprintFactory(project=project, source="jira", external_id="8", status="planned", completed_at=None)
    freeze(reopened, now=at(6))

    update()

    assert life(project) == ("completed", None, None, None, at(6), (at(6), 5.0))
    assert list(SprintSnapshot.objects.values_list("pk", flat=True)) == [seven(project).pk]

    # Its dates come back where they are told once more.
    sync(project, sprint("completed", completed=5), on=7, done=4)
    assert life(project) == ("completed", at(2).date(), at(13).date(), None, at(6), (at(6), 5.0))
