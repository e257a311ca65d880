"""Who takes an answer slowly stops nobody else: over real sockets, against a server of one process with two threads."""

import time
from contextlib import ExitStack
from types import SimpleNamespace

from gunicorn.workers.gthread import ThreadWorker

from base.arriving import Arriving
from base.lines import Lines
from base.patient import PatientWorker
from tests.patient_clients import HEAD, SLOW_CLIENTS, answer, asked, asking_for_much, connected, serving, starting
from tests.typed_commands import wait_until


def test_a_process_that_stops_tells_those_to_whom_it_will_not_come(tmp_path):
    """What is at work is answered; of the others nothing was done, and they know it."""
    opened = tmp_path / "opened"
    held = f"GET /held?{opened} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    with starting(graceful_timeout=30, LAST_WORDS_SECONDS=30.0) as server, ExitStack() as stack:
        port = int(server.stdout.readline())
        at_work, *waiting = [stack.enter_context(connected(port)) for _ in range(5)]
        for client in (at_work, *waiting):
            client.sendall(held)
            time.sleep(0.05)
        server.terminate()

        told = [answer(client) for client in waiting]
        opened.touch()

        assert all(each.startswith(b"HTTP/1.1 503 ") and b'"stopping"' in each for each in told)
        assert answer(at_work).endswith(b"/held 0\n")


def test_whoever_comes_to_a_process_that_stops_is_refused_at_once(tmp_path):
    """A connection that is taken and read by nobody ends with an error after all the time that others get."""
    opened = tmp_path / "opened"
    held = f"GET /held?{opened} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    with starting(graceful_timeout=60, workers=2) as server:
        port = int(server.stdout.readline())
        with connected(port) as at_work:
            at_work.sendall(held)
            time.sleep(0.2)
            server.terminate()
            wait_until(lambda: is_refused(port), 30)
            opened.touch()

            assert answer(at_work).endswith(b"/held 0\n")


def test_whoever_had_a_connection_before_a_process_stops_is_heard_once_more():
    """For two seconds; here for as long as that takes."""
    with starting(graceful_timeout=60, STOP_KEEPALIVE_LINGER=3600.0) as server, ExitStack() as stack:
        port = int(server.stdout.readline())
        kept, new = (stack.enter_context(connected(port)) for _ in range(2))
        kept.sendall(HEAD + b"Content-Length: 2\r\n\r\nok")
        while not kept.recv(65536).endswith(b"/in 2\n"):
            pass
        server.terminate()
        wait_until(lambda: is_refused(port), 30)
        # Time for what drops connections.
        time.sleep(2.5)

        for client in (kept, new):
            client.sendall(HEAD + b"Content-Length: 5\r\n\r\nagain")

        for client in (kept, new):
            told = answer(client)
            assert told.startswith(b"HTTP/1.1 200 ")
            assert b"Connection: close" in told
            assert told.endswith(b"/in 5\n")


def test_whoever_is_answered_after_a_process_stops_is_heard_as_long(monkeypatch):
    """Two seconds from their answer, not from the stop: what they have sent since would be reset unread."""
    process, gone, now = PatientWorker.__new__(PatientWorker), [], time.monotonic()
    process.alive, process.cfg = False, SimpleNamespace(graceful_timeout=60)
    process.last_words_at, process.stopped_at, process.lines, process.leaving = now + 60, now - 10, Lines(2), {}
    late, quiet, begun = (
        Arriving(name, now - ago, now + 10) for name, ago in (("late", 0), ("quiet", 9), ("begun", 9))
    )
    begun.data += b"POST"
    process.arriving = {each.conn: each for each in (late, quiet, begun)}
    monkeypatch.setattr(ThreadWorker, "murder_keepalived", lambda *_: None)
    monkeypatch.setattr(PatientWorker, "_drop", lambda _, request, words: gone.append(request.conn))

    process.murder_keepalived()

    assert gone == ["quiet"]


def is_refused(port):
    try:
        connected(port).close()
    except ConnectionRefusedError:
        return True
    return False


def test_whoever_takes_nothing_of_an_answer_holds_no_thread_and_may_still_take_all_of_it():
    """Two answers each, sent ahead: the second is worked out when the first was taken."""
    n_bytes = 5_000_000
    with serving() as port, ExitStack() as stack:
        slow = [stack.enter_context(asking_for_much(port, n_bytes, "")) for _ in range(SLOW_CLIENTS // 2)]
        time.sleep(0.1)

        healthy = asked(port, HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nok")

        assert healthy.endswith(b"/in 2\n")
        for client in slow:
            taken = answer(client)
            assert (taken.count(b"/large 0\n"), taken.count(b"x" * n_bytes)) == (2, 2)


def test_whoever_takes_nothing_for_long_is_gone():
    with serving(IDLE_SECONDS=0.1) as port, asking_for_much(port, 20_000_000) as idle:
        # As long as the server looks after it, once a second.
        time.sleep(2.5)

        assert len(answer(idle)) < 20_000_000


def test_whoever_takes_an_answer_too_slowly_is_gone():
    """At this pace it would be taken in no time."""
    with serving(SLOWEST_BYTES_A_SECOND=10**9, HEAD_SECONDS=0.2) as port, asking_for_much(port, 20_000_000) as slow:
        for _ in range(12):
            slow.recv(1)
            time.sleep(0.2)

        assert len(answer(slow)) < 20_000_000


def test_answers_that_wait_for_their_clients_hold_no_more_than_there_is_room_for():
    """The last of whoever has most is given up: of ten million bytes each, one fits into half of the room."""
    n_bytes = 10_000_000
    with serving(MOST_BYTES=40_000_000) as port, ExitStack() as stack:
        first = stack.enter_context(asking_for_much(port, n_bytes))
        time.sleep(0.3)
        more = [stack.enter_context(asking_for_much(port, n_bytes)) for _ in range(3)]
        time.sleep(0.3)

        assert answer(first).endswith(b"/large 0\n")
        assert any(len(answer(client)) < n_bytes for client in more)
