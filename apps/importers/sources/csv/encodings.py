"""The encoding of a file of text, by its bytes. Pure but for the file."""

import codecs
import unicodedata
from pathlib import Path

from apps.importers.records import ImportRefused

CHUNK_BYTES = 1 << 20
#: Read to tell one-byte encodings apart; letters beyond ASCII come early in a backlog of such a language.
JUDGED_BYTES = 1 << 20
#: Western Europe, Cyrillic, Central Europe, Greek, Turkish: what spreadsheets of these regions write.
ONE_BYTE = ("cp1252", "cp1251", "cp1250", "cp1253", "cp1254")
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SCRIPTS = {"cp1252": "LATIN", "cp1250": "LATIN", "cp1254": "LATIN", "cp1251": "CYRILLIC", "cp1253": "GREEK"}
#: Signs that prose has beside letters, in all of these encodings.
_SIGNS = frozenset("€‚„…†‡‰‹‘’“”•–—™›\xa0«»°±²³´µ¶·¡¿§©®№")


def looks_like_utf16(start: bytes) -> bool:
    """Whether text begins with the mark of UTF-16, or has the zeros that Latin letters have in it."""
    return start.startswith(_UTF16_MARKS) or bool(_unmarked_utf16(start))


def encoding_of(path: Path, *, wanted: str = "") -> tuple[str, int]:
    """The encoding of a file, and its lines.

    UTF-8 where every byte fits, UTF-16 where it is marked or seen, else the one-byte encoding that gives the most
    letters of one script.

    Raises
    ------
    ImportRefused
        If the file is not in the wanted encoding, or none fits.
    """
    with path.open("rb") as file:
        start = file.read(JUDGED_BYTES)
    if wanted:
        return wanted, _lines_in(path, _known(wanted), f"{path} is not {wanted}")
    if looks_like_utf16(start):
        name = "utf-16" if start.startswith(_UTF16_MARKS) else _unmarked_utf16(start)
        return name, _lines_in(path, name, f"{path} begins as UTF-16 but does not go on so")
    fits, line_count = _survey(path, "utf-8-sig")
    if fits:
        return "utf-8-sig", line_count
    return max(ONE_BYTE, key=lambda name: _letters(start, name)), line_count


def _known(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError as error:
        raise ImportRefused(
            f"--encoding {name}: there is no such encoding; say utf-8, cp1252, cp1251 or the like."
        ) from error


def _lines_in(path: Path, encoding: str, fault: str) -> int:
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


def _letters(start: bytes, encoding: str) -> float:
    """How much of what is beyond ASCII reads as prose of the encoding's script."""
    beyond = bytes(byte for byte in start if byte > 127)
    text = beyond.decode(encoding, errors="replace")
    script = _SCRIPTS[encoding]
    good = sum(character in _SIGNS or unicodedata.name(character, "").startswith(script) for character in text)
    capitals = sum(character.isupper() for character in text)
    # Prose has more small letters than capitals; read in the wrong script it has not. First listed wins a tie.
    return (
        good
        - text.count("\ufffd") * 2
        - max(capitals - 0.5 * len(text), 0)
        - 0.01 * ONE_BYTE.index(encoding) * len(text)
    )


def _survey(path: Path, encoding: str) -> tuple[bool, int]:
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
