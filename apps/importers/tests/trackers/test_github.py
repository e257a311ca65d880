"""GitHub: issues, events and projects, hand-written and as recorded."""

from datetime import UTC, date, datetime

import pytest

from apps.importers.records import Person
from apps.importers.sources import github, github_projects
from apps.importers.sources.paging import graphql
from apps.importers.tests.trackers.server import Reply, client_of, needs_recorded, recorded, tracker
from apps.importers.tracked import Gap, Stage, TrackedIssue, TrackedSprint, value_at


def at(day, hour=9):
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def event(kind, day, **fields):
    return {"event": kind, "created_at": f"2026-03-{day:02}T09:00:00Z", "actor": {"login": "ada"}, **fields}


def row(number=1, **fields):
    said = {
        "id": 1_000 + number, "number": number, "title": "Pay by card", "state": "open", "labels": [], "assignees": [],
        "user": {"login": "ada"}, "created_at": "2026-03-01T09:00:00Z", "closed_at": None, "state_reason": None,
    }  # fmt: skip
    return said | fields


def closed(**fields):
    return row(state="closed", state_reason="completed", closed_at="2026-03-09T09:00:00Z", **fields)


def test_closing_reopening_and_closing_again_is_one_end_and_one_taken_back():
    story = [event("closed", 3, state_reason="completed"), event("reopened", 4), event("closed", 9)]
    issue = github.read_issue(1, closed(), list(reversed(story)))
    assert issue.resolved_at == at(9)
    assert [(change.old, change.at) for change in issue.changes if change.field == "resolved_at"] == [(at(3), at(4))]
    assert "status" in issue.recorded


@pytest.mark.parametrize(("reason", "name"), [("not_planned", "Not planned"), ("duplicate", "Duplicate")])
def test_what_is_closed_without_being_done_is_dropped(reason, name):
    issue = github.read_issue(1, closed() | {"state_reason": reason}, [event("closed", 9, state_reason=reason)])
    assert (issue.status, issue.status_category) == (name, "dropped")
    assert (issue.resolved_at, issue.dropped_at) == (None, at(9))


def test_a_label_of_progress_tells_when_work_began():
    label = {"label": {"name": "status: in progress"}}
    issue = github.read_issue(
        1, closed(), [event("labeled", 4, **label), event("unlabeled", 8, **label), event("closed", 9)]
    )
    assert (issue.started_at, issue.resolved_at) == (at(4), at(9))
    assert value_at(issue.changes, "labels", issue.labels, at(5)) == ("status: in progress",)


def test_the_column_of_a_project_tells_when_work_began_where_its_moves_are_told():
    moves = ({"event": "moved", "created_at": "2026-03-05T09:00:00Z", "from": "Todo", "actor": None},)
    issue = github.read_issue(1, row(), [], github_projects.Placed(column="In progress", moves=moves))
    assert (issue.status, issue.started_at, "status" in issue.recorded) == ("In progress", at(5), True)


def test_a_column_without_its_moves_is_no_evidence_of_when_work_began():
    issue = github.read_issue(1, row(), [], github_projects.Placed(column="In progress"))
    assert (issue.status_category, issue.started_at, "status" in issue.recorded) == ("in_progress", None, False)


def test_people_and_titles_are_known_as_of_any_day():
    story = [
        event("assigned", 2, assignee={"login": "ada"}),
        event("unassigned", 3, assignee={"login": "ada"}),
        event("assigned", 3, assignee={"login": "bob"}),
        event("renamed", 4, rename={"from": "Pay", "to": "Pay by card"}),
    ]
    issue = github.read_issue(1, row(assignees=[{"login": "bob"}]), story)
    assert value_at(issue.changes, "assignee", issue.assignee, at(1)) is None
    assert value_at(issue.changes, "assignee", issue.assignee, at(2, 10)) == Person("ada", "", "ada")
    assert value_at(issue.changes, "title", issue.title, at(3)) == "Pay"


def test_points_come_from_labels_projects_and_issue_fields():
    assert github.read_issue(1, row(labels=[{"name": "estimate: 3"}]), []).story_points == 3
    values = [{"issue_field_name": "Story Points", "value": 8}, {"issue_field_name": "Team", "value": "x"}]
    assert github_projects.with_fields(github_projects.Placed(), values).story_points == 8


# --- As recorded ------------------------------------------------------------------------------------------------------
@needs_recorded
def test_recorded_issues_are_thirteen_open_ones_without_pull_requests():
    rows = [row for page in range(1, 6) for row in recorded(f"github/issues_page{page}_of_5")]
    issues = [github.read_issue(line, row, []) for line, row in enumerate(rows)]
    assert len({issue.source_id for issue in issues}) == 13
    assert not any("pull_request" in row for row in rows)


@needs_recorded
def test_a_recorded_issue_that_was_not_planned_is_dropped():
    issue = github.read_issue(1, recorded("github/issue_closed_not_planned"), [])
    assert issue.status_category == "dropped"


@needs_recorded
def test_recorded_iterations_are_all_over_and_the_last_day_belongs_to_them():
    fields = recorded("github_projects/project_fields")["data"]["userOrOrganization"]["projectV2"]["fields"]["nodes"]
    sprints = list(github_projects.iterations_of(fields))
    assert [(sprint.name, sprint.starts_on, sprint.ends_on) for sprint in sprints] == [
        ("Iteration 3", date(2022, 8, 5), date(2022, 8, 18)),
        ("Iteration 2", date(2022, 7, 22), date(2022, 8, 4)),
        ("Iteration 1", date(2022, 7, 8), date(2022, 7, 21)),
    ]


@needs_recorded
def test_a_recorded_item_is_in_the_iteration_that_was_set():
    item = recorded("github_projects/item_after_iteration_set")["data"]["iteration"]["projectV2Item"]
    assert github_projects.placed_of(item).iteration == "44d7f5bd"


@needs_recorded
def test_the_numbers_of_all_recorded_pages_add_up():
    pages = [recorded(f"github_projects/project_items_page{page}") for page in range(1, 4)]
    found = []
    for page in pages:
        items = page["data"].get("userOrOrganization") or page["data"]["node"]
        nodes = (items.get("projectV2") or items)["items"]["nodes"]
        for node in nodes:
            for value in node["fieldValues"]["nodes"]:
                if value["__typename"] == "ProjectV2ItemFieldNumberValue":
                    value["field"]["name"] = "Points"
        found.append([github_projects.placed_of(node).story_points for node in nodes])
    assert ([len(page) for page in found], sum(found[0]), sum(map(sum, found))) == ([100, 100, 1], 5_050, 20_301)


# --- Asked ------------------------------------------------------------------------------------------------------------
ITERATIONS = {"configuration": {"iterations": [], "completedIterations": [
    {"id": "it1", "title": "One", "startDate": "2026-03-02", "duration": 14}]}}  # fmt: skip


def site(request):
    if request.path == "/graphql":
        last = {"hasNextPage": False, "endCursor": None}
        if "projectsV2" in request.body["query"]:
            nodes = [{"id": "PVT", "fields": {"nodes": [ITERATIONS]}}]
            return {"data": {"repository": {"projectsV2": {"nodes": nodes, "pageInfo": last}}}}
        values = [
            {"__typename": "ProjectV2ItemFieldIterationValue", "iterationId": "it1"},
            {"__typename": "ProjectV2ItemFieldNumberValue", "number": 5, "field": {"name": "Estimate"}},
        ]
        item = {"content": {"databaseId": 1_001}, "fieldValues": {"nodes": values}}
        return {"data": {"node": {"items": {"nodes": [item, None], "pageInfo": last}}}}
    issues = [closed(), row(2), row(3, pull_request={"url": "…"})]
    return {
        "/repos/a/b/issues": issues,
        "/repos/a/b/issues/events": [
            event("closed", 9, issue={"number": 1}),
            event("mentioned", 9, issue={"number": 2}),
        ],
        "/repos/a/b/issues/1/events": [event("closed", 9)],
        "/repos/a/b/issues/2/events": [],
    }.get(request.path, Reply({"message": "Not Found"}, 404))


@pytest.mark.parametrize("since", [None, at(8)])
def test_a_repository_is_told_with_its_projects(since):
    with tracker(site) as served:
        told = list(github.pull(client_of(served), "a/b", since))
    issues = [each for each in told if isinstance(each, TrackedIssue)]
    assert [(issue.external_id, issue.sprint_id, issue.story_points) for issue in issues] == [
        ("#1", "it1", 5),
        ("#2", "", None),
    ]
    assert issues[0].resolved_at == at(9)
    assert [each.name for each in told if isinstance(each, TrackedSprint)] == ["One"]
    asked = [request.params.get("since") for request in served.requests if request.path == "/repos/a/b/issues"]
    assert asked == ["2026-03-08T08:00:00Z" if since else None]


def test_projects_that_may_not_be_read_are_a_line_in_the_ledger():
    def answer(request):
        if request.path == "/graphql":
            return {"data": {"repository": None}, "errors": [{"type": "FORBIDDEN", "message": "no scope"}]}
        return site(request)

    with tracker(answer) as served:
        told = list(github.pull(client_of(served), "a/b", None))
    assert any(isinstance(each, Gap) and "projects may not be read" in each.what for each in told)
    assert sum(isinstance(each, TrackedIssue) for each in told) == 2


def test_the_limit_of_graphql_comes_with_status_200_and_is_waited_for():
    limit, slept = {"data": None, "errors": [{"type": "RATE_LIMITED", "message": "slow down"}]}, []

    def answer(request):
        return limit if not slept else {"data": {"viewer": {"id": 1}}}

    with tracker(answer) as served:
        assert graphql(client_of(served, sleep=slept.append), "query { viewer }", ("viewer",)) == {"id": 1}
    assert slept == [60.0]


def test_work_in_progress_keeps_the_name_of_its_column():
    placed = github_projects.Placed(column="In review")
    assert github.read_issue(1, row(), [], placed).status == Stage("In review", "in_progress").name
