"""Where the next page is, by the header Link (RFC 8288). Pure."""

import re

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
