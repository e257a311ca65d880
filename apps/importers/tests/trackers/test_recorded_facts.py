"""What was recorded of trackers and is told by no other test: each fact as the connector sees it."""

from collections import Counter
from datetime import UTC, date, datetime
from itertools import pairwise

import pytest

from apps.importers.sources import azure, github, github_projects, gitlab, jira, jira_rows, reading
from apps.importers.sources.client import AnswerUnusable, TrackerRefused, TrackerUnreachable
from apps.importers.sources.paging import cursor_pages, graphql, linked_pages, offset_pages
from apps.importers.tests.trackers.server import Reply, client_of, needs_recorded, recorded, tracker
from apps.importers.tests.trackers.test_jira_recorded import FIELDS, SPRINT, history, read_board, rows_of_board
from apps.importers.tracked import Gap, Stage, TrackedIssue, value_at

pytestmark = needs_recorded


# --- Jira Cloud -------------------------------------------------------------------------------------------------------
def test_the_recorded_board_has_thirty_issues_with_their_whole_history_newest_first():
    rows = rows_of_board()
    told = [entry for row in rows for entry in jira_rows.entries_of(row["changelog"]["histories"])]
    assert sum(len(row["changelog"]["histories"]) for row in rows) == 517
    assert sum(row["changelog"]["total"] for row in rows) == 517
    counts = Counter(entry.field for entry in told)
    assert len(told) == 709
    shown = ("status", "assignee", "resolution", SPRINT, "timeestimate", "timespent")
    assert {name: counts[name] for name in shown} == {
        "status": 165, "assignee": 41, "resolution": 30, SPRINT: 21, "timeestimate": 20, "timespent": 6,
    }  # fmt: skip
    times = [[entry.at for entry in jira_rows.entries_of(row["changelog"]["histories"])] for row in rows]
    assert all(each == sorted(each, reverse=True) for each in times)


def test_the_recorded_levels_are_read_whatever_the_language_of_the_types():
    _, issues = read_board(rows_of_board())
    assert Counter(issue.level for issue in issues) == {0: 18, -1: 12}
    assert {issue.external_id for issue in issues if issue.level == -1} == {f"EE-{n}" for n in range(25, 37)}


def test_fifteen_of_the_recorded_sprints_were_closed_early_and_none_of_another_board_is_lost():
    sprints = list(map(jira_rows.sprint_of, recorded("jira_cloud/ee_board8_sprints.rows")))
    assert (len(sprints), {sprint.state for sprint in sprints}) == (30, {"completed"})
    assert sum(sprint.completed_at < sprint.ends_at for sprint in sprints) == 15
    in_order = sorted((each for each in sprints if each.external_id != "15"), key=lambda each: each.started_at)
    overlaps = {
        (before.external_id, after.external_id)
        for before, after in pairwise(in_order)
        if after.started_at < before.completed_at
    }
    assert overlaps == {("18", "19"), ("25", "26"), ("57", "60")}


def test_statuses_that_the_site_no_longer_lists_are_decided_as_the_resolution_decides_them():
    """Both ways give the same 21 completed issues; to count the unknown ones as open gave 7."""
    stages = jira_rows.stages_of(recorded("jira_cloud/statuses.rows"))
    unlisted = {
        (entry.old_id, entry.old_text)
        for row in rows_of_board()
        for entry in jira_rows.entries_of(row["changelog"]["histories"])
        if entry.field == "status" and entry.old_id not in stages
    }
    assert {"5", "10000", "10020", "10029"} <= {key for key, _ in unlisted}
    reader, issues = read_board(rows_of_board())
    end = reader.sprints["7"].completed_at
    over = {
        issue.external_id
        for issue in issues
        if value_at(issue.changes, "sprint", issue.sprint_id, end) == "7"
        and value_at(issue.changes, "status", Stage(issue.status, issue.status_category), end).category
        in ("done", "dropped")
    }
    assert len(over) == 21


def test_what_left_a_sprint_before_it_began_belongs_to_no_sprint():
    reader, issues = read_board(rows_of_board())
    (issue,) = (issue for issue in issues if issue.external_id == "EE-20")
    assert value_at(issue.changes, "sprint", issue.sprint_id, datetime(2020, 6, 14, tzinfo=UTC)) == "9"
    assert (issue.sprint_id, reader.sprints["9"].started_at > datetime(2020, 6, 17, tzinfo=UTC)) == ("", True)


def test_the_recorded_kanban_has_twenty_one_histories_and_one_finished_issue():
    stages = jira_rows.stages_of(recorded("jira_cloud/sp_kanban_statuses"))
    reader = jira.Reader(FIELDS, stages, {}, FIELDS.told_of)
    rows = recorded("jira_cloud/sp_kanban_issues.rows")
    assert {row["key"]: len(row["changelog"]["histories"]) for row in rows} == {
        "SP-1": 4, "SP-2": 1, "SP-5": 8, "SP-7": 2, "SP-8": 3, "SP-11": 3,
    }  # fmt: skip
    issues = [reader.read(1, row, row["changelog"]["histories"]) for row in rows]
    (issue,) = (issue for issue in issues if issue.external_id == "SP-5")
    moves = [(change.new.name, change.at) for change in issue.changes if change.field == "status"]
    assert ("In Progress", datetime(2021, 8, 29, 18, 4, 49, 188_000, UTC)) in moves
    # This site's list puts "Selected for Development", the column Ready, among what is in progress.
    assert issue.started_at == datetime(2021, 6, 23, 12, 44, 38, 197_000, UTC)


def test_the_recorded_worklogs_add_up_and_were_begun_at_other_times_than_they_were_written():
    rows = recorded("jira_cloud/worklogs.rows")
    hours = [reading.hours_of_seconds(row["timeSpentSeconds"]) for row in rows]
    assert (len({row["id"] for row in rows}), len({row["issueId"] for row in rows})) == (30, 14)
    assert sum(hours) == pytest.approx(72 + 55 / 60)
    assert len({jira_rows.person_of(row["author"]) for row in rows}) == 3
    assert any(reading.moment(row["started"]) != reading.moment(row["created"]) for row in rows)


# --- Jira Data Center -------------------------------------------------------------------------------------------------
def test_labels_of_a_server_have_a_history_parted_by_blanks():
    hook = recorded("jira_dc/webhook_issue_updated_many_fields")
    reader = jira.Reader(FIELDS, {}, {}, (*FIELDS.asked, "resolution"))
    issue = reader.read(1, hook["issue"], [history(hook)])
    (change,) = issue.changes
    assert (issue.external_id, issue.description, change.field) == ("HEY-15", "", "labels")
    assert (len(change.old), len(change.new), change.new) == (6, 5, issue.labels)
    assert "labels" in issue.recorded


def test_an_answer_that_was_cut_does_not_keep_a_reader_for_ever():
    page = recorded("jira_dc/gojira_issues_in_sprint")
    with tracker(lambda request: page) as served:
        *pages, gap = offset_pages(client_of(served), "search", "issues")
    assert [len(found) for found in pages] == [1]
    assert isinstance(gap, Gap)
    assert gap.what == "10 issues were announced and 1 given"


def test_the_recorded_server_lists_what_it_has_and_its_fields_are_no_sprints_or_points():
    lists = {name: len(recorded(f"jira_dc/gojira_all_{name}")) for name in ("statuses", "priorities", "resolutions")}
    assert lists == {"statuses": 37, "priorities": 5, "resolutions": 23}
    assert len(recorded("jira_dc/gojira_all_statuscategories")) == 4
    assert jira_rows.fields_of(recorded("jira_dc/field_rows_dc")) == jira_rows.Fields()
    sprints = list(map(jira_rows.sprint_of, recorded("jira_dc/gojira_sprints")["values"]))
    assert {sprint.external_id: sprint.state for sprint in sprints} == {
        "740": "completed", "776": "completed", "807": "completed", "832": "active", "845": "planned", "846": "planned",
    }  # fmt: skip


# --- GitHub -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("page", "kept"), [(1, {"closed": 20, "labeled": 4}), (14, {"closed": 22, "assigned": 1, "labeled": 1})]
)
def test_of_the_recorded_events_those_of_issues_are_kept_without_the_issue_inside(page, kept):
    with tracker(lambda request: recorded(f"github/repo_issue_events_page{page}")) as served:
        found = github._events_of_all(client_of(served), "repos/a/b", [])
    events = [event for each in found.values() for event in each]
    assert Counter(event["event"] for event in events) == kept
    assert not any("issue" in event for event in events)


@pytest.mark.parametrize(
    ("name", "error", "told"),
    [
        ("error_401", TrackerRefused, "does not accept the token"),
        ("error_404_label", TrackerRefused, "is not there"),
        ("error_422_validation", AnswerUnusable, "answered 422: Validation Failed"),
    ],
)
def test_the_recorded_refusals_of_github_are_told_in_words(name, error, told):
    reply = Reply(recorded(f"github/{name}"), recorded(f"github/{name}.headers")["status"])
    with tracker(lambda request: reply) as served, pytest.raises(error, match=told):
        client_of(served).get("repos/a/b")


def test_a_page_of_html_from_a_server_that_is_down_is_asked_for_again_and_then_told():
    reply = Reply(raw=b"<html>Unicorn</html>", status=recorded("github/error_service_down.headers")["status"])
    with tracker(lambda request: reply) as served, pytest.raises(TrackerUnreachable, match="answered 503 5 times"):
        client_of(served).get("repos/a/b")


def test_the_recorded_pages_of_a_project_are_followed_by_their_cursors():
    asked = []

    def ask(cursor, most):
        asked.append(cursor)
        data = recorded(f"github_projects/project_items_page{len(asked)}")["data"]
        found = data.get("userOrOrganization") or data["node"]
        return (found.get("projectV2") or found)["items"]

    items = [item for page in cursor_pages(ask, 100) for item in page]
    assert (asked, len(items), {item["type"] for item in items}) == (["", "MTAw", "MjAw"], 201, {"ISSUE"})
    assert {github_projects.placed_of(item).iteration for item in items} == {""}


def test_a_node_that_is_not_there_is_told_though_the_answer_is_200():
    with (
        tracker(lambda request: recorded("github_projects/error_200_not_found_node")) as served,
        pytest.raises(TrackerRefused, match="Could not resolve to a node"),
    ):
        graphql(client_of(served), "query { node }", ("node",))


def test_the_recorded_fields_of_a_project_are_thirteen_with_one_of_iterations():
    fields = recorded("github_projects/project_fields")["data"]["userOrOrganization"]["projectV2"]["fields"]["nodes"]
    assert (len(fields), len(list(github_projects.iterations_of(fields)))) == (13, 3)


# --- GitLab -----------------------------------------------------------------------------------------------------------
def test_a_last_page_with_an_empty_header_and_links_of_two_versions_is_the_last():
    told = recorded("gitlab/paged_notes_with_headers.headers")["headers"]
    headers = {name: told[name] for name in ("Link", "X-Next-Page", "X-Total", "X-Total-Pages", "X-Page")}
    assert (headers["X-Next-Page"], headers["X-Total"]) == ("", "3")
    with tracker(lambda request: Reply(recorded("gitlab/paged_notes_with_headers"), headers=headers)) as served:
        pages = list(linked_pages(client_of(served), "notes"))
    assert ([len(page) for page in pages], len(served.requests)) == ([3], 1)


def test_recorded_label_events_of_merge_requests_and_epics_are_none_of_an_issue():
    rows = recorded("gitlab/g4j_label_events")
    kinds = Counter(row["resource_type"] for row in rows)
    assert (len(rows), len(kinds)) == (6, 3)
    assert len(gitlab.Story({"label": rows}).of("label")) == kinds["Issue"]


def test_recorded_state_events_close_an_issue_once():
    story = gitlab.Story({"state": recorded("gitlab/narkoz_issue_resource_state_events"), "label": []})
    row = {"id": 11, "iid": 1, "title": "x", "state": "closed", "created_at": "2018-08-20T13:38:20.077Z"}
    issue = gitlab.read_issue(1, row, story)
    assert [change.field for change in issue.changes] == ["status"]
    assert issue.resolved_at == datetime(2018, 8, 21, 14, 38, 20, 77_000, UTC)


def test_recorded_milestones_of_a_group_are_on_six_issues_and_no_time_is_tracked():
    rows = recorded("gitlab/project_issues.rows")
    issues = [gitlab.read_issue(line, row, gitlab.Story()) for line, row in enumerate(rows)]
    assert (sum(bool(row["milestone"]) for row in rows), {row.get("iteration") for row in rows}) == (6, {None})
    assert {(issue.estimated_hours, issue.actual_hours) for issue in issues} == {(None, None)}
    assert {"workflow::5 - development", "Priority::3-Other"} <= {label for issue in issues for label in issue.labels}


def test_of_the_recorded_notes_four_were_written_by_people():
    assert Counter(row["system"] for row in recorded("gitlab/merge_request_notes.rows")) == {True: 22, False: 4}


# --- Azure DevOps -----------------------------------------------------------------------------------------------------
def test_the_recorded_feed_is_three_revisions_of_two_items_and_its_last_batch_ends_it():
    batch = recorded("azure_devops/reporting_workitemrevisions")
    assert (batch["isLastBatch"], bool(batch["nextLink"])) == (True, True)
    with tracker(lambda request: batch) as served:
        found = list(azure._revisions(client_of(served), "P/_apis/wit", None))
    assert Counter(row["id"] for row in found) == {1: 2, 2: 1}
    assert len(served.requests) == 1
    revisions = [{"System.Rev": row["rev"], **row["fields"]} for row in found if row["id"] == 1]
    issue = azure.read_issue(1, "1", revisions, azure.Site())
    assert isinstance(issue, TrackedIssue)
    assert issue.reporter.email.endswith("example.com")
    assert issue.created_at == datetime(2014, 3, 18, 17, 16, 56, 250_000, UTC)


def test_recorded_updates_of_links_alone_are_no_revisions_and_ids_are_none_of_them():
    updates = azure.values_of(recorded("azure_devops/workitem_updates"))
    assert [each["id"] for each in updates if not each.get("fields")] == [3, 4, 5, 12]
    assert [each["id"] for each in updates] != [each["rev"] for each in updates]
    assert updates[-1]["revisedDate"].startswith("9999")
    assert max(row["System.ChangedDate"] for row in azure.revisions_of_updates(updates)) < "2018"


def test_the_paths_of_the_recorded_tree_are_those_of_work_items_and_its_last_days_belong():
    site = azure.Site()
    azure.read_tree(site, recorded("azure_devops/classification_iterations_tree"))
    dated = {sprint.name: (sprint.starts_on, sprint.ends_on) for sprint in site.sprints.values() if sprint.ends_on}
    assert all(isinstance(day, date) for days in dated.values() for day in days if day)
    assert not any(path in site.paths for path in ("Fabrikam-Fiber-Git", "Fabrikam-Fiber-Git\\Release 1"))


def test_recorded_team_iterations_have_no_dates_and_still_a_time():
    rows = azure.values_of(recorded("azure_devops/live_team_iterations"))
    assert [row["attributes"]["timeFrame"] for row in rows] == ["current", "future"]
    assert {row["attributes"]["startDate"] for row in rows} == {None}


@pytest.mark.parametrize(
    ("name", "status", "error", "told"),
    [
        ("live_error_400_iteration", 400, AnswerUnusable, "TF400497"),
        ("live_error_404_project", 404, TrackerRefused, "is not there"),
    ],
)
def test_the_recorded_refusals_of_azure_are_told_in_words(name, status, error, told):
    with (
        tracker(lambda request: Reply(recorded(f"azure_devops/{name}"), status)) as served,
        pytest.raises(error, match=told),
    ):
        client_of(served).get("Project/_apis/wit")
