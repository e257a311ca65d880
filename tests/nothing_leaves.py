"""A pytest plugin: no test reaches anything beyond this machine; whoever tries gets an error as without a network.

Python's own sockets are watched, whatever library uses them, and names are not looked up either. Hosts in `ALLOWED`
are let through, for engines elsewhere.
"""

import ipaddress
import os
import socket
import sys
from contextlib import suppress
from typing import Any

#: Hosts that a run was told to use: `SCRUM_ML_TEST_HOSTS=db.example.com,10.0.0.7`.
ALLOWED = frozenset(filter(None, os.environ.get("SCRUM_ML_TEST_HOSTS", "").split(",")))
_LOCAL_NAMES = frozenset({"", "localhost", socket.gethostname()})


class LeavesTheHouse(OSError):
    """Something tried to reach another machine."""


def is_here(host: object) -> bool:
    """Whether a host is this machine, or one that the run was told to use."""
    if host is None:
        return True
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name in _LOCAL_NAMES or name in ALLOWED:
        return True
    address = read_address(name)
    return address is not None and (address.is_loopback or address.is_unspecified)


def read_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The number that a text is, in whatever writing the system's resolver takes for one; None for a name."""
    plain = text.partition("%")[0]
    with suppress(ValueError):
        return ipaddress.ip_address(plain)
    with suppress(OSError, UnicodeError):
        return ipaddress.ip_address(socket.inet_aton(plain))
    return None


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Python tells of every connection and every look-up before it happens."""
    if not event.startswith("socket."):
        # Python tells of everything: of each file, each import, each statement of SQLite.
        return
    if event in ("socket.connect", "socket.sendto"):
        # A path is a socket of this machine.
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0]
        if read_address(str(host)) is not None:
            # Nobody is asked about a number.
            return
    else:
        return
    if not is_here(host):
        raise LeavesTheHouse(101, f"A test tried to leave the house: {event} to {host!r}")


sys.addaudithook(refuse)
