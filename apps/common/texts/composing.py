"""Unicode's normal forms in time in proportion to a text, whatever it is made of.

`unicodedata.normalize` sorts the marks on a letter by insertion, with the interpreter held: where two kinds of marks
take turns a hundred thousand times, that is half a minute in which no other thread runs. Here a long run of marks is
sorted first, as Unicode orders it, so that what is left to insert is in its place already. The result is the same text,
for every text.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Literal

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]

#: More marks than any letter has (Stream-Safe Text Format, UAX #15): so many are sorted by insertion as quickly.
_MOST_MARKS = 30
#: Whatever may stand on the letter before it, and more: marks are neither letters nor digits, but for two of Japanese.
LONG_RUN = re.compile(rf"(?:[^\x00-\x7f\w]|[\uff9e\uff9f]){{{_MOST_MARKS + 1},}}")
_APART: dict[Form, Literal["NFD", "NFKD"]] = {"NFC": "NFD", "NFD": "NFD", "NFKC": "NFKD", "NFKD": "NFKD"}
_MOST_KEPT = 4_096


def normalized(form: Form, text: str) -> str:
    """A text in one of Unicode's normal forms."""
    if len(text) > _MOST_MARKS and not text.isascii():
        apart = _APART[form]
        text = LONG_RUN.sub(lambda run: _in_order("".join(_apart(apart, each) for each in run[0])), text)
    return unicodedata.normalize(form, text)


@lru_cache(maxsize=_MOST_KEPT)
def _apart(form: Literal["NFD", "NFKD"], character: str) -> str:
    return unicodedata.normalize(form, character)


def _in_order(run: str) -> str:
    """Marks between two that are none, by their class; those of one class in the order in which they stand."""
    ordered: list[str] = []
    marks: list[str] = []
    for character in run:
        if unicodedata.combining(character):
            marks.append(character)
        else:
            ordered += [*sorted(marks, key=unicodedata.combining), character]
            marks.clear()
    return "".join([*ordered, *sorted(marks, key=unicodedata.combining)])
