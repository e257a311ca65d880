"""Assistants: judged by the official client, over HTTP with a key, over standard input, and with hostile messages."""

import asyncio
import json
import queue
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from types import SimpleNamespace

import anyio
import httpx2
import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import OperationalError, transaction
from rest_framework.test import APIClient

from apps.access.keys import create_key
from apps.common.api.idempotency import HEADER, REPLAYED
from apps.common.models import FirstAnswer
from apps.mcp.protocol import CAPABILITIES_KEY, CURRENT, EARLIER, VERSION_KEY, reply_to
from apps.mcp.stdio import LONGEST_LINE_BYTES, serve
from apps.mcp.toolbox import PersonsToolbox
from apps.mcp.tools import TOOLS
from apps.ml.models import PredictionHistory
from apps.projects.demo.story import seed_demo_team
from apps.projects.models import Issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from conftest import NOW

pytestmark = pytest.mark.django_db
META = {VERSION_KEY: CURRENT, CAPABILITIES_KEY: {}}
KEYS = {"range", "promised_share", "measured_hold_share", "n", "what_n_counts", "method"}


@pytest.fixture(scope="module")
def team(django_db_setup, django_db_blocker):
    """A team of two years with its lead, in whose projects a second one is new; made once."""
    with time_machine.travel(NOW, tick=False), django_db_blocker.unblock(), transaction.atomic():
        project, _ = seed_demo_team(now=NOW)
        lead = TeamMemberFactory(project=project, role="lead").user
        TeamMemberFactory(project=ProjectFactory(key="YOUNG"), user=lead, role="viewer")
        yield project, lead
        transaction.set_rollback(True)


@pytest.fixture
def asked(team):
    """`asked("tool", **arguments)` is the result for the lead."""
    project, lead = team

    def ask(name, /, **arguments):
        return PersonsToolbox(lead, lambda scope: None).call(name, {"project": project.key, **arguments})

    return ask


class Door(httpx2.AsyncBaseTransport):
    """The official client's way to us without a socket: its loop runs beside, Django in the thread of the test."""

    def __init__(self):
        self.waiting = queue.Queue()

    async def handle_async_request(self, request):
        answered = Future()
        self.waiting.put((request, await request.aread(), answered))
        return await asyncio.wrap_future(answered)

    def answer(self, request, body, answered):
        headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}
        try:
            answer = APIClient().generic(request.method, request.url.path, body, "application/json", **headers)
        except Exception as fault:  # noqa: BLE001 - whatever it is, the test sees it
            # Passed on, or the client would wait for ever; no future takes a StopIteration as it is.
            answered.set_exception(RuntimeError(repr(fault)))
        else:
            told = httpx2.Response(answer.status_code, headers=dict(answer.items()), content=answer.content)
            answered.set_result(told)


def with_client(user, scopes, mode, work):
    """The result of `work(client)` with the official client and a key of the user."""
    # A second to load: only the process that asks with it waits for it.
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    key, door = create_key(user, name="assistant", scopes=scopes, project=None, days=1, now=NOW)[1], Door()

    async def main():
        headers = {"Authorization": f"Bearer {key}"}
        async with (
            httpx2.AsyncClient(transport=door, headers=headers) as http,
            Client(streamable_http_client("http://testserver/mcp", http_client=http), mode=mode) as client,
        ):
            return await work(client)

    with ThreadPoolExecutor(1) as beside:
        done = beside.submit(anyio.run, main)
        done.add_done_callback(lambda _: door.waiting.put(None))
        while (each := door.waiting.get()) is not None:
            door.answer(*each)
    return done.result()


@pytest.mark.parametrize(("mode", "version"), [("auto", CURRENT), ("legacy", EARLIER[0])])
def test_the_official_client_lists_and_calls(team, mode, version):
    project, lead = team

    async def work(client):
        listed = await client.list_tools()
        forecast = await client.call_tool("forecast_project", {"project": project.key})
        written = await client.call_tool(
            "record_actual_hours", {"project": project.key, "issue": "X", "actual_hours": 1}
        )
        return client.session.protocol_version, listed.tools, forecast, written

    with time_machine.travel(NOW, tick=False):
        spoken, tools, forecast, written = with_client(lead, ["read", "predict"], mode, work)

    assert spoken == version
    assert {each.name for each in tools} == set(TOOLS)
    assert forecast.structured_content["evidence"].keys() == KEYS
    assert forecast.structured_content["evidence"]["n"] > 20
    assert written.is_error
    assert "takes the scope write" in written.content[0].text


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("list_sprints", {}),
        ("forecast_project", {"by": "2026-05-01"}),
        ("sprint_outlook", {}),
        ("what_if_sprint", {"extra_days": -2}),
        ("why_the_date_moved", {}),
        ("estimate_points", {"title": "Change the export of the invoice", "issue_type": "bug"}),
        ("similar_issues", {"title": "Change the export of the invoice"}),
    ],
)
def test_every_answer_carries_what_stands_behind_it(asked, name, arguments):
    with time_machine.travel(NOW, tick=False):
        result = asked(name, **arguments)

    assert not result["isError"], result
    told = result["structuredContent"]
    assert json.loads(result["content"][0]["text"]) == told
    assert told["evidence"].keys() == KEYS
    if told["evidence"]["range"]:
        assert told["evidence"]["promised_share"] >= 0.8
        assert told["evidence"]["n"] or told["evidence"]["method"] == "prior"
        assert told["in_words"]


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("forecast_project", {"project": "YOUNG"}, "are needed"),
        ("estimate_hours", {"project": "YOUNG", "title": "Paint it"}, "so there is none"),
        ("estimate_points", {"project": "YOUNG", "title": "Paint it"}, "10 finished issues with points are needed, 0"),
        ("forecast_project", {"project": "NOBODYS"}, "There is no such thing, or you may not see it."),
        ("forecast_project", {"with_label": "misspelt"}, "label: No issue of this project bears this label."),
        ("forecast_project", {"label": "x"}, "label: There is no such field."),
        ("what_if_sprint", {"drop_issues": ["NO-1"]}, "drop_issues: Not issues of this project: NO-1"),
        ("what_if_sprint", {"extra_days": 400}, "extra_days:"),
        ("sprint_outlook", {"sprint": "no such sprint"}, "There is no such thing"),
        ("why_the_date_moved", {"since": "2030-01-01"}, "since: A day from"),
        ("similar_issues", {"title": ""}, "title:"),
        ("record_actual_hours", {"project": "YOUNG", "issue": "A-1", "actual_hours": 2}, "permission"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_plain_words(asked, name, arguments, said):
    with time_machine.travel(NOW, tick=False):
        result = asked(name, **arguments)

    assert result["isError"]
    assert said in result["content"][0]["text"]
    assert "structuredContent" not in result


def test_hours_of_similar_work_are_told_with_the_issues(asked, team):
    issue = Issue.objects.filter(project=team[0], actual_hours__isnull=False).last()

    with time_machine.travel(NOW, tick=False):
        told = asked("estimate_hours", title=issue.title, description=issue.description)["structuredContent"]

    assert told["evidence"]["method"] == "similarity"
    assert told["evidence"]["range"]["min"] < told["estimate"]["predicted_hours"] < told["evidence"]["range"]["max"]
    assert PredictionHistory.objects.filter(id=told["estimate"]["prediction_id"], requested_by=team[1]).exists()


def test_hours_are_written_for_finished_issues_of_ones_own_project_alone(asked, team):
    project, lead = team
    done = Issue.objects.filter(project=project, status__category="done").last()
    open_ = Issue.objects.filter(project=project, status__category="to_do").last()
    elsewhere = IssueFactory(project=ProjectFactory(key="ELSE"))

    results = [asked("record_actual_hours", issue=str(each.id), actual_hours=7.5) for each in (done, open_, elsewhere)]
    foreign = asked("record_actual_hours", project="ELSE", issue=str(elsewhere.id), actual_hours=7.5)

    done.refresh_from_db()
    assert [each["isError"] for each in (*results, foreign)] == [False, True, True, True]
    assert done.actual_hours == 7.5
    assert done.changes.filter(changed_by=lead, new_value="7.5").exists()


def test_a_persons_list_has_their_projects_alone(asked, team):
    ProjectFactory(key="HIDDEN")

    listed = PersonsToolbox(team[1], lambda scope: None).call("list_projects", {})["structuredContent"]["projects"]

    assert [each["key"] for each in listed] == sorted([team[0].key, "YOUNG"])


REQUEST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ([REQUEST], -32600),
        ("text", -32600),
        ({**REQUEST, "jsonrpc": "1.0"}, -32600),
        ({**REQUEST, "id": None}, -32600),
        ({**REQUEST, "id": True}, -32600),
        ({**REQUEST, "id": {"a": 1}}, -32600),
        ({**REQUEST, "method": 5}, -32600),
        ({**REQUEST, "params": []}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "result": {}}, -32600),
        ({**REQUEST, "params": {"_meta": {VERSION_KEY: CURRENT}}}, -32602),
        ({**REQUEST, "params": {"_meta": {**META, VERSION_KEY: 7}}}, -32602),
        ({**REQUEST, "params": {"_meta": {**META, VERSION_KEY: "2031-01-01"}}}, -32022),
        ({**REQUEST, "method": "server/discover", "params": {}}, -32602),
        ({**REQUEST, "method": "initialize"}, -32601),
        ({**REQUEST, "method": "resources/list"}, -32601),
        ({**REQUEST, "method": "__class__"}, -32601),
        ({**REQUEST, "method": "tools/call"}, -32602),
        ({**REQUEST, "method": "tools/call", "params": {"_meta": META, "name": "drop_tables"}}, -32602),
        (
            {**REQUEST, "method": "tools/call", "params": {"_meta": META, "name": "list_projects", "arguments": 1}},
            -32602,
        ),
    ],
)
def test_a_hostile_message_is_refused_by_the_protocols_own_numbers(message, code):
    reply = reply_to(message, PersonsToolbox(None, lambda scope: None))

    assert reply.body["error"]["code"] == code
    assert reply.status == (404 if code == -32601 else 400)


@pytest.mark.parametrize("version", [*EARLIER, "2024-11-05"])
def test_older_clients_shake_hands(version):
    asked = {"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": {"protocolVersion": version}}

    result = reply_to(asked, PersonsToolbox(None, lambda scope: None)).body["result"]

    assert result["protocolVersion"] == (version if version in EARLIER else EARLIER[0])
    assert result["capabilities"] == {"tools": {}}


def test_headers_must_say_what_the_body_says():
    headers = {"MCP-Protocol-Version": CURRENT, "Mcp-Method": "tools/list"}
    toolbox = PersonsToolbox(None, lambda scope: None)

    assert reply_to(REQUEST, toolbox, headers).status == 200
    for name in headers:
        wrong = reply_to(REQUEST, toolbox, {**headers, name: "another"})
        assert wrong.body["error"]["code"] == -32020


class TestOverHttp:
    @pytest.fixture
    def post(self, team):
        client = APIClient()
        client.force_authenticate(team[1])
        return lambda body, **headers: client.generic("POST", "/mcp", body, "application/json", **headers)

    @pytest.mark.parametrize("body", ["{", "[" * 10_000, '{"a": NaN}', '{"a": "\\ud800"}', "\x00"])
    def test_what_is_no_json_is_a_parse_error(self, post, body):
        answer = post(body)

        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == -32700

    def test_a_notification_is_taken_and_forgotten(self, post):
        answer = post(json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}))

        assert (answer.status_code, answer.content) == (202, b"")

    @pytest.mark.parametrize(
        "origin",
        ["https://elsewhere.example", "null", "", "http://[", "http://[::1", "testserver", "http://testserver@a"],
    )
    def test_a_page_of_another_site_is_not_answered(self, post, origin):
        assert post(json.dumps(REQUEST), HTTP_ORIGIN=origin).status_code == 403

    def test_a_page_of_this_site_is_answered(self, post):
        assert post(json.dumps(REQUEST), HTTP_ORIGIN="https://testserver").status_code != 403

    def test_without_a_key_nobody_is_answered(self):
        answer = APIClient().post("/mcp", REQUEST)

        assert answer.status_code == 401
        assert "Bearer" in answer["WWW-Authenticate"]

    def test_there_is_no_stream_and_no_session(self, post, team):
        client = APIClient()
        client.force_authenticate(team[1])

        assert client.get("/mcp").status_code == client.delete("/mcp").status_code == 405


class TestOverStandardInput:
    def test_every_line_has_its_answer(self, team):
        call = {"name": "list_projects", "_meta": META}
        lines = [
            json.dumps({**REQUEST, "id": 7, "method": "tools/call", "params": call}).encode(),
            b"",
            b"{",
            b"x" * (LONGEST_LINE_BYTES + 10),
            json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled"}).encode(),
            json.dumps({"jsonrpc": "2.0", "id": 8, "method": "ping"}).encode(),
        ]
        told = BytesIO()

        serve(BytesIO(b"\n".join(lines)), told, lambda: PersonsToolbox(team[1], lambda scope: None))

        first, broken, long, last = map(json.loads, told.getvalue().splitlines())
        assert (first["id"], first["result"]["isError"]) == (7, False)
        assert broken["error"]["code"] == -32700
        assert long["error"]["code"] == -32600
        assert last == {"jsonrpc": "2.0", "id": 8, "result": {}}

    def test_a_database_that_is_away_is_told_and_the_next_question_answered(self, team):
        here = PersonsToolbox(team[1], lambda scope: None)
        states = iter([OperationalError("away"), OperationalError("away"), None])

        def toolbox():
            if (fault := next(states)) is not None:
                raise fault
            return here

        listing = {"jsonrpc": "2.0", "method": "tools/list"}
        messages = [{**listing, "id": 7}, listing, {**listing, "id": 8}]
        answers = BytesIO()
        serve(BytesIO(b"".join(json.dumps(each).encode() + b"\n" for each in messages)), answers, toolbox)

        away, back = map(json.loads, answers.getvalue().splitlines())
        assert (away["id"], away["error"]["code"]) == (7, -32603)
        assert "ask again" in away["error"]["message"]
        assert (back["id"], "tools" in back["result"]) == (8, True)

    def test_the_command_serves_in_the_name_of_a_person_with_the_scopes_given(self, team, monkeypatch):
        line = {"name": "record_actual_hours", "arguments": {}, "_meta": META}
        asked = json.dumps({**REQUEST, "method": "tools/call", "params": line}).encode()
        told = BytesIO()
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=BytesIO(asked)))
        monkeypatch.setattr("sys.stdout", SimpleNamespace(buffer=told))

        call_command("mcp", "--user", team[1].email)

        assert "this takes the scope write" in json.loads(told.getvalue())["result"]["content"][0]["text"]

    def test_a_stranger_is_no_person(self):
        with pytest.raises(CommandError, match="Nobody"):
            call_command("mcp", "--user", "nobody@example.com")


def test_an_idempotency_key_changes_nothing(team):
    client, sent = APIClient(), {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    client.force_authenticate(team[1])

    answers = [client.post("/mcp", sent, format="json", headers={HEADER: "one"}) for _ in range(2)]

    assert [(each.status_code, REPLAYED in each) for each in answers] == [(200, False)] * 2
    assert not FirstAnswer.objects.exists()


@pytest.mark.parametrize(
    ("path", "host", "status"), [("/mcp", "evil.example", 400), ("/mcp", "[::1", 400), ("/mcp/x", "testserver", 404)]
)
def test_what_is_no_question_to_the_assistants_address_is_refused_in_a_problem_document(client, path, host, status):
    answer = client.post(path, b"{}", "application/json", headers={"host": host})

    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
