"""Pseudonyms in texts: by them it is known of whom a row was, so that each stays whole."""

import re

from apps.accounts.models import ERASED
from apps.common.texts.cutting import cut_between_words

_PSEUDONYM = re.compile(rf"(erased-[0-9a-f]{{12}}{re.escape(ERASED)})")


def cut(text: str, most: int | None, mark: str = "") -> str:
    """A text with a mark behind it, as its column takes it: what stands around pseudonyms is cut, and they are not."""
    parts, too_many = _PSEUDONYM.split(text), 0 if most is None else len(text) + len(mark) - most
    # From the end; every second one is a pseudonym.
    for at in range(len(parts) - 1, -1, -2):
        whole = parts[at]
        words = whole if at == len(parts) - 1 else whole.rstrip()
        # No half of somebody else's name stays.
        parts[at] = cut_between_words(words, max(0, len(words) - max(0, too_many))) + whole[len(words) :]
        too_many -= len(whole) - len(parts[at])
    kept = "".join(parts)
    # So many pseudonyms, or so short a column.
    return (kept[:-too_many] if too_many > 0 else kept) + mark
