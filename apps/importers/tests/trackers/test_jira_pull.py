"""Both kinds of Jira asked over HTTP: what comes out is the same."""

from datetime import UTC, datetime

import pytest

from apps.importers.records import Person, RowError
from apps.importers.sources import jira_cloud, jira_dc
from apps.importers.tests.trackers import jira_site
from apps.importers.tests.trackers.books import books
from apps.importers.tests.trackers.server import Reply, client_of, tracker
from apps.importers.tracked import Gap, Stage, TrackedIssue, TrackedSprint, value_at

KINDS = {"cloud": (jira_cloud.pull, jira_site.cloud), "data center": (jira_dc.pull, jira_site.data_center)}


def pulled(kind, since=None, answer=None):
    pull, site = KINDS[kind]
    with tracker(answer or site) as served:
        told = list(pull(client_of(served), "A", since))
    return told, served


def only(kind, told):
    return [each for each in told if isinstance(each, kind)]


@pytest.fixture(params=KINDS)
def told(request):
    return pulled(request.param)[0]


def test_sprints_come_before_the_issues_with_their_real_times(told):
    one, two = only(TrackedSprint, told)
    assert (one.external_id, one.state, one.completed_at) == ("1", "completed", datetime(2026, 3, 13, 15, tzinfo=UTC))
    assert (two.state, two.started_at, two.completed_at) == ("active", datetime(2026, 3, 16, 9, tzinfo=UTC), None)
    assert max(map(told.index, (one, two))) < min(map(told.index, only(TrackedIssue, told)))


def test_the_books_of_the_closed_sprint_are_those_of_the_board(told):
    found = books(only(TrackedSprint, told)[0], only(TrackedIssue, told))
    # A-4, created before the sprint, came in with its parent.
    assert found == {
        "committed": ["A-1", "A-2", "A-4"], "added": ["A-3"], "removed": [], "done": ["A-1"], "dropped": ["A-3"],
        "in_progress": ["A-2"], "to_do": ["A-4"],
    }  # fmt: skip


def test_an_issue_is_told_with_its_own_times_and_what_it_held_before(told):
    issue = next(issue for issue in only(TrackedIssue, told) if issue.external_id == "A-1")
    assert issue.resolved_at == datetime(2026, 3, 10, 10, 0, 0, 40_000, UTC)
    assert issue.started_at == datetime(2026, 3, 3, 9, tzinfo=UTC)
    before = datetime(2026, 3, 2, tzinfo=UTC)
    held = {name: value_at(issue.changes, name, None, before) for name in ("story_points", "actual_hours", "status")}
    assert held == {"story_points": 3.0, "actual_hours": None, "status": Stage("To Do", "to_do")}
    assert value_at(issue.changes, "assignee", issue.assignee, before).account == "acc-ada"
    assert issue.assignee == Person("Bob", "", "acc-bob")
    assert (issue.story_points, issue.estimated_hours, issue.actual_hours, issue.priority) == (5, 1, 2, 2)


def test_work_that_is_dropped_has_no_end_and_bears_the_name_of_its_resolution(told):
    issue = next(issue for issue in only(TrackedIssue, told) if issue.external_id == "A-3")
    assert (issue.status, issue.status_category, issue.resolved_at) == ("Won't Do", "dropped", None)
    # The resolution was written 34 ms after the status: one move, at the moment of the status.
    assert [change.at for change in issue.changes if change.field == "status"] == [datetime(2026, 3, 12, 9, tzinfo=UTC)]
    assert issue.dropped_at == datetime(2026, 3, 12, 9, tzinfo=UTC)


def test_a_sub_task_goes_with_its_parent(told):
    issue = next(issue for issue in only(TrackedIssue, told) if issue.external_id == "A-4")
    assert (issue.level, issue.parent, issue.sprint_id) == (-1, "A-2", "2")
    assert value_at(issue.changes, "sprint", issue.sprint_id, datetime(2026, 3, 9, tzinfo=UTC)) == "1"


def test_both_kinds_tell_the_same_of_what_both_record():
    cloud, server = (only(TrackedIssue, pulled(kind)[0]) for kind in KINDS)
    assert [issue.changes for issue in cloud] == [issue.changes for issue in server]


@pytest.mark.parametrize("kind", KINDS)
def test_a_later_pull_asks_for_what_was_touched_with_an_overlap(kind):
    _, served = pulled(kind, since=datetime(2026, 3, 20, 12, tzinfo=UTC))
    asked = [(request.body or {}).get("jql") or request.params.get("jql") for request in served.requests]
    assert 'project = "A" AND updated >= "2026/03/18 22:00" ORDER BY created ASC' in asked


def test_the_ledger_tells_of_a_history_of_which_only_the_newest_part_came():
    def answer(request):
        found = jira_site.data_center(request)
        for row in found.get("issues", []) if isinstance(found, dict) else []:
            row["changelog"]["total"] = 9
        return found

    gaps = only(Gap, pulled("data center", answer=answer)[0])
    assert [gap.seen_at for gap in gaps if "newest part" in gap.what] == [("A-1",), ("A-2",), ("A-3",), ("A-4",)]


def test_the_ledger_tells_of_a_history_that_does_not_lead_to_the_present():
    def answer(request):
        found = jira_site.cloud(request)
        if "changelog" in request.path:
            for log in found["issueChangeLogs"]:
                log["changeHistories"] = [
                    each for each in log["changeHistories"] if not each["created"].startswith("2026-03-10")
                ]
        return found

    told, _ = pulled("cloud", answer=answer)
    assert [gap.seen_at for gap in only(Gap, told) if gap.what == "the history of status has holes"] == [("A-1",)]
    issue = only(TrackedIssue, told)[0]
    # The end that Jira gives for itself stands in.
    assert (issue.status_category, issue.resolved_at) == ("done", datetime(2026, 3, 10, 10, tzinfo=UTC))


def test_an_issue_that_cannot_be_read_is_an_error_and_the_others_are_read():
    def answer(request):
        found = jira_site.cloud(request)
        if "search" in request.path:
            found["issues"] = [{**row, "fields": "gone"} if row["key"] == "A-2" else row for row in found["issues"]]
        return found

    told, _ = pulled("cloud", answer=answer)
    assert [error.external_id for error in only(RowError, told)] == ["A-2"]
    assert [issue.external_id for issue in only(TrackedIssue, told)] == ["A-1", "A-3", "A-4"]


def test_boards_that_may_not_be_read_leave_the_sprints_that_issues_name():
    def answer(request):
        return Reply(status=403) if "agile" in request.path else jira_site.cloud(request)

    told, _ = pulled("cloud", answer=answer)
    assert [sprint.external_id for sprint in only(TrackedSprint, told)] == ["1", "2"]
    assert any("boards" in gap.what for gap in only(Gap, told))


HOSTILE = "\0=cmd()\u202e<script>\x1b[31m" + "x" * 200_000


def test_hostile_texts_are_cut_to_what_the_tables_hold_and_keep_no_null():
    nested: dict[str, object] = {"type": "text", "text": "deep"}
    for _ in range(400):
        nested = {"type": "doc", "content": [nested]}

    def answer(request):
        found = jira_site.cloud(request)
        if "search" in request.path:
            said = {
                "summary": HOSTILE,
                "description": nested,
                "labels": [HOSTILE[:50]],
                "components": [{"name": HOSTILE}],
            }
            found["issues"] = [row | {"fields": row["fields"] | said} for row in found["issues"]]
        return found

    issues = only(TrackedIssue, pulled("cloud", answer=answer)[0])
    assert len(issues) == 4
    assert all(len(issue.title) == 500 and len(issue.component) == 200 for issue in issues)
    assert not any(
        "\0" in text for issue in issues for text in (issue.title, issue.description, issue.component, *issue.labels)
    )
