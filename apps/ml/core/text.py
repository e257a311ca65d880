"""Tokens of titles and descriptions, shared by every method, so that training and serving read text alike.

Every pattern takes time in proportion to its text, whatever the text is: a digit is looked at from the first digit of
its run only, where `[0-9]+[a-z]` alone begins anew at each of them.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

#: Longer descriptions are logs and stack traces: beyond this they cost milliseconds and tell nothing more.
MAX_DESCRIPTION_CHARACTERS = 8_000
_ASCII_WORD = r"[a-z][a-z0-9]+|(?<![0-9])[0-9]++[a-z][a-z0-9]*"
#: Scripts that set few or no blanks between words: ideographs, kana, Hangul, Thai, each with its marks.
UNSPACED = (
    "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\u3041-\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
    "\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7fb"
    "\u0e01-\u0e3a\u0e40-\u0e4e"
)
_TOKEN = re.compile(rf"{_ASCII_WORD}|[^\W\d_]{{2,}}")
_TOKEN_OR_RUN = re.compile(rf"{_ASCII_WORD}|(?P<run>[{UNSPACED}]+)|[^\W\d_{UNSPACED}]{{2,}}")


def tokens(text: str) -> list[str]:
    """Lower-case words of two or more characters, in order; bare numbers mean nothing elsewhere and are left out.

    A run of Chinese, Japanese, Korean or Thai is cut into overlapping pairs of characters, since where its words end
    takes a dictionary to tell: as one word, two titles about the same thing would share nothing.
    """
    return list(_cut(text))


# Model, evidence and direction read the same issue: a long description takes as long to cut as to find what is like it.
@lru_cache(maxsize=8)
def _cut(text: str) -> Sequence[str]:
    lowered = text.lower()
    if lowered.isascii():
        return _TOKEN.findall(lowered)
    return [piece for match in _TOKEN_OR_RUN.finditer(lowered) for piece in _pieces(match)]


def _pieces(match: re.Match[str]) -> list[str]:
    found = match[0]
    return [found] if match["run"] is None else [found[at : at + 2] for at in range(len(found) - 1)]


def clipped(description: str) -> str:
    """The part of a description that methods read."""
    return description[:MAX_DESCRIPTION_CHARACTERS]
