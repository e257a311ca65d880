"""GitLab: issues and their events, hand-written and as recorded."""

from collections import Counter
from datetime import UTC, date, datetime

from apps.importers.sources import gitlab
from apps.importers.tests.trackers.server import Reply, client_of, needs_recorded, recorded, tracker
from apps.importers.tracked import Gap, TrackedIssue, TrackedSprint, value_at


def at(day):
    return datetime(2026, 3, day, 9, tzinfo=UTC)


def event(day, **fields):
    return {"id": day, "created_at": f"2026-03-{day:02}T09:00:00Z", "resource_type": "Issue", "user": None, **fields}


ITERATIONS = {
    key: {"id": key, "iid": key, "title": f"It {key}", "state": 3, "start_date": f"2026-03-{first:02}",
          "due_date": f"2026-03-{first + 6:02}"}
    for key, first in ((1, 2), (2, 9))
}  # fmt: skip


def row(**fields):
    said = {
        "id": 77, "iid": 7, "title": "Search", "state": "closed", "created_at": "2026-03-01T09:00:00Z",
        "closed_at": "2026-03-10T09:00:00Z", "labels": ["backend"], "weight": 5, "iteration": ITERATIONS[2],
        "time_stats": {"time_estimate": 0, "total_time_spent": 5_400}, "author": {"username": "ada", "name": "Ada"},
        "references": {"short": "#7"},
    }  # fmt: skip
    return said | fields


STORY = gitlab.Story({
    "state": [event(10, state="closed")],
    "weight": [event(2, weight=3), event(5, weight=5)],
    "iteration": [
        event(1, action="add", iteration=ITERATIONS[1]),
        # Moving on is an addition and a removal at the same moment.
        event(9, action="remove", iteration=ITERATIONS[1]),
        event(9, action="add", iteration=ITERATIONS[2]),
    ],
    "label": [event(4, action="add", label={"name": "workflow::5 - development"}),
              event(8, action="remove", label={"name": "workflow::5 - development"})],
    "milestone": [],
})  # fmt: skip


def test_events_become_the_history_of_an_issue():
    issue = gitlab.read_issue(1, row(), STORY)
    assert (issue.started_at, issue.resolved_at, issue.sprint_id) == (at(4), at(10), "iteration-2")
    sprints = [value_at(issue.changes, "sprint", issue.sprint_id, at(day)) for day in (1, 5, 9)]
    assert sprints == ["iteration-1", "iteration-1", "iteration-2"]
    assert [value_at(issue.changes, "story_points", issue.story_points, at(day)) for day in (1, 3, 6)] == [None, 3, 5]
    assert {"status", "sprint", "story_points", "labels"} <= issue.recorded


def test_an_estimate_of_zero_is_none_and_seconds_are_hours():
    issue = gitlab.read_issue(1, row(), STORY)
    assert (issue.estimated_hours, issue.actual_hours) == (None, 1.5)


def test_a_milestone_is_a_sprint_where_it_has_both_dates_and_is_short():
    short = {"id": 1, "title": "19.12", "start_date": "2026-03-02", "due_date": "2026-03-15", "state": "closed"}
    sprint = gitlab.sprint_of_milestone(short)
    assert (sprint.external_id, sprint.ends_on, sprint.state) == ("milestone-1", date(2026, 3, 15), "completed")
    assert gitlab.sprint_of_milestone(short | {"start_date": None}) is None
    assert gitlab.sprint_of_milestone(short | {"due_date": "2026-12-31"}) is None


def test_events_of_other_things_in_the_same_list_are_left_out():
    story = gitlab.Story({"label": [event(4, action="add", label={"name": "doing"}, resource_type="MergeRequest")]})
    assert story.of("label") == []


def test_events_that_may_not_be_read_leave_the_field_unrecorded():
    issue = gitlab.read_issue(1, row(), gitlab.Story({"state": STORY.events["state"]}))
    assert issue.recorded == frozenset()
    assert issue.resolved_at == at(10)


@needs_recorded
def test_recorded_issues_are_eleven_done_one_moved_and_four_open():
    rows = recorded("gitlab/project_issues.rows")
    issues = [gitlab.read_issue(line, row, gitlab.Story()) for line, row in enumerate(rows)]
    assert Counter(issue.status_category for issue in issues) == {"done": 11, "to_do": 4, "dropped": 1}
    assert next(issue.external_id for issue in issues if issue.status == "Moved") == "#10"
    weights = [issue.story_points for issue in issues if issue.story_points is not None]
    assert (len(weights), sum(weights)) == (6, 8)
    assert sum(len(issue.labels) for issue in issues) == 36


@needs_recorded
def test_a_recorded_iteration_has_a_number_for_its_state():
    row = recorded("gitlab/g4j_iteration")
    assert isinstance(row["state"], int)
    assert gitlab.sprint_of_iteration(row).external_id == f"iteration-{row['id']}"


def test_a_project_is_asked_and_a_kind_of_event_that_is_refused_is_asked_for_once():
    def answer(request):
        name = request.path.rpartition("/")[2]
        if name in ("resource_weight_events", "iterations"):
            return Reply({"message": "403 Forbidden"}, 403)
        kind = name.removeprefix("resource_").removesuffix("_events")
        if kind in STORY.events:
            return Reply(STORY.events[kind], headers={"X-Next-Page": ""})
        return [row(), row(id=78, iid=8)] if name == "issues" else []

    with tracker(answer) as served:
        told = list(gitlab.pull(client_of(served, "/api/v4"), "group/project", None))
    assert [issue.source_id for issue in told if isinstance(issue, TrackedIssue)] == ["77", "78"]
    assert {sprint.external_id for sprint in told if isinstance(sprint, TrackedSprint)} == {
        "iteration-1",
        "iteration-2",
    }
    assert sum("resource_weight_events" in request.path for request in served.requests) == 1
    assert any(isinstance(each, Gap) and "events of weight" in each.what for each in told)
    assert served.requests[-1].path.startswith("/api/v4/projects/group%2Fproject/issues/8/")
