"""Linear by its documented schema: untried on a live workspace."""

from datetime import UTC, datetime

from apps.importers.sources import linear
from apps.importers.tests.trackers.server import Reply, client_of, tracker
from apps.importers.tracked import TrackedIssue, TrackedSprint, value_at

ADA = {"id": "u1", "name": "Ada", "email": "ada@example.org"}
ONE = {"id": "c1", "number": 11, "name": None, "startsAt": "2026-09-07T00:00:00Z", "endsAt": "2026-09-14T00:00:00Z",
       "completedAt": "2026-09-14T00:00:00Z"}  # fmt: skip
TWO = {"id": "c2", "number": 12, "name": "Two", "startsAt": "2026-09-14T00:00:00Z", "endsAt": "2026-09-21T00:00:00Z"}
TODO, DOING, DONE = ({"name": name, "type": kind} for name, kind in
                     (("Todo", "unstarted"), ("In Progress", "started"), ("Done", "completed")))  # fmt: skip
LAST = {"hasNextPage": False, "endCursor": None}
FIRST_PAGE = [
    {"createdAt": "2026-09-16T09:00:00Z", "actor": ADA, "fromState": DOING, "toState": DONE},
    {"createdAt": "2026-09-14T00:00:01Z", "actor": None, "fromCycle": ONE, "toCycle": TWO},
]
SECOND_PAGE = [
    {"createdAt": "2026-09-08T09:00:00Z", "actor": ADA, "fromState": TODO, "toState": DOING, "fromEstimate": 2,
     "toEstimate": 3, "toAssignee": ADA},
]  # fmt: skip
ISSUE = {
    "id": "i1", "identifier": "TM-1", "title": "Search", "estimate": 3, "priority": 0,
    "createdAt": "2026-09-01T09:00:00Z",
    "completedAt": "2026-09-16T09:00:00Z", "state": DONE, "cycle": TWO, "assignee": ADA, "creator": ADA,
    "history": {"nodes": FIRST_PAGE, "pageInfo": {"hasNextPage": True, "endCursor": "h1"}},
}  # fmt: skip


def answer(request):
    query = request.body["query"]
    if "cycles(" in query:
        return {"data": {"cycles": {"nodes": [ONE, TWO], "pageInfo": LAST}}}
    if "issues(" in query:
        return {"data": {"issues": {"nodes": [ISSUE], "pageInfo": LAST}}}
    return {"data": {"issue": {"history": {"nodes": SECOND_PAGE, "pageInfo": LAST}}}}


def test_a_team_is_told_with_all_pages_of_its_history():
    with tracker(answer) as served:
        told = list(linear.pull(client_of(served), "TM", None))
    (issue,) = (each for each in told if isinstance(each, TrackedIssue))
    assert issue.started_at == datetime(2026, 9, 8, 9, tzinfo=UTC)
    assert issue.resolved_at == datetime(2026, 9, 16, 9, tzinfo=UTC)
    assert value_at(issue.changes, "sprint", issue.sprint_id, datetime(2026, 9, 13, tzinfo=UTC)) == "c1"
    assert value_at(issue.changes, "story_points", 3, datetime(2026, 9, 7, tzinfo=UTC)) == 2
    assert issue.priority is None


def test_the_end_of_a_cycle_does_not_belong_to_it():
    sprint = linear.sprint_of(ONE)
    assert sprint.name == "Cycle 11"
    assert sprint.ends_at == datetime(2026, 9, 13, 23, 59, 59, 999_999, UTC)


def test_a_limit_is_a_bad_request_with_a_code_inside_and_is_waited_for():
    limit = Reply({"errors": [{"extensions": {"code": "RATELIMITED", "statusCode": 429}}]}, 400)
    slept = []
    with tracker(lambda request: limit if not slept else answer(request)) as served:
        client = client_of(served, sleep=slept.append)
        told = list(linear.pull(client, "TM", None))
    assert slept == [60.0]
    assert sum(isinstance(each, TrackedSprint) for each in told) == 2
