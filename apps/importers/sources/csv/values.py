"""Cells into values: numbers, moments, people, priorities. Pure; what cannot be read says why."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from apps.common.exceptions import ApplicationError
from apps.common.hours import LEAST_HOURS
from apps.importers.records import Person

#: How exports write "nothing".
EMPTY_WORDS = frozenset({"", "-", "none", "null", "n/a", "na", "unassigned", "no priority", "not set"})
#: No tracker is older, no due date of use is later; outside lie typing errors and defaults such as 0001-01-01.
EARLIEST_YEAR, LATEST_YEAR = 1970, 2100
#: Fifty person-years on one issue; larger values are seconds or cells shifted by a column.
MOST_HOURS = 100_000.0
MOST_POINTS = 10_000.0
#: Names of the trackers' default schemes; 1 is the most urgent.
PRIORITY_NAMES: Mapping[str, int] = {
    "blocker": 1,
    "highest": 1,
    "urgent": 1,
    "critical": 1,
    "immediate": 1,
    "high": 2,
    "major": 2,
    "medium": 3,
    "normal": 3,
    "moderate": 3,
    "low": 4,
    "minor": 4,
    "lowest": 5,
    "trivial": 5,
}
MOST_PRIORITY = 32_767  # what the column holds
MOST_PRIORITY_DIGITS = 6  # with a sign
MONTHS: Mapping[str, int] = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], start=1
    )
}
_TIME = r"(?:,?[T\s]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?\s*(?P<half>[AaPp][Mm])?)?"
_ZONE = r"(?:\s*(?:UTC|GMT|Z)?(?P<offset>[+-]\d{2}:?\d{2})?(?:\s*\(.*\))?)"
_NUMERIC = re.compile(
    rf"(?P<one>\d{{1,2}})(?P<mark>[/.-])(?P<two>\d{{1,2}})(?P=mark)(?P<year>\d{{4}}|\d{{2}}){_TIME}{_ZONE}"
)
_DAY_NAME_MONTH = re.compile(
    rf"(?P<day>\d{{1,2}})[/\s-](?P<month>[A-Za-z]{{3}})[a-z]*[/\s,-]+(?P<year>\d{{4}}|\d{{2}}){_TIME}{_ZONE}"
)
_NAME_MONTH_DAY = re.compile(
    rf"(?:[A-Za-z]{{3}},?\s+)?(?P<month>[A-Za-z]{{3}})[a-z]*\.?\s+(?P<day>\d{{1,2}}),?\s+(?P<year>\d{{4}}){_TIME}{_ZONE}"
)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_DURATION = re.compile(r"(?:(?P<hours>\d+(?:\.\d+)?)\s*h)?\s*(?:(?P<minutes>\d+)\s*m)?")
# The dot is looked for once, ahead: two runs with a dot between them would try every dot of a long row of dots.
_ADDRESS = re.compile(r"[^@\s<>]+@(?=[^@\s<>]+\.[^@\s<>])[^@\s<>]+")
_NAME_AND_ADDRESS = re.compile(r"(?P<name>.*?)\s*<(?P<email>[^<>]+)>")


class BadValue(ApplicationError):
    """The cell cannot be read."""

    code = "bad_value"


@dataclass(frozen=True, slots=True)
class DateStyle:
    """How the file writes dates that are neither ISO nor name their month."""

    #: None: unknown, so that only days above 12 can be read.
    day_first: bool | None = None
    #: A `strptime` format, tried before everything else.
    pattern: str = ""


def _single_spaced(text: str) -> str:
    """Each blank once: patterns with blanks in several places would share a long row of them out in every way."""
    return " ".join(text.split())


def is_empty(text: str) -> bool:
    """Whether the cell says nothing."""
    return text.strip().casefold() in EMPTY_WORDS


def quantity(text: str, what: str, *, most: float) -> float | None:
    """A finite number from 0 to `most`, or None for an empty cell; decimal commas are read where they cannot mislead.

    Raises
    ------
    BadValue
        If it is no number, negative, not finite, over `most`, or could mean two numbers ("1,234").
    """
    if is_empty(text):
        return None
    value = _number(text.strip(), what)
    if not math.isfinite(value):
        raise BadValue(f"{what} is not a finite number: {text.strip()[:40]!r}")
    if value < 0:
        raise BadValue(f"{what} is negative: {text.strip()[:40]}")
    if value > most:
        raise BadValue(f"{what} is beyond reason: {text.strip()[:40]} (at most {most:,.0f})")
    return value


def could_be_number(text: str) -> bool:
    """Whether a cell is meant as a number or a duration, usable or not: '-1', 'inf' and '1,234' are, 'M' is not."""
    plain = text.strip().casefold()
    return bool(_NUMBER.fullmatch(plain.replace(",", "")) or _DURATION.fullmatch(plain)) or _names_no_finite(plain)


def could_be_date(text: str) -> bool:
    """Whether a cell could be a date in some format: 'Yes' and 'Done' cannot, for want of a digit."""
    return any(letter.isdigit() for letter in text)


def _names_no_finite(text: str) -> bool:
    return text.casefold().lstrip("+-") in ("nan", "inf", "infinity")


def hours(text: str, what: str, *, factor: float) -> float | None:
    """Hours from a cell whose unit is `factor` hours; '1h 30m' is understood whatever the unit."""
    value = _hours(text, what, factor=factor)
    if value and value < LEAST_HOURS:
        raise BadValue(f"{what} is less than a second: {text.strip()[:40]}")
    return value


def _hours(text: str, what: str, *, factor: float) -> float | None:
    duration = _DURATION.fullmatch(text.strip().casefold())
    if duration and (duration["hours"] or duration["minutes"]):
        whole = quantity(duration["hours"] or "0", what, most=MOST_HOURS) or 0.0
        return whole + (quantity(duration["minutes"] or "0", what, most=MOST_HOURS * 60) or 0.0) / 60
    value = quantity(text, what, most=MOST_HOURS / factor)
    return None if value is None else value * factor


def _number(text: str, what: str) -> float:
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+\.\d+", text):
        text = text.replace(",", "")
    elif re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+", text):
        raise BadValue(f"{what} can be read in two ways: {text!r}; write it without a comma")
    elif re.fullmatch(r"[+-]?\d*,\d+", text):
        text = text.replace(",", ".")
    if not _NUMBER.fullmatch(text) and not _names_no_finite(text):
        raise BadValue(f"{what} is not a number: {text[:40]!r}")
    return float(text)


def priority(text: str) -> int | None:
    """The rank of a priority, 1 the most urgent: a number, a number with a word ('2 - High', 'P2'), or a known word.

    Raises
    ------
    BadValue
        If a number is out of range. An unknown word is None: teams name priorities as they like.
    """
    if is_empty(text):
        return None
    if match := re.match(r"[Pp]?(-?\d+)(?:\.0+)?(?![\d.])", text.strip()):
        # By length first: Python refuses to read numbers of thousands of digits.
        rank = int(match[1]) if len(match[1]) <= MOST_PRIORITY_DIGITS else -1
        if not 0 <= rank <= MOST_PRIORITY:
            raise BadValue(f"priority is out of range: {text.strip()[:40]}")
        return rank
    return PRIORITY_NAMES.get(text.strip().casefold())


def person(text: str) -> Person | None:
    """Somebody named 'Ada', 'ada@example.org' or 'Ada <ada@example.org>'; None for an empty cell."""
    text = _single_spaced(text)
    if is_empty(text):
        return None
    if match := _NAME_AND_ADDRESS.fullmatch(text):
        name, address = match["name"].strip('" '), match["email"]
        return Person(name, address.lower()) if _ADDRESS.fullmatch(address) else Person(name or address)
    return Person("", text.lower()) if _ADDRESS.fullmatch(text) else Person(text)


def moment(text: str, what: str, style: DateStyle) -> datetime | None:
    """A time in UTC, or None for an empty cell. A naive time counts as UTC, a day as its beginning.

    Raises
    ------
    BadValue
        If it is no date, its day and month could change places, or its year is absurd.
    """
    if is_empty(text):
        return None
    found = _moment(_single_spaced(text), what, style)
    # Before the conversion, which the first and the last year would overflow.
    if not EARLIEST_YEAR <= found.year <= LATEST_YEAR:
        raise BadValue(f"{what} lies in the year {found.year}: {text.strip()[:40]}")
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def day_first_evidence(text: str) -> bool | None:
    """What one cell tells of the order of day and month: True or False where one of both is above 12, else None."""
    match = _NUMERIC.fullmatch(_single_spaced(text))
    if not match or match["mark"] == ".":
        return None
    one, two = int(match["one"]), int(match["two"])
    return (one > 12) if (one > 12) != (two > 12) else None


def is_ambiguous(text: str) -> bool:
    """Whether day and month could change places and give another day."""
    match = _NUMERIC.fullmatch(_single_spaced(text))
    return bool(match and match["mark"] != "." and match["one"] != match["two"]) and day_first_evidence(text) is None


def _moment(text: str, what: str, style: DateStyle) -> datetime:
    try:
        if style.pattern and (found := _by_pattern(text, style.pattern)):
            return found
        return _iso(text) or _numeric(text, what, style) or _named_month(text) or _unreadable(text, what)
    except (ValueError, OverflowError) as error:
        raise BadValue(f"{what} is no date: {text[:40]!r}") from error


def _by_pattern(text: str, pattern: str) -> datetime | None:
    try:
        return datetime.strptime(text, pattern)  # noqa: DTZ007 - a naive time counts as UTC, see `moment`
    except ValueError:
        return None


def _iso(text: str) -> datetime | None:
    # The hyphens keep bare numbers ('20120315', '2012') from being taken for dates.
    if not re.match(r"\d{4}-\d\d-\d\d", text):
        return None
    return datetime.fromisoformat(re.sub(r"\s+(UTC|GMT)$", "+00:00", text))


def _numeric(text: str, what: str, style: DateStyle) -> datetime | None:
    match = _NUMERIC.fullmatch(text)
    if not match:
        return None
    day_first = True if match["mark"] == "." else day_first_evidence(text)
    if day_first is None and match["one"] != match["two"]:
        day_first = style.day_first
        if day_first is None:
            raise BadValue(f"{what} can be read in two ways: {text[:40]!r}; say --date-format")
    day, month = (match["one"], match["two"]) if day_first else (match["two"], match["one"])
    return _assembled(match, int(day), int(month))


def _named_month(text: str) -> datetime | None:
    match = _DAY_NAME_MONTH.fullmatch(text) or _NAME_MONTH_DAY.fullmatch(text)
    if not match or match["month"].casefold() not in MONTHS:
        return None
    return _assembled(match, int(match["day"]), MONTHS[match["month"].casefold()])


def _assembled(match: re.Match[str], day: int, month: int) -> datetime:
    year = int(match["year"])
    # Two digits: POSIX's rule, 69 to 99 are 19xx.
    year += 0 if year > 99 else 1900 if year >= 69 else 2000
    hour = int(match["hour"] or 0)
    if match["half"]:
        hour = hour % 12 + (12 if match["half"].casefold() == "pm" else 0)
    zone = datetime.strptime(match["offset"], "%z").tzinfo if match["offset"] else UTC
    return datetime(year, month, day, hour, int(match["minute"] or 0), int(match["second"] or 0), tzinfo=zone)


def _unreadable(text: str, what: str) -> datetime:
    raise BadValue(f"{what} is no date: {text[:40]!r}")
