"""Whose request it is, as far as a web process knows before it reads it: by what the request shows, and who that was.

The loop that gathers requests deals threads to people (`base/lines.py`), and asks no database who somebody is. So it
goes by what requests with the same key, log-in or session turned out to be; a new one counts as its address.
"""

import hashlib
import ipaddress
from collections import OrderedDict
from threading import Lock

from apps.common.addresses import asking_address

#: Providers give a customer this much of IPv6.
IPV6_NETWORK_BITS = 64
#: Keys, log-ins and sessions that a process remembers, the latest: more are not used in one minute.
MOST_REMEMBERED = 10_000


class Askers:
    """Who has shown what."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._people: OrderedDict[bytes, str] = OrderedDict()
        self._most, self._lock = most, Lock()
        #: How often something new was learned.
        self.n_learned = 0

    def learn(self, shown: bytes, person: str) -> None:
        """Somebody was let in by this."""
        with self._lock:
            self.n_learned += self._people.get(shown) != person
            self._people[shown] = person
            self._people.move_to_end(shown)
            while len(self._people) > self._most:
                self._people.popitem(last=False)

    def known(self, shown: bytes) -> str:
        """Who was; empty for what nobody was let in by yet."""
        return self._people.get(shown, "")


def shown_by(authorization: str, session: str) -> bytes:
    """A digest of what a request shows, so that no secret is remembered; empty where it shows nothing.

    Of a header the token alone: how it is written around that makes no other asker of anybody.
    """
    text = authorization.rsplit(maxsplit=1)[-1] if authorization.split() else session.strip().strip('"')
    return hashlib.blake2b(text.encode(), digest_size=16).digest() if text else b""


def network_of(*named: str) -> str:
    """The first of these that is an address, of IPv6 its network: within it, addresses are free."""
    for text in named:
        address = asking_address(text)
        if isinstance(address, ipaddress.IPv4Address):
            return str(address)
        if address is not None:
            return str(ipaddress.ip_network((int(address), IPV6_NETWORK_BITS), strict=False).network_address)
    # A socket without addresses: everybody comes from there.
    return "0.0.0.0"  # noqa: S104 - a name, nothing listens on it


ASKERS = Askers()
