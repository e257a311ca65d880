"""Addresses as people write them: however it is spelled, it is one person's."""

import re
import unicodedata
from collections.abc import Callable, Iterator

from apps.common.exceptions import ApplicationError

#: Letters of any script, since texts name people by whatever they write: no word, key or name is like it.
_SHAPE = re.compile(r"[^\s@]+@[^\s@.]+(\.[^\s@.]+)+")


class NotAnAddress(ApplicationError):
    """A person is erased by their address, a project by its key with `erase_project`."""

    code = "not_an_address"


def tidied(address: str) -> str:
    """Without blanks around it, its accents composed."""
    return unicodedata.normalize("NFC", address.strip())


def folded(address: str) -> str:
    """The same for all spellings of one address: case, accents, and a domain as people or as name servers write it.

    Of whatever else it is, small letters.
    """
    name, at, domain = tidied(address).lower().rpartition("@")
    return f"{name}{at}{_recoded(domain, _decoded)}"


def spellings_of(address: str) -> Iterator[str]:
    """It, and the same with its domain as people and as name servers write it."""
    yield address
    name, at, domain = tidied(address).rpartition("@")
    for recoding in (_decoded, _encoded):
        if (other := _recoded(domain.lower(), recoding)) != domain.lower():
            yield f"{name}{at}{other}"


def require_address(text: str) -> None:
    """Raise `NotAnAddress` for what is none."""
    if not _SHAPE.fullmatch(text):
        raise NotAnAddress


def _recoded(domain: str, recoding: Callable[[str], str]) -> str:
    """As it is where it is no domain that could be written otherwise."""
    try:
        return recoding(domain)
    except UnicodeError:
        return domain


def _decoded(domain: str) -> str:
    return domain.encode("idna").decode("idna") if domain.isascii() else domain


def _encoded(domain: str) -> str:
    return domain.encode("idna").decode("ascii")
