"""What answers a write is believed where it is the tracker, and shows what was written; else somebody looks again."""

import pytest

from apps.importers.sources.client import Client
from apps.importers.tests.trackers.server import Reply

pytestmark = pytest.mark.django_db
#: A firewall's page, a session that ended, a proxy that took it in, and one with nothing to say.
WALLS = {
    "page": Reply(raw=b"<form>log in</form>", headers={"Content-Type": "text/html"}),
    "json": Reply({"error": "session expired"}),
    "accepted": Reply({}, 202),
    "empty": Reply(raw=b""),
    "list": Reply([1, None, {"name": None}]),
}
#: Days, so that each may stand in a date, too.
FIRST, SECOND = "2026-03-12", "2026-04-13"


@pytest.fixture(params=WALLS)
def wall(request):
    return lambda: WALLS[request.param]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(Client, "pause", lambda client, seconds: None)


def keys_of(report):
    return [key for key, _ in report.refused]


def test_what_a_wall_answers_is_not_written_and_is_the_next_time(writing, wall):
    writing.answer_writes(wall)

    report = writing.write(FIRST)

    assert (report.written, keys_of(report), writing.standing) == (0, [writing.key], "")
    assert writing.noted == [f"{FIRST} or nothing"]
    assert writing.write(FIRST).written == 1
    assert (writing.standing, writing.noted) == (FIRST, [FIRST])


def test_of_a_figure_that_a_wall_keeps_out_both_are_ours(writing, wall):
    writing.write(FIRST)
    writing.answer_writes(wall)

    report = writing.write(SECOND)

    assert (report.written, keys_of(report), writing.standing) == (0, [writing.key], FIRST)
    assert writing.noted == [f"{SECOND} or {FIRST}"]
    assert writing.take_back().written == 1
    assert (writing.standing, writing.noted) == ("", [])


def test_what_a_wall_kept_from_being_removed_is_removed_the_next_time(writing, wall):
    writing.write(FIRST)
    writing.answer_writes(wall)

    report = writing.take_back()

    assert (report.written, keys_of(report)) == (0, [writing.key])
    assert (writing.standing, writing.noted) == (FIRST, [FIRST])
    assert writing.take_back().written == 1
    assert (writing.standing, writing.noted) == ("", [])


def test_what_stands_there_although_a_wall_answered_is_written(writing, wall):
    writing.answer_writes(wall, is_done=True)

    report = writing.write(FIRST)

    assert (report.written, report.refused, writing.noted) == (1, [], [FIRST])


def test_a_tracker_that_leaves_out_what_was_written_is_not_believed(writing):
    """As GitLab and GitHub do with labels, where the token may write and not label."""
    # Jira refuses what it does not take.
    shown = {"github": [], "gitlab": {"labels": [], "due_date": None}}.get(writing.write_back.connected.kind, {})
    writing.answer_writes(lambda: Reply(shown))

    report = writing.write(FIRST)

    assert (report.written, keys_of(report)) == (0, [writing.key])


@pytest.mark.parametrize("told", [{"error": "session expired"}, [], "no", None])
def test_what_is_read_of_no_issue_is_no_empty_place(told, writing):
    writing.write(FIRST)
    site, writing.served.answer = writing.site, lambda request: Reply(told)

    assert keys_of(writing.take_back()) == [writing.key]
    assert keys_of(writing.write(SECOND)) == [writing.key]

    assert writing.noted == [FIRST]
    writing.served.answer = site
    writing.take_back()
    assert (writing.standing, writing.noted) == ("", [])
