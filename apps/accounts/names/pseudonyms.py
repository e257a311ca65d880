"""Pseudonyms: what is made of addresses; in texts it is known by them of whom a row was, so each stays whole."""

import hashlib
import hmac
import re

from django.conf import settings

from apps.accounts.mailboxes import mailbox
from apps.accounts.models import ERASED
from apps.common.texts.cutting import cut_between_words

_PSEUDONYM = re.compile(rf"(erased-[0-9a-f]{{12}}{re.escape(ERASED)})")


def digest_of(address: str, key: str = "") -> str:
    """By what an address is found and not read, under the first signing key or a given one."""
    signed = hmac.new((key or settings.ML_SIGNING_KEYS[0]).encode(), mailbox(address).encode(), hashlib.sha256)
    return signed.hexdigest()[:12]


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
