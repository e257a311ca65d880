"""Figures are written where a lead connected a tracker: they follow no issue into another project or repository."""

import pytest

from apps.importers.sources.client import TrackerRefused
from apps.importers.sources.writers import Target, writer_of
from apps.importers.tests.trackers.server import Reply, client_of, tracker

LABEL = Target(label="ml-hours:")
#: Which issue is asked for, by its tracker.
NAMED = {"github": ("a/b", ("#7", "1007")), "jira": ("SHOP", ("SHOP-7", "7")), "jira_dc": ("SHOP", ("SHOP-7", "7"))}
FOREIGN = {
    "github": {"labels": [], "repository_url": "https://api.github.com/repos/a/other"},
    "jira": {"fields": {"labels": [], "project": {"key": "OTHER"}}},
    "jira_dc": {"fields": {"labels": [], "project": {"key": "OTHER"}}},
}


def asked(kind, answer, what):
    scope, named = NAMED[kind]
    with tracker(answer) as served:
        try:
            return what(writer_of(kind, client_of(served), scope, LABEL), named)
        finally:
            asked.requests = served.requests


@pytest.mark.parametrize("kind", NAMED)
def test_an_issue_that_is_in_another_place_by_now_is_refused(kind):
    with pytest.raises(TrackerRefused, match="in another place"):
        asked(kind, lambda request: FOREIGN[kind], lambda writer, named: writer.read(named))


@pytest.mark.parametrize("kind", [*NAMED, "gitlab"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_write_follows_a_redirect(kind, status, monkeypatch):
    monkeypatch.setitem(NAMED, "gitlab", ("a/b", ("#7", "1007")))

    def answer(request):
        return Reply({}, status, headers={"Location": "/elsewhere"}) if request.path != "/elsewhere" else []

    with pytest.raises(TrackerRefused, match="elsewhere by now"):
        asked(kind, answer, lambda writer, named: writer.write(named, (), "5"))
    assert [request.path == "/elsewhere" for request in asked.requests] == [False]


def test_an_issue_where_it_was_is_read_in_any_case_of_letters():
    held = {"labels": [{"name": "ml-hours:3"}], "repository_url": "https://api.github.com/repos/A/B"}
    assert asked("github", lambda request: held, lambda writer, named: writer.read(named)) == {"3"}
