"""Which addresses we may connect to for others: public ones, and networks that the operator names."""

import ipaddress
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from apps.common.exceptions import ApplicationError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
#: Like `socket.getaddrinfo`.
Resolver = Callable[..., Sequence[Any]]

DEFAULT_PORTS = {"http": 80, "https": 443}
#: The last 32 bits are an IPv4 address that a translator will connect to (RFC 6052).
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
#: Special networks (IANA's registries) on which Python's own judgement has changed between its releases, and tunnels
#: whose far end is another address: 6to4 with its relays, and Teredo, both given up (RFC 7526, RFC 8190). Last, what is
#: public by its number, and on each machine of Azure the host's own services, as 169.254.169.254 is.
SPECIAL = tuple(
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "2001::/23", "2002::/16", "3fff::/20", "5f00::/16",
        "fec0::/10", "168.63.129.16/32",
    )
)  # fmt: skip


class UrlRefused(ApplicationError):
    """We cannot connect to this address."""

    code = "url_refused"


class AddressRefused(ApplicationError):
    """This name leads to an address that may not be reached from here; the operator can allow its network."""

    code = "address_refused"


class NameUnknown(ApplicationError):
    """No address is known for this name."""

    code = "name_unknown"


class NameNotAnswered(NameUnknown):
    """The name server of this name does not answer."""

    code = "name_not_answered"


@dataclass(frozen=True, slots=True)
class UrlParts:
    """A URL in parts."""

    scheme: str
    host: str
    port: int
    #: What a browser would send as `Host`.
    host_header: str
    #: Path and query.
    path: str


def target_of(url: str) -> UrlParts:
    """A URL taken apart; raises `UrlRefused` with what is wrong with it."""
    if not url.isascii() or not url.isprintable() or " " in url:
        raise UrlRefused("Write the address in ASCII without blanks: other letters in xn-- form, or percent-encoded.")
    if "\\" in url:
        # Some programs read it as a slash, and so another host than we do.
        raise UrlRefused("It contains a backslash: write /, or percent-encode it.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UrlRefused("This is no address.") from error
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or port == 0:
        raise UrlRefused("It begins with http:// or https:// and a host name.")
    if "@" in parts.netloc:
        raise UrlRefused("It contains a user name or password; that does not belong there.")
    if parts.fragment:
        raise UrlRefused("It ends with a fragment (#…), which is never sent.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return UrlParts(parts.scheme, parts.hostname, port or DEFAULT_PORTS[parts.scheme], parts.netloc, path)


def reachable_addresses(
    target: UrlParts, *, allowed: Iterable[str], resolve: Resolver = socket.getaddrinfo
) -> list[str]:
    """The addresses of a name, all of them checked: to be connected to as they are, without asking again.

    Raises
    ------
    AddressRefused
        If any of them is not public and in none of the allowed networks: a name that leads to both is a trick.
    NameUnknown
        If there is none; as `NameNotAnswered` if nobody says so in time.
    """
    networks = [ipaddress.ip_network(network) for network in allowed]
    try:
        found = resolve(target.host, target.port, type=socket.SOCK_STREAM)
    except TimeoutError as error:
        raise NameNotAnswered from error
    except (OSError, UnicodeError) as error:
        raise NameUnknown from error
    # A link-local address may carry its interface: fe80::1%eth0.
    addresses = list(dict.fromkeys(str(each[4][0]).partition("%")[0] for each in found))
    if not addresses:
        raise NameUnknown
    if not all(_may_be_reached(ipaddress.ip_address(address), networks) for address in addresses):
        raise AddressRefused
    return addresses


def asking_address(text: str) -> Address | None:
    """Whose it is that asks, without an interface; None where it is no address.

    A socket of both families writes one of IPv4 as ::ffff:192.0.2.1, and a translator as 64:ff9b::192.0.2.1.
    """
    try:
        return _meant_by(ipaddress.ip_address(text.strip().partition("%")[0]))
    except ValueError:
        return None


def _may_be_reached(address: Address, allowed: Sequence[Network]) -> bool:
    return any(address in network for network in allowed) or _is_public(_meant_by(address))


def _meant_by(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one, at whose end of a connection it is; else the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address
    return address


def _is_public(address: Address) -> bool:
    # All of them, since what `is_global` covers has changed between releases of Python.
    return address.is_global and not (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
        or any(address in network for network in SPECIAL)
    )
