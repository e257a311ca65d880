"""When two mail addresses are one person's: told here and not by databases, some of which fold ASCII letters alone."""

import unicodedata
from string import ascii_lowercase, ascii_uppercase

_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def tidy(email: str) -> str:
    """An address as it is stored: its host of composed letters in lower case."""
    local, at, host = email.rpartition("@")
    return f"{local}{at}{unicodedata.normalize('NFC', host.lower())}"


def spellings(email: str) -> list[str]:
    """What `LOWER` makes of a stored address that is this one: the host in its own letters, and as it is asked for.

    Of the part before the host only ASCII letters are folded: others that look like them ("K" of Kelvin) are another
    mailbox, whose owner a provider may well vouch for.
    """
    local, at, host = tidy(email).rpartition("@")
    return [f"{local.translate(_LOWER)}{at}{each}" for each in dict.fromkeys((host, *_other(host)))]


def _other(host: str) -> list[str]:
    """The host in the other of its two forms (RFC 3490); none where the way there and back ends elsewhere ("ß")."""
    try:
        encoded = host.encode("idna").decode()
        decoded = encoded.encode().decode("idna")
    except UnicodeError:
        return []
    return [encoded, decoded] if host in (encoded, decoded) else []
