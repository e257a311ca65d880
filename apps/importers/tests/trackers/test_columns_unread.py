"""What columns and fields of a project of GitHub said stays known while the project may not be read."""

from datetime import timedelta

import pytest

from apps.importers import runs
from apps.importers.connections import connect
from apps.importers.models import Connection
from apps.importers.sources.registry import place_of
from apps.importers.tests.trackers import test_github
from apps.importers.tests.trackers.server import LOCAL, tracker
from apps.projects.models import Issue, IssueChange

pytestmark = pytest.mark.django_db
LAST = {"hasNextPage": False, "endCursor": None}
ITERATION = {"id": "it1", "title": "S1", "startDate": "2026-01-05", "duration": 14}
SPRINTS = {"id": "f", "configuration": {"iterations": [ITERATION], "completedIterations": []}}
PROJECT = {"id": "A", "title": "t", "closed": False, "fields": {"nodes": [{"name": "Estimate"}, SPRINTS]}}
COLUMN = {"__typename": "ProjectV2ItemFieldSingleSelectValue", "name": "In progress", "field": {"name": "Status"}}
VALUES = [
    {"__typename": "ProjectV2ItemFieldIterationValue", "iterationId": "it1"} | ITERATION,
    {"__typename": "ProjectV2ItemFieldNumberValue", "number": 5, "field": {"name": "Estimate"}},
]
MOVE = {"createdAt": "2026-01-06T10:00:00Z", "previousStatus": "Todo", "status": "In progress", "actor": None}
BY_ADA = {"actor": {"login": "ada"}, "issue": {"number": 2}}
CLOSING = {"event": "closed", "created_at": "2026-01-07T10:00:00Z", "state_reason": "completed"} | BY_ADA
LABELS = [
    {"event": kind, "created_at": f"2026-01-0{day}T10:00:00Z", "label": {"name": "points: 3"}} | BY_ADA
    for day, kind in ((2, "labeled"), (3, "unlabeled"))
]
FORBIDDEN = [{"type": "FORBIDDEN", "message": "Resource not accessible by personal access token"}]
TOO_DEAR = [{"type": "RESOURCE_LIMITS_EXCEEDED", "message": "Resource limits for this query exceeded."}]


def item(values, moves=()):
    content = {"databaseId": test_github.row(2)["id"], "timelineItems": {"nodes": list(moves)}}
    return {"id": "I2", "content": content, "fieldValues": {"nodes": list(values)}}


class Repository:
    """Two issues, of which the second is in one project, or in two of which the other holds its values."""

    def __init__(self, fault):
        self.fault, self.is_faulty, self.is_in_two = fault, False, fault == "one of two"
        self.closed, self.points, self.touched = False, 5, "9999"
        self.asked = []

    def __call__(self, request):
        if request.path.endswith("graphql"):
            return self._projects(request.body["query"], request.body["variables"])
        if request.path.endswith("/issues"):
            self.asked.append(request.params.get("since", ""))
            if self.touched < self.asked[-1]:
                return []
            state = {"state": "closed", "state_reason": "completed", "closed_at": "2026-01-07T10:00:00Z"}
            return [test_github.row(2) | (state if self.closed else {}), test_github.row(4)]
        if "events" in request.path:
            return [] if "/4/" in request.path else LABELS + [CLOSING] * self.closed
        return test_github.site(request)

    def _projects(self, query, variables):
        if "projectsV2" in query:
            other = None if self.is_faulty else PROJECT | {"id": "B"}
            nodes = [PROJECT, *([other] if self.is_in_two else [])]
            said = {"data": {"repository": {"projectsV2": {"pageInfo": LAST, "nodes": nodes}}}}
            return said | ({"errors": FORBIDDEN} if None in nodes else {})
        if self.is_in_two:
            rows = [item([] if variables["project"] == "A" else VALUES)]
        else:
            rows = [item([*VALUES, COLUMN], [MOVE])]
            rows[0]["fieldValues"]["nodes"][1] = VALUES[1] | {"number": self.points}
        if self.is_faulty and self.fault == "refused":
            return {"data": {"node": None}, "errors": FORBIDDEN}
        if self.is_faulty and self.fault == "too dear":
            if "fieldValues" in query:
                return {"data": {"node": {"items": None}}, "errors": TOO_DEAR}
            rows = [{"id": "I2"}]
        return {"data": {"node": {"items": {"pageInfo": LAST, "nodes": rows}}}}


@pytest.mark.parametrize("fault", ["refused", "too dear", "one of two"])
def test_what_is_known_stays_and_what_is_closed_there_is_closed(project, lead, settings, now, fault):
    settings.TRACKER_ALLOWED_NETWORKS, settings.CONNECTION_KEYS = list(LOCAL), ["k"]
    repository = Repository(fault)

    def facts(at):
        run = runs.execute(runs.ask_sync(connection, by=None, now=at).pk, now=at)
        assert (run.status, run.error) == ("completed", "")
        issue = Issue.objects.select_related("status", "sprint").get(external_id="#2")
        n_moves = IssueChange.objects.filter(issue=issue, field="status").count()
        return issue.status.category, issue.started_at, issue.story_points, issue.sprint and issue.sprint.name, n_moves

    with tracker(repository) as served:
        connection = connect(project, place_of("github", served.url, "a/b"), "token", by=lead, now=now)
        before = facts(now)
        repository.is_faulty = True

        assert facts(now + timedelta(hours=2)) == before
        repository.closed = True
        assert facts(now + timedelta(hours=4))[:2] == ("done", before[1])

    assert before[0] == ("to_do" if fault == "one of two" else "in_progress")
    assert before[2:4] == (5.0, "S1")


@pytest.fixture
def repository(project, lead, settings, now):
    settings.TRACKER_ALLOWED_NETWORKS, settings.CONNECTION_KEYS = list(LOCAL), ["k"]
    repository = Repository("refused")
    with tracker(repository) as served:
        connect(project, place_of("github", served.url, "a/b"), "token", by=lead, now=now)
        yield repository


def synced(at, **options):
    run = runs.execute(runs.ask_sync(Connection.objects.get(), by=None, now=at, **options).pk, now=at)
    assert (run.status, run.error) == ("completed", "")


def touched(now):
    return f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"


def moves():
    """The history of the second issue's status, oldest first."""
    rows = IssueChange.objects.filter(issue__external_id="#2", field="status").order_by("changed_at")
    return list(rows.values_list("old_value", "new_value"))


WHOLE = [("Open", "In progress"), ("In progress", "Closed")]


def test_an_end_that_is_told_without_the_columns_ends_what_is_known(repository, now):
    synced(now)
    repository.is_faulty = repository.closed = True

    synced(now + timedelta(hours=2))

    assert moves() == WHOLE


@pytest.mark.parametrize("paused_days", [0, 5])
def test_what_projects_could_not_tell_of_an_issue_that_was_touched_comes_with_the_next_import(
    repository, now, paused_days
):
    synced(now)
    now += timedelta(days=paused_days)
    repository.is_faulty, repository.points = True, 8
    repository.touched = touched(now - timedelta(hours=paused_days))
    for hour in (4, 8, 12):
        synced(now + timedelta(hours=hour))
    assert Issue.objects.get(external_id="#2").story_points == 5
    repository.is_faulty = False

    synced(now + timedelta(hours=16))

    assert Issue.objects.get(external_id="#2").story_points == 8
    assert Connection.objects.get().synced_until == now + timedelta(hours=16)


def test_what_the_first_import_could_not_read_of_projects_comes_with_the_second(repository, now):
    repository.is_faulty, repository.touched = True, "2020-01-01T00:00:00Z"
    synced(now)
    repository.is_faulty = False

    synced(now + timedelta(hours=6))

    assert Issue.objects.get(external_id="#2").story_points == 5


def test_what_an_import_of_everything_could_not_read_of_projects_is_asked_for_once_more_and_then_for_days(
    repository, now
):
    synced(now)
    synced(now + timedelta(days=8))
    repository.is_faulty, until = True, []
    for hours in (0, 6, 12):
        synced(now + timedelta(days=9, hours=hours), is_full=hours == 0)
        until.append(Connection.objects.get().synced_until)

    assert until == [None, *[now + timedelta(days=6, hours=6)] * 2]


def test_what_may_never_be_read_of_projects_is_asked_for_some_days(repository, now):
    synced(now)
    repository.is_faulty = True
    for hours in range(12, 24 * 6, 12):
        synced(now + timedelta(hours=hours))

    assert Connection.objects.get().synced_until == now + timedelta(hours=hours)
    assert set(repository.asked[1:6]) == {repository.asked[1]}
    assert len(set(repository.asked[-3:])) == 3
