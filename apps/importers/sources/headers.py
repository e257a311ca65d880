"""What headers say: where the next page is, by Link (RFC 8288), and in ours what lets us in. Pure."""

import base64
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

_QUOTED = r'"(?:[^"\\]|\\.)*+"'
_PARAMETER = rf';\s*+([^\s=;,"<>]++)(?:\s*+=\s*+({_QUOTED}|[^\s;,"<>]*+))?+'
#: An address, which may hold commas, and what is said of it. Nothing is read twice: what is passed over is left.
_LINK = re.compile(rf"<([^<>]*+)>((?:\s*+{_PARAMETER})*+)", re.DOTALL)
_SAID = re.compile(_PARAMETER, re.DOTALL)


def next_link(header: str) -> str:
    """The address that is called the next one, in whichever case; empty where none is."""
    for link in _LINK.finditer(header):
        relations = (value for name, value in _SAID.findall(link[2]) if name.lower() == "rel")
        # A second one says nothing, by the RFC.
        if "next" in next(relations, "").strip('"').lower().split():
            return link[1]
    return ""


def without_tokens(text: str, headers: Mapping[str, str]) -> str:
    """A text of a tracker's, which may quote what it was sent, without anything that the headers of requests hold."""
    for secret in _secrets(headers):
        for written in (secret, quote(secret, safe="")):
            text = text.replace(written, "…")
    return text


def _secrets(headers: Mapping[str, str]) -> Iterator[str]:
    """The value of each header, the token in it, and what that says in base 64; the longer before what is in it."""
    for value in headers.values():
        kind, _, token = value.rpartition(" ")
        said = base64.b64decode(token).decode() if kind == "Basic" else ""
        yield from filter(None, (value, token, said, said.partition(":")[2]))
