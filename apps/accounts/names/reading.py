"""A text as a reader sees it: a name is one text, however it is typed, composed, drawn or written in codes.

Codes mean what they stand for (`%C3%A9`, `=C3=A9`, `&eacute;`, `\\u00e9`, `\\303\\251`), what is not drawn is left out
(joiners, soft hyphens), accents stand behind their letters in one order, letters are small, and what is another's
double (ligatures, full width) is that one. A name and a text are read alike, and compared as they are read.
"""

import html
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cache, lru_cache
from html.entities import html5
from itertools import groupby, pairwise

from apps.common.texts.composing import normalized

_OCTET = r"(?:[%=](?:25){0,4}|\\++x)"
_FOLLOWING = rf"{_OCTET}[89ab][0-9a-f]"
#: One character as UTF-8 has it, behind what begins its first octet: in addresses, mails and strings of programs.
_OCTETS = rf"(?:[cd][0-9a-f]{_FOLLOWING}|e[0-9a-f](?:{_FOLLOWING}){{2}}|f[0-7](?:{_FOLLOWING}){{3}}|[0-7][0-9a-f])"
#: Half of one as UTF-16 has it, and the other: of JSON, of scripts and of what they make of addresses.
_UNITS = r"u(?:d[89ab][0-9a-f]{2}(?:\\++|%)ud[c-f][0-9a-f]{2}|[0-9a-f]{4})"
#: In octal digits as git writes it.
_OCTAL = r"(?:[01][0-7]{2}|3[0-3][0-7]\\++2[0-7]{2}|3[45][0-7](?:\\++2[0-7]{2}){2}|36[0-7](?:\\++2[0-7]{2}){3})"
#: A run of backslashes is as good as one, as JSON in JSON writes it, and read at once: else its square is. Each way
#: begins with its own sign, so that a text is looked through for these signs at once.
_CODE = re.compile(
    rf"%(?:25){{0,4}}{_OCTETS}|%{_UNITS}|=(?:25){{0,4}}{_OCTETS}|&\#?[0-9a-z]{{1,31}};|"
    rf"\\\\*+(?:x{_OCTETS}|{_OCTAL}|{_UNITS}|x[0-9a-f]{{2}}|[\"/])?",
    re.IGNORECASE | re.ASCII,
)
_ITS_OCTETS = re.compile(rf"{_OCTET}([0-9a-f]{{2}})", re.IGNORECASE)
_ITS_OCTAL = re.compile(r"[0-3][0-7]{2}")
_ITS_UNITS = re.compile(r"u([0-9a-f]{4})", re.IGNORECASE)
_CODES_BEGIN = "\\%=&"
#: Of codes that stand for more than a blank or a sign of English: as databases look for them.
_CODES_OF_LETTERS = r"[%=](25)*[c-fC-FuU]|&#?[0-9a-zA-Z]+;|\\[xuU3]"
#: What Unicode says is not drawn (Default_Ignorable_Code_Point), but for the blank without width, which parts words.
_NOT_DRAWN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8"
)
_NOT_DRAWN_EITHER = "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
#: In two, since a class of both kinds is looked for in four times the time.
_INVISIBLE = (re.compile(f"[{_NOT_DRAWN}]"), re.compile(f"[{_NOT_DRAWN_EITHER}]"))
#: The Turkish i and its capital, what word processors make of an apostrophe and a hyphen, and what is typed for them.
_ALIKE = (
    ("\u0131", "i"), ("i\u0307", "i"), ("\u2018", "'"), ("\u2019", "'"), ("\u02bc", "'"), ("\u2010", "-"),
    ("\u2011", "-"), ("\u2013", "-"),
)  # fmt: skip
#: The one sign that is not drawn and parts words.
BLANK_WITHOUT_WIDTH = "\u200b"
#: Blanks, also of addresses of forms, of names of files and of mails' heads, and ends of lines as programs write them.
BLANKS = rf"(?:[\s{BLANK_WITHOUT_WIDTH}+_]|\\[nrtbfv])+"
_PARTS_WORDS = re.compile(rf"(?:{BLANKS}|,)+")
_DOT_ABOVE = "\u0307"
#: Vowels and last letters of Korean syllables: to a reader parts of them, as accents are of letters.
_PARTS_OF_SYLLABLES = "\u1161-\u11ff\ud7b0-\ud7ff"
_FIRST_MARK, _LAST_MARK = 0x300, 0x1F000
_MOST_CLUSTERS_KEPT = 4_096
#: Before a character of ASCII a cluster ends.
_WHOLE, _CHUNK = re.compile(r"[\s\S]+"), re.compile(r"[\s\S]{1,96}[^\x00-\x7f]*")
_BEYOND_ASCII, _BEYOND_TWO_BYTES = 0x80, 0x10000
#: Halves of characters, of no text: a database refuses them.
_SURROGATES = "\ud800-\udfff"
HALVES = re.compile(f"[{_SURROGATES}]")
#: Chinese characters, which are read as themselves; and what is in many a text, so that no name is looked for by it.
_OFTEN_READ_OTHERWISE = re.compile("[\u3400-\u9fff\u00df\u1e9e\u03c2\uac00-\ud7a3]")
_NOT_PLAIN = re.compile(r"ss|[\W_\u03c3\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]")


def decoded(text: str) -> str:
    """A text without codes."""
    return _CODE.sub(_meant, text) if _may_hold_codes(text) else text


def folded(text: str, *, in_codes: bool = True) -> str:
    """A text as it is read.

    Parameters
    ----------
    in_codes : bool
        Whether codes mean what they stand for.
    """
    return _fold(decoded(text) if in_codes else text)


def visible(text: str) -> str:
    """A text without what is not drawn."""
    for pattern in () if text.isascii() else _INVISIBLE:
        text = pattern.sub("", text)
    return text


def plain(name: str) -> str:
    """A name as it would be typed: without codes, what is not drawn, and doubles."""
    return normalized("NFKC", visible(decoded(name))).replace(BLANK_WITHOUT_WIDTH, " ")


def dots_of(text: str) -> list[str]:
    """Each i of each word, with its dot or without (ı); as I where a capital does not tell."""
    read = normalized("NFKD", visible(text)).replace(f"I{_DOT_ABOVE}", "i")
    return ["".join(letter for letter in word if letter in "iIı") for word in _PARTS_WORDS.split(read)]


def are_dots_of_one(one: list[str], other: list[str]) -> bool:
    """Whether these may be the same letters, from whichever word on they are read."""
    if not any("ı" in word for word in (*one, *other)):
        return True
    rounds = (one[at:] + one[:at] for at in range(len(one)))
    return len(one) == len(other) and any(all(map(_are_alike, each, other)) for each in rounds)


def _are_alike(one: str, other: str) -> bool:
    return len(one) == len(other) and all({a, b} != {"i", "ı"} for a, b in zip(one, other, strict=True))


def _fold(text: str) -> str:
    """Letter by letter and mark by mark: what clusters are folded to, one after the other, is what their text is."""
    if text.isascii():
        return text.lower()
    text = normalized("NFKD", normalized("NFKD", visible(text)).casefold())
    for written, read in _ALIKE:
        text = text.replace(written, read)
    return text


def _may_hold_codes(text: str) -> bool:
    return any(sign in text for sign in _CODES_BEGIN)


def _meant(code: re.Match[str]) -> str:
    """What it stands for; itself where it is no code, but happens to look like one.

    Nobody writes letters of English in codes, and what is no UTF-8 may be a word: '?q=deann'.
    """
    written = code[0]
    kind = written.lstrip("\\%")[:1].lower()
    if written[0] == "&":
        meant = html.unescape(written) if written[1] == "#" else html5.get(written[1:], "")
    elif kind == "u":
        meant = bytes.fromhex("".join(_ITS_UNITS.findall(written))).decode("utf-16-be", errors="surrogatepass")
    elif written[0] == "\\" and kind != "x":
        octets = bytes(int(each, 8) for each in _ITS_OCTAL.findall(written))
        meant = octets.decode(errors="ignore") or written[-1]
    else:
        octets = bytes.fromhex("".join(_ITS_OCTETS.findall(written)))
        meant = octets.decode("latin-1" if kind == "x" and len(octets) == 1 else "utf-8", errors="ignore")
    return written if not meant or (meant.isascii() and meant.isalnum()) else meant


class ReadText:
    """A text as it is read, and where what is read stands in what is seen, and in what is written."""

    def __init__(self, text: str, *, in_codes: bool = True) -> None:
        self.seen, self._codes = _seen(text) if in_codes and _may_hold_codes(text) else (text, _Codes())
        self._chunks = _Chunks(self.seen)
        self.folded = self._chunks.folded
        self._begins: dict[int, int] = {}
        self._ends: dict[int, int] = {}

    def span(self, begins: int, ends: int) -> tuple[int, int] | None:
        """From where to where it is seen; None where it would be cut out of a letter with its accents, or of one."""
        if self.seen.isascii():
            return begins, ends
        self._look_closely(begins)
        self._look_closely(ends - 1)
        at, to = self._begins.get(begins), self._ends.get(ends)
        return None if at is None or to is None else (at, to)

    def written(self, begins: int, ends: int) -> tuple[int, int]:
        """From where to where it is written, of what is seen from here to there."""
        return self._codes.begin_of(begins), self._codes.end_of(ends)

    def _look_closely(self, at: int) -> None:
        """Learn where the clusters around a place begin and end: a chunk is asked for once."""
        begins, places = self._chunks.begins, self._chunks.places
        chunk = bisect_right(begins, at) - 1
        at = begins[chunk]
        if at in self._begins:
            return
        for cluster in clusters().finditer(self.seen, places[chunk], places[chunk + 1]):
            if read := _fold_cluster(cluster[0]):
                self._begins[at] = cluster.start()
                at += len(read)
                self._ends[at] = cluster.end()


class _Chunks:
    """A text read in pieces of some words: where they begin, as they are read and as they are seen."""

    def __init__(self, text: str) -> None:
        self.begins: list[int] = []
        self.places: list[int] = []
        parts, at = [], 0
        for chunk in (_WHOLE if text.isascii() else _CHUNK).finditer(text):
            # What is read as nothing goes with what is before it.
            if read := _fold(chunk[0]):
                self.begins.append(at)
                self.places.append(chunk.start())
                parts.append(read)
                at += len(read)
        self.places.append(len(text))
        self.folded = "".join(parts)


class _Codes:
    """Where codes stand in a text, and what they mean in what is seen of it."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []
        self.written: list[tuple[int, int]] = []

    def begin_of(self, seen: int) -> int:
        last = bisect_right(self.seen, seen, key=lambda each: each[0]) - 1
        if last < 0:
            return seen
        ends = self.seen[last][1]
        return self.written[last][0] if seen < ends else self.written[last][1] + seen - ends

    def end_of(self, seen: int) -> int:
        last = bisect_left(self.seen, seen, key=lambda each: each[0]) - 1
        return seen if last < 0 else self.written[last][1] + max(seen - self.seen[last][1], 0)


def _seen(text: str) -> tuple[str, _Codes]:
    """A text without codes, and where they were."""
    parts, codes, at, length = [], _Codes(), 0, 0
    for code in _CODE.finditer(text):
        if (meant := _meant(code)) != code[0]:
            parts += [text[at : code.start()], meant]
            length += code.start() - at
            codes.seen.append((length, length + len(meant)))
            codes.written.append(code.span())
            length, at = length + len(meant), code.end()
    return "".join([*parts, text[at:]]), codes


@lru_cache(maxsize=_MOST_CLUSTERS_KEPT)
def _fold_cluster(cluster: str) -> str:
    return _fold(cluster)


@cache
def clusters() -> re.Pattern[str]:
    """A letter with the marks on it, whatever is not drawn between; or what is not drawn alone."""
    unseen = f"{_NOT_DRAWN}{_NOT_DRAWN_EITHER}"
    return re.compile(f"[^{unseen}](?:[{unseen}]*[{_marks()}])*|[{unseen}]+")


@cache
def _marks() -> str:
    """As a class of a pattern writes them."""
    marks = (code for code in range(_FIRST_MARK, _LAST_MARK) if is_mark(chr(code)) and visible(chr(code)))
    return "".join(_ranges(marks)) + _PARTS_OF_SYLLABLES


def is_mark(character: str) -> bool:
    """Whether it stands on the letter before it."""
    first = normalized("NFKD", character)[0]
    return unicodedata.category(character)[0] == "M" or unicodedata.combining(first) > 0


def plain_parts(read: str) -> list[str]:
    """Of a name as it is read: each stands in small letters in whatever holds the name, and nothing `hidden`."""
    return _NOT_PLAIN.sub(" ", _unmarked(read)).split()


@cache
def hidden() -> re.Pattern[str]:
    """What is read as other letters than it is, or as nothing.

    Letters that are read as themselves and an accent are not in it, nor any that `plain_parts` pass over.
    """
    # All else is listed, so that what has four bytes is told at once.
    told = (code for code in range(1, _BEYOND_TWO_BYTES) if not HALVES.match(chr(code)))
    plain = "".join(_ranges(code for code in told if code < _BEYOND_ASCII or not _is_hidden(chr(code))))
    return re.compile(f"[^{plain}{_SURROGATES}]")


def hidden_codes(text: str) -> Iterator[tuple[int, int]]:
    """From where to where codes stand for what is `hidden`."""
    codes = _CODE.finditer(text) if _may_hold_codes(text) else ()
    return (code.span() for code in codes if hidden().search(_meant(code)))


def in_database() -> str:
    """A pattern of texts that may hold a name, though no plain part of it: with what is `hidden`, or its codes."""
    return f"{hidden().pattern.replace(_SURROGATES, '')}|{_CODES_OF_LETTERS}"


def _is_hidden(character: str) -> bool:
    if _OFTEN_READ_OTHERWISE.match(character):
        return False
    if not visible(character) or character == _DOT_ABOVE:
        return True
    return any(each.isalnum() and each != character.lower() for each in _unmarked(_fold(character)))


def _unmarked(read: str) -> str:
    """A blank in place of marks, and of letters that have one."""
    return "".join(" " if is_mark(letter) or is_mark(behind) else letter for letter, behind in pairwise(f"{read} "))


def _ranges(codes: Iterator[int]) -> Iterator[str]:
    """As a class of a pattern writes them."""
    for _, run in groupby(enumerate(codes), key=lambda each: each[1] - each[0]):
        found = [code for _, code in run]
        yield f"{re.escape(chr(found[0]))}-{re.escape(chr(found[-1]))}"
