"""Input made to hurt: each gets a problem document, none gets a 500, and nothing is half written."""

import json
from typing import Any

import pytest

from apps.projects.models import Issue
from apps.projects.tests.factories import IssueFactory

TEN_MEGABYTES = 10 * 2**20


@pytest.fixture
def send(as_, url):
    """Post raw bytes as an issue."""

    def post(body: bytes, content_type: str = "application/json") -> Any:
        return as_("member").generic("POST", url("issues"), body, content_type=content_type)

    return post


def issue_with(**fields: Any) -> bytes:
    return json.dumps({"title": "A", "issue_type": "bug", **fields}).encode()


def check_refused(response: Any, status: int) -> None:
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["status"] == status
    assert "Traceback" not in response.content.decode()
    assert not Issue.objects.exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe\x00", 400),
        (b"null", 400),
        (b"[]", 400),
        (b'"text"', 400),
        (b"17", 400),
        (b"[" * 200_000, 400),
        (b'{"a":' * 200_000, 400),
        (b'{"title":' + b"[" * 500 + b"]" * 500 + b"}", 400),
        (b'{"title": "A", "issue_type": "bug", "story_points": NaN}', 400),
        (b'{"title": "A", "issue_type": "bug", "story_points": Infinity}', 400),
        (b'{"title": "A", "issue_type": "bug", "story_points": -Infinity}', 400),
        (b'{"title": "A", "issue_type": "bug", "story_points": 1e999}', 400),
        (b'{"title": "A", "issue_type": "bug", "priority": 1' + b"0" * 400 + b"}", 400),
        (b'{"title": "A", "issue_type": "bug", "priority": 1' + b"0" * 5000 + b"}", 400),
        (b'{"title": "\\ud800", "issue_type": "bug"}', 400),
        (b'{"title": "A", "issue_type": "\\ud800"}', 400),
        (issue_with(story_points="NaN"), 400),
        (issue_with(story_points="Infinity"), 400),
        (issue_with(estimated_hours="-1"), 400),
        (issue_with(actual_hours=5e-324), 400),
        (issue_with(estimated_hours=0.00001), 400),
        (issue_with(title="a\0b"), 400),
        (issue_with(issue_type="bug\0"), 400),
        (issue_with(description="\0"), 400),
        (issue_with(labels=["a\0b"]), 400),
        (issue_with(component="\0"), 400),
        (issue_with(key="\0"), 400),
        (issue_with(labels=["x"] * 51), 400),
        (issue_with(labels={"a": 1}), 400),
        (issue_with(labels=[{"deep": []}]), 400),
        (issue_with(title={"$ne": 1}), 400),
        (issue_with(issue_type=["bug"]), 400),
        (issue_with(status={}), 400),
        (issue_with(sprint="x" * 100_000), 400),
        (issue_with(sprint=2**200), 400),
        (issue_with(assignee=-1), 400),
        (issue_with(title="x" * 501), 400),
        (issue_with(description="x" * 100_001), 400),
        (issue_with(created_at="0001-01-01T00:00:00+14:00"), 400),
        (issue_with(created_at="9999-12-31T23:59:59-14:00"), 400),
        (issue_with(created_at="2999-01-01T00:00:00Z"), 400),
        (issue_with(due_date="0000-00-00"), 400),
        (issue_with(title="x" * TEN_MEGABYTES), 413),
    ],
    ids=lambda value: value[:60].decode(errors="replace") if isinstance(value, bytes) else None,
)
def test_what_cannot_be_an_issue_is_refused(send, body, status):
    check_refused(send(body), status)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "nonsense"]
)
def test_only_json_is_read(send, content_type):
    check_refused(send(issue_with(), content_type), 415)


@pytest.mark.parametrize("charset", ["utf-16", "hex", "rot13", "idna", "no-such-charset"])
def test_an_odd_charset_is_no_server_error(send, charset):
    response = send(b"\x80\x81", f"application/json; charset={charset}")

    check_refused(response, 400)


@pytest.mark.parametrize(
    "title", ["日本語のタイトル", "😀" * 100, "<script>alert(1)</script>", "'; DROP TABLE issues; --", "\u202eabc"]
)
def test_any_text_is_kept_as_it_is(send, title):
    response = send(issue_with(title=title))

    assert response.status_code == 201
    assert response.json()["title"] == Issue.objects.get().title == title


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "BREW"])
def test_a_method_that_is_not_there_is_not_allowed(as_, url, method):
    response = as_("lead").generic(method, url("issues"))

    check_refused(response, 405)
    assert response.json()["code"] == "method_not_allowed"


def test_a_lead_learns_which_methods_there_are(as_, url):
    assert as_("lead").put(url("issues"), {})["Allow"] == "GET, POST, HEAD, OPTIONS"


@pytest.mark.parametrize(
    "address", ["not-a-uuid", "1", "'", "%00", "00000000-0000-0000-0000-00000000000g", "../../admin"]
)
def test_an_id_that_is_none_is_not_found(as_, address):
    response = as_("lead").get(f"/api/v1/projects/{address}/issues/")

    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"


def test_a_format_that_is_not_spoken_is_said_so_in_json(as_, url):
    response = as_("lead").get(url("issues"), HTTP_ACCEPT="text/html")

    assert response.status_code == 406
    assert response["Content-Type"] == "application/problem+json"


def test_options_describe_the_address_to_members_only(as_, url):
    assert as_("viewer").options(url("issues")).status_code == 200
    assert as_("stranger").options(url("issues")).status_code == 404


def test_a_refused_change_leaves_no_history(as_, project, url):
    issue = IssueFactory(project=project)

    response = as_("member").patch(url("issues", issue.id), {"story_points": 5, "status": "Nowhere"})

    assert response.status_code == 400
    assert as_("member").get(url("issues", issue.id, "history")).json()["count"] == 0
