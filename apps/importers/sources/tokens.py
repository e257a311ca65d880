"""What lets us into a tracker is told to nobody, also where the tracker quotes what it was sent. Pure."""

import base64
from collections.abc import Iterator, Mapping
from urllib.parse import quote


def without_tokens(text: str, headers: Mapping[str, str]) -> str:
    """A text of the tracker's without anything that the headers of our requests hold."""
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
