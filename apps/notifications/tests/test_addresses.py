"""A webhook reaches the public internet and what the operator allows, by whatever name it is called."""

import socket

import pytest

from apps.common.addresses import (
    AddressRefused,
    NameUnknown,
    UrlRefused,
    reachable_addresses,
    target_of,
)

PUBLIC = [
    "93.184.216.34",
    "168.63.129.17",
    "192.88.98.1",
    "2606:4700:4700::1111",
    "::ffff:93.184.216.34",
    "64:ff9b::5db8:d822",
]
NOT_PUBLIC = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
    "192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00::1", "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "2002:7f00:1::", "2002:5db8:d822::1", "3fff::1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::5db8:d822",
    "2001:0:5db8:d822:0:0:80ff:fffe",
    "192.88.99.1", "192.88.99.255", "168.63.129.16", "::ffff:168.63.129.16", "64:ff9b::a83f:8110",
]  # fmt: skip


def resolver(*addresses: str):
    """A name server that knows every name, by these addresses."""
    return lambda host, port, type: [(socket.AF_INET, type, 6, "", (address, port)) for address in addresses]


def reached(*addresses: str, allowed: tuple[str, ...] = ()) -> list[str]:
    return reachable_addresses(target_of("https://a.example/"), allowed=allowed, resolve=resolver(*addresses))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_reached(address):
    assert reached(address) == [address]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_refused_even_beside_one_that_is(address):
    with pytest.raises(AddressRefused):
        reached(address)
    with pytest.raises(AddressRefused):
        reached(PUBLIC[0], address)


def test_what_the_operator_allows_is_reached_and_nothing_beside_it():
    assert reached("10.1.2.3", allowed=("10.1.0.0/16", "fd00::/8")) == ["10.1.2.3"]
    with pytest.raises(AddressRefused):
        reached("10.1.2.3", "10.2.0.1", allowed=("10.1.0.0/16",))


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
def test_this_machine_is_refused_however_it_is_written(host):
    with pytest.raises(AddressRefused):
        reachable_addresses(target_of(f"http://{host}/"), allowed=())


def test_a_name_without_an_address_is_said_to_be_unknown():
    def refuse(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    for resolve in (refuse, resolver()):
        with pytest.raises(NameUnknown):
            reachable_addresses(target_of("https://a.example/"), allowed=(), resolve=resolve)


@pytest.mark.parametrize(
    "url",
    [
        "", "a.example", "ftp://a.example/", "file:///etc/passwd", "https://", "https:///path", "https://a.example:x/",
        "https://a.example:99999/", "https://a.example:0/", "https://user:secret@a.example/", "https://user@a.example/",
        "https://a.example/#part", "https://a.example/ b", "https://a.example/\r\nX: y", "https://bücher.example/",
        "http://[::1", "javascript:alert(1)", "https://a.example\\.b.example/", "https://a.example/\\b",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_receiver_is_refused(url):
    with pytest.raises(UrlRefused):
        target_of(url)


def test_an_address_is_taken_apart_as_it_is_asked_for():
    target = target_of("https://a.example:8443/in?team=1")

    assert (target.host, target.port, target.host_header, target.path) == (
        "a.example",
        8443,
        "a.example:8443",
        "/in?team=1",
    )
    assert target_of("http://[2606:4700::1]").host_header == "[2606:4700::1]"
    assert (target_of("http://a.example").port, target_of("https://a.example").path) == (80, "/")
