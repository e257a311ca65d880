"""Names as patterns, however texts, addresses, HTML, JSON and mails write them."""

import re
from collections.abc import Callable, Iterator, Sequence
from html.entities import html5

from django.db import models

from apps.accounts.mailboxes import composed, decomposed, paired
from apps.importers.sources.csv.encodings import ANY_BYTE, ONE_BYTE, possible_encodings
from apps.upkeep.beside import CHARACTERS, LONGEST_CODE, is_apart, may_be_longer, stands_among_characters

_EACH_OF_ONE_BYTE = (*ONE_BYTE, ANY_BYTE)
#: Between words: blanks as texts, JSON, addresses, HTML and mails write them.
_BLANKS = (
    r"(?:\s|\\[nrt]|(?<!\\)\\++u00(?:20|a0)|[%=](?:25)?20|[%=](?:25)?c2[%=](?:25)?a0|\+|"
    r"&nbsp;|&#0*(?:160|32);|&#x0*(?:a0|20);)+"
)
#: The names that HTML has for a character: "commat" for @.
_ENTITIES: dict[int, set[str]] = {}
for _name, _text in html5.items():
    if len(_text) == 1:
        _ENTITIES.setdefault(ord(_text), set()).add(_name.rstrip(";"))
#: Small letters that another one shares its capital with, and a capital that its small letter does not tell.
_ALSO = {"Σ": "σς", "ß": "ẞ"}
#: What word processors make of an apostrophe and a hyphen in a name; in an address each is its own.
_SIGNS_ALIKE = ("'\u2018\u2019\u02bc", "-\u2010\u2011\u2013")
#: At most, as HTML writes it with its longest word for one, in two bytes each.
_BYTES_OF_A_LETTER = 64
#: What may stand between the parts of such a name, beside blanks.
_DOTS = "\u00b7\u30fb\uff65"
_IN_CHARACTERS = re.compile(rf"[{CHARACTERS}{_DOTS}\s]+")
_NEVER = r"(?!)"
#: What tells whether a name is a part of another: a joint and a letter, each in codes.
_LONGEST_IN_FRONT = 4 * LONGEST_CODE
#: What JSON writes with a backslash in front, and nothing else.
_SHORT = '"/'
#: How what stands for a character begins, in a class of a pattern.
_CODES_BEGIN = r"%=&\\"


class Needles:
    """Names to look for: in texts each as a whole, in bytes wherever it stands."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        longest_first = sorted(names, key=len, reverse=True)
        self.anywhere = re.compile("|".join(map(_spellings, longest_first)) or _NEVER, re.IGNORECASE)
        self.whole = Whole([_Whole(name) for name in longest_first], self.anywhere)
        #: In what is a name itself: "王芳" is in "王芳 (Sales)", and "王芳华" is somebody else.
        self.named = Whole([_Whole(name, is_in_a_name=True) for name in longest_first], self.anywhere)
        #: In what is a file's name.
        self.filed = Whole([_Whole(name, is_file=True) for name in longest_first], self.anywhere)
        self._each = [_InFiles(name) for name in names]
        # What the database can tell: the longest plain part of each, since SQLite folds the case of ASCII only.
        plain = [_longest_plain(name) for name in names]
        self.hint = models.Q()
        for part in plain:
            self.hint |= models.Q(_text__icontains=part)

    def are_in(self, data: bytes) -> bool:
        """Whether a file holds one of them, in any encoding in which an import may read it."""
        folded, encodings = data.lower(), possible_encodings(data)
        return any(each.is_in(data, folded, encodings) for each in self._each)


class LeftAddresses(Needles):
    """Where addresses stay, since they may be the beginnings of longer ones: 'ann@example.com.zip'."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__([name for name in names if "@" in name])
        self.whole = self.named = Whole([_Left(name) for name in self.names], self.anywhere)
        self.filed = Whole([_Left(name, is_file=True) for name in self.names], self.anywhere)


class _Whole:
    """One name, where it is no part of another."""

    def __init__(self, name: str, *, is_in_a_name: bool = False, is_file: bool = False) -> None:
        self.spelled = re.compile(_spellings(name), re.IGNORECASE)
        self._is_address, self._is_file = "@" in name, is_file
        self._no_characters = is_in_a_name and is_in_characters(name)

    def match(self, text: str, at: int) -> int | None:
        """Where it ends, if it begins there."""
        found = self.spelled.match(text, at)
        if not found or not self._counts(text, at, found.end()):
            return None
        return None if self._no_characters and stands_among_characters(text, at, found.end()) else found.end()

    def _counts(self, text: str, begins: int, ends: int) -> bool:
        return is_apart(text, begins, ends, is_address=self._is_address, is_file=self._is_file)


class _Left(_Whole):
    """One address, where it stays."""

    def _counts(self, text: str, begins: int, ends: int) -> bool:
        return may_be_longer(text, begins, ends, is_file=self._is_file)


class Whole:
    """Several names, each where it is no part of another; of those that begin at one place the longest."""

    def __init__(self, names: Sequence[_Whole], anywhere: re.Pattern[str]) -> None:
        self._names, self._anywhere = names, anywhere

    def search(self, text: str) -> bool:
        return any(True for _ in self._places(text))

    def fullmatch(self, text: str) -> bool:
        return any(each.spelled.fullmatch(text) for each in self._names)

    def sub(self, word: str, text: str) -> str:
        """The text with a word in place of each."""
        parts, at = [], 0
        for begins, ends in self._places(text):
            parts += [text[at:begins], word]
            at = ends
        return "".join([*parts, text[at:]])

    def _places(self, text: str) -> Iterator[tuple[int, int]]:
        at = 0
        while found := self._anywhere.search(text, at):
            begins = found.start()
            ends = next((end for each in self._names if (end := each.match(text, begins)) is not None), None)
            if ends is not None:
                yield begins, ends
            at = begins + 1 if ends is None else ends


class _InFiles:
    """One name, in a file that is read closely only where it may stand."""

    def __init__(self, name: str) -> None:
        self._parts = sorted(_plain_parts(name), key=len, reverse=True)
        self._reach = len(name) * _BYTES_OF_A_LETTER
        self._pattern = _Whole(name)
        self._begins = _beginning(name)
        self._alike = _encodings_alike(name)

    def is_in(self, data: bytes, folded: bytes, encodings: Sequence[str]) -> bool:
        """Around the plain part that stands there least often, if all of them do; of one byte all or none are asked."""
        wide = [encoding for encoding in encodings if encoding not in _EACH_OF_ONE_BYTE]
        asked = [[encoding] for encoding in wide] + (self._alike if len(wide) < len(encodings) else [])
        return any(self._stands_in(near, each) for each in asked for near in self._places(data, folded, each[0]))

    def _places(self, data: bytes, folded: bytes, encoding: str) -> Iterator[bytes]:
        parts = [part.lower().encode(encoding) for part in self._parts]
        if all(part in folded for part in parts):
            for begins, ends in _around(folded, min(parts, key=folded.count), self._reach):
                yield data[begins:ends]

    def _stands_in(self, data: bytes, encodings: Sequence[str]) -> bool:
        """In one of them: the name has the same bytes in all, and what is beside it differs."""
        text = data.decode(encodings[0], errors="surrogateescape" if encodings[0] == "utf-8" else "replace")
        # What may stand in front of a name is looked at only where its first letters stand: a tenth of the time.
        for each in self._begins.finditer(text):
            at = each.start()
            if self._pattern.match(text, at) is not None:
                return True
            if len(encodings) > 1 and self._pattern.spelled.match(text, at):
                # Of one byte each is one character: the places are the same in all.
                begins = max(at - _LONGEST_IN_FRONT, 0)
                others = (data[begins : at + self._reach].decode(each, errors="replace") for each in encodings[1:])
                if any(self._pattern.match(other, at - begins) is not None for other in others):
                    return True
        return False


def _encodings_alike(name: str) -> list[list[str]]:
    """Those of one byte, by the bytes that a name's letters have in them: each such spelling is looked for once.

    Where all its letters beyond English ones are none of an encoding it can stand there in codes only, which are the
    same in UTF-8.
    """
    forms = (form(_without_parting(name)) for form in (composed, decomposed))
    letters = sorted({case for form in forms for each in form for case in _cases(each)})
    beyond = "".join(letter for letter in letters if letter.isalpha() and not letter.isascii())
    alike: dict[bytes, list[str]] = {}
    for encoding in _EACH_OF_ONE_BYTE:
        alike.setdefault(beyond.encode(encoding, errors="replace"), []).append(encoding)
    return [encodings for spelled, encodings in alike.items() if not beyond or spelled.strip(b"?")]


def _beginning(name: str) -> re.Pattern[str]:
    """How a name begins wherever it stands, as far as that is quick to look for."""
    parts = _given_and_family(name)
    starts = [composed(" ".join(part)) for part in parts] if parts else [composed(_without_parting(name))]
    plain = [re.match(r"[A-Za-z0-9]+", start) for start in starts]
    if all(plain):
        return re.compile("|".join(each[0] for each in plain if each), re.IGNORECASE | re.ASCII)
    forms = [form(start) for start in starts for form in (composed, decomposed)]
    first = sorted({one for form in forms for one in _ways_of(form[:1])})
    parted = rf"\s+{_DOTS}" if is_in_characters(name) else ""
    goes_on = {f"(?<={_one_of(form[:1])})(?={_one_of(form[1:2], parted)})" for form in forms}
    coded = f"(?<=[{_CODES_BEGIN}])(?=[{_CODES_BEGIN}{_SHORT}#0-9A-Za-z])"
    # A class without flags is looked for at once, where a pattern would be tried at each place of a file.
    return re.compile(f"[{re.escape(''.join(first))}{_CODES_BEGIN}](?:{'|'.join([*sorted(goes_on), coded])})")


def _given_and_family(name: str) -> tuple[list[str], list[str]] | None:
    """The words of each, for a name that either may begin: the family's is the last, or before a comma."""
    if "@" in name or is_in_characters(name):
        return None
    family, comma, given = name.partition(",")
    words = name.split()
    parts = (given.split(), family.split()) if comma else (words[:-1], words[-1:])
    return parts if all(parts) else None


def _one_of(character: str, also: str = "") -> str:
    """A class: a character as it is written, or how what stands for it begins; whatever it is, if it is none."""
    if not character:
        return ""
    written = r"\s+" if character.isspace() else re.escape("".join(sorted(_ways_of(character))))
    return f"(?i:[{written}{also}{_CODES_BEGIN}])"


def _ways_of(character: str) -> set[str]:
    """Its cases, and signs that are written for it."""
    return _cases(character).union(*(signs for signs in _SIGNS_ALIKE if character and character in signs))


def _without_parting(name: str) -> str:
    """A name as it is looked for: one in characters without what parts them."""
    return characters_of(name) if is_in_characters(name) else name.strip()


def _around(data: bytes, part: bytes, reach: int) -> Iterator[tuple[int, int]]:
    """From where to where data is within reach of an occurrence of a part; what overlaps is one piece."""
    if not part:
        yield 0, len(data)
        return
    at = data.find(part)
    while at >= 0:
        last = at
        while (further := data.rfind(part, last + 1, last + 2 * (len(part) + reach))) >= 0:
            last = further
        # A letter of two bytes begins at an even place.
        begins = max(at - reach, 0)
        yield begins - begins % 2, last + len(part) + reach
        at = data.find(part, last + 1)


def _plain_parts(name: str) -> list[str]:
    """Of English letters and digits, which are never written otherwise; one empty part where there are none."""
    return [part for part in re.split(r"[^A-Za-z0-9]+", composed(name)) if part] or [""]


def _longest_plain(name: str) -> str:
    return max(_plain_parts(name), key=len)


def is_in_characters(name: str) -> bool:
    """Whether all of a name is in Chinese, Japanese or Korean characters."""
    return bool(_IN_CHARACTERS.fullmatch(name) and characters_of(name))


def characters_of(name: str) -> str:
    """Those of such a name, without what parts them."""
    return re.sub(rf"[{_DOTS}\s]+", "", composed(name))


def _spellings(name: str) -> str:
    """A pattern of a name however its words are parted, its accents composed, and its characters written."""
    if is_in_characters(name):
        # Whoever writes such a name parts the family's from the other, or does not.
        between = f"(?:{_BLANKS}|{'|'.join(map(_written, _DOTS))})?"
        return between.join(_word(character, _written) for character in characters_of(name))
    written = _written_in_an_address if "@" in name else _written_in_a_name
    if not (parts := _given_and_family(name)):
        return _BLANKS.join(_word(word, written) for word in name.split())
    given, family = (_BLANKS.join(_word(word, written) for word in part) for part in parts)
    return f"(?:{given}{_BLANKS}{family}|{family}(?:{_written(',')}(?:{_BLANKS})?|{_BLANKS}){given})"


def _word(word: str, written: Callable[[str], str]) -> str:
    forms = {form(word) for form in (composed, decomposed)}
    return f"(?:{'|'.join(''.join(map(written, form)) for form in sorted(forms))})"


def _written_in_a_name(character: str) -> str:
    alike = next((signs for signs in _SIGNS_ALIKE if character in signs), character)
    return f"(?:{'|'.join(map(_written, alike))})" if len(alike) > 1 else _written(character)


def _written_in_an_address(character: str) -> str:
    """Case is folded as a mailbox does it: for a pattern that ignores it, the sign of Kelvin is a K."""
    if character.isascii():
        return f"(?a:{_written(character)})"
    return "|".join(f"(?-i:{re.escape(each)})|{_written(each, in_codes=True)}" for each in paired(character)).join(
        ("(?:", ")")
    )


def _written(character: str, *, in_codes: bool = False) -> str:
    """A pattern of one character: itself, or as addresses, HTML, JSON and mails write what is no letter of English.

    Parameters
    ----------
    in_codes : bool
        Only as they write it, and not itself.
    """
    if character.isascii() and character.isalnum():
        return character
    # The pattern folds the case of letters and of the digits of codes; which capital has which code it cannot know.
    cases = {character} if in_codes else _cases(character)
    coded = [way for each in sorted(cases) for way in _coded(each)]
    plain = [] if in_codes else [character]
    return f"(?:{'|'.join([*map(re.escape, plain), *coded])})"


def _coded(character: str) -> Iterator[str]:
    """Patterns of a character as octets (of addresses, those once more escaped, and mails), entities and escapes."""
    code, octets, units = ord(character), character.encode(), character.encode("utf-16-be").hex()
    for mark in ("%", "%25", "="):
        yield "".join(f"{mark}{octet:02x}" for octet in octets)
    yield from (re.escape(f"&{name};") for name in sorted(_ENTITIES.get(code, ())))
    yield from (f"&#0*{code};", f"&#x0*{code:x};")
    # A run of backslashes is looked at once, from its first one on, and never given back: else its square is.
    yield "".join(rf"(?<!\\)\\++u{units[at : at + 4]}" for at in range(0, len(units), 4))
    if character in _SHORT:
        yield rf"(?<!\\)\\++{character}"
    elif character == "\\":
        yield r"(?<!\\)\\++"


def _cases(character: str) -> set[str]:
    """A letter, small and as a capital, as far as these are one character each."""
    found: set[str] = set()
    new = {character}
    while new:
        found |= new
        new = {form for each in new for form in (each.lower(), each.upper(), each.title()) if len(form) == 1} - found
    return found.union(*(_ALSO.get(each, "") for each in found))
