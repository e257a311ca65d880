"""Whoever has a silent name server of their own holds one look-up, and nobody who asks for another name."""

import socket
import threading
from collections.abc import Iterator

import pytest

from apps.common.lookups import Lookup

FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 443))]


class Servers:
    """Name servers: of `silent…` none answers until the test is over."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def __call__(self, host: str, port: int, **_: object) -> list[object]:
        if host.startswith("silent"):
            self.over.wait()
        if host.startswith("unknown"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return list(FOUND)


@pytest.fixture
def servers() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    servers.over.set()


def test_what_a_name_server_says_is_passed_on(servers: Servers) -> None:
    lookup = Lookup(seconds=60, most_at_once=1, resolve=servers)

    assert lookup("a.example", 443) == FOUND
    with pytest.raises(socket.gaierror):
        lookup("unknown.example", 443)
    assert lookup("b.example", 443) == FOUND, "each gives its place back"


def test_for_a_silent_one_nobody_waits_longer_than_was_said(servers: Servers) -> None:
    with pytest.raises(TimeoutError, match="No name server answers"):
        Lookup(seconds=0.01, most_at_once=1, resolve=servers)("silent.example", 443)


def test_what_comes_on_top_is_refused_at_once_and_addresses_are_no_names(servers: Servers) -> None:
    lookup = Lookup(seconds=0.01, most_at_once=2, resolve=servers)
    for name in ("silent1.example", "silent2.example"):
        with pytest.raises(TimeoutError):
            lookup(name, 443)

    with pytest.raises(TimeoutError, match="Too many"):
        lookup("a.example", 443)
    assert lookup("192.0.2.1", 443) == lookup("2001:db8::1", 443) == FOUND

    servers.over.set()
    for thread in threading.enumerate():
        if thread.name == "lookup":
            thread.join()
    assert lookup("a.example", 443) == FOUND, "those that nobody waits for any more give their places back"
