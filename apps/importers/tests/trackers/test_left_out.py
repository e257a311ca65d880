"""What an import left out, since its tracker stumbled, comes with one of the next ones."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.importers import runs
from apps.importers.connections import LEFT_OUT_FOR, OVERLAP, connect
from apps.importers.models import Connection
from apps.importers.tests.trackers import test_linear
from apps.importers.tests.trackers.server import LOCAL, Reply, tracker
from apps.importers.tests.trackers.sites import SITES
from apps.projects.models import Issue, Sprint

pytestmark = pytest.mark.django_db
LAST = {"hasNextPage": False, "endCursor": None}
TOO_COMPLEX = {"errors": [{"message": "Query too complex", "extensions": {"code": "INPUT_ERROR"}}]}


class Team:
    """One issue of Linear, which may be too dear to be told."""

    def __init__(self):
        self.is_slow, self.title, self.touched, self.asked = False, "Old", "2020-01-01T00:00:00Z", []

    def __call__(self, request):
        query = request.body["query"]
        if "issues(" not in query:
            return test_linear.answer(request)
        since = request.body["variables"]["since"]
        if self.is_slow and "title" in query:
            return TOO_COMPLEX
        self.asked.append(since)
        row = test_linear.ISSUE | {"title": self.title, "history": {"nodes": [], "pageInfo": LAST}}
        return {"data": {"issues": {"nodes": [row] if self.touched >= since else [], "pageInfo": LAST}}}


@pytest.fixture
def team(project, lead, settings, now):
    settings.TRACKER_ALLOWED_NETWORKS, settings.CONNECTION_KEYS = list(LOCAL), ["first key"]
    team = Team()
    with tracker(team) as served:
        connect(project, SITES["linear"].place("linear", served), "secret", by=lead, now=now)
        yield team


def synced(at, **options):
    run = runs.execute(runs.ask_sync(Connection.objects.get(), by=None, now=at, **options).pk, now=at)
    assert (run.status, run.error) == ("completed", "")
    return run.report["error_count"]


def test_an_issue_that_was_touched_and_left_out_once_comes_with_the_next_import(team, now):
    synced(now)
    team.title, team.touched, team.is_slow = "New", f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}", True
    for hour in (4, 10, 16):
        assert synced(now + timedelta(hours=hour)) == 1
    team.is_slow = False

    assert synced(now + timedelta(hours=22)) == 0

    assert Issue.objects.get().title == "New"
    synced(now + timedelta(hours=28))
    assert team.asked[-1] == f"{now + timedelta(hours=22) - 2 * OVERLAP:%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize("is_tried_first", [True, False])
def test_an_issue_that_the_first_import_left_out_comes_with_the_second(team, now, is_tried_first):
    if is_tried_first:
        synced(now, is_dry_run=True)
    team.is_slow = True
    assert synced(now) == 1
    team.is_slow = False

    assert synced(now + timedelta(hours=6)) == 0

    assert Issue.objects.get().title == "Old"


def test_what_the_first_import_after_a_long_pause_left_out_comes_with_the_next(team, now):
    synced(now)
    team.title, team.touched, team.is_slow = "New", f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}", True
    synced(now + timedelta(days=5))
    team.is_slow = False

    synced(now + timedelta(days=5, hours=6))

    assert Issue.objects.get().title == "New"


def test_what_is_left_out_each_time_is_asked_for_some_days(team, now):
    team.is_slow = True
    for day in range(6):
        synced(now + timedelta(days=day))
    last = now + timedelta(days=5)

    assert Connection.objects.get().synced_until == last - LEFT_OUT_FOR


@pytest.mark.parametrize("was_left_out_before", [True, False])
def test_what_an_import_of_everything_left_out_comes_with_the_next(team, now, was_left_out_before):
    synced(now)
    team.title, team.is_slow = "New", True
    synced(now + timedelta(days=9), is_full=was_left_out_before)
    synced(now + timedelta(days=10), is_full=True)
    team.is_slow = False

    synced(now + timedelta(days=10, hours=6))

    assert Issue.objects.get().title == "New"
    synced(now + timedelta(days=10, hours=12))
    assert team.asked[-1] == f"{now + timedelta(days=10, hours=6) - 2 * OVERLAP:%Y-%m-%dT%H:%M:%SZ}"


def test_what_an_import_of_everything_leaves_out_each_time_is_asked_for_once_more_and_then_for_some_days(team, now):
    synced(now)
    team.is_slow, until = True, []
    for hour in range(3):
        synced(now + timedelta(days=10, hours=6 * hour), is_full=hour == 0)
        until.append(Connection.objects.get().synced_until)

    last = now + timedelta(days=10)
    assert until == [None, *(last + timedelta(hours=hour) - LEFT_OUT_FOR for hour in (6, 12))]


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("is_full", [True, False])
def test_moves_that_could_not_be_read_once_leave_what_a_sprint_had_committed_known(
    project, lead, settings, status, is_full
):
    settings.TRACKER_ALLOWED_NETWORKS, settings.CONNECTION_KEYS = list(LOCAL), ["first key"]
    # After all that the site tells.
    at, is_refused = datetime(2026, 10, 2, 9, tzinfo=UTC), False

    def answer(request):
        is_of_moves = request.path.endswith("resource_iteration_events")
        return Reply({"message": "no"}, status) if is_refused and is_of_moves else SITES["gitlab"].healthy(request)

    with tracker(answer) as served:
        connection = connect(project, SITES["gitlab"].place("gitlab", served), "secret", by=lead, now=at)
        synced(at)
        assert Sprint.objects.get(external_id="iteration-2").scope_is_recorded
        is_refused = True
        run = runs.ask_sync(connection, by=None, now=at + timedelta(hours=2), is_full=is_full)
        assert runs.execute(run.pk, now=at + timedelta(hours=2)).status == "completed"

    assert Sprint.objects.get(external_id="iteration-2").scope_is_recorded
