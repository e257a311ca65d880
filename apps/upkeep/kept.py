"""Names in bytes: files that imports keep, in every encoding in which one of them may read them."""

import codecs
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property

from apps.accounts.mailboxes import composed, decomposed
from apps.accounts.names.needles import Needle, Needles, Whole
from apps.accounts.names.reading import folded, hidden, hidden_codes
from apps.importers.sources.csv.encodings import ANY_BYTE, ONE_BYTE, possible_encodings

_EACH_OF_ONE_BYTE = (*ONE_BYTE, ANY_BYTE)
#: Read at a time: few enough that what is to be read closely is a small part of a file.
_PIECE_BYTES = 64 * 2**10
#: At most, as HTML writes it with its longest word for one, in two bytes each.
_BYTES_OF_A_LETTER = 64
#: What tells whether a name is a part of another: a joint and a letter, each in codes.
_BYTES_BESIDE = 256
_BEYOND_ASCII, _BYTES = 0x80, 0x100


def pieces_of(data: bytes, encoding: str, margin: int, errors: str = "strict") -> Iterator[tuple[str, int, int]]:
    """A text piece by piece, each with what is around; and from where to where what begins in it is its own."""
    decoder, text, begins = codecs.getincrementaldecoder(encoding)(errors), "", 0
    for at in range(0, len(data), _PIECE_BYTES):
        is_last = at + _PIECE_BYTES >= len(data)
        text += decoder.decode(data[at : at + _PIECE_BYTES], is_last)
        ends = len(text) if is_last else max(len(text) - margin, begins)
        yield text, begins, ends
        cut = max(ends - margin, 0)
        text, begins = text[cut:], ends - cut


def file_holds(needles: Needles, data: bytes) -> bool:
    """Whether a file holds one of these names, in any encoding in which an import may read it.

    In an encoding that not all of its bytes are of, it is read only around the plain part of a name that stands there
    least often; in one of one byte also around what may hide such a part.
    """
    encodings, margin = possible_encodings(data), max((_reach_of(each.name) for each in needles.each), default=0)
    broken, of_one_byte = [], [each for each in encodings if each in _EACH_OF_ONE_BYTE]
    for encoding in encodings[: len(encodings) - len(of_one_byte)]:
        try:
            if _is_in(pieces_of(data, encoding, margin), needles.whole):
                return True
        except UnicodeDecodeError:
            broken.append([encoding])
    if not (broken or of_one_byte):
        return False
    small, codes = data.lower(), _HiddenCodes(data)
    return any(
        part.is_in(data, small, [*broken, *(encodings_alike(each.name) if of_one_byte else ())])
        or part.is_in_codes(codes)
        for each in needles.each
        for part in (_InPart(each),)
    )


def _is_in(pieces: Iterator[tuple[str, int, int]], whole: Whole) -> bool:
    return any(begins <= at < ends for text, begins, ends in pieces for at, _ in whole.places(text))


def _reach_of(name: str) -> int:
    """How many bytes a name may take in a file, with what is beside it."""
    return len(name) * _BYTES_OF_A_LETTER + _BYTES_BESIDE


class _InPart:
    """One name, in a file that is read where the name may stand."""

    def __init__(self, name: Needle) -> None:
        self._parts, self._reach = name.english or [b""], _reach_of(name.name)
        self._anywhere, self._whole = name.alone
        self._is_address = name.is_address

    def is_in(self, data: bytes, small: bytes, encodings: Sequence[Sequence[str]]) -> bool:
        """In one of them; of those that write the name alike what is beside it differs, and what hides it."""
        return any(
            self._stands_in(near, alike[0], self._anywhere)
            and any(self._stands_in(near, each, self._whole) for each in alike)
            for alike in encodings
            for near in self._places(data, small, alike[0])
        ) or any(
            self._stands_in(near, each, self._whole)
            for each in (each for alike in encodings for each in alike if each in _EACH_OF_ONE_BYTE)
            for near in self._hidden_places(data, each)
        )

    def is_in_codes(self, codes: "_HiddenCodes") -> bool:
        """Where it may have letters in codes that are read as letters of English, or as nothing."""
        return not self._is_address and any(
            self._stands_in(near, encoding, self._whole)
            for near in codes.places(self._parts, self._reach)
            for encoding in ("utf-8", *_EACH_OF_ONE_BYTE)
        )

    def _stands_in(self, data: bytes, encoding: str, whole: Whole) -> bool:
        # A byte that is none of UTF-8 may be a letter of the file's own encoding.
        errors = "surrogateescape" if encoding == "utf-8" else "replace"
        return _is_in(pieces_of(data, encoding, self._reach, errors), whole)

    def _places(self, data: bytes, small: bytes, encoding: str) -> Iterator[bytes]:
        parts = [part.decode().encode(encoding) for part in self._parts]
        if all(part in small for part in parts):
            for begins, ends in around(small, min(parts, key=small.count), self._reach):
                yield data[begins:ends]

    def _hidden_places(self, data: bytes, encoding: str) -> Iterator[bytes]:
        """Where it may be written in other letters than it is read in."""
        letters = {} if self._is_address else _hidden_letters(encoding)
        read = data
        for letter, meant in letters.items():
            read = read.replace(letter, meant)
        if read != data and all(part in read.lower() for part in self._parts):
            sign = rb"[%b]" % re.escape(b"".join(letters))
            runs = re.compile(rb"%b(?:[\s\S]{0,%d}%b)*+" % (sign, 2 * self._reach, sign))
            for run in runs.finditer(data):
                yield data[max(run.start() - self._reach, 0) : run.end() + self._reach]


class _HiddenCodes:
    """Codes of a file that hide letters of English, the same in all encodings of such letters."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def places(self, parts: Sequence[bytes], reach: int) -> Iterator[bytes]:
        """What is around them, in a file that has all these parts as it is read; what overlaps is one piece."""
        if self._spans and all(part.decode() in self._read for part in parts):
            for begins, ends in _within(self._spans, reach):
                yield self._data[begins:ends]

    @cached_property
    def _text(self) -> str:
        return self._data.decode("latin-1")

    @cached_property
    def _spans(self) -> list[tuple[int, int]]:
        return list(hidden_codes(self._text))

    @cached_property
    def _read(self) -> str:
        return folded(self._text)


def _within(spans: Iterable[tuple[int, int]], reach: int) -> Iterator[tuple[int, int]]:
    """From where to where it is within reach of these, which are in order."""
    begins, ends = 0, 0
    for at, to in spans:
        if ends and at - reach > ends:
            yield begins, ends
            ends = 0
        begins, ends = begins if ends else max(at - reach, 0), to + reach
    if ends:
        yield begins, ends


@cache
def _hidden_letters(encoding: str) -> dict[bytes, bytes]:
    """Of an encoding of one byte what hides letters of English, or is not drawn, with what is read."""
    letters = {code: bytes([code]).decode(encoding, errors="replace") for code in range(_BEYOND_ASCII, _BYTES)}
    return {
        bytes([code]): folded(letter).encode("ascii", errors="replace")
        for code, letter in letters.items()
        if hidden().search(letter)
    }


def encodings_alike(name: str) -> list[list[str]]:
    """Those of one byte, by the bytes that a name's letters have in them: each such spelling is looked for once.

    Where all its letters beyond English ones are none of an encoding it can stand there in codes only, which are the
    same in UTF-8.
    """
    cases = (name, name.lower(), name.upper(), name.title())
    letters = sorted({letter for case in cases for form in (composed, decomposed) for letter in form(case)})
    beyond = "".join(letter for letter in letters if letter.isalpha() and not letter.isascii())
    alike: dict[bytes, list[str]] = {}
    for encoding in _EACH_OF_ONE_BYTE:
        alike.setdefault(beyond.encode(encoding, errors="replace"), []).append(encoding)
    return [encodings for spelled, encodings in alike.items() if not beyond or spelled.strip(b"?")]


def around(data: bytes, part: bytes, reach: int) -> Iterator[tuple[int, int]]:
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


#: Four of NumPy's, of four bytes each.
_LAST_OF_FOUR = re.compile(rb"\0{4,}")


def texts_of_four_bytes(data: bytes) -> Iterator[str]:
    """What may be texts as NumPy keeps them, from whichever byte on: of no character the last of its four is any."""
    for shift in range(4):
        runs = _LAST_OF_FOUR.finditer(data[shift + 3 :: 4])
        places = [(shift + 4 * begins, shift + 4 * ends) for begins, ends in (run.span() for run in runs)]
        yield "\n".join(data[begins:ends].decode("utf-32-le", errors="replace") for begins, ends in places)
