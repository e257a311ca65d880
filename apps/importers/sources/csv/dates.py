"""Cells into moments, in the ways and languages in which trackers write them. Pure; what cannot be read says why."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from apps.common.plausible import date_fault
from apps.common.texts.composing import normalized
from apps.importers.sources.csv.cells import BadValue, is_empty, quoted, single_spaced

#: The months as the languages that trackers ship write them, in full; three letters or more of a name are enough where
#: they name one month. English, German, Spanish, French, Italian, Portuguese, Dutch, Swedish, Danish, Polish, Czech,
#: Russian, Ukrainian, Finnish, Hungarian, Turkish.
_MONTH_NAMES = (
    (
        "january januar januari jänner enero janvier gennaio janeiro styczeń stycznia leden ledna январь "
        "января січень січня tammikuu január ocak"
    ),
    (
        "february februar februari febrero février febbraio fevereiro luty lutego únor února февраль февраля "
        "лютий лютого helmikuu február şubat"
    ),
    (
        "march mar mär märz maart marzo mars março marzec marca březen března март марта березень березня maaliskuu "
        "március mart marts mrz mrt"
    ),
    ("april abril avril aprile kwiecień kwietnia duben dubna апрель апреля квітень квітня huhtikuu április nisan"),
    "may mai mayo maggio maio mei maj maja květen května май мая травень травня toukokuu május mayıs",
    (
        "june juni junio juin giugno junho czerwiec czerwca červen června июнь июня червень червня kesäkuu "
        "június haziran"
    ),
    (
        "july juli julio juillet luglio julho lipiec lipca červenec července июль июля липень липня heinäkuu "
        "július temmuz"
    ),
    (
        "august agosto août augustus augusti sierpień sierpnia srpen srpna август августа серпень серпня "
        "elokuu augusztus ağustos"
    ),
    (
        "september septiembre septembre settembre setembro wrzesień września září сентябрь сентября вересень "
        "вересня syyskuu szeptember eylül sept"
    ),
    (
        "october oktober octubre octobre ottobre outubro październik października říjen října октябрь октября "
        "жовтень жовтня lokakuu október ekim"
    ),
    "november noviembre novembre novembro listopad listopada листопад ноябрь ноября marraskuu kasım",
    (
        "december dezember diciembre décembre dicembre dezembro grudzień grudnia prosinec prosince декабрь "
        "декабря грудень грудня joulukuu aralık"
    ),
)
_SHORTEST_MONTH = 3


def _plain(name: str) -> str:
    """A name without case and accents: 'Août' and 'aout' are one."""
    decomposed = normalized("NFKD", name.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).rstrip(".")


def _by_beginning() -> dict[str, int]:
    """Every beginning of three letters or more that names one month only."""
    found: dict[str, int] = {}
    for number, names in enumerate(_MONTH_NAMES, start=1):
        for name in map(_plain, names.split()):
            for length in range(_SHORTEST_MONTH, len(name) + 1):
                # 0: the beginning of two months, 'červ' say; a whole name is no beginning of another.
                known = found.setdefault(name[:length], number)
                if known != number:
                    found[name[:length]] = 0
    for number, names in enumerate(_MONTH_NAMES, start=1):
        found |= dict.fromkeys(map(_plain, names.split()), number)
    return {beginning: number for beginning, number in found.items() if number}


MONTHS: Mapping[str, int] = _by_beginning()
_TIME = (
    r"(?:,?[T\s]+(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.[0-9]+)?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?)?"
)
_ZONE = r"(?:\s*(?:UTC|GMT|Z)?(?P<offset>[+-][0-9]{2}:?[0-9]{2})?(?:\s*\(.*\))?)"
_MONTH = r"(?P<month>[^\W\d_]{3,12})\.?"
_NUMERIC = re.compile(
    rf"(?P<one>[0-9]{{1,2}})(?P<mark>[/.-])(?P<two>[0-9]{{1,2}})(?P=mark)(?P<year>[0-9]{{4}}|[0-9]{{2}}){_TIME}{_ZONE}"
)
_YEAR_FIRST = re.compile(rf"(?P<year>[0-9]{{4}})[/.](?P<month>[0-9]{{1,2}})[/.](?P<day>[0-9]{{1,2}}){_TIME}{_ZONE}")
_DAY_NAME_MONTH = re.compile(
    rf"(?:[^\W\d_]+\.?,?\s+)?(?P<day>[0-9]{{1,2}})\.?(?:[/\s-]|\s+de\s+)\s*{_MONTH}"
    rf"(?:[/\s,-]|\s+de\s+)+(?P<year>[0-9]{{4}}|[0-9]{{2}}){_TIME}{_ZONE}"
)
_NAME_MONTH_DAY = re.compile(
    rf"(?:[^\W\d_]+\.?,?\s+)?{_MONTH}\s+(?P<day>[0-9]{{1,2}}),?\s+(?P<year>[0-9]{{4}}){_TIME}{_ZONE}"
)


_OFFSET = re.compile(
    r":[0-9]{2}(?:\.[0-9]+)?\s*(?:UTC|GMT)?([+-][0-9]{2}:?[0-9]{2})(?:\s*\((?:[^()]|\([^()]*+\))*+\))?$"
)
_OFFSET_HOURS = re.compile(r"([+-])([0-9]{2}):?00")


@dataclass(frozen=True, slots=True)
class DateStyle:
    """How the file writes dates that are neither ISO nor name their month."""

    #: None: unknown, so that only days above 12 can be read.
    day_first: bool | None = None
    #: A `strptime` format, tried before everything else.
    pattern: str = ""
    #: Years of two digits that stand first: 26/03/02 is a day of 2026.
    year_first: bool = False


#: The orders of year, month and day that a column of numbers can have.
STYLES: Mapping[str, DateStyle] = {
    "day first": DateStyle(day_first=True),
    "month first": DateStyle(day_first=False),
    "year first": DateStyle(year_first=True),
}


def moment(text: str, what: str, style: DateStyle) -> datetime | None:
    """A time in UTC, or None for an empty cell. A naive time counts as UTC, a day as its beginning.

    Raises
    ------
    BadValue
        If it is no date, its day and month could change places, or its year is absurd.
    """
    found = written(text, what, style)
    if found is None:
        return None
    return _in_utc(found)


def in_utc(found: datetime, told: Callable[[int], str]) -> datetime:
    """A moment in UTC, naive ones as they are; raises `BadValue`, so told, where its year is no year of work."""
    # Outside lie typing errors and defaults such as 0001-01-01; the first and the last year overflow.
    if date_fault(found) is None:
        found = _in_utc(found)
    if date_fault(found) is not None:
        raise BadValue(told(found.year))
    return found


def _in_utc(found: datetime) -> datetime:
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def written(text: str, what: str, style: DateStyle) -> datetime | None:
    """The same as it stands in the cell: with the offset that it names, or none."""
    if is_empty(text):
        return None
    found = _moment(single_spaced(text), what, style)
    in_utc(found, lambda year: f"{what} lies in the year {year}: {quoted(text)}")
    return found


def is_date(text: str, pattern: str = "") -> bool:
    """Whether a cell is a date in some order of its parts, or by a pattern: '1 - Fixed', '4.2' and '100' are none."""
    return bool(_readings(text, pattern))


def zone_of(cells: Iterable[str]) -> str:
    """The zone of moments that all bear one whole-hour offset from UTC; empty for none, and for several."""
    found = {match[1] for text in cells if (match := _OFFSET.search(text.strip()))}
    if len(found) != 1 or not (shift := _OFFSET_HOURS.fullmatch(found.pop())) or not int(shift[2]):
        return ""
    # The names of the time zone database count westward: Etc/GMT+7 is seven hours behind UTC.
    return f"Etc/GMT{'-' if shift[1] == '+' else '+'}{int(shift[2])}"


def is_ambiguous(text: str) -> bool:
    """Whether the order of year, month and day matters: it could be read in two ways that give two days."""
    match = _NUMERIC.fullmatch(single_spaced(text))
    if not match or (match["mark"] == "." and len(match["year"]) > 2):
        return False
    return len({found.date() for found in _readings(text).values()}) > 1


def possible_styles(past: Iterable[str], others: Iterable[str], latest: datetime) -> set[str]:
    """Orders in which every numeric date of some columns is a day, and those of the past are none of the future.

    Parameters
    ----------
    past : iterable of str
        Cells of columns that tell what has happened.
    others : iterable of str
        Cells of columns that may lie ahead.
    latest : datetime
        Nothing of the past is later.
    """
    possible = set(STYLES)
    for is_past, cells in ((True, past), (False, others)):
        for text in cells:
            if not _NUMERIC.fullmatch(single_spaced(text)):
                continue
            readings = _readings(text)
            possible &= {name for name, found in readings.items() if not is_past or found <= latest}
    return possible


def _readings(text: str, pattern: str = "") -> dict[str, datetime]:
    """What a date is by a pattern, else in each order that gives a day of a usable year."""
    found: dict[str, datetime] = {}
    for name, style in STYLES.items():
        try:
            value = moment(text, "", replace(style, pattern=pattern))
        except BadValue:
            continue
        if value is not None:
            found[name] = value
    return found


def _moment(text: str, what: str, style: DateStyle) -> datetime:
    try:
        if style.pattern and (found := _by_pattern(text, style.pattern)):
            return found
        return _iso(text) or _numeric(text, what, style) or _named_month(text) or _unreadable(text, what)
    except (ValueError, OverflowError) as error:
        raise BadValue(f"{what} is no date: {quoted(text)!r}") from error


def _by_pattern(text: str, pattern: str) -> datetime | None:
    # It reads digits of every script.
    if not all(letter.isascii() for letter in text if letter.isdecimal()):
        return None
    try:
        return datetime.strptime(text, pattern)  # noqa: DTZ007 - a naive time counts as UTC, see `moment`
    except ValueError:
        return None


def _iso(text: str) -> datetime | None:
    # The hyphens keep bare numbers ('20120315', '2012') from being taken for dates.
    if re.match(r"[0-9]{4}-[0-9][0-9]-[0-9][0-9]", text):
        return datetime.fromisoformat(re.sub(r"(?<!\s)\s++(UTC|GMT)$", "+00:00", text))
    match = _YEAR_FIRST.fullmatch(text)
    return _assembled(match, int(match["year"]), int(match["month"]), int(match["day"])) if match else None


def _numeric(text: str, what: str, style: DateStyle) -> datetime | None:
    match = _NUMERIC.fullmatch(text)
    if not match:
        return None
    one, two, last = int(match["one"]), int(match["two"]), int(match["year"])
    if style.year_first and len(match["year"]) == 2:
        return _assembled(match, one, two, last)
    day_first = True if match["mark"] == "." and not style.year_first else style.day_first
    if day_first is None and one != two:
        if (one > 12) == (two > 12):
            raise BadValue(f"{what} can be read in two ways: {quoted(text)!r}; say --date-format")
        day_first = one > 12
    return _assembled(match, last, two, one) if day_first else _assembled(match, last, one, two)


def _named_month(text: str) -> datetime | None:
    match = _DAY_NAME_MONTH.fullmatch(text) or _NAME_MONTH_DAY.fullmatch(text)
    number = MONTHS.get(_plain(match["month"])) if match else None
    return _assembled(match, int(match["year"]), number, int(match["day"])) if match and number else None


def _assembled(match: re.Match[str], year: int, month: int, day: int) -> datetime:
    # Two digits: POSIX's rule, 69 to 99 are 19xx.
    year += 0 if year > 99 else 1900 if year >= 69 else 2000
    hour = int(match["hour"] or 0)
    if match["half"]:
        hour = hour % 12 + (12 if match["half"].casefold().startswith("p") else 0)
    zone = datetime.strptime(match["offset"], "%z").tzinfo if match["offset"] else UTC
    return datetime(year, month, day, hour, int(match["minute"] or 0), int(match["second"] or 0), tzinfo=zone)


def _unreadable(text: str, what: str) -> datetime:
    raise BadValue(f"{what} is no date: {quoted(text)!r}")
