"""Azure DevOps: revisions, updates, iterations, hand-written and as recorded."""

from datetime import UTC, date, datetime

import pytest

from apps.importers.records import RowError
from apps.importers.sources import azure
from apps.importers.sources.reading import text_of_html
from apps.importers.tests.trackers.server import client_of, needs_recorded, recorded, tracker
from apps.importers.tracked import Gap, Stage, TrackedIssue, TrackedSprint, value_at

TREE = {
    "id": 1, "name": "Shop", "path": "\\Shop\\Iteration", "children": [
        {"id": 2, "name": "Release", "children": [
            {"id": 3, "name": "Sprint 1",
             "attributes": {"startDate": "2026-03-02T00:00:00Z", "finishDate": "2026-03-13T00:00:00Z"}},
            {"id": 4, "name": "Sprint 2"},
        ]},
    ],
}  # fmt: skip
STATES = [{"name": name, "category": category} for name, category in
          (("New", "Proposed"), ("Active", "InProgress"),
           ("Resolved", "Resolved"), ("Closed", "Completed"), ("Removed", "Removed"))]  # fmt: skip


def at(day):
    return datetime(2026, 3, day, 9, tzinfo=UTC)


def revision(rev, day, **fields):
    names = {"state": "System.State", "path": "System.IterationPath", "points": azure.POINT_FIELDS[0],
             "who": "System.AssignedTo", "reason": "System.Reason", "deleted": "System.IsDeleted"}  # fmt: skip
    return {
        "System.Rev": rev, "System.ChangedDate": f"2026-03-{day:02}T09:00:00Z", "System.WorkItemType": "User Story",
        "System.CreatedDate": "2026-03-01T09:00:00Z", "System.Title": "Search", "System.Id": 9,
        **{names[name]: value for name, value in fields.items()},
    }  # fmt: skip


REVISIONS = [
    revision(1, 1, state="New", path="Shop"),
    revision(2, 2, state="New", path="Shop\\Release\\Sprint 1", points=3.0),
    revision(3, 3, state="Active", path="Shop\\Release\\Sprint 1", points=3.0, who="Ada <ada@example.org>"),
    revision(4, 8, state="Resolved", path="Shop\\Release\\Sprint 1", points=5.0, who="Ada <ada@example.org>"),
    revision(5, 14, state="Closed", path="Shop\\Release\\Sprint 2", points=5.0, who="Ada <ada@example.org>"),
]


@pytest.fixture
def site():
    site = azure.Site()
    azure.read_tree(site, TREE)
    site.stages |= dict(azure.stages_of("User Story", STATES))
    return site


def test_only_leaves_and_what_has_dates_are_sprints_and_the_last_day_belongs_to_them(site):
    assert {key: (sprint.name, sprint.ends_on) for key, sprint in site.sprints.items()} == {
        "3": ("Sprint 1", date(2026, 3, 13)),
        "4": ("Sprint 2", None),
    }
    assert site.place({"System.IterationPath": "Shop"}) == ""
    assert site.place({"System.IterationPath": "Shop\\Release"}) == ""


def test_revisions_become_the_history_of_a_work_item_whatever_their_order(site):
    issue = azure.read_issue(1, "9", list(reversed(REVISIONS)), site)
    assert (issue.started_at, issue.resolved_at, issue.sprint_id) == (at(3), at(14), "4")
    assert [value_at(issue.changes, "sprint", issue.sprint_id, at(day)) for day in (1, 2, 14)] == ["", "3", "4"]
    assert value_at(issue.changes, "status", None, at(8)) == Stage("Resolved", "in_progress")
    assert [value_at(issue.changes, "story_points", issue.story_points, at(day)) for day in (1, 5, 8)] == [None, 3, 5]
    assert issue.assignee.email == "ada@example.org"


def test_a_reason_that_delivers_nothing_drops_the_item_and_so_does_deletion(site):
    cut = azure.read_issue(1, "9", [*REVISIONS[:2], revision(3, 5, state="Closed", reason="Duplicate")], site)
    assert (cut.status, cut.status_category, cut.dropped_at) == ("Duplicate", "dropped", at(5))
    gone = azure.read_issue(1, "9", [*REVISIONS, revision(6, 20, state="Closed", deleted=True)], site)
    assert (gone.status_category, gone.resolved_at, gone.dropped_at) == ("dropped", None, at(20))


def test_an_iteration_that_the_tree_no_longer_holds_lives_on_in_the_history(site):
    revisions = [revision(1, 1, state="New", path="Shop\\Old\\Sprint 0"), revision(2, 2, state="New", path="Shop")]
    assert [sprint.name for sprint in azure.sprints_in(revisions, site)] == ["Sprint 0"]


def test_a_history_that_begins_late_is_not_taken_for_whole(site):
    assert azure.read_issue(1, "9", REVISIONS[2:], site).recorded == frozenset()


# --- As recorded ------------------------------------------------------------------------------------------------------
@needs_recorded
def test_recorded_updates_are_nine_revisions_with_the_moves_of_the_sample():
    updates = azure.values_of(recorded("azure_devops/workitem_updates"))
    revisions = azure.revisions_of_updates(updates)
    assert (len(updates), len(revisions)) == (13, 9)
    site = azure.Site()
    site.stages |= dict(azure.stages_of("Bug", azure.values_of(recorded("azure_devops/workitem_type_states"))))
    issue = azure.read_issue(1, "1", revisions, site)
    changes = {change.field: change for change in issue.changes}
    moved = datetime(2017, 9, 4, 2, 36, 18, 750_000, UTC)
    assert (changes["status"].old.name, changes["status"].new.name, changes["status"].at) == ("New", "Active", moved)
    assert (changes["sprint"].old, changes["sprint"].new, changes["sprint"].at) == (
        "MyAgilePro1\\Iteration 1", "MyAgilePro1\\Iteration 2", moved,
    )  # fmt: skip
    size = changes["story_points"]
    assert (size.old, size.new, size.at) == (None, 3.0, datetime(2017, 9, 4, 2, 36, 41, 253_000, UTC))


@needs_recorded
def test_resolved_is_not_done():
    stages = dict(azure.stages_of("Bug", azure.values_of(recorded("azure_devops/workitem_type_states"))))
    assert {name: stage.category for (_, name), stage in stages.items()} == {
        "New": "to_do", "Active": "in_progress", "CustomState": "in_progress", "Resolved": "in_progress",
        "Closed": "done",
    }  # fmt: skip


@needs_recorded
def test_recorded_trees_have_no_sprint_for_their_root_and_dates_where_they_are():
    site = azure.Site()
    azure.read_tree(site, recorded("azure_devops/live_iterations_depth2"))
    assert all("\\" in path for path in site.paths)
    assert azure.values_of(recorded("azure_devops/team_iteration_current"))[0]["name"] == "Sprint 2"
    assert azure.values_of(recorded("azure_devops/live_team_iterations_empty")) == []


# --- Asked ------------------------------------------------------------------------------------------------------------
def answer(request):
    base = "/org/Shop/_apis/wit"
    host = request.headers["host"]
    batch = [{"id": 9, "rev": row["System.Rev"], "fields": row} for row in REVISIONS]
    if request.path == f"{base}/reporting/workitemrevisions":
        is_second = request.params.get("continuationToken") == "2"
        # The last batch has a link all the same.
        link = f"http://{host}{request.path}?continuationToken={3 if is_second else 2}"
        return {"values": batch[3:] if is_second else batch[:3], "nextLink": link, "isLastBatch": is_second}
    if request.path == f"{base}/workitems/9/updates":
        names = {name for row in REVISIONS for name in row}
        updates = []
        for number, row in enumerate(REVISIONS, start=1):
            old = REVISIONS[number - 2] if number > 1 else {}
            changed = {name: {"newValue": row.get(name)} for name in names if row.get(name) != old.get(name)}
            updates += [{"id": number * 10, "rev": number, "fields": changed}, {"id": number * 10 + 1, "rev": number}]
        return {"value": updates}
    return {
        f"{base}/workitemtypes": {"value": [{"name": "User Story"}]},
        f"{base}/workitemtypes/User%20Story/states": {"value": STATES},
        f"{base}/classificationnodes/iterations": TREE,
    }[request.path]


def test_the_feed_and_the_updates_of_one_item_tell_the_same():
    told = {}
    for since in (None, at(10)):
        with tracker(answer) as served:
            told[since] = list(azure.pull(client_of(served, "/org"), "Shop", since))
    whole, later = ([each for each in list_ if isinstance(each, TrackedIssue)] for list_ in told.values())
    assert len(whole) == 1
    assert whole == later
    assert [each.name for each in told[None] if isinstance(each, TrackedSprint)] == ["Sprint 1", "Sprint 2"]


@pytest.mark.parametrize("digits", [8, 4_301, 50_000])
def test_a_character_that_is_none_ends_no_import(digits):
    assert text_of_html(f"<p>before &#{'1' * digits}; after &#66;</p>") == "before \ufffd after B"


# --- A feed that is not whole -----------------------------------------------------------------------------------------
def feed_of(*batches, leads_back=False):
    """A site whose feed is of these revisions of one item; one that leads back never tells that it has ended."""

    def told(request):
        if "workitemrevisions" not in request.path:
            return answer(request)
        page = int(request.params.get("continuationToken", 0))
        last = len(batches) - 1
        link = f"http://{request.headers['host']}{request.path}?continuationToken={min(page + 1, last)}"
        return {"values": batches[page], "nextLink": link, "isLastBatch": page == last and not leads_back}

    return told


FIRST = [{"id": 9, "rev": row["System.Rev"], "fields": row} for row in REVISIONS[:3]]
DELETED = {"id": 8, "rev": 2, "fields": revision(2, 9, state="Closed", deleted=True)}


@pytest.mark.parametrize(
    "site",
    [
        feed_of(FIRST[:1], FIRST[1:], leads_back=True),
        feed_of([*FIRST, {"id": 9, "rev": 4}]),
        feed_of([*FIRST, {"rev": 4, "fields": REVISIONS[3]}]),
    ],
)
def test_what_a_feed_tells_that_is_not_whole_is_asked_of_each_item(site):
    with tracker(site) as served:
        told = list(azure.pull(client_of(served, "/org"), "Shop", None))
    (issue,) = (each for each in told if isinstance(each, TrackedIssue))
    assert (issue.status, issue.resolved_at, issue.sprint_id) == ("Closed", at(14), "4")
    assert any(isinstance(each, Gap | RowError) and each not in azure.LEDGER for each in told)


def test_what_such_a_feed_tells_to_be_deleted_is_an_error_for_it_may_be_there_again():
    with tracker(feed_of([*FIRST, DELETED], leads_back=True)) as served:
        told = list(azure.pull(client_of(served, "/org"), "Shop", None))
    rows = [each for each in told if isinstance(each, TrackedIssue | RowError)]
    assert [(each.external_id, type(each)) for each in rows] == [("8", RowError), ("9", TrackedIssue)]
