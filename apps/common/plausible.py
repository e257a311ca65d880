"""What is no title, no number and no date, wherever it comes in: over the API, on a page, from a file."""

import re
import unicodedata
from datetime import date

#: Dates outside are slips of the pen, and the first and last years of the calendar cannot be counted from.
FIRST_YEAR, LAST_YEAR = 1980, 2200
#: More characters than anybody reads in one place.
LONGEST_TEXT = 100_000
#: More labels than an issue bears, and more statuses than a board has; and how long each may be.
MOST_NAMES, LONGEST_NAME = 50, 100
#: Python also reads 1_0, full-width digits and blanks around a number; no person means them.
NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,3})?")
#: Letters and blanks without a shape, in categories of visible ones: fillers of Hangul, the empty braille pattern.
_SHAPELESS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
#: Of other characters, those of these categories cannot be seen: controls, formats, separators, unassigned.
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Mn", "Zl", "Zp", "Zs"})
_BREAKS = "\n\r\t"
#: They turn the direction of whatever follows, beyond the end of the text they stand in: "gpj.exe" for "exe.jpg". Marks
#: of direction (U+200E, U+200F, U+061C), which texts of both directions need, turn nothing.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def text_fault(text: str, *, is_line: bool, is_needed: bool) -> str | None:
    """Why this is no text that people can read; None if it is."""
    # What prints holds none of these; most texts do, and are not gone through one by one.
    for character in "" if text.isprintable() else text:
        if character < " " or character >= "\x7f":
            kind = unicodedata.category(character)
            if kind == "Cs":
                return f"It holds half a character (U+{ord(character):04X})."
            if (kind == "Cc" and (is_line or character not in _BREAKS)) or (is_line and kind in ("Zl", "Zp")):
                return f"It holds a control character (U+{ord(character):04X})."
            if is_line and character in _TURNING:
                return f"It holds a character that turns the direction of the text (U+{ord(character):04X})."
    if is_needed and text and not any(map(_is_seen, text)):
        return "It holds nothing that can be seen."
    return None


def names_fault(names: object) -> str | None:
    """Why this is no list of labels or statuses; None if it is."""
    if not isinstance(names, list) or len(names) > MOST_NAMES or not all(isinstance(name, str) for name in names):
        return f"A list of at most {MOST_NAMES} names is needed."
    for name in names:
        if not name.strip() or len(name) > LONGEST_NAME:
            return f"A name has 1 to {LONGEST_NAME} characters."
        if fault := text_fault(name, is_line=True, is_needed=True):
            return fault
    return None


def texts_in(values: object) -> list[str]:
    """The texts of a list; none of what is no list."""
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def readable(text: str, *, is_line: bool) -> str:
    """A text of another tool as far as people can read it: blanks for control characters, nothing for the unseen."""
    if text.isprintable():
        return text if any(map(_is_seen, text)) else ""
    kept = "".join(" " if text_fault(each, is_line=is_line, is_needed=False) else each for each in text)
    return kept if any(map(_is_seen, kept)) else ""


def date_fault(day: date) -> str | None:
    """Why this is no date of work; None if it is."""
    return None if FIRST_YEAR <= day.year <= LAST_YEAR else f"A year from {FIRST_YEAR} to {LAST_YEAR} is needed."


def number_fault(value: object) -> str | None:
    """Why this is no number as people and programs write one; None if it may be."""
    if isinstance(value, bool):
        return "A number is needed, not true or false."
    if isinstance(value, str) and value and not NUMBER.fullmatch(value):
        return "A number is needed, in digits."
    return None


def _is_seen(character: str) -> bool:
    return character not in _SHAPELESS and unicodedata.category(character) not in _UNSEEN
