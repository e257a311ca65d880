"""What a tracker quotes of anybody steers no import: its limits are read where it tells them, and nowhere else."""

import copy
from typing import Any

import pytest

from apps.importers.sources.client import AnswerUnusable
from apps.importers.sources.paging import LIMITS, graphql, linked_pages
from apps.importers.sources.registry import CONNECTORS
from apps.importers.tests.trackers.server import Reply, client_of, tracker
from apps.importers.tests.trackers.sites import SITES
from apps.importers.tests.trackers.test_github import at
from apps.importers.tracked import Gap, TrackedIssue

#: Where trackers put what people write, and what holds nothing else.
TEXTS = frozenset({"title", "summary", "description", "body", "displayName", "login", "System.Title", "System.Tags"})
HELD_BY = frozenset({"label", "labels", "rename"})


def written_over(data: Any, word: str, *, is_text: bool = False) -> Any:
    """The same where people have written one word everywhere."""
    if isinstance(data, list):
        return [written_over(each, word, is_text=is_text) for each in data]
    if isinstance(data, dict):
        return {
            key: written_over(value, word, is_text=is_text or key in HELD_BY or (key in TEXTS and value != "summary"))
            for key, value in data.items()
        }
    return word if is_text and isinstance(data, str) else data


@pytest.mark.parametrize("since", [None, at(8)], ids=["all", "what was touched"])
@pytest.mark.parametrize("word", sorted(LIMITS))
@pytest.mark.parametrize("kind", SITES)
def test_a_word_that_the_tracker_has_for_itself_is_read_as_any_other(kind, word, since):
    site, slept = SITES[kind], []

    def told(answer):
        with tracker(answer) as served:
            found = CONNECTORS[kind].pull(client_of(served, site.path, sleep=slept.append), site.scope, since)
            told = [each for each in found if not isinstance(each, Gap)]
        return [each.external_id for each in told if isinstance(each, TrackedIssue)], len(told), len(served.requests)

    assert told(lambda request: written_over(copy.deepcopy(site.answer(request)), word)) == told(site.healthy)
    assert slept == []


@pytest.mark.parametrize(
    "reply",
    [
        Reply({"data": None, "errors": [{"message": 'No such thing: "RATE_LIMITED"', "type": "NOT_FOUND"}]}),
        Reply({"errors": [{"message": 'Bad: "RATELIMITED"', "extensions": {"code": "INPUT_ERROR"}}]}, 400),
        Reply({"data": {"me": {}}, "errors": [{"type": "RATE_LIMITED"}]}),
    ],
)
def test_a_limit_of_graphql_is_one_by_its_kind_and_without_data(reply):
    slept = []
    with tracker(lambda request: reply) as served, pytest.raises(Exception, match=r"says|answered 400"):
        graphql(client_of(served, sleep=slept.append), "{ me }", ("me",))
    assert slept == []


ECHOES = {
    "message": lambda told: Reply({"message": f"Header not allowed: {told}"}, 400),
    "errors": lambda told: Reply({"errors": [{"message": told}]}),
    "place": lambda told: Reply(status=302, headers={"Location": f"https://elsewhere.example.org/{told}"}),
    "path": lambda told: Reply(status=302, headers={"Location": f"/seen/{told}"}),
    "no address": lambda told: Reply(status=302, headers={"Location": f"http://[{told}"}),
}


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("kind", CONNECTORS)
def test_a_tracker_that_quotes_a_request_tells_nobody_the_token(kind, echo):
    token = "ada@example.org:secret-token" if kind == "jira" else "secret-token"
    headers = CONNECTORS[kind].headers(token)
    sent = next(iter(headers.values()))

    def answer(request):
        if request.path.startswith("/seen/"):
            return Reply(raw=b"no")
        return ECHOES[echo](f"{sent} {sent.rpartition(' ')[2]} {token} secret-token")

    with tracker(answer) as served:
        client = client_of(served)
        client.headers = headers
        with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is, it is told
            _ = graphql(client, "{ me }", ("me",)) if echo == "errors" else client.get("x").data
    assert "secret-token" not in str(caught.value)
    assert sent.rpartition(" ")[2] not in str(caught.value)
    assert "…" in str(caught.value)


def test_a_refusal_in_the_middle_of_a_list_is_no_end_of_it():
    def answer(request):
        link = {"Link": f'<{served.url}/x?page=2>; rel="next"'}
        return Reply([{"id": 1}], headers=link) if "page" not in request.params else Reply({}, 403)

    with tracker(answer) as served, pytest.raises(AnswerUnusable, match="In the middle of a list"):
        list(linked_pages(client_of(served), "x"))
