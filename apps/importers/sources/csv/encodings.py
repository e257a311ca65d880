"""The encoding of a file of text, by its bytes. Pure but for the file."""

import codecs
import re
import unicodedata
from collections import Counter
from itertools import pairwise

from apps.importers.records import ImportRefused
from apps.importers.sources.kept import Readable

CHUNK_BYTES = 1 << 20
#: Read to tell one-byte encodings apart; letters beyond ASCII come early in a backlog of such a language.
JUDGED_BYTES = 1 << 20
#: Western Europe, Cyrillic, Central Europe, Greek, Turkish: what spreadsheets of these regions write.
ONE_BYTE = ("cp1252", "cp1251", "cp1250", "cp1253", "cp1254")
#: Letters beyond ASCII that are whole UTF-8, of all. Of text in one byte a letter hardly ever is, by chance: each is a
#: capital with a sign behind it.
MOSTLY = 0.75
#: And so few are not. Whoever writes one text writes any number of letters: else one report of torn letters had a whole
#: file in one byte read as UTF-8, with all others' letters lost.
MOST_UNREAD = 5
#: What stands for bytes that are no letter.
UNREAD = "\ufffd"
#: Every byte is a letter of it: for files of which some bytes are none in the others.
ANY_BYTE = "latin-1"
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SCRIPTS = {"cp1252": "LATIN", "cp1250": "LATIN", "cp1254": "LATIN", "cp1251": "CYRILLIC", "cp1253": "GREEK"}
_WORD = re.compile(r"[^\W\d_]+")
_LONG_RUN = re.compile(r"[^\x00-\x7f]{3}")
#: 'ma³y' is Polish read as Western European.
_SIGN_IN_WORD = re.compile(r"[^\W\d_][¹²³¼½¾¿£¥¤¦¶±](?=[^\W\d_])")


def looks_like_utf16(start: bytes) -> bool:
    """Whether text begins with the mark of UTF-16, or has the zeros that Latin letters have in it."""
    return start.startswith(_UTF16_MARKS) or bool(_unmarked_utf16(start))


def encoding_of(path: Readable, *, wanted: str = "") -> tuple[str, int, int]:
    """The encoding of a file, its lines, and the places that are not of it.

    UTF-8 where every byte fits, or `MOSTLY` and all but a few, UTF-16 where it is marked or seen, else the one-byte
    encoding that gives the most words of its script; the first listed wins a tie.

    Raises
    ------
    ImportRefused
        If the file is not in the wanted encoding, or begins as UTF-16 and does not go on so.
    """
    with path.open("rb") as file:
        start = file.read(JUDGED_BYTES)
    if wanted:
        return wanted, _lines_in(path, _known(wanted), f"{path} is not {wanted}"), 0
    if looks_like_utf16(start):
        name = "utf-16" if start.startswith(_UTF16_MARKS) else _unmarked_utf16(start)
        return name, _lines_in(path, name, f"{path} begins as UTF-16 but does not go on so"), 0
    fits, line_count = _survey(path, "utf-8-sig")
    if fits:
        return "utf-8-sig", line_count, 0
    whole, unread = _utf8_letters(path)
    if unread <= MOST_UNREAD and whole >= MOSTLY * (whole + unread):
        return "utf-8-sig", line_count, unread
    likely = sorted(ONE_BYTE, key=lambda name: -_likeness(start, name))
    return next((name for name in likely if _survey(path, name)[0]), ANY_BYTE), line_count, 0


def possible_encodings(content: bytes) -> tuple[str, ...]:
    """All in which `encoding_of` may read a file of this content: one where its bytes tell, else each of one byte.

    What a file of one-byte letters holds is not left to a guess by whoever looks for something in it.
    """
    if looks_like_utf16(content[:JUDGED_BYTES]):
        either = "utf-16-be" if content.startswith(codecs.BOM_UTF16_BE) else _unmarked_utf16(content) or "utf-16-le"
        if _fits(content, either):
            return (either,)
    # Hardly any other file has a zero; of few letters, or of other scripts, UTF-16 without a mark is not seen.
    unmarked = ("utf-16-le", "utf-16-be") if b"\0" in content else ()
    return ("utf-8", *unmarked) if _fits(content, "utf-8") else ("utf-8", *unmarked, *ONE_BYTE, ANY_BYTE)


def _fits(content: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    pieces = (content[at : at + CHUNK_BYTES] for at in range(0, len(content), CHUNK_BYTES))
    return all(_decodes(decoder, piece, is_last=False) for piece in pieces) and _decodes(decoder, b"", is_last=True)


def _known(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError as error:
        raise ImportRefused(
            f"--encoding {name}: there is no such encoding; say utf-8, cp1252, cp1251 or the like."
        ) from error


def _lines_in(path: Readable, encoding: str, fault: str) -> int:
    fits, line_count = _survey(path, encoding)
    if not fits:
        raise ImportRefused(f"{fault}: save it anew, best as UTF-8.")
    return line_count


def _unmarked_utf16(start: bytes) -> str:
    """By the zeros beside Latin letters, of which the other encodings have none."""
    even, odd = start[0:400:2], start[1:400:2]
    if len(odd) > 3 and odd.count(0) > 0.8 * len(odd) and not even.count(0):
        return "utf-16-le"
    return "utf-16-be" if len(even) > 3 and even.count(0) > 0.8 * len(even) and not odd.count(0) else ""


def _likeness(start: bytes, encoding: str) -> int:
    """How many letters stand in words of the encoding's script, less those in words that no language has."""
    text = start.decode(encoding, errors="replace")
    words = Counter(word for word in _WORD.findall(text) if not word.isascii())
    read = sum((len(word) if _is_word(word, _SCRIPTS[encoding]) else -len(word)) * n for word, n in words.items())
    return read - 2 * (text.count("\ufffd") + len(_SIGN_IN_WORD.findall(text)))


def _is_word(word: str, script: str) -> bool:
    """Latin words have letters of ASCII between others, words of another script have none; capitals come first."""
    if any(before.islower() and after.isupper() for before, after in pairwise(word)):
        return False
    if script == "LATIN" and _LONG_RUN.search(word):
        return False
    return all(unicodedata.name(letter, "").startswith(script) for letter in word)


def _utf8_letters(path: Readable) -> tuple[int, int]:
    """Letters beyond ASCII that are whole UTF-8, and places that are none."""
    decoder, whole, unread = codecs.getincrementaldecoder("utf-8-sig")("replace"), 0, 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            text = decoder.decode(chunk)
            found = text.count(UNREAD)
            unread += found
            whole += len(text) - len(text.encode("ascii", "ignore")) - found
    return whole, unread + decoder.decode(b"", final=True).count(UNREAD)


def _survey(path: Readable, encoding: str) -> tuple[bool, int]:
    """Whether all of a file is in an encoding, and its lines; in pieces, for files of any size."""
    decoder, fits, line_count = codecs.getincrementaldecoder(encoding)(), True, 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            line_count += chunk.count(b"\n")
            fits = fits and _decodes(decoder, chunk, is_last=False)
    return fits and _decodes(decoder, b"", is_last=True), line_count


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, is_last: bool) -> bool:
    try:
        decoder.decode(chunk, is_last)
    except UnicodeDecodeError:
        return False
    return True
