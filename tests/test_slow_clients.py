"""Slow clients stop nobody else: over real sockets, against a server of one process with two threads."""

import json
import random
import time
from contextlib import ExitStack, suppress
from selectors import DefaultSelector
from socket import socket

import pytest
from gunicorn.http.body import LengthReader
from gunicorn.http.unreader import Unreader
from gunicorn.workers.gthread import ThreadWorker

from apps.common.uploads import LONGEST_BODY_BYTES, LONGEST_UPLOAD_BYTES
from base import patient as server
from base.arriving import Rest
from base.patient import PatientWorker
from tests.patient_clients import HEAD, SLOW_CLIENTS, answer, asked, connected, serving


@pytest.fixture(scope="module")
def patient():
    """It waits for clients as long as this file takes."""
    with serving(HEAD_SECONDS=3600.0) as port:
        yield port


@pytest.fixture(scope="module")
def impatient():
    with serving(HEAD_SECONDS=0.2, SLOWEST_BYTES_A_SECOND=10**9) as port:
        yield port


BEGINNINGS = {
    "silent": b"",
    "half a line": b"GET /in HT",
    "half a head": HEAD + b"X-Slow: ",
    "no body": HEAD + b"Content-Length: 5000\r\n\r\n",
    "half a body": HEAD + b"Content-Length: 5000\r\n\r\nhalf",
    "half a large body": HEAD + b"Content-Length: 300000\r\n\r\n" + b"x" * 120_000,
    "a length behind zeros": HEAD + b"Content-Length: " + b"0" * 40 + b"5000\r\n\r\nhalf",
}


@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS)
def test_a_healthy_client_is_answered_while_slow_ones_are_being_waited_for(patient, beginning):
    with ExitStack() as stack:
        slow = [stack.enter_context(connected(patient)) for _ in range(SLOW_CLIENTS)]
        for client in slow:
            client.sendall(beginning)

        healthy = asked(patient, HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nok")

        assert healthy.endswith(b"/in 2\n")
        # They are all still there: it was not answered because they were cut off.
        for client in slow:
            client.setblocking(False)
            with pytest.raises(BlockingIOError):
                client.recv(1)


def test_nobodys_requests_fill_all_threads_and_all_are_answered_in_the_end(patient, tmp_path):
    """From another address, which counts as somebody else."""
    opened = tmp_path / "opened"
    held = f"GET /held?{opened} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    with ExitStack() as stack:
        many = [stack.enter_context(connected(patient)) for _ in range(SLOW_CLIENTS)]
        for client in many:
            client.sendall(held)

        other = stack.enter_context(connected(patient, "127.0.0.2"))
        other.sendall(HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nok")

        assert answer(other).endswith(b"/in 2\n")
        opened.touch()
        assert [answer(client)[-8:] for client in many] == [b"/held 0\n"] * SLOW_CLIENTS


def test_what_waits_for_a_thread_holds_no_more_than_there_is_room_for(tmp_path):
    """One is answered, those for which there is room wait, and the last ones are told to come again."""
    opened, size = tmp_path / "opened", 300_000
    head = f"POST /held?{opened} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"
    with serving(MOST_BYTES=2_000_000) as port, ExitStack() as stack:
        many = [stack.enter_context(connected(port)) for _ in range(8)]
        for client in many:
            client.sendall(head.encode() + b"x" * size)
            time.sleep(0.05)
        refused = [answer(client) for client in many[-4:]]
        opened.touch()

        assert all(said.startswith(b"HTTP/1.1 503 ") and b"Retry-After: 5" in said for said in refused)
        assert [answer(client)[-13:] for client in many[:4]] == [b"/held 300000\n"] * 4


@pytest.mark.parametrize("state", ["kept", "arriving", "leaving", "waiting"])
def test_as_many_connections_as_a_process_has_shut_nobody_out(state, tmp_path):
    """Kept after an answer, with half a request, with an answer that is not taken, or in a line: one makes room."""
    opened, most = tmp_path / "opened", 12
    with serving(worker_connections=most) as port, ExitStack() as stack:
        held = [stack.enter_context(connected(port)) for _ in range(most - 1)]
        for client in held:
            if state == "kept":
                process_that_answers(client)
            elif state == "arriving":
                client.sendall(HEAD)
            elif state == "leaving":
                client.sendall(b"GET /large?5000000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            else:
                client.sendall(f"GET /held?{opened} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        time.sleep(0.3)

        # From another address, which counts as somebody else.
        other = stack.enter_context(connected(port, "127.0.0.2"))
        other.sendall(HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nok")

        assert answer(other).endswith(b"/in 2\n")
        opened.touch()


@pytest.mark.parametrize("beginning", [each for each in BEGINNINGS.values() if each], ids=list(BEGINNINGS)[1:])
def test_whoever_is_too_slow_is_told_and_gone(impatient, beginning):
    said = asked(impatient, beginning)

    head, body = said.split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert json.loads(body)["code"] == "request_timeout"


def test_whoever_says_nothing_is_only_gone(impatient):
    assert asked(impatient) == b""


#: Such as no length is known of, or of which gunicorn and this loop may think differently.
UNCLEAR = {
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "a chunk that looks like the last": HEAD + b"Transfer-Encoding: chunked\r\n\r\n400\r\n\r\n0\r\n\r\n",
    "both lengths": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 0\r\nContent-Length: 5000\r\n\r\n",
    "a length that is none": HEAD + b"Content-Length: 5e3\r\n\r\n",
    "a length of many digits": HEAD + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n",
    "a space before the colon": HEAD + b"Content-Length : 5000\r\n\r\n",
    "a line within a header": HEAD + b"X: a\nContent-Length: 0\r\nContent-Length: 5000\r\n\r\n",
    "too large": HEAD + b"Content-Length: 90000000\r\n\r\n",
}


@pytest.mark.parametrize("beginning", UNCLEAR.values(), ids=UNCLEAR)
def test_no_thread_waits_for_a_body_of_unclear_length(patient, beginning):
    with ExitStack() as stack:
        for _ in range(SLOW_CLIENTS):
            stack.enter_context(connected(patient)).sendall(beginning)

        healthy = asked(patient, HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nok")

    assert healthy.endswith(b"/in 2\n")


@pytest.mark.parametrize(("beginning", "status"), [("chunks", b"411"), ("both lengths", b"411"), ("too large", b"413")])
def test_a_body_that_is_not_taken_is_refused_before_it_comes(patient, beginning, status):
    assert asked(patient, UNCLEAR[beginning]).startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize(
    ("path", "length", "status"),
    [
        (b"/in", LONGEST_BODY_BYTES + 1, b"413"),
        (b"/in?/api/v1/imports/", LONGEST_BODY_BYTES + 1, b"413"),
        (b"/api/v1/imports/", LONGEST_UPLOAD_BYTES, b"100"),
        (b"/projects/DEMO/import/upload/?x=1", LONGEST_UPLOAD_BYTES, b"100"),
        (b"http://localhost/api/v1/imports/", LONGEST_UPLOAD_BYTES, b"100"),
        (b"/api/v1/imports/", LONGEST_UPLOAD_BYTES + 1, b"413"),
    ],
)
def test_large_bodies_are_gathered_only_where_files_are_taken(patient, path, length, status):
    """Leave to send it (100) is given to who asks, or the answer comes before the body."""
    head = b"POST " + path + b" HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
    with connected(patient) as client:
        client.sendall(head + b"Content-Length: %d\r\n\r\n" % length)

        assert client.recv(100).startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"GET /" + b"x" * 5_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414, "uri_too_long"),
        (b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", 400, "bad_request"),
        (b"nonsense\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: \xff<script>\r\n b\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(200)) + b"\r\n", 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400, "bad_request"),
        (b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"),
        (b"POST https://[::1/in HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", 400, "bad_request"),
    ],
    ids=["line", "version", "nonsense", "colon", "folded", "headers", "length", "host", "half a host"],
)
def test_what_the_server_itself_refuses_is_a_problem_document(patient, sent, status, code):
    head, _, body = asked(patient, sent).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"Content-Type: application/problem+json" in head
    assert (json.loads(body)["status"], json.loads(body)["code"]) == (status, code)


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ([HEAD[:9], HEAD[9:] + b"Connection: close\r\nContent-Length: 3\r\n\r", b"\na", b"bc"], b"/in 3"),
        ([HEAD + b"Connection: close\r\nContent-Length: 250000\r\n\r\n", b"x" * 250_000], b"/in 250000"),
        ([HEAD + b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", b"ok"], b"/in 2"),
    ],
    ids=["in pieces", "large", "expecting leave"],
)
def test_requests_arrive_whole_however_they_come(patient, parts, told):
    assert told in asked(patient, *parts)


@pytest.mark.slow
def test_no_beginning_of_a_request_ends_the_process(patient):
    """Whatever stands in the first line and the headers: the loop that reads them is everybody's."""
    chance = random.Random(13)
    pieces = rb"GET POST http:// https:// [ ] ::1 / ? # @ : % \0 \xff 99999 Content-Length: Expect: HTTP/1.1 -1".split()
    pieces += [b" ", b" ", b"\r\n", b"\n", b"\0", b"\xff", b"\xd9\xa3"]
    who = b"GET /pid HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    before = asked(patient, who).rpartition(b"\r\n\r\n")[2]
    for _ in range(1_000):
        with connected(patient) as client, suppress(ConnectionError):
            client.sendall(b"GET " + b"".join(chance.choices(pieces, k=chance.randint(1, 12))) + b"\r\n\r\n")

    assert asked(patient, who).rpartition(b"\r\n\r\n")[2] == before


@pytest.mark.parametrize("times", [1, 2])
def test_leave_to_send_a_body_is_given_once(patient, times):
    expects = b"Expect: 100-continue\r\n" * times
    with connected(patient) as client:
        client.sendall(HEAD + b"Connection: close\r\n" + expects + b"Content-Length: 2\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"ok")
        rest = answer(client)

    assert rest.startswith(b"HTTP/1.1 200 OK")


def test_requests_on_one_connection_one_after_the_other_and_ahead_of_their_answers(patient):
    one = HEAD + b"Content-Length: 1\r\n\r\n1"
    last = HEAD + b"Connection: close\r\nContent-Length: 4\r\n\r\n"
    with connected(patient) as client:
        client.sendall(one)
        first = b""
        # Head and body may come apart.
        while not first.endswith(b"/in 1\n") and (more := client.recv(65536)):
            first += more
        client.sendall(one + last + b"12")
        time.sleep(0.05)
        client.sendall(b"34")
        rest = answer(client)

    assert first.endswith(b"/in 1\n")
    assert (rest.count(b"/in 1\n"), rest.count(b"/in 4\n")) == (1, 1)


def test_headers_without_end_are_refused(patient):
    assert asked(patient, HEAD, b"X-Long: " + b"x" * 70_000).startswith(b"HTTP/1.1 431 ")


def test_who_does_not_hang_up_after_the_answer_keeps_nobody_waiting(patient):
    """gunicorn waits two seconds for each of them, in the loop that serves all: 12 took 24 seconds."""
    farewell = HEAD + b"Connection: close\r\nContent-Length: 0\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(SLOW_CLIENTS // 2):
            client = stack.enter_context(connected(patient))
            client.sendall(farewell)
            assert answer(client).endswith(b"/in 0\n")

        assert asked(patient, farewell).endswith(b"/in 0\n")


@pytest.mark.parametrize("megabytes", [1, 40])
def test_reading_a_body_copies_each_byte_a_few_times_however_long_it_is(megabytes):
    body, copied = memoryview(bytes(megabytes * 2**20)), 0
    unreader = Unreader()
    unreader.chunk = Rest(body)
    reader, piece = LengthReader(unreader, len(body)), b"some"
    while piece:
        piece = reader.read(64 * 1024)
        copied += len(piece) + len(unreader.buf.getvalue())

    assert len(body) <= copied <= 3 * len(body)


def process_that_answers(client):
    client.sendall(b"GET /pid HTTP/1.1\r\nHost: a\r\n\r\n")
    said = b""
    while not said.endswith(b"\n") or b"/pid" not in said:
        more = client.recv(65536)
        assert more, "the server has closed the connection"
        said += more
    return said.split()[-1]


def test_a_process_that_has_more_connections_leaves_the_next_ones_to_the_other():
    """Here for as long as that takes."""
    with serving(workers=2, LEFT_SECONDS=3600.0) as port, ExitStack() as stack:

        def process():
            return process_that_answers(stack.enter_context(connected(port)))

        first = [process()]
        # The other one may still be starting.
        while len(set(first)) < 2:
            first.append(process())
        missing = first.count(first[0]) - 1
        then = [process() for _ in range(missing)]
        both = {process(), process()}

    assert then == [first[-1]] * missing
    assert both == set(first)


def test_a_kept_connection_ends_after_some_answers_and_none_that_is_asked_ahead():
    one = HEAD + b"Content-Length: 1\r\n\r\n1"
    with serving(MOST_ANSWERS=2) as port, connected(port) as client, connected(port) as hasty:
        client.sendall(one)
        while not client.recv(65536).endswith(b"/in 1\n"):
            pass
        client.sendall(one)
        last = answer(client)
        hasty.sendall(one * 5)
        all_of_them = answer(hasty)

    assert b"Connection: close" in last
    assert last.endswith(b"/in 1\n")
    assert (all_of_them.count(b"/in 1\n"), all_of_them.count(b"Connection: close")) == (5, 1)


@pytest.mark.parametrize(("left_for", "others_have_fewer"), [(3600.0, False), (-1.0, False), (3600.0, True)])
def test_who_waits_long_listens(monkeypatch, left_for, others_have_fewer):
    """A process that neither listened nor looked again soon kept every client waiting for a second."""
    process = PatientWorker.__new__(PatientWorker)
    process.age, process.nr_conns, process.worker_connections, process.alive = 1, 0, 100, True
    process.left_until, process.poller, process._accepting = time.monotonic() + left_for, DefaultSelector(), False
    monkeypatch.setattr(server.SHARES, "others_have_fewer", lambda *_, **__: others_have_fewer)
    waits = []
    monkeypatch.setattr(
        ThreadWorker, "wait_for_and_dispatch_events", lambda self, wait: waits.append((wait, self._accepting))
    )

    with socket() as listener:
        process.sockets = [listener]
        # gunicorn's loop has decided not to listen, by what was so before.
        process.wait_for_and_dispatch_events(1.0)

    assert waits == [(server._LOOK_SECONDS, False) if others_have_fewer else (1.0, True)]
