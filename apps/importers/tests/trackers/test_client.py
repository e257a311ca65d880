"""The client against a real server: limits, tokens, broken connections, large and malformed answers, other hosts."""

from datetime import UTC, datetime
from itertools import count

import pytest

from apps.common.addresses import AddressRefused
from apps.importers.records import ImportRefused
from apps.importers.sources import budget as budgets
from apps.importers.sources.budget import Budget, BudgetSpent
from apps.importers.sources.client import (
    AnswerUnusable,
    Client,
    TrackerRefused,
    TrackerUnreachable,
)
from apps.importers.sources.headers import next_link
from apps.importers.sources.paging import cursor_pages, graphql, linked_pages, offset_pages, token_pages
from apps.importers.tests.trackers.server import LOCAL, Reply, Request, client_of, needs_recorded, recorded, tracker
from apps.importers.tracked import Gap
from tests.receivers import BAD_SIZES, chunked, speaking

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def answering(*replies):
    """Each reply once, in order; the last one for ever."""
    numbers = count()
    return lambda request: replies[min(next(numbers), len(replies) - 1)]


def test_an_answer_is_read_with_the_token_sent_as_configured():
    with tracker(lambda request: {"path": request.path, **request.params}) as served:
        answer = client_of(served, "/jira").get("rest/api/2/search", startAt=50, jql='project = "A"', unsaid=None)
    assert answer.data == {"path": "/jira/rest/api/2/search", "startAt": "50", "jql": 'project = "A"'}
    assert served.requests[0].headers["authorization"] == "Bearer secret-token"


def test_the_token_is_not_in_what_the_client_shows_of_itself():
    assert "secret" not in repr(Client("https://example.org", {"Authorization": "secret"}))


@pytest.mark.parametrize(
    ("reply", "seconds"),
    [
        (Reply(status=429, headers={"Retry-After": "8"}), 8),
        (Reply(status=403, headers={"Retry-After": "30", "X-RateLimit-Remaining": "4000"}), 30),
        (
            Reply(
                status=403, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW.timestamp()) + 90)}
            ),
            90,
        ),
        (Reply(status=429, headers={"Retry-After": "Mon, 02 Mar 2026 12:00:45 GMT"}), 45),
        (Reply(status=429, headers={"X-RateLimit-Reset": "2026-03-02T12:00:20Z"}), 20),
        (Reply(status=403, headers={"gh-limited-by": "search-elapsed-time-shared-grouped"}), 60),
        (Reply(status=503, headers={"Retry-After": "5"}, raw=b"<html>"), 5),
    ],
)
def test_a_limit_is_waited_for_as_the_tracker_says_and_then_the_answer_comes(reply, seconds):
    slept = []
    with tracker(answering(reply, Reply({"ok": True}))) as served:
        answer = client_of(served, sleep=slept.append, clock=lambda: NOW).get("x")
    assert (answer.data, slept) == ({"ok": True}, [seconds])


def test_a_tracker_that_wants_more_patience_than_allowed_ends_the_import_with_a_reason():
    limit = Reply(status=429, headers={"Retry-After": "600"})
    with tracker(lambda request: limit) as served, pytest.raises(BudgetSpent, match="wants us to wait 600 s"):
        client_of(served, budget=Budget(wait_seconds=1_500)).get("x")
    assert len(served.requests) == 3


def test_requests_are_counted_and_end():
    with tracker(lambda request: []) as served:
        client = client_of(served, budget=Budget(requests=2))
        client.get("a")
        client.get("b")
        with pytest.raises(BudgetSpent):
            client.get("c")
    assert len(served.requests) == 2


@pytest.mark.parametrize(
    ("status", "told"), [(401, "expired"), (403, "needs the right to read"), (404, "is not there")]
)
def test_a_refusal_says_what_would_be_right_and_not_the_token(status, told):
    refusal = Reply({"message": "Must have push access"}, status)
    with tracker(lambda request: refusal) as served, pytest.raises(TrackerRefused, match=told) as caught:
        client_of(served).get("rest/issues", token_in_query="hidden")
    assert "secret" not in caught.value.message
    assert "hidden" not in caught.value.message


def test_a_broken_connection_and_a_stumbling_server_are_asked_again():
    replies = (Reply({"a": "x" * 5_000}, cut=True), Reply(status=502), Reply({"ok": 1}))
    with tracker(answering(*replies)) as served:
        assert client_of(served).get("x").data == {"ok": 1}
    assert len(served.requests) == 3


def test_a_server_that_only_stumbles_is_given_up():
    with tracker(lambda request: Reply(status=500)) as served, pytest.raises(TrackerUnreachable, match="500 5 times"):
        client_of(served).get("x")


def test_nobody_listening_is_told_as_such():
    with tracker(lambda request: {}) as served:
        pass
    with pytest.raises(TrackerUnreachable, match="No answer from 127"):
        client_of(served).get("x")


def test_a_log_in_page_instead_of_json_is_told_as_such():
    page = Reply(raw=b"<!DOCTYPE html><title>Log in</title>")
    with tracker(lambda request: page) as served, pytest.raises(AnswerUnusable, match="a web page"):
        _ = client_of(served).get("x").data


@pytest.mark.parametrize("raw", [b"", b'{"issues": [', b"\xff\xfe", b"[" * 100_000])
def test_malformed_json_is_a_problem_not_a_crash(raw):
    with tracker(lambda request: Reply(raw=raw)) as served, pytest.raises(AnswerUnusable):
        _ = client_of(served).get("x").data


@pytest.mark.parametrize("small", [b"{}", b"[]", b"0", b'{"a":[]}'])
def test_of_a_small_packed_answer_not_gigabytes_are_built(small):
    raw = b"[" + (small + b",") * 2_000_000 + small + b"]"
    reply = Reply(raw=raw, headers={"Content-Encoding": "gzip"})
    with tracker(lambda request: reply) as served, pytest.raises(AnswerUnusable) as refused:
        _ = client_of(served).get("x").data
    assert "more than 1,000,000 values" in str(refused.value.__cause__)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=302, headers={"Location": "http://["}),
        Reply({"errors": {"a": 1}}),
        Reply({"errors": 5}),
        Reply({"errors": "no"}),
        Reply({"errors": [None], "data": []}),
    ],
)
def test_an_answer_of_no_known_shape_is_refused_in_words(reply):
    with tracker(lambda request: reply) as served, pytest.raises(ImportRefused):
        graphql(client_of(served), "{ me }", ("me",))


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "\u00b2"},
        {"X-RateLimit-Reset": "\u00b2"},
        {"Retry-After": "Thu, 01 Jan 2970 00:00:00 +999999999999999"},
    ],
)
def test_a_wait_that_cannot_be_read_is_one_of_our_own_length(headers):
    slept = []
    with tracker(answering(Reply(status=429, headers=headers), Reply({"ok": True}))) as served:
        assert client_of(served, sleep=slept.append, clock=lambda: NOW).get("x").data == {"ok": True}
    assert slept == [60]


@pytest.mark.parametrize("packed", [{}, {"Content-Encoding": "gzip"}])
def test_an_answer_of_a_hundred_megabytes_is_not_taken_in_packed_or_not(packed):
    reply = Reply(raw=b" " * 100 * 2**20, headers=packed)
    with tracker(lambda request: reply) as served, pytest.raises(AnswerUnusable, match="larger than 64 MiB"):
        client_of(served).get("x")


def test_all_answers_together_are_bounded_too():
    with tracker(lambda request: Reply(raw=b" " * 600)) as served:
        client = client_of(served, budget=Budget(bytes=1_000))
        client.get("x")
        with pytest.raises(BudgetSpent, match="read all"):
            client.get("x")


def test_a_redirect_on_the_host_is_followed_one_that_leaves_it_is_not():
    def answer(request: Request):
        if request.path == "/old":
            return Reply(status=301, headers={"Location": "/new"})
        if request.path == "/away":
            return Reply(status=302, headers={"Location": "https://evil.example.org/steal"})
        return {"path": request.path}

    with tracker(answer) as served:
        assert client_of(served).get("old").data == {"path": "/new"}
        with pytest.raises(AnswerUnusable, match="another host"):
            client_of(served).get("away")


def test_endless_redirects_end():
    reply = Reply(status=302, headers={"Location": "/round"})
    with tracker(lambda request: reply) as served, pytest.raises(AnswerUnusable, match="without end"):
        client_of(served).get("round")


def test_a_private_address_is_reached_only_where_the_operator_allows_it():
    with tracker(lambda request: {}) as served, pytest.raises(AddressRefused):
        Client(served.url, {}).get("x")
    assert served.requests == []


def test_plain_http_is_not_spoken_with_the_world():
    public = [(2, 1, 6, "", ("93.184.216.34", 80))]
    with pytest.raises(TrackerRefused, match="https"):
        Client("http://tracker.example.org", {}, allowed=LOCAL, resolve=lambda *a, **k: public).get("x")


# --- Pages --------------------------------------------------------------------------------------------------------
def test_pages_by_number_end_where_the_total_is_never_reached():
    """A page cut by its authors: total 10, one issue in the body, whatever is asked."""
    with tracker(lambda request: {"total": 10, "startAt": 0, "issues": [{"id": "1"}]}) as served:
        pages = list(offset_pages(client_of(served), "search", "issues"))
    assert pages == [[{"id": "1"}], Gap("10 issues were announced and 1 given", ("all figures",))]
    assert len(served.requests) == 2


def test_pages_by_number_are_read_to_the_last():
    def answer(request: Request):
        start = int(request.params["startAt"])
        return {"total": 5, "values": [{"id": n} for n in range(start, min(start + 2, 5))]}

    with tracker(answer) as served:
        pages = list(offset_pages(client_of(served), "x", "values"))
    assert [row["id"] for page in pages for row in page] == [0, 1, 2, 3, 4]


def test_a_token_that_comes_back_ends_the_pages_with_a_gap():
    pages = list(token_pages(lambda token, most: {"issues": [1], "nextPageToken": "same"}, "issues", 1))
    assert pages[:2] == [[1], [1]]
    assert isinstance(pages[2], Gap)


def test_a_cursor_that_comes_back_ends_the_pages_with_a_gap():
    connection = {"nodes": [1, None], "pageInfo": {"hasNextPage": True, "endCursor": "A"}}
    pages = list(cursor_pages(lambda cursor, most: connection, 1))
    assert pages[:2] == [[1, None], [1, None]]
    assert isinstance(pages[2], Gap)


def test_links_are_followed_and_a_row_that_comes_twice_counts_once():
    def answer(request: Request):
        if request.path == "/repositories/9/issues":
            return [{"id": 2}, {"id": 3}]
        link = f'<{served.url}/repositories/9/issues?page=2>; rel="next", <{served.url}/x?page=5>; rel="last"'
        return Reply([{"id": 1}, {"id": 2}], headers={"Link": link})

    with tracker(answer) as served:
        pages = list(linked_pages(client_of(served), "repos/a/b/issues", per_page=2))
    assert pages == [[{"id": 1}, {"id": 2}], [{"id": 3}]]


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ('<https://a/?x=1,2>; title="a, <b>; rel=next"; REL = "prev Next"', "https://a/?x=1,2"),
        ("<https://a/1>; rel=last, <https://a/2>;rel=next", "https://a/2"),
        ('<a>; rel="next-but-one", <b>; rev=next, <c>; rel=up; rel=next', ""),
        ('<a>; title="it\\"s; rel=next', ""),
        ('<a; rel=next, <b>; anchor; rel="next"', "b"),
        ("", ""),
    ],
)
def test_the_next_page_is_the_one_whose_relations_name_it(header, address):
    assert next_link(header) == address


def test_a_header_of_links_that_no_tracker_writes_ends_the_pages_with_a_reason():
    with tracker(lambda request: Reply([], headers={"Link": "<a>;" * 10_000})) as served:
        answer = client_of(served).get("issues")
    with pytest.raises(AnswerUnusable, match="names other pages in 40000 characters"):
        answer.next_url  # noqa: B018 - it is read here


@needs_recorded
def test_the_recorded_pages_of_github_are_thirteen_issues():
    rows = [row for number in range(1, 6) for row in recorded(f"github/issues_page{number}_of_5")]

    def answer(request: Request):
        size, page = int(request.params["per_page"]), int(request.params.get("page", 1))
        told = recorded(f"github/issues_page{1 if page * size < len(rows) else 5}_of_5.headers")["headers"]["Link"]
        link = told.replace("https://api.github.com", served.url).replace("per_page=3", f"per_page={size}")
        return Reply(
            rows[(page - 1) * size : page * size], headers={"Link": link.replace("&page=2", f"&page={page + 1}")}
        )

    with tracker(answer) as served:
        pages = list(linked_pages(client_of(served), "repos/a/b/issues", per_page=3))
    assert [row["id"] for page in pages for row in page] == [row["id"] for row in rows]
    assert len(rows) == 13
    assert {request.path for request in served.requests[1:]} == {"/repositories/515435940/issues"}


@needs_recorded
@pytest.mark.parametrize(
    "name",
    [
        "rate_limit_primary_403", "rate_limit_secondary_403_retry_after", "rate_limit_secondary_403_gh_limited_by",
        "rate_limit_secondary_429",
    ],
)  # fmt: skip
def test_the_recorded_limits_of_github_are_limits_whatever_their_text(name):
    told = recorded(f"github/{name}.headers")
    wanted = ("Retry-After", "X-RateLimit-Remaining", "gh-limited-by")
    headers = {key: value for key, value in told["headers"].items() if key in wanted}
    limit = Reply(recorded(f"github/{name}"), told["status"], headers)
    with tracker(answering(limit, Reply({"ok": 1}))) as served:
        assert client_of(served).get("x").data == {"ok": 1}


def test_what_answers_add_up_to_in_memory_ends_the_import_before_the_worker(monkeypatch):
    # However it is gathered: lists of events, names of sprints, keys that were seen.
    peaks = iter([900.0, 990.0, 1_010.0])
    monkeypatch.setattr(budgets, "peak_mib", lambda: next(peaks))
    budget = Budget(memory_mib=1_000.0)
    budget._peak_before_mib = 500.0
    with tracker(lambda request: Reply([{"id": 1}])) as served:
        client = client_of(served, budget=budget)
        client.get("x")
        client.get("x")
        with pytest.raises(BudgetSpent, match="more memory than an import may"):
            client.get("x")


def test_the_memory_that_an_earlier_import_of_the_worker_needed_is_no_fault_of_this_one():
    # This process has more than that already.
    budget = Budget(memory_mib=1.0, requests=2)

    budget.ask()

    assert budget.requests == 1


@pytest.mark.parametrize("size", BAD_SIZES)
def test_of_a_chunk_without_a_size_no_byte_is_read(size):
    """The library reads '-1' as a size, and without end; '-5' was a fault of ours."""
    budget = Budget()
    with speaking(chunked(b"HTTP/1.1 200 OK\r\n", size) + b"x" * 100_000) as port:
        client = Client(f"http://127.0.0.1:{port}", {}, allowed=LOCAL, sleep=lambda seconds: None, budget=budget)
        with pytest.raises(TrackerUnreachable, match="ProtocolError"):
            client.get("x")
    assert budget.bytes == Budget().bytes


def test_an_answer_in_chunks_is_read_and_its_connection_kept():
    said = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n"
    with speaking(said + said) as port:
        client = Client(f"http://127.0.0.1:{port}", {}, allowed=LOCAL)
        assert client.get("x").data == [1, 2]
        assert client._pool is not None
        assert client._pool.num_connections == 1
