"""Tokens of titles and descriptions, shared by every method, so that training and serving read text alike."""

import re

#: Longer descriptions are logs and stack traces: beyond this they cost milliseconds and tell nothing more.
MAX_DESCRIPTION_CHARACTERS = 8_000
_TOKEN = re.compile(r"[a-z][a-z0-9]+|[0-9]+[a-z][a-z0-9]*|[^\W\d_]{2,}", re.UNICODE)


def tokens(text: str) -> list[str]:
    """Lower-case words of two or more characters, in order; bare numbers mean nothing elsewhere and are left out."""
    return _TOKEN.findall(text.lower())


def clipped(description: str) -> str:
    """The part of a description that methods read."""
    return description[:MAX_DESCRIPTION_CHARACTERS]
