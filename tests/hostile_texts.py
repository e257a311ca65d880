"""Texts that a pattern begins to match again and again: made of the pattern's own parts."""

import itertools
import re
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

#: What stands for a class or a dot, by category; the first of a range else.
_OF_CATEGORY = {
    _constants.CATEGORY_DIGIT: "1", _constants.CATEGORY_SPACE: " ", _constants.CATEGORY_WORD: "a",
    _constants.CATEGORY_NOT_DIGIT: "a", _constants.CATEGORY_NOT_SPACE: "a", _constants.CATEGORY_NOT_WORD: "-",
}  # fmt: skip
#: Tried for what a class excludes.
_USUAL = "a1 .-A\n\"'<é漢\ud800"
#: More ways through a pattern, and more signs in it, say nothing new.
_MOST_PATHS, _MOST_SIGNS = 12, 6
_MOST_COPIES = 3
#: Accents above and below in turns: to put them in order takes their square if they are moved one by one.
MARKS = "\u0301\u0316"


def hostile_to(pattern: re.Pattern[Any]) -> list[tuple[str, str]]:
    """(beginning, repeated part): parts of ways through the pattern, each behind the one that leads to it."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    paths = _paths(_parser.parse(source, pattern.flags & ~re.UNICODE))
    found = dict.fromkeys(("", "".join(path)) for path in paths)
    for path in paths:
        for at in range(len(path)):
            before = "".join(path[:at])
            found |= dict.fromkeys([(before, path[at]), ("", before + path[at]), (before, "".join(path[at : at + 2]))])
    signs = list(dict.fromkeys(itertools.chain.from_iterable(itertools.chain.from_iterable(paths))))[:_MOST_SIGNS]
    signs = list(dict.fromkeys([*signs, "a", "1", " "]))
    found |= dict.fromkeys(("", first + second) for first, second in itertools.product(signs, signs))
    found |= dict.fromkeys(("", sign) for sign in signs)
    found |= dict.fromkeys((beginning, MARKS) for beginning in ("", *("".join(path) for path in paths)))
    return [(before, part) for before, part in found if part]


def _paths(parsed: Any) -> list[list[str]]:
    """The smallest texts of a pattern's ways, each in its pieces."""
    paths: list[list[str]] = [[]]
    for kind, told in parsed:
        paths = [before + after for before in paths for after in _ways(kind, told)][:_MOST_PATHS]
    return paths


def _ways(kind: Any, told: Any) -> list[list[str]]:
    # A place in the text (^, \b) and what a group held say nothing of their own.
    ways: list[list[str]] = [[]]
    match kind:
        case _constants.LITERAL:
            ways = [[chr(told)]]
        case _constants.NOT_LITERAL:
            ways = [[next(sign for sign in _USUAL if ord(sign) != told)]]
        case _constants.ANY:
            ways = [["a"]]
        case _constants.IN:
            ways = [[sign] for sign in _of_class(told)]
        case _constants.BRANCH:
            ways = [path for each in told[1] for path in _paths(each)]
        case _constants.SUBPATTERN:
            ways = _paths(told[3])
        case _constants.ATOMIC_GROUP:
            ways = _paths(told)
        case _constants.MAX_REPEAT | _constants.MIN_REPEAT | _constants.POSSESSIVE_REPEAT:
            least, _, body = told
            ways = [path * max(1, min(least, _MOST_COPIES)) for path in _paths(body)] + ([[]] if not least else [])
        case _constants.ASSERT | _constants.ASSERT_NOT:
            # Also of what must not follow: reading it may take long.
            ways = [[], *_paths(told[1])]
    return ways


def _of_class(items: Any) -> list[str]:
    if items[0][0] is _constants.NEGATE:
        left_out = re.compile("[" + "".join(map(_written, items[1:])) + "]")
        return [next((sign for sign in _USUAL if not left_out.match(sign)), "~")]
    return list(dict.fromkeys(_sign(kind, told) for kind, told in items))[:3]


def _sign(kind: Any, told: Any) -> str:
    if kind is _constants.CATEGORY:
        return _OF_CATEGORY[told]
    return chr(told if kind is _constants.LITERAL else told[0])


def _written(item: Any) -> str:
    kind, told = item
    if kind is _constants.CATEGORY:
        return {
            "CATEGORY_DIGIT": r"\d", "CATEGORY_SPACE": r"\s", "CATEGORY_WORD": r"\w",
            "CATEGORY_NOT_DIGIT": r"\D", "CATEGORY_NOT_SPACE": r"\S", "CATEGORY_NOT_WORD": r"\W",
        }[str(told)]  # fmt: skip
    if kind is _constants.LITERAL:
        return f"\\U{told:08x}"
    return f"\\U{told[0]:08x}-\\U{told[1]:08x}"
