"""What stands beside a name: whether it makes it a part of a longer one, which is somebody else's.

Of a text without codes (`apps.accounts.names.reading`): what they mean decides.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

#: A byte that is none of UTF-8, as Python reads it: in the file's own encoding it may be a letter.
_UNREAD = re.compile("[\udc80-\udcff]")
#: Chinese characters, Japanese and Korean ones: each is a word or a syllable, and nothing parts words.
CHARACTERS = (
    "\u1100-\u11ff\u3005-\u3007\u3041-\u30ff\u3131-\u318e\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f"
    "\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_CHARACTER = re.compile(f"[{CHARACTERS}]")
#: Other scripts that part no words, as Unicode names their letters.
_UNPARTED = {"THAI", "LAO", "KHMER", "MYANMAR", "BOPOMOFO", "TIBETAN", "JAVANESE", "BALINESE", "TAI", "YI"}
#: Scripts that one word may mix (an encoding that is taken for another makes it so); their letters begin here.
_MIXED = {"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "MODIFIER"}
_EUROPEAN = "EUROPEAN"
_FIRST_ACCENTED = "\u00c0"
#: "And", "to", "in", "as", "from", "the", "that": written onto the name that they are said of, alone or behind "and".
_PARTICLES = {"HEBREW": ("ו", "והבכלמש"), "ARABIC": ("وف", "وفبكل")}
#: Between the parts of a double name, in any script.
_HYPHENS = "-\u2010\u2011\u2013\u058a\u05be\ufe63\uff0d"
#: In front of an address: of "o'neil@…" a part, of the French "d'ann@…" none.
_APOSTROPHES, _OF_A_NAME = "'\u2019", "o"
#: The one sign without width that parts words; all others only say how letters are drawn, or where a line may end.
_BLANK_WITHOUT_WIDTH = "\u200b"
#: Behind a picture or a digit: how it is drawn.
_HOW_TO_DRAW = re.compile("[\u20d0-\u20ff\ufe00-\ufe0f\U000e0100-\U000e01ef]")
#: Behind a backslash they may part words, as programs write the end of a line, or begin one: "C:\\nathan".
_ESCAPED = "nrtbfv"
#: Between the letters of an address.
_JOINTS_OF_ADDRESSES = ".+_-"
#: In a file's name the others part what it is made of.
_JOINTS_IN_NAMES_OF_FILES = ".+"
#: How files end that people attach, export and import, as far as no host ends so: .zip, .md, .py, .sh and .mov do,
#: and what has a digit (.mp4, .7z) is an end of none anyway.
_ENDINGS_OF_FILES = frozenset(
    {
        "csv", "tsv", "json", "jsonl", "ndjson", "xml", "yaml", "yml", "toml", "ini", "cfg", "conf", "env",
        "sql", "db", "sqlite", "parquet", "pdf", "txt", "rtf", "tex", "rst", "log", "html", "htm", "css",
        "js", "ts", "ipynb", "doc", "docx", "docm", "xls", "xlsx", "xlsm", "ppt", "pptx", "odt", "ods", "odp",
        "epub", "png", "jpg", "jpeg", "gif", "svg", "webp", "bmp", "tif", "tiff", "ico", "heic", "psd",
        "drawio", "vsdx", "webm", "avi", "wav", "ogg", "tar", "gz", "tgz", "xz", "rar", "jar", "eml", "msg",
        "mbox", "ics", "vcf", "har", "pcap", "pem", "crt", "bak", "old", "orig", "tmp", "part", "diff",
        "patch",
    }
)  # fmt: skip
_MOST_SCRIPTS_KEPT = 4_096


def is_apart(text: str, begins: int, ends: int, *, is_address: bool, is_file: bool = False) -> bool:
    """Whether what stands there is whole: 'ann@example.com' is in neither 'joann@…' nor '….com.au'.

    Parameters
    ----------
    is_file : bool
        Whether the text is a file's name: it ends in an ending, whichever it is.
    """
    joints = (_JOINTS_IN_NAMES_OF_FILES if is_file else _JOINTS_OF_ADDRESSES) if is_address else _HYPHENS
    if _goes_on_in_front(text, begins, joints):
        return False
    return not (_is_longer_host(text, ends, is_file=is_file) if is_address else _goes_on_behind(text, ends))


def may_be_longer(text: str, begins: int, ends: int, *, is_file: bool) -> bool:
    """Whether this address is left because a longer host may begin there, which nothing else tells."""
    joints = _JOINTS_IN_NAMES_OF_FILES if is_file else _JOINTS_OF_ADDRESSES
    return (
        _behind(text, ends)[0] == "."
        and not _goes_on_in_front(text, begins, joints)
        and _is_longer_host(text, ends, is_file=is_file)
    )


def stands_among_characters(text: str, begins: int, ends: int) -> bool:
    """Whether another Chinese, Japanese or Korean character is beside."""
    return any(_CHARACTER.match(each) for each in (_in_front(text, begins)[0], _behind(text, ends)[0]))


def _goes_on_in_front(text: str, begins: int, joints: str) -> bool:
    script = _script(_behind(text, begins)[0])
    letter, at = _in_front(text, begins)
    if letter and letter in _APOSTROPHES and joints is not _HYPHENS:
        letter, at = _in_front(text, at)
        return letter.lower() == _OF_A_NAME and not _is_letter(_in_front(text, at)[0], script)
    if letter and letter in joints:
        letter, at = _in_front(text, at)
    return _is_letter(letter, script) and not _are_particles(text, letter, at, script)


def _goes_on_behind(text: str, ends: int) -> bool:
    script = _script(_in_front(text, ends)[0])
    letter, at = _behind(text, ends)
    return _is_letter(_behind(text, at)[0] if letter and letter in _HYPHENS else letter, script)


def _is_longer_host(text: str, ends: int, *, is_file: bool) -> bool:
    if _behind(text, ends)[0] != ".":
        return _goes_on_behind(text, ends)
    labels = list(_labels_behind(text, ends))
    return _script(_in_front(text, ends)[0]) is not None and any(map(_ends_a_host, labels[:-1] if is_file else labels))


def _labels_behind(text: str, at: int) -> Iterator[str]:
    """What would be the labels of a longer host; a capital behind a dot begins a sentence."""
    while True:
        dot, at = _behind(text, at)
        label = ""
        letter, further = _behind(text, at)
        while _is_of_a_label(letter, label):
            label, at = label + letter, further
            letter, further = _behind(text, at)
        if dot != "." or not label:
            return
        yield label


def _is_of_a_label(letter: str, label: str) -> bool:
    if not letter.isascii():
        return False
    return letter.islower() or letter.isdigit() or (bool(label) and (letter.isupper() or letter == "-"))


def _ends_a_host(label: str) -> bool:
    """Whether a host can end so: in letters alone, two at least, or in those of others (xn--)."""
    word = label.partition("-")[0].lower()
    return label.startswith("xn--") or (word.isalpha() and len(word) > 1 and word not in _ENDINGS_OF_FILES)


def _are_particles(text: str, letter: str, at: int, script: str | None) -> bool:
    """Whether a name begins behind this letter after all: "ודן" is "and Dan"."""
    ands, particles = _PARTICLES.get(script or "", ("", ""))
    if not letter or letter not in particles:
        return False
    before, further = _in_front(text, at)
    if before and before in ands:
        before, _ = _in_front(text, further)
    return not _is_letter(before, script)


def _is_letter(character: str, script: str | None) -> bool:
    """Whether it is a letter that a name in this script goes on with: of the same script, an accent, a digit."""
    if not character or script is None:
        return False
    other = _script(character)
    return other is not None and (other == script or "" in (other, script))


@lru_cache(maxsize=_MOST_SCRIPTS_KEPT)
def _script(character: str) -> str | None:
    """Of a letter of a script that parts words; empty for what goes with each; None for all else."""
    if character.isascii():
        return _EUROPEAN if character.isalpha() else "" if character.isdigit() else None
    if _UNREAD.match(character):
        return ""
    kind = unicodedata.category(character)
    if (kind[0] not in "LM" and kind != "Nd") or _CHARACTER.match(character) or _HOW_TO_DRAW.match(character):
        return None
    words = unicodedata.name(character, "").split()
    if not words or character < _FIRST_ACCENTED or not _UNPARTED.isdisjoint(words[:2]):
        return None
    if kind[0] != "L":
        return ""
    return _EUROPEAN if words[0] in _MIXED else words[0]


def _in_front(text: str, at: int) -> tuple[str, int]:
    """The character in front, without its accents, and where it begins; empty where a text begins."""
    while at:
        at -= 1
        character = text[at]
        if character in _ESCAPED and text[at - 1 : at] == "\\":
            return " ", at - 1
        if _HOW_TO_DRAW.match(character) or not (unicodedata.category(character)[0] == "M" or _is_unseen(character)):
            return character, at
    return "", 0


def _behind(text: str, at: int) -> tuple[str, int]:
    """The character behind, and where it ends; empty where a text ends."""
    while at < len(text):
        character, at = text[at], at + 1
        if not _HOW_TO_DRAW.match(character) and not _is_unseen(character):
            return character, at
    return "", at


def _is_unseen(character: str) -> bool:
    """Whether it stands between letters of one word: a joiner, a soft hyphen, a mark of direction."""
    return unicodedata.category(character) == "Cf" and character != _BLANK_WITHOUT_WIDTH
