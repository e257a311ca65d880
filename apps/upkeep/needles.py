"""Names as patterns, however texts, addresses, HTML, JSON and mails write them."""

import re
from collections.abc import Iterator, Sequence
from html.entities import html5

from django.db import models

from apps.accounts.mailboxes import composed, decomposed, paired

#: Of files that people upload: the one-byte ones agree on all letters but those of other scripts.
_ONE_BYTE = ("utf-8", "cp1252")
_ENCODINGS = (*_ONE_BYTE, "utf-16-le", "utf-16-be")
#: Between words: blanks as texts, JSON, addresses, HTML and mails write them.
_BLANKS = (
    r"(?:\s|\\[nrt]|\\+u00(?:20|a0)|[%=](?:25)?20|[%=](?:25)?c2[%=](?:25)?a0|\+|"
    r"&nbsp;|&#0*(?:160|32);|&#x0*(?:a0|20);)+"
)
#: The names that HTML has for a character: "commat" for @.
_ENTITIES: dict[int, set[str]] = {}
for _name, _text in html5.items():
    if len(_text) == 1:
        _ENTITIES.setdefault(ord(_text), set()).add(_name.rstrip(";"))
#: Small letters that another one shares its capital with, and a capital that its small letter does not tell.
_ALSO = {"Σ": "σς", "ß": "ẞ"}
#: At most, as HTML writes it with its longest word for one, in two bytes each.
_BYTES_OF_A_LETTER = 64
#: Letters of scripts that part words, with their accents, and digits: beside one of them a name is a part of another's.
_LETTER = "0-9A-Za-z\u00c0-\u058f\u1e00-\u1fff"
#: What ends in a letter and stands for none: octets of addresses and mails, escapes of JSON.
_MARKS = (
    r"[%=][0-7][0-9a-f]", r"%25[0-7][0-9a-f]", r"[%=]c2[%=][ab][0-9a-f]", r"[%=]e2[%=]80[%=][0-9a-f]{2}",
    r"\\[nrtbf]", r"\\u00[0-7ab][0-9a-f]", r"\\u20[0-9a-f]{2}",
)  # fmt: skip


#: How what stands for a character begins, in a class of a pattern.
_CODES_BEGIN = r"%=&\\"


class Needles:
    """Names to look for: in texts each as a whole, in bytes wherever it stands."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        longest_first = sorted(names, key=len, reverse=True)
        self.whole = re.compile("|".join(map(_alone, longest_first)), re.IGNORECASE)
        self.anywhere = re.compile("|".join(map(_spellings, longest_first)), re.IGNORECASE)
        self._each = [_InFiles(name) for name in names]
        # What the database can tell: the longest plain part of each, since SQLite folds the case of ASCII only.
        plain = [_longest_plain(name) for name in names]
        self.hint = models.Q()
        for part in plain:
            self.hint |= models.Q(_text__icontains=part)

    def are_in(self, data: bytes) -> bool:
        """Whether a file of unknown encoding holds one of them."""
        folded = data.lower()
        # Hardly any file of one-byte letters has a zero, and nearly all others have.
        encodings = _ENCODINGS if b"\0" in folded else _ONE_BYTE
        return any(each.is_in(data, folded, encoding) for each in self._each for encoding in encodings)


class _InFiles:
    """One name, in a file that is read closely only where it may stand."""

    def __init__(self, name: str) -> None:
        self._parts = sorted(_plain_parts(name), key=len, reverse=True)
        self._reach = len(name) * _BYTES_OF_A_LETTER
        self._pattern = re.compile(_alone(name), re.IGNORECASE)
        self._begins = _beginning(name)

    def is_in(self, data: bytes, folded: bytes, encoding: str) -> bool:
        """Around the plain part that stands there least often, if all of them do."""
        parts = [part.lower().encode(encoding) for part in self._parts]
        if not all(part in folded for part in parts):
            return False
        pieces = _around(folded, min(parts, key=folded.count), self._reach)
        return any(self._stands_in(data[begins:ends].decode(encoding, errors="ignore")) for begins, ends in pieces)

    def _stands_in(self, text: str) -> bool:
        # What may stand in front of a name is looked at only where its first letters stand: a tenth of the time.
        return any(self._pattern.match(text, each.start()) for each in self._begins.finditer(text))


def _beginning(name: str) -> re.Pattern[str]:
    """How a name begins wherever it stands, as far as that is quick to look for."""
    if plain := re.match(r"[A-Za-z0-9]+", composed(name)):
        return re.compile(plain[0], re.IGNORECASE | re.ASCII)
    first = {form(name.strip())[:1] for form in (composed, decomposed)}
    # A class without flags is looked for at once, where a pattern would be tried at each place of a file.
    either = {case for each in first for case in _cases(each)}
    return re.compile(f"[{re.escape(''.join(sorted(either)))}{_CODES_BEGIN}]")


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


def _alone(name: str) -> str:
    """A pattern of a name that is no part of another: 'ann@example.com' is in neither 'joann@…' nor '….com.au'."""
    is_address, pattern = "@" in name, _spellings(name)
    if re.match(f"[{_LETTER}]", name):
        joints = r"[.+_-]" if is_address else "-"
        marked = "|".join(f"(?<={mark})" for mark in _MARKS)
        pattern = rf"(?:(?<![{_LETTER}])(?<![{_LETTER}]{joints})|{marked}){pattern}"
    if re.search(f"[{_LETTER}]$", name):
        # A capital behind a dot begins a sentence.
        joined = rf"\.(?-i:[a-z0-9])|-[{_LETTER}]" if is_address else f"-[{_LETTER}]"
        pattern = rf"{pattern}(?![{_LETTER}]|{joined})"
    return pattern


def _spellings(name: str) -> str:
    """A pattern of a name however its words are parted, its accents composed, and its characters written."""
    written = _written_in_an_address if "@" in name else _written
    words = ({form(word) for form in (composed, decomposed)} for word in name.split())
    return _BLANKS.join(f"(?:{'|'.join(''.join(map(written, form)) for form in sorted(word))})" for word in words)


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
    yield "".join(rf"\\+u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _cases(character: str) -> set[str]:
    """A letter, small and as a capital, as far as these are one character each."""
    found: set[str] = set()
    new = {character}
    while new:
        found |= new
        new = {form for each in new for form in (each.lower(), each.upper(), each.title()) if len(form) == 1} - found
    return found.union(*(_ALSO.get(each, "") for each in found))
