"""Nothing leaves the house: the suite runs without the outside, and so does the demonstration."""

import socket
import urllib.request

import pytest

from tests.demonstration import can_be_alone
from tests.nothing_leaves import LeavesTheHouse, is_here


@pytest.mark.parametrize("host", ["192.0.2.1", "example.com", "2001:db8::1", b"example.com", "10.0.0.1"])
def test_another_machine_is_elsewhere(host):
    assert not is_here(host)


@pytest.mark.parametrize("host", ["example.com", b"example.com"])
def test_nobody_outside_is_asked_for_a_name(host):
    with pytest.raises(LeavesTheHouse):
        socket.getaddrinfo(host, 80)


def test_a_connection_by_number_is_refused_before_it_is_made():
    with socket.socket() as sock, pytest.raises(LeavesTheHouse):
        sock.connect(("192.0.2.1", 80))
    with socket.socket(type=socket.SOCK_DGRAM) as sock, pytest.raises(LeavesTheHouse):
        sock.sendto(b"a name", ("192.0.2.1", 53))


def test_libraries_meet_the_same_wall():
    with pytest.raises(OSError, match="leave the house"):
        urllib.request.urlopen("http://example.com/", timeout=5)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "::1", "localhost", None, "0.0.0.0"])
def test_this_machine_is(host):
    assert is_here(host)


@pytest.mark.slow
def test_the_demonstration_trains_and_answers_without_any_network(demonstration):
    if not can_be_alone():
        pytest.skip("unshare cannot make a network of its own here: the demonstration is not tried without one.")

    assert demonstration.answers == [[200, 200, 200, 200], "ml_model"]
