"""A pytest plugin: no test reaches anything beyond this machine; whoever tries gets an error as without a network.

Python's own sockets are watched, whatever library uses them, and names are not looked up either. Hosts in `ALLOWED`
are let through, for engines elsewhere.
"""

import ipaddress
import os
import socket
import sys
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
    if not is_address(name):
        return False
    address = ipaddress.ip_address(name.partition("%")[0])
    return address.is_loopback or address.is_unspecified


def is_address(host: object) -> bool:
    """Whether it is a number and no name."""
    try:
        ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return False
    return True


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Python tells of every connection and every look-up before it happens."""
    if event in ("socket.connect", "socket.sendto"):
        # A path is a socket of this machine.
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0]
        if is_address(host):
            # Nobody is asked about a number.
            return
    else:
        return
    if not is_here(host):
        raise LeavesTheHouse(101, f"A test tried to leave the house: {event} to {host!r}")


sys.addaudithook(refuse)
