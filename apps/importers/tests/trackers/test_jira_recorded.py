"""Jira as it was recorded: the facts that two programs computed from these answers, reproduced."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from apps.importers.records import Person
from apps.importers.sources import jira, jira_rows
from apps.importers.tests.trackers.books import books
from apps.importers.tests.trackers.server import needs_recorded, recorded
from apps.importers.tracked import gaps_in

pytestmark = needs_recorded
SPRINT = "customfield_10020"
FIELDS = jira_rows.Fields(sprint=SPRINT)


def rows_of_board():
    return [row for part in range(1, 5) for row in recorded(f"jira_cloud/ee_board8_issues_part{part}.rows")]


def read_board(rows):
    sprints = {str(row["id"]): jira_rows.sprint_of(row) for row in recorded("jira_cloud/ee_board8_sprints.rows")}
    stages = jira_rows.stages_of(recorded("jira_cloud/statuses.rows"))
    reader = jira.Reader(FIELDS, stages, sprints, FIELDS.told_of)
    return reader, [reader.read(n, row, row["changelog"]["histories"]) for n, row in enumerate(rows)]


@pytest.fixture(scope="module")
def board():
    return read_board(rows_of_board())


def test_the_field_list_gives_the_sprint_field_and_both_fields_of_points():
    fields = jira_rows.fields_of(recorded("jira_cloud/v3_fields.rows"))
    assert fields == jira_rows.Fields("customfield_10020", ("customfield_10016", "customfield_10028"))


def test_the_status_list_says_that_abandoned_work_is_not_done():
    stages = jira_rows.stages_of(recorded("jira_cloud/v3_statuses.rows"))
    assert len(stages) == 8
    assert {stage.category for stage in stages.values() if stage.name == "Abandoned"} == {"dropped"}


# Jira itself counts 21 as completed in sprint 7: four of them were resolved as "Won't Do".
REPORTS = {
    "7": {"committed": 16, "added": 13, "removed": 2, "done": 17, "dropped": 4, "unfinished": 6},
    "9": {"committed": 1, "added": 0, "removed": 1, "done": 0, "dropped": 0, "unfinished": 0},
    "17": {"committed": 1, "added": 0, "removed": 0, "done": 1, "dropped": 0, "unfinished": 0},
}


@pytest.mark.parametrize("sprint", REPORTS)
def test_the_sprint_reports_equal_the_trackers_own(board, sprint):
    reader, issues = board
    found = {name: len(keys) for name, keys in books(reader.sprints[sprint], issues).items()}
    found["unfinished"] = found.pop("to_do") + found.pop("in_progress")
    assert found == REPORTS[sprint]


def test_the_books_of_sprint_seven_name_the_issues_that_jira_names(board):
    reader, issues = board
    found = books(reader.sprints["7"], issues)
    assert found["removed"] == ["EE-17", "EE-19"]
    assert found["committed"] == [f"EE-{n}" for n in (1, 2, 3, 4, 5, 6, 8, 9, 10, 14, 15, 16, 17, 19, 23, 24)]
    assert found["added"] == [f"EE-{n}" for n in range(25, 38)]
    assert found["to_do"] + found["in_progress"] == [f"EE-{n}" for n in (2, 3, 4, 8, 9, 10)]
    assert sorted(found["done"] + found["dropped"]) == sorted(
        f"EE-{n}" for n in (1, 5, 6, 14, 15, 16, 23, 24, *range(25, 38))
    )


def test_no_issue_is_open_and_hours_add_up_to_what_jira_holds(board):
    _, issues = board
    assert Counter(issue.status_category for issue in issues) == {"done": 25, "dropped": 5}
    estimates = [issue.estimated_hours for issue in issues if issue.estimated_hours]
    assert (sum(estimates), len(estimates)) == (83, 12)
    assert sum(issue.actual_hours or 0 for issue in issues) == 22


def test_an_issue_wanders_through_sprints_as_its_history_says(board):
    _, issues = board
    issue = next(issue for issue in issues if issue.external_id == "EE-17")
    moves = [(change.old, change.new) for change in issue.changes if change.field == "sprint"]
    assert moves == [("", "7"), ("7", "9"), ("9", ""), ("", "9"), ("9", "17")]
    assert (issue.sprint_id, issue.source_id) == ("17", "10079")


def test_the_history_of_every_recorded_field_leads_to_what_it_holds(board):
    _, issues = board
    assert [gap for issue in issues for gap in gaps_in(issue)] == []


def test_the_order_of_histories_and_of_issues_does_not_matter(board):
    rows = rows_of_board()
    # Parents come first, as they were created; sub-tasks among themselves in any order.
    turned = [*rows[:17], *reversed(rows[17:])]
    for row in turned:
        row["changelog"]["histories"].reverse()
    _, issues = read_board(turned)
    plain = {issue.source_id: (issue.changes, issue.status, issue.sprint_id, issue.resolved_at) for issue in board[1]}
    assert {
        issue.source_id: (issue.changes, issue.status, issue.sprint_id, issue.resolved_at) for issue in issues
    } == plain


def test_a_running_sprint_of_another_board_is_read_from_the_issues_that_are_in_it():
    reader = jira.Reader(FIELDS, {}, {}, FIELDS.told_of)
    rows = recorded("jira_cloud/k5_board93_issues.rows")
    sprints = [sprint for row in rows for sprint in reader.sprints_in(row, row["changelog"]["histories"])]
    issues = [reader.read(1, row, row["changelog"]["histories"]) for row in rows]
    assert {issue.external_id: issue.sprint_id for issue in issues} == {"K5-2": "175", "K5-3": "175", "K5-4": ""}
    assert "175" in {sprint.external_id for sprint in sprints}
    assert {issue.external_id: issue.level for issue in issues} == {"K5-2": 0, "K5-3": 0, "K5-4": 1}


def test_reopened_work_has_its_first_end_taken_back_and_is_finished_once():
    stages = jira_rows.stages_of(recorded("jira_cloud/sp_kanban_statuses"))
    reader = jira.Reader(FIELDS, stages, {}, FIELDS.told_of)
    issues = [
        reader.read(1, row, row["changelog"]["histories"]) for row in recorded("jira_cloud/sp_kanban_issues.rows")
    ]
    assert [issue.external_id for issue in issues if issue.resolved_at] == ["SP-5"]
    (issue,) = (issue for issue in issues if issue.external_id == "SP-5")
    (taken,) = (change for change in issue.changes if change.field == "resolved_at")
    assert taken.old == datetime(2021, 9, 6, 4, 34, 14, 358_000, UTC)
    assert taken.at == datetime(2021, 10, 11, 12, 48, 42, 419_000, UTC)
    assert issue.resolved_at == datetime(2021, 10, 11, 12, 49, 7, 261_000, UTC)


def test_histories_of_the_changelog_endpoint_are_read_with_references_for_texts():
    rows = recorded("jira_cloud/changelog_endpoint_histories.rows")
    entries = list(jira_rows.entries_of(row["history"] for row in rows))
    counts = Counter(entry.field for entry in entries)
    assert (len(rows), counts["status"], counts["resolution"], counts["description"]) == (76, 10, 2, 2)
    assert all(entry.at.tzinfo is UTC for entry in entries)


# --- Data Center ------------------------------------------------------------------------------------------------------
def webhook(name):
    return recorded(f"jira_dc/webhook_issue_updated_{name}")


def history(hook):
    return {"created": hook["timestamp"], "author": hook["user"], "items": hook["changelog"]["items"]}


def test_a_server_without_field_ids_is_read_resolution_and_status_in_one_event():
    hooks = [webhook(name) for name in ("resolved", "reopened", "in_progress", "closed")]
    fields = jira_rows.fields_of(recorded("jira_dc/gojira_all_fields"))
    reader = jira.Reader(fields, {}, {}, (*fields.asked, "resolution"))
    issue = reader.read(1, hooks[-1]["issue"], [history(hook) for hook in reversed(hooks)])
    moves = [(change.old.name, change.new.name, change.at) for change in issue.changes if change.field == "status"]

    def at(milliseconds):
        return datetime.fromtimestamp(milliseconds / 1_000, UTC)

    assert moves == [
        ("In Progress", "Resolved", at(1565652182025)),
        ("Resolved", "Reopened", at(1565751703657)),
        ("Reopened", "In Progress", at(1565751753680)),
        ("In Progress", "Closed", at(1565752078358)),
    ]
    assert (issue.resolved_at, issue.description) == (
        at(1565752078358),
        hooks[-1]["issue"]["fields"]["description"] or "",
    )
    assert isinstance(issue.assignee or Person(""), Person)


def test_future_sprints_have_no_dates_and_closed_ones_a_real_end():
    sprints = [jira_rows.sprint_of(row) for row in recorded("jira_dc/gojira_sprints")["values"]]
    assert Counter(sprint.state for sprint in sprints) == {"completed": 3, "active": 1, "planned": 2}
    assert all(sprint.starts_at is None for sprint in sprints if sprint.state == "planned")
    assert all(sprint.completed_at for sprint in sprints if sprint.state == "completed")


def test_statuses_of_a_large_server_all_mean_something():
    stages = jira_rows.stages_of(recorded("jira_dc/gojira_all_statuses"))
    # The other eight are of the category 'undefined', which only their names can tell.
    assert len(stages) == 29
    assert {stage.category for stage in stages.values()} == {"to_do", "in_progress", "done", "dropped"}
