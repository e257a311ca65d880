"""A text of anybody's keeps no other issue out, however long it is; and pages without end have one."""

import json
from itertools import count

import pytest

from apps.importers.records import RowError
from apps.importers.sources import bounded_json
from apps.importers.sources.bounded_json import MOST_VALUES, TooManyValues, parsed
from apps.importers.sources.client import AnswerTooLarge
from apps.importers.sources.paging import cursor_pages, linked_pages, offset_pages, token_pages
from apps.importers.sources.registry import CONNECTORS
from apps.importers.tests.trackers import jira_site, test_azure, test_gitlab
from apps.importers.tests.trackers.server import Reply, client_of, tracker
from apps.importers.tests.trackers.sites import SITES
from apps.importers.tracked import Gap, TrackedIssue


@pytest.mark.parametrize("text", [",", "[{", '"', "\\", '\\"', ',"', "\\,", "\u20ac,"])
def test_a_text_may_hold_any_number_of_signs(text):
    said = {"a": text * (2 * MOST_VALUES), "b": [text, 1]}
    assert parsed(json.dumps(said).encode()) == said


@pytest.mark.parametrize("row", ['"\\\\",', '{"a":","},', '"",', '"[",', "[1],"])
def test_values_are_counted_where_they_are(row):
    rows = row * (MOST_VALUES + 1)
    with pytest.raises(TooManyValues):
        parsed(f"[{rows}1]".encode())


def test_as_many_values_as_may_be_are_built_whatever_their_texts(monkeypatch):
    monkeypatch.setattr(bounded_json, "MOST_VALUES", 4)
    assert parsed(b'[",,,,,",2,3,4]') == [",,,,,", 2, 3, 4]
    with pytest.raises(TooManyValues):
        parsed(b'[",,,,,",2,3,4,5]')


# --- Pages that are too large -----------------------------------------------------------------------------------------
LARGE = 100_000


def issues_of(kind, answer, *, most, since=None):
    with tracker(answer) as served:
        client = client_of(served, SITES[kind].path, most_answer_bytes=most)
        told = list(CONNECTORS[kind].pull(client, SITES[kind].scope, since))
    return told, [each.external_id for each in told if isinstance(each, TrackedIssue)]


@pytest.mark.parametrize("small", [0, 200])
def test_a_page_of_gitlab_that_is_too_large_comes_in_smaller_ones(small):
    rows = [test_gitlab.row(id=n, iid=n, references={"short": f"#{n}"}, description="x" * LARGE * (n > small))
            for n in range(1, small + 26)]  # fmt: skip

    def answer(request):
        if not request.path.endswith("/issues"):
            return []
        size, page = int(request.params["per_page"]), int(request.params.get("page", 1))
        host = request.headers["host"]
        link = f'<http://{host}{request.path}?per_page={size}&page={page + 1}>; rel="next"'
        is_last = page * size >= len(rows)
        return Reply(rows[(page - 1) * size : page * size], headers={} if is_last else {"Link": link})

    told, keys = issues_of("gitlab", answer, most=12 * LARGE)
    assert keys == [f"#{n}" for n in range(1, small + 26)]
    assert not any(isinstance(each, Gap) and "page" in each.what for each in told)


def test_an_issue_of_a_server_that_is_too_large_by_itself_keeps_no_other_out():
    rows = [{"id": str(n), "key": f"B-{n}", "fields": jira_site.ISSUES[0]["fields"], "changelog": {"histories": []}}
            for n in range(120)]  # fmt: skip
    rows[60]["fields"] = rows[60]["fields"] | {"description": "x" * 10 * LARGE}

    def answer(request):
        if request.path != "/rest/api/2/search":
            return jira_site.data_center(request)
        start, size = int(request.params["startAt"]), int(request.params["maxResults"])
        return {"total": len(rows), "issues": rows[start : start + size]}

    told, keys = issues_of("jira_dc", answer, most=5 * LARGE)
    assert set(keys) == {f"B-{n}" for n in range(120)} - {"B-60"}
    assert len(keys) == 119
    assert any(isinstance(each, Gap) and "larger than all that is read at once" in each.what for each in told)


@pytest.mark.parametrize("since", [None, test_azure.at(10)])
def test_revisions_of_azure_that_are_too_large_together_come_in_smaller_batches(since):
    long = {"System.Description": "x" * LARGE}
    revisions = [row | long for row in test_azure.REVISIONS]

    def answer(request):
        found = test_azure.answer(request)
        if "workitemrevisions" in request.path:
            start, size = (
                int(request.params.get("continuationToken", 0)),
                int(request.params.get("$maxPageSize", 1_000)),
            )
            rows = [{"id": 9, "rev": row["System.Rev"], "fields": row} for row in revisions]
            host = request.headers["host"]
            return {"values": rows[start : start + size], "isLastBatch": start + size >= len(rows),
                    "nextLink": f"http://{host}{request.path}?continuationToken={start + size}"}  # fmt: skip
        if "updates" in request.path:
            for update in found["value"]:
                update["fields" if "fields" in update else "url"] = update.get("fields", {}) | {
                    "System.Description": {"newValue": "x" * LARGE}
                }
            start, size = int(request.params["$skip"]), int(request.params["$top"])
            return {"value": found["value"][start : start + size]}
        return found

    told, keys = issues_of("azure", answer, most=3 * LARGE, since=since)
    assert keys == ["9"]
    (issue,) = (each for each in told if isinstance(each, TrackedIssue))
    assert issue.started_at == test_azure.at(3)


def test_an_issue_whose_events_are_too_large_is_an_error_and_the_others_come():
    def answer(request):
        found = SITES["gitlab"].healthy(request)
        return [{"x": "x" * 5 * LARGE}] if request.path.endswith("/7/resource_label_events") else found

    told, keys = issues_of("gitlab", answer, most=4 * LARGE)
    assert keys == ["#8"]
    assert [each.external_id for each in told if isinstance(each, RowError)] == ["#7"]


def test_a_row_that_is_too_large_by_itself_ends_pages_that_lead_only_through_it():
    with tracker(lambda request: ["x" * 5 * LARGE]) as served, pytest.raises(AnswerTooLarge):
        list(linked_pages(client_of(served, most_answer_bytes=LARGE), "x"))


# --- Without end ------------------------------------------------------------------------------------------------------
def test_pages_that_go_on_and_say_nothing_end_with_a_gap():
    numbers = count()
    tokens = token_pages(lambda token: {"issues": [{"id": 1}], "nextPageToken": f"t{next(numbers)}"}, "issues")
    cursors = cursor_pages(
        lambda cursor: {"nodes": [{"x": 1}], "pageInfo": {"hasNextPage": True, "endCursor": f"c{next(numbers)}"}}
    )
    for pages in (tokens, cursors):
        *_, gap = pages
        assert isinstance(gap, Gap)

    def answer(request):
        return Reply([{"id": 1}], headers={"Link": f'<{served.url}/x?page={next(numbers)}>; rel="next"'})

    with tracker(answer) as served:
        *_, gap = linked_pages(client_of(served), "x")
        assert isinstance(gap, Gap)
        assert len(served.requests) < 20
    with tracker(lambda request: {"values": [{"id": 1}]}) as served:
        assert list(offset_pages(client_of(served), "x", "values")) == [[{"id": 1}]]
