"""Whose request it is, told from its headers by the loop of all: it reads no token and asks no database."""

import re
from dataclasses import dataclass

from apps.common.api.askers import ASKERS, network_of, shown_by

_SHOWN = re.compile(rb"^(authorization|cookie|x-forwarded-for):([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_SESSION = re.compile(r"(?:^|;)[ \t]*sessionid=([^;]*)")


@dataclass(frozen=True, slots=True)
class Asking:
    """What a request shows, and where it comes from."""

    shown: bytes
    where: str

    @property
    def name(self) -> str:
        """Whose it is, as far as that is known by now; else where it comes from."""
        # Whoever shows what is not known keeps nobody waiting who shows nothing: log-ins and probes.
        return ASKERS.known(self.shown) or (f"unknown {self.where}" if self.shown else self.where)


def asking(head: bytes, address: str, *, is_behind_proxy: bool) -> Asking:
    """Read headers; behind a proxy of ours it says where a request comes from."""
    fields = {name.lower(): value.decode("latin-1").strip() for name, value in _SHOWN.findall(head)}
    session = _SESSION.search(fields.get(b"cookie", ""))
    shown = shown_by(fields.get(b"authorization", ""), session[1] if session else "")
    forwarded = fields.get(b"x-forwarded-for", "").rpartition(",")[2] if is_behind_proxy else ""
    return Asking(shown, network_of(forwarded, address))
