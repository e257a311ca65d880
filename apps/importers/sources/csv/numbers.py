"""Cells into numbers, points and hours, in the ways in which trackers and people write them. Pure."""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from apps.common.hours import LEAST_HOURS, LEAST_POINTS, MOST_HOURS, MOST_POINTS
from apps.importers.sources.csv.cells import BadValue, is_empty, quoted, single_spaced

#: Jira's and GitLab's own defaults: a day of 8 hours, a week of 5 days, a month of 4 weeks.
HOURS_PER_DAY, DAYS_PER_WEEK, WEEKS_PER_MONTH = 8.0, 5.0, 4.0
#: The words for a unit, and its hours; those of the languages that trackers ship begin alike.
_UNITS: Mapping[str, float] = {
    "mo": HOURS_PER_DAY * DAYS_PER_WEEK * WEEKS_PER_MONTH,
    "month": HOURS_PER_DAY * DAYS_PER_WEEK * WEEKS_PER_MONTH,
    "w": HOURS_PER_DAY * DAYS_PER_WEEK,
    "week": HOURS_PER_DAY * DAYS_PER_WEEK,
    "woche": HOURS_PER_DAY * DAYS_PER_WEEK,
    "wochen": HOURS_PER_DAY * DAYS_PER_WEEK,
    "d": HOURS_PER_DAY,
    "day": HOURS_PER_DAY,
    "tag": HOURS_PER_DAY,
    "tage": HOURS_PER_DAY,
    "h": 1.0,
    "hr": 1.0,
    "hour": 1.0,
    "std": 1.0,
    "stunde": 1.0,
    "stunden": 1.0,
    "m": 1 / 60,
    "min": 1 / 60,
    "minute": 1 / 60,
    "minuten": 1 / 60,
    "s": 1 / 3600,
    "sec": 1 / 3600,
    "second": 1 / 3600,
    **dict.fromkeys(("sem", "semaine", "semana", "settimana", "weken", "tydz", "нед"), HOURS_PER_DAY * DAYS_PER_WEEK),
    **dict.fromkeys(("j", "jour", "día", "dia", "giorno", "giorni", "dag", "dagen", "dn", "дн"), HOURS_PER_DAY),
    **dict.fromkeys(("heure", "hora", "ora", "ore", "uur", "uren", "godz", "ч"), 1.0),
    **dict.fromkeys(("minuto", "minuti", "мин"), 1 / 60),
}
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_STEP = re.compile(r"([0-9]{1,9}(?:[.,][0-9]{1,9})?)\s{0,3}([^\W\d_]{1,12})\.?")
_CLOCK = re.compile(r"([0-9]{1,5}):([0-5][0-9])(?::([0-5][0-9]))?")
#: Those that Unicode writes in one sign. Others with a number are none: '8²' has a footnote, and is not 10.
_FRACTIONS = frozenset(map(chr, (*range(0xBC, 0xBF), *range(0x2150, 0x215F), 0x2189)))
_POINTS_WORDS = re.compile(r"(?<!\s)\s*+(?:sp|pts?|points?|story\s*points?|punkte?|puntos?|pontos?)\.?$", re.IGNORECASE)
#: Trackers without points keep them in a label: 'estimate: 3', 'points/5', 'SP 8'.
POINT_LABEL = re.compile(
    r"(?:estimate|points|story points|sp)\s*+(?:[:/=]\s*+|(?<=\s))([0-9]+(?:\.[0-9]+)?)", re.IGNORECASE
)
#: Parted by threes: '1.0.2' and '01.02.2026' are no numbers.
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:[.,][0-9]{3})+(?:[.,][0-9]+)?")
_THOUSANDS = {".": re.compile(r"[+-]?[0-9]{1,3}(\.[0-9]{3})+"), ",": re.compile(r"[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+")}


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """How the file parts whole numbers from fractions; empty where nothing tells."""

    #: '.' or ','.
    decimal: str = ""


def number_style(cells: Iterable[str]) -> NumberStyle:
    """The style that the numbers of a file prove: a fraction of one, two or four digits shows its mark."""
    marks = {
        match[1] for text in cells if (match := re.fullmatch(r"\s*[+-]?[0-9]*([.,])(?:[0-9]{1,2}|[0-9]{4,})\s*", text))
    }
    return NumberStyle(marks.pop()) if len(marks) == 1 else NumberStyle()


def is_torn(text: str, style: NumberStyle) -> bool:
    """Whether a number could be a thousand times larger: '1.234' or '1,234' where the file proves no decimal mark."""
    return not style.decimal and any(each.fullmatch(text.strip()) for each in _THOUSANDS.values())


def quantity(text: str, what: str, *, most: float, style: NumberStyle = NumberStyle()) -> float | None:
    """A finite number from 0 to `most`, or None for an empty cell; decimal commas are read where they cannot mislead.

    Raises
    ------
    BadValue
        If it is no number, negative, not finite, over `most`, or could mean two numbers ("1,234").
    """
    if is_empty(text):
        return None
    return _within(_number(text.strip(), what, style), text, what, most=most)


def _within(value: float, text: str, what: str, *, most: float) -> float:
    if not math.isfinite(value):
        raise BadValue(f"{what} is not a finite number: {quoted(text)!r}")
    if value < 0:
        raise BadValue(f"{what} is negative: {quoted(text)}")
    if value > most:
        raise BadValue(f"{what} is beyond reason: {quoted(text)} (at most {most:,.0f})")
    return value


def points(text: str, what: str, style: NumberStyle = NumberStyle()) -> float | None:
    """Story points: a number, with or without its unit ('8 SP'), or a fraction in one sign ('½', '1½')."""
    plain = _POINTS_WORDS.sub("", single_spaced(text))
    if plain and (fraction := _fraction(plain)) is not None:
        return _within(fraction, text, what, most=MOST_POINTS)
    value = quantity(plain or text, what, most=MOST_POINTS, style=style)
    if value and value < LEAST_POINTS:
        raise BadValue(f"{what} is less than any size: {quoted(text)}")
    return value


def _fraction(text: str) -> float | None:
    """'½' and '1½'; None for anything else. It may be infinite: `float` takes any number of digits."""
    plain = text.replace(" ", "")
    whole, last = plain[:-1], plain[-1]
    if last not in _FRACTIONS or not (whole.isascii() and (whole.isdigit() or not whole)):
        return None
    return float(whole or 0) + unicodedata.numeric(last)


def could_be_number(text: str) -> bool:
    """Whether a cell is meant as a number or a duration, usable or not: '-1', 'inf' and '1,234' are, 'M' is not."""
    plain = single_spaced(text).casefold()
    is_number = _NUMBER.fullmatch(plain.replace(",", ".")) or _GROUPED.fullmatch(plain) or _names_no_finite(plain)
    bare = _POINTS_WORDS.sub("", plain)
    return (
        bool(is_number)
        or _duration(plain) is not None
        or bool(_NUMBER.fullmatch(bare))
        or (bool(bare) and _fraction(bare) is not None)
    )


def _names_no_finite(text: str) -> bool:
    return text.casefold().lstrip("+-") in ("nan", "inf", "infinity")


def hours(text: str, what: str, *, factor: float, style: NumberStyle = NumberStyle()) -> float | None:
    """Hours from a cell whose unit is `factor` hours; '1w 2d', '1h 30m' and '1:30' are understood whatever the unit."""
    value = None if is_empty(text) else _duration(text)
    if value is None:
        number = quantity(text, what, most=MOST_HOURS / factor, style=style)
        value = None if number is None else number * factor
    if value is not None and value > MOST_HOURS:
        raise BadValue(f"{what} is beyond reason: {quoted(text)}")
    if value and value < LEAST_HOURS:
        raise BadValue(f"{what} is less than a second: {quoted(text)}")
    return value


def is_duration(text: str) -> bool:
    """Whether a cell says its own units."""
    return _duration(text) is not None


def _duration(text: str) -> float | None:
    """Hours of '1w 2d 3h 4m', '2 hours', '1,5 h' or '1:30'; None for what is no duration."""
    plain = single_spaced(text).casefold()
    if clock := _CLOCK.fullmatch(plain):
        return int(clock[1]) + int(clock[2]) / 60 + int(clock[3] or 0) / 3600
    steps = _STEP.findall(plain)
    if not steps or _STEP.sub("", plain).strip(" ,;+"):
        return None
    known = [(number, _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"))) for number, unit in steps]
    if any(size is None for _, size in known):
        return None
    return sum(float(number.replace(",", ".")) * (size or 0.0) for number, size in known)


def _number(text: str, what: str, style: NumberStyle) -> float:
    if style.decimal and (mark := "," if style.decimal == "." else ".") in text and _THOUSANDS[mark].match(text):
        text = text.replace(mark, "")
    if style.decimal != "," and re.fullmatch(r"[+-]?[0-9]{1,3}(,[0-9]{3})+\.[0-9]+", text):
        text = text.replace(",", "")
    elif style.decimal != "," and _THOUSANDS[","].fullmatch(text):
        raise BadValue(f"{what} can be read in two ways: {quoted(text)!r}; write it without a comma")
    elif re.fullmatch(r"[+-]?[0-9]*,[0-9]+", text):
        text = text.replace(",", ".")
    if not _NUMBER.fullmatch(text) and not _names_no_finite(text):
        raise BadValue(f"{what} is not a number: {quoted(text)!r}")
    return float(text)
