"""A text of anybody's keeps no other issue out, however long it is; and pages without end have one."""

import json
from datetime import timedelta
from functools import partial
from itertools import count
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

import pytest

from apps.importers import runs
from apps.importers.connections import connect
from apps.importers.records import RowError
from apps.importers.sources import bounded_json, jsonlines
from apps.importers.sources.bounded_json import MOST_VALUES, TooManyValues, parsed
from apps.importers.sources.client import AnswerTooLarge
from apps.importers.sources.headers import resized
from apps.importers.sources.lines.mapping import mapping_of
from apps.importers.sources.paging import cursor_pages, linked_pages, offset_pages, token_pages
from apps.importers.sources.registry import CONNECTORS, place_of
from apps.importers.tests.trackers import jira_site, test_azure, test_gitlab
from apps.importers.tests.trackers.server import LOCAL, Reply, client_of, tracker
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
        found = rows[start : start + size]
        if "expand" not in request.params:
            found = [{"id": row["id"], "key": row["key"]} for row in found]
        return {"total": len(rows), "issues": found}

    told, keys = issues_of("jira_dc", answer, most=5 * LARGE)
    assert set(keys) == {f"B-{n}" for n in range(120)} - {"B-60"}
    assert len(keys) == 119
    assert [(each.line, each.external_id) for each in told if isinstance(each, RowError)] == [(61, "B-60")]
    assert not [each for each in told if isinstance(each, Gap) and "announced" in each.what]


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


@pytest.mark.parametrize("options", [{}, {"each_by_itself": True, "after": "c"}])
def test_a_row_that_is_too_large_by_itself_ends_pages_that_lead_only_through_it(options):
    with tracker(lambda request: ["x" * 5 * LARGE]) as served, pytest.raises(AnswerTooLarge):
        list(linked_pages(client_of(served, most_answer_bytes=LARGE), "x", **options))


# --- Parts of pages ---------------------------------------------------------------------------------------------------
def numbered(rows, *, is_counted=False):
    """A list by the number of its pages, as GitHub gives it, or, with a count, GitLab."""

    def answer(request):
        size, page = int(request.params["per_page"]), int(request.params.get("page", 1))
        is_last = page * size >= len(rows)
        link = f'<http://{request.headers["host"]}{request.path}?per_page={size}&page={page + 1}>; rel="next"'
        told = ({} if is_last else {"Link": link}) | ({"X-Total": str(len(rows))} if is_counted else {})
        return Reply(rows[(page - 1) * size : page * size], headers=told)

    return answer


def sizes(served):
    return [int(request.params["per_page"]) for request in served.requests]


@pytest.mark.parametrize("is_counted", [True, False])
def test_only_the_page_that_is_too_large_comes_in_parts(is_counted):
    rows = [{"id": n, "text": "x" * (10 * LARGE if n == 234 else 10)} for n in range(500)]
    with tracker(numbered(rows, is_counted=is_counted)) as served:
        told = list(linked_pages(client_of(served, most_answer_bytes=LARGE), "x", each_by_itself=True))

    (error,) = (each for each in told if isinstance(each, RowError))
    assert (error.line, "too large to be read" in error.reason) == (235, True)
    assert [row["id"] for page in told if page is not error for row in page] == [n for n in range(500) if n != 234]
    # Two, the large one, in it ten with one of ten, and two; and pages overlap by a row.
    expected = [100] * 3 + [10] * 4 + [1] * 10 + [10] * 6 + [100] * 2
    assert len(sizes(served)) <= 1.3 * len(expected)


def by_number(ask):
    def get(url):
        asked = dict(parse_qsl(urlsplit(url).query))
        size, page = int(asked["per_page"]), int(asked.get("page", 1))
        rows, following = ask((page - 1) * size, size)
        link = f"x?per_page={size}&page={page + 1}" if following else ""
        return SimpleNamespace(url=url, data=rows, next_url=link, headers={})

    return linked_pages(SimpleNamespace(get=get), "x", each_by_itself=True)


def by_offset(ask):
    def get(path, *, startAt, maxResults, bare=False):
        rows, following = ask(startAt, maxResults, bare=bare)
        return SimpleNamespace(data={"values": rows, "isLast": not following})

    return offset_pages(SimpleNamespace(get=get), "x", "values", at_once=100, bare={"bare": True})


def by_token(ask):
    def read(token, most, *, bare=False):
        rows, following = ask(int(token or 0), most, bare=bare)
        return {"issues": rows, "nextPageToken": str(following or "")}

    return token_pages(read, "issues", 100, bare=partial(read, bare=True))


def by_cursor(ask):
    def read(cursor, most, *, bare=False):
        rows, following = ask(int(cursor or 0), most, bare=bare)
        return {"nodes": rows, "pageInfo": {"hasNextPage": bool(following), "endCursor": str(following or "")}}

    return cursor_pages(read, 100, bare=partial(read, bare=True))


@pytest.mark.parametrize("pages", [by_number, by_offset, by_token, by_cursor])
def test_wherever_a_row_stands_that_is_too_large_all_others_are_read_once(pages):
    for large in range(1, 221):

        def ask(start, most, *, bare=False, large=large):
            rows = [{"id": n} for n in range(start + 1, min(start + most, 220) + 1)]
            if {"id": large} in rows and not bare:
                raise AnswerTooLarge("It is too large.")
            return rows, start + most if start + most < 220 else None

        told = list(pages(ask))

        (error,) = (each for each in told if isinstance(each, RowError))
        read = [row["id"] for page in told if page is not error for row in page]
        assert read == [n for n in range(1, 221) if n != large]


def test_pages_behind_a_cursor_come_in_parts_from_the_same_place():
    rows = [{"id": n, "text": "x" * 2_000} for n in range(300)]

    def answer(request):
        size, after = int(request.params["per_page"]), int(request.params.get("after", 0))
        link = f'<http://{request.headers["host"]}/x?per_page={size}&after={after + size}&page=2>; rel="next"'
        return Reply(rows[after : after + size], headers={"Link": link} if after + size < len(rows) else {})

    with tracker(answer) as served:
        told = list(linked_pages(client_of(served, most_answer_bytes=LARGE), "x"))

    assert [row["id"] for page in told for row in page] == list(range(300))


@pytest.mark.parametrize(
    ("url", "most", "found"),
    [
        ("x?a=1", 100, "x?a=1&per_page=100"),
        ("https://a.example/x?per_page=100&page=3", 10, "https://a.example/x?per_page=10&page=21"),
        ("https://a.example/x?per_page=10&page=21&q=a%20b", 100, "https://a.example/x?per_page=100&page=3&q=a+b"),
        ("https://a.example/x?after=c%3D&page=2&per_page=100", 1, "https://a.example/x?after=c%3D&page=2&per_page=1"),
        ("https://a.example/x?page=2", 10, "https://a.example/x?page=2&per_page=10"),
        ("https://a.example/x?page=%C2%B2&per_page=" + "9" * 5_000, 10, "https://a.example/x?page=%C2%B2&per_page=10"),
    ],
)
def test_the_address_of_a_part_begins_where_its_page_does(url, most, found):
    assert resized(url, most) == found


def test_each_page_is_read_though_all_are_too_large():
    rows = [{"id": n, "text": "x" * LARGE} for n in range(250)]
    with tracker(numbered(rows)) as served:
        told = list(linked_pages(client_of(served, most_answer_bytes=5 * LARGE), "x"))

    assert [row["id"] for page in told for row in page] == list(range(250))


def test_an_issue_of_jira_cloud_that_is_too_large_is_an_error_with_its_key():
    fields = jira_site.ISSUES[0]["fields"]
    rows = [{"id": str(n), "key": f"B-{n}", "fields": fields} for n in range(120)]
    rows[60]["fields"] = fields | {"description": "x" * 10 * LARGE}

    def answer(request):
        if request.path == "/rest/api/3/changelog/bulkfetch":
            return {"issueChangeLogs": []}
        if request.path != "/rest/api/3/search/jql":
            return jira_site.cloud(request)
        start, size = int(request.body.get("nextPageToken", 0)), request.body["maxResults"]
        found = rows[start : start + size]
        if request.body["fields"] == ["summary"]:
            found = [{"id": row["id"], "key": row["key"]} for row in found]
        following = {"nextPageToken": str(start + size)} if start + size < len(rows) else {"isLast": True}
        return {"issues": found} | following

    told, keys = issues_of("jira", answer, most=9 * LARGE)
    assert set(keys) == {f"B-{n}" for n in range(120)} - {"B-60"}
    assert [each.external_id for each in told if isinstance(each, RowError)] == ["B-60"]


def test_a_history_of_jira_cloud_that_is_too_large_is_an_error_of_that_issue():
    def answer(request):
        if (
            request.path == "/rest/api/3/changelog/bulkfetch"
            and jira_site.ISSUES[0]["id"] in request.body["issueIdsOrKeys"]
        ):
            return {"issueChangeLogs": [], "more": "x" * 10 * LARGE}
        return jira_site.cloud(request)

    told, keys = issues_of("jira", answer, most=5 * LARGE)
    assert [each.external_id for each in told if isinstance(each, RowError)] == [jira_site.ISSUES[0]["key"]]
    assert sorted(keys) == sorted(row["key"] for row in jira_site.ISSUES[1:])


def test_nodes_of_graphql_that_are_too_large_together_come_in_parts():
    nodes = [{"id": n, "text": "x" * 2_000} for n in range(230)]

    def ask(cursor, most):
        start = int(cursor or 0)
        found = nodes[start : start + most]
        if len(found) > 40:
            raise AnswerTooLarge("It is too large.")
        page = {"hasNextPage": start + most < len(nodes), "endCursor": str(start + most)}
        return {"nodes": found, "pageInfo": page}

    assert [row["id"] for page in cursor_pages(ask, 100) for row in page] == list(range(230))


@pytest.mark.django_db
def test_one_text_of_a_stranger_keeps_an_import_from_no_step(project, lead, settings, now):
    settings.TRACKER_ALLOWED_NETWORKS, settings.CONNECTION_KEYS = list(LOCAL), ["k"]
    said = {"description": "fine"}

    def answer(request):
        rows = [test_gitlab.row(), test_gitlab.row(id=78, iid=8, references={"short": "#8"}, **said)]
        return rows if request.path.endswith("/issues") else []

    with tracker(answer) as served:
        made = connect(project, place_of("gitlab", f"{served.url}/api/v4", "g/p"), "token", by=lead, now=now)
        for hours, text in enumerate(("fine", "," * 1_500_000, "[{" * 1_000_000)):
            said["description"], at = text, now + timedelta(hours=hours)
            run = runs.execute(runs.ask_sync(made, by=None, now=at).pk, now=at)
            made.refresh_from_db()
            assert (run.status, run.error, made.synced_until) == ("completed", "", at)


def test_a_line_that_is_too_large_is_one_error_and_what_it_goes_on_with_is_no_line(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonlines, "LONGEST_LINE_BYTES", 100)
    monkeypatch.setattr(bounded_json, "MOST_VALUES", 20)
    long = b'{"id": "A-1", "title": "' + b" " * 77 + b'{"id": "A-9", "title": "x"}                \n'
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        long + b'{"id": "A-2", "title": ",,,,,,,,,,,,,,,,,,,,,,,,,,,"}\n{"id": "A-3", "x": [' + b"1," * 30 + b"1]}\n"
    )

    told = list(jsonlines.read(path, mapping_of({})))

    assert [each.external_id for each in told if isinstance(each, TrackedIssue)] == ["A-2"]
    assert [(each.line, "too large" in each.reason or "longer" in each.reason)
            for each in told if isinstance(each, RowError)] == [(1, True), (3, True)]  # fmt: skip


# --- Without end ------------------------------------------------------------------------------------------------------
def test_pages_that_go_on_and_say_nothing_end_with_a_gap():
    numbers = count()
    tokens = token_pages(lambda token, most: {"issues": [{"id": 1}], "nextPageToken": f"t{next(numbers)}"}, "issues", 1)
    cursors = cursor_pages(
        lambda cursor, most: {
            "nodes": [{"id": 1}],
            "pageInfo": {"hasNextPage": True, "endCursor": f"c{next(numbers)}"},
        },
        1,
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
