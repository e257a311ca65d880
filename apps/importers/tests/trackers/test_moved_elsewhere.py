"""Figures are written where a lead connected a tracker: they follow no issue into another project or repository."""

import pytest

from apps.importers.sources.client import TrackerRefused
from apps.importers.sources.writers import Target, writer_of
from apps.importers.tests.trackers.server import Reply, client_of, tracker

LABEL = Target(label="ml-hours:")
#: Which issue is asked for, by its tracker.
NAMED = {"github": ("a/b", ("#7", "1007")), "gitlab": ("a/b", ("#7", "1007")), "jira": ("SHOP", ("SHOP-7", "7")),
         "jira_dc": ("SHOP", ("SHOP-7", "7"))}  # fmt: skip
FOREIGN = {
    "github": {"labels": [], "repository_url": "https://api.github.com/repos/a/other"},
    "gitlab": {"labels": [], "references": {"full": "a/other#7"}},
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


#: How a place tells its own name, which was changed since it was connected, and an issue that is in it.
RENAMED = {
    "github": ({"full_name": "a/new"}, {"labels": [], "repository_url": "https://api.github.com/repos/a/new"}),
    "gitlab": ({"path_with_namespace": "a/new"}, {"labels": [], "references": {"full": "a/new#7"}}),
    "jira": ({"id": "1", "key": "NEW"}, {"fields": {"labels": [], "project": {"id": "1", "key": "NEW"}}}),
    "jira_dc": ({"id": "1", "key": "NEW"}, {"fields": {"labels": [], "project": {"id": "1", "key": "NEW"}}}),
}


#: Where a label is written that goes by the name of the place, and what is answered.
WRITES = {
    "github": ("/repos/a/new/issues/7/labels", [{"name": "ml-hours:5"}]),
    "gitlab": ("/projects/a%2Fnew/issues/7", {"labels": ["ml-hours:5"]}),
}


def answering(kind, issue):
    return lambda request: issue if "issue" in request.path else RENAMED[kind][0]


@pytest.mark.parametrize("kind", NAMED)
def test_a_place_that_was_renamed_is_the_same_and_asked_for_its_name_once(kind):
    def written(writer, named):
        assert [writer.read(named), writer.read(named)] == [frozenset(), frozenset()]
        if kind in WRITES:
            writer.write(named, (), "5")

    def answer(request):
        return answering(kind, RENAMED[kind][1])(request) if request.method == "GET" else WRITES[kind][1]

    asked(kind, answer, written)

    assert len([each for each in asked.requests if "issue" not in each.path]) == 1
    paths = [each.path for each in asked.requests if each.method != "GET"]
    assert paths == ([WRITES[kind][0]] if kind in WRITES else [])


@pytest.mark.parametrize("kind", NAMED)
def test_what_left_a_place_that_was_renamed_is_refused(kind):
    with pytest.raises(TrackerRefused, match="in another place"):
        asked(kind, answering(kind, FOREIGN[kind]), lambda writer, named: writer.read(named))


@pytest.mark.parametrize("kind", NAMED)
def test_an_issue_of_a_place_that_is_gone_is_refused_and_not_taken_for_gone(kind):
    def answer(request):
        return FOREIGN[kind] if "issue" in request.path else Reply({}, 404)

    with pytest.raises(TrackerRefused, match="in another place") as refused:
        asked(kind, answer, lambda writer, named: writer.read(named))
    assert type(refused.value) is TrackerRefused


@pytest.mark.parametrize("kind", NAMED)
def test_an_issue_that_is_in_another_place_by_now_is_refused(kind):
    def connected_still(request):
        scope = NAMED[kind][0]
        names = dict.fromkeys(("full_name", "path_with_namespace", "key"), scope)
        return FOREIGN[kind] if "issue" in request.path else names

    with pytest.raises(TrackerRefused, match="in another place"):
        asked(kind, connected_still, lambda writer, named: writer.read(named))


@pytest.mark.parametrize("kind", NAMED)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_write_follows_a_redirect(kind, status):
    def answer(request):
        return Reply({}, status, headers={"Location": "/elsewhere"}) if request.path != "/elsewhere" else []

    with pytest.raises(TrackerRefused, match="elsewhere by now"):
        asked(kind, answer, lambda writer, named: writer.write(named, (), "5"))
    assert [request.path == "/elsewhere" for request in asked.requests] == [False]


def test_an_issue_where_it_was_is_read_in_any_case_of_letters():
    held = {"labels": [{"name": "ml-hours:3"}], "repository_url": "https://api.github.com/repos/A/B"}
    assert asked("github", lambda request: held, lambda writer, named: writer.read(named)) == {"3"}


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_another_issue_that_has_the_key_in_a_place_made_anew_is_refused(kind):
    here = {
        "github": {"repository_url": "https://api.github.com/repos/a/b"},
        "gitlab": {"references": {"full": "a/b#7"}},
    }
    held = {"labels": []} | here[kind]

    assert asked(kind, lambda _: held | {"id": 1007}, lambda writer, named: writer.read(named)) == frozenset()
    with pytest.raises(TrackerRefused):
        asked(kind, lambda _: held | {"id": 999}, lambda writer, named: writer.read(named))
