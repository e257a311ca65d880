"""Where pages are: by Link (RFC 8288), and parts of one by its number; and what of our headers is told to nobody.

Pure.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

_QUOTED = r'"(?:[^"\\]|\\.)*+"'
_PARAMETER = rf';\s*+([^\s=;,"<>]++)(?:\s*+=\s*+({_QUOTED}|[^\s;,"<>]*+))?+'
#: An address, which may hold commas, and what is said of it. Nothing is read twice: what is passed over is left.
_LINK = re.compile(rf"<([^<>]*+)>((?:\s*+{_PARAMETER})*+)", re.DOTALL)
_SAID = re.compile(_PARAMETER, re.DOTALL)

#: What leads to a page in place of its number (GitHub, GitLab).
_CURSORS = frozenset({"after", "before", "cursor", "id_after"})


def next_link(header: str) -> str:
    """The address that is called the next one, in whichever case; empty where none is."""
    for link in _LINK.finditer(header):
        relations = (value for name, value in _SAID.findall(link[2]) if name.lower() == "rel")
        # A second one says nothing, by the RFC.
        if "next" in next(relations, "").strip('"').lower().split():
            return link[1]
    return ""


def resized(url: str, most: int) -> str:
    """The address of so many rows at most that begin where those of a page do, or shortly before.

    A page of a size begins at a multiple of it: of all sizes that which reaches farthest is taken.
    """
    before = rows_before(url)
    if before is None:
        return page_at(url, None, most)
    size = max(range(1, most + 1), key=lambda size: (before // size * size + size, size))
    return page_at(url, before // size + 1, size)


def beside_last(url: str, asked: str, rows: int, following: str) -> str:
    """The address of what follows, from the last row of this page on; empty where that is not known.

    `url` is where rows were to begin, and `asked` where those of the page did.
    """
    place, before = rows_before(url), rows_before(asked)
    if place is None or before is None:
        return ""
    last = before + rows - 1
    # A page that is not full may have hidden rows behind the last one; and reading has to get on.
    return page_at(following, last + 1, 1) if rows_before(following) == last + 1 and last > place else ""


def rows_before(url: str) -> int | None:
    """How many rows stand before those of a page; None where its number or size does not say, as behind a cursor."""
    page, size = number_of(url), _count(_asked(url).get("per_page", ""))
    if page == 1:
        return 0
    return (page - 1) * size if page and size else None


def number_of(url: str) -> int | None:
    """The number of a page; None for one that a cursor leads to, whatever number stands beside."""
    asked = _asked(url)
    return None if _CURSORS & set(asked) else _count(asked.get("page", "1"))


def page_at(url: str, page: int | None, most: int) -> str:
    """An address with another number of its page and of rows on it."""
    asked = _asked(url) | {"per_page": str(most)}
    if page is not None and (page > 1 or "page" in asked):
        asked["page"] = str(page)
    return f"{url.partition('?')[0]}?{urlencode(asked)}"


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _asked(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


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
