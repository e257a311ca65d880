"""A stranger's connections, each an open file, end no web process."""

import errno
import resource
from contextlib import ExitStack

import pytest

from base import open_files, patient
from base.open_files import FILES_A_THREAD, LEAST_CONNECTIONS, MOST_CONNECTIONS, OWN_FILES, connections_with
from base.patient import PatientWorker
from tests.patient_clients import HEAD, answer, connected, serving
from tests.test_slow_clients import process_that_answers

INFINITY = resource.RLIM_INFINITY
OWN = OWN_FILES + 4 * FILES_A_THREAD
WANTED = MOST_CONNECTIONS + OWN


@pytest.mark.parametrize("begins", [b"", HEAD])
def test_more_connections_than_open_files_end_no_process(begins):
    with serving(open_files=64) as port, ExitStack() as stack:
        process = process_that_answers(stack.enter_context(connected(port)))
        for _ in range(200):
            stack.enter_context(connected(port)).sendall(begins)

        healthy = stack.enter_context(connected(port))
        healthy.sendall(HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nok")

        assert answer(healthy).endswith(b"/in 2\n")
        assert process_that_answers(stack.enter_context(connected(port))) == process


class Listener:
    """A socket that takes nobody."""

    def __init__(self, number):
        self.error = OSError(number, "no")

    def accept(self):
        raise self.error


@pytest.fixture
def process():
    made = PatientWorker.__new__(PatientWorker)
    made.lack_told_at = 0.0
    return made


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS])
def test_where_the_system_has_no_room_a_connection_goes(process, monkeypatch, number):
    gone, waits, told = [], [], []
    process.log = type("Log", (), {"warning": lambda _, *words: told.append(words)})()
    monkeypatch.setattr(PatientWorker, "_make_room", lambda _: gone.append(1) or len(gone) == 1)
    monkeypatch.setattr(patient.time, "sleep", waits.append)
    monkeypatch.setattr(patient.time, "monotonic", lambda: 1e9)

    taken = [process._accept(Listener(number)) for _ in range(2)]

    assert taken == [False, False]
    # The second time nobody could go; it is told once.
    assert (len(gone), len(waits), len(told)) == (2, 1, 1)


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.EPROTO, errno.ENETDOWN, errno.EPERM, errno.ECONNABORTED])
def test_a_client_that_is_gone_is_nobody(process, number):
    assert process._accept(Listener(number)) is False


def test_what_no_client_can_do_is_told(process):
    with pytest.raises(OSError, match="no"):
        process._accept(Listener(errno.EBADF))


@pytest.mark.parametrize(
    ("limits", "connections", "asked"),
    [
        ((INFINITY, INFINITY), MOST_CONNECTIONS, None),
        ((WANTED, WANTED), MOST_CONNECTIONS, None),
        ((1024, INFINITY), MOST_CONNECTIONS, (WANTED, INFINITY)),
        ((1024, 524_288), MOST_CONNECTIONS, (WANTED, 524_288)),
        ((1024, 1024), 1024 - OWN, (1024, 1024)),
        ((64, 64), LEAST_CONNECTIONS, (64, 64)),
    ],
)
def test_a_process_takes_as_many_as_it_may_open(monkeypatch, limits, connections, asked):
    set_to = []
    monkeypatch.setattr(open_files.resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(open_files.resource, "setrlimit", lambda _, to: set_to.append(to))

    assert connections_with(threads=4) == connections
    assert set_to == ([asked] if asked else [])
