"""What stands in the columns of a file, found before any row is read: headers promise, cells tell."""

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import replace
from datetime import datetime
from functools import partial

from apps.common.hours import MOST_HOURS
from apps.importers.records import ImportRefused, RowError
from apps.importers.sources.csv.cells import BadValue, is_empty
from apps.importers.sources.csv.columns import (
    DATE_FIELDS,
    HOUR_FIELDS,
    LINK_FIELDS,
    NO_END,
    NUMBER_FIELDS,
    PAST_FIELDS,
    Columns,
    detect_columns,
    unit_by_name,
    unit_question,
)
from apps.importers.sources.csv.dates import (
    STYLES,
    DateStyle,
    is_ambiguous,
    is_date,
    possible_styles,
    zone_of,
)
from apps.importers.sources.csv.file import CsvShape, rows
from apps.importers.sources.csv.languages import is_flag
from apps.importers.sources.csv.numbers import (
    NumberStyle,
    could_be_number,
    is_duration,
    is_torn,
    number_style,
    quantity,
)
from apps.importers.sources.csv.plans import ENDS, STARTS, planned_fields, without_planned_ends
from apps.importers.sources.csv.reading import Reading
from apps.importers.sources.csv.sprints import sprints_in
from apps.importers.sources.csv.units import HOURS_PER_UNIT, OTHER

#: Enough to tell sizes in words from numbers with a slip among them, and seconds from hours.
SAMPLED_CELLS = 200
#: Trackers write seconds in whole minutes; a share of slips is left to hand-made values.
WHOLE_MINUTES = 0.8
#: Half of the issues of a team take more than ten minutes, and fewer than 2,000 hours.
LEAST_MEDIAN_SECONDS, MOST_MEDIAN_HOURS = 600.0, 2_000.0


def reading_of(
    shape: CsvShape,
    overrides: Mapping[str, str] | None = None,
    *,
    date_format: str = "",
    decimal: str = "",
    now: datetime,
    meaning: Callable[[str], str],
) -> Reading:
    """Read a file's columns by what is in them.

    Parameters
    ----------
    overrides : mapping of str to str, optional
        Field → column, from ``--map``.
    date_format : str
        ``day-first``, ``month-first``, ``year-first``, a `strptime` format, or empty to find out.
    decimal : str
        '.' or ',', or empty to find out.
    meaning : callable
        What a status of this name means nearly everywhere: its category, or empty.

    Raises
    ------
    ImportRefused
        If the evidence is torn: seconds or hours, day or month, thousands or fractions; the message asks.
    """
    samples = _samples(shape)
    pattern = _pattern(date_format)
    columns = _readable_columns(shape, samples, overrides, pattern)
    numbers = NumberStyle(decimal) if decimal else number_style(_cells(samples, columns, NUMBER_FIELDS))
    if not numbers.decimal:
        _refuse_torn_numbers(shape, columns, samples)
    columns = _with_units(columns, samples, numbers)
    dates = DateStyle(pattern=pattern) if pattern else _date_style(shape, columns, date_format, now)
    columns, starts_are_plans = _without_plans(shape, columns, dates, now, meaning)
    statuses, unknown = _statuses(shape, columns, lambda name: bool(meaning(name)))
    notes = [*columns.notes, *unknown]
    return Reading(
        columns=replace(columns, notes=tuple(notes)),
        dates=dates,
        numbers=numbers,
        statuses=statuses,
        names_all_sprints=_names_all_sprints(columns, samples),
        time_zone=zone_of(_cells(samples, columns, PAST_FIELDS)),
        starts_are_plans=starts_are_plans,
    )


def _names_all_sprints(columns: Columns, samples: Mapping[int, list[str]]) -> bool:
    positions = columns.positions.get("sprint", ())
    return len(positions) > 1 or any(len(sprints_in(text)) > 1 for at in positions for text in samples.get(at, ()))


def _samples(shape: CsvShape) -> dict[int, list[str]]:
    """Position → the first cells that say something."""
    found: dict[int, list[str]] = defaultdict(list)
    for _, cells in _good_rows(shape):
        for at, text in enumerate(cells):
            if len(found[at]) < SAMPLED_CELLS and not is_empty(text):
                found[at].append(text)
    return found


def _good_rows(shape: CsvShape) -> Iterator[tuple[int, list[str]]]:
    return ((line, cells) for line, cells in rows(shape) if not isinstance(cells, RowError))


def _readable_columns(
    shape: CsvShape, samples: Mapping[int, list[str]], overrides: Mapping[str, str] | None, pattern: str
) -> Columns:
    """The columns, without those of which no sampled cell is a number, a date or a key where the field takes one.

    A team that sizes its work in S, M and L would have no sizes otherwise, and one that has a column of shares before
    that of ends no ends. One bad cell among good ones leaves the column in.
    """
    is_dated = partial(is_date, pattern=pattern)
    tests: Mapping[str, Callable[[str], bool]] = {
        **dict.fromkeys(NUMBER_FIELDS, could_be_number),
        **dict.fromkeys(DATE_FIELDS, is_dated),
        **dict.fromkeys(LINK_FIELDS, lambda text: not is_flag(text)),
    }
    filled = frozenset(at for at, cells in samples.items() if cells)
    dated = frozenset(at for at in filled if all(map(is_dated, samples[at])))
    unreadable: dict[int, str] = {}
    later: dict[int, bool] = {}
    while True:
        columns = detect_columns(shape.header, overrides, unreadable=unreadable, filled=filled, dated=dated)
        found = {
            at: name
            for name, test in tests.items()
            # Dates that somebody chose are read as they are.
            if name not in DATE_FIELDS or name not in (overrides or {})
            for at in columns.positions.get(name, ())
            if samples.get(at) and not any(map(test, samples[at]))
        }
        asked = {at for at, name in found.items() if name in DATE_FIELDS and len(samples[at]) == SAMPLED_CELLS}
        if asked := asked - later.keys():
            with_one = _with_a_date(shape, asked, is_dated)
            later |= {at: at in with_one for at in asked}
        found = {at: name for at, name in found.items() if not later.get(at)}
        if not found:
            return columns
        unreadable |= found


def _with_a_date(shape: CsvShape, asked: Set[int], is_dated: Callable[[str], bool]) -> set[int]:
    """Of these columns those that hold one anywhere: open issues may all end on a day that is none, '0000-00-00'."""
    found = set[int]()
    for _, cells in _good_rows(shape):
        found |= {at for at in asked - found if at < len(cells) and is_dated(cells[at])}
        if found == asked:
            break
    return found


def _cells(samples: Mapping[int, list[str]], columns: Columns, fields: Iterable[str]) -> Iterator[str]:
    return (text for name in fields for at in columns.positions.get(name, ()) for text in samples.get(at, ()))


# --- Numbers ------------------------------------------------------------------------------------------------------
def _refuse_torn_numbers(shape: CsvShape, columns: Columns, samples: Mapping[int, list[str]]) -> None:
    """Semicolons part cells where commas part fractions: there, '28.800' may be 28,800."""
    if shape.delimiter != ";":
        return
    for text in _cells(samples, columns, NUMBER_FIELDS):
        if "." in text and is_torn(text, NumberStyle()):
            raise ImportRefused(
                f"{text!r} can be read in two ways: say --decimal comma ({text.replace('.', ',')} is over a thousand) "
                "or --decimal point."
            )


def _with_units(columns: Columns, samples: Mapping[int, list[str]], style: NumberStyle) -> Columns:
    """Hours per unit of each time column, by user, name, cells or tracker; a question where they differ."""
    factors, notes, positions = dict(columns.hours_factor), list(columns.notes), dict(columns.positions)
    for name in HOUR_FIELDS:
        if name not in positions or name in factors:
            continue
        unit = _unit(name, columns, list(_cells(samples, columns, [name])), style)
        if unit is None:
            notes.append(unit_question(name, columns.header[positions.pop(name)[0]]))
        else:
            factors[name] = HOURS_PER_UNIT[unit]
    return replace(columns, hours_factor=factors, notes=tuple(notes), positions=positions)


def _unit(name: str, columns: Columns, cells: list[str], style: NumberStyle) -> str | None:
    header = columns.header[columns.positions[name][0]]
    said, hinted = unit_by_name(header, columns.header)
    if said:
        return None if said == OTHER else said
    values = [value for text in cells if (value := _plain_number(text, style))]
    if not values:
        return hinted or ("hours" if cells else None)
    told = _unit_by_values(values)
    if hinted and told and told != hinted:
        raise ImportRefused(
            f"{header} would be {hinted} by the other columns, yet its values ({', '.join(cells[:3])}) "
            f"look like {told}. Choose its unit (with a command: --map {name}='{header}:hours', or :minutes, :seconds)."
        )
    return hinted or told


def _plain_number(text: str, style: NumberStyle) -> float | None:
    if is_duration(text):
        return None
    try:
        return quantity(text, "", most=MOST_HOURS * 3600, style=style)
    except BadValue:
        return None


def _unit_by_values(values: list[float]) -> str | None:
    """Fractions are hours, unless nobody works so long; whole minutes that add up to a working time are seconds."""
    middle = statistics.median(values)
    if any(not value.is_integer() for value in values):
        return "hours" if middle <= MOST_MEDIAN_HOURS else None
    whole_minutes = sum(value % 60 == 0 for value in values) / len(values)
    if whole_minutes >= WHOLE_MINUTES and middle >= LEAST_MEDIAN_SECONDS:
        return "seconds"
    return "hours" if middle < 60 else "seconds" if middle > MOST_MEDIAN_HOURS else None


# --- Dates --------------------------------------------------------------------------------------------------------
def _date_style(shape: CsvShape, columns: Columns, wanted: str, now: datetime) -> DateStyle:
    """How the file writes its dates, from the order that the user says or from what all of its dates allow."""
    if wanted:
        return STYLES[wanted.replace("-", " ")]
    example = next(filter(is_ambiguous, _column(shape, columns, DATE_FIELDS)), "")
    if not example:
        # Each date tells its own order.
        return DateStyle()
    others = [name for name in DATE_FIELDS if name not in PAST_FIELDS]
    possible = possible_styles(_column(shape, columns, PAST_FIELDS), _column(shape, columns, others), now)
    # A year in front is what few write: only where no other order can be.
    possible = possible - {"year first"} or possible
    if len(possible) != 1:
        why = "each order fails for some date" if not possible else "no date of the file tells which"
        raise ImportRefused(
            f"{example!r} can be read in two ways ({why}): "
            "say --date-format day-first, --date-format month-first or --date-format year-first."
        )
    return STYLES[possible.pop()]


def _without_plans(
    shape: CsvShape, columns: Columns, style: DateStyle, now: datetime, meaning: Callable[[str], str]
) -> tuple[Columns, bool]:
    """The columns without planned ends, and whether the starts are plans; both are told."""
    plans = planned_fields(shape, columns, style, now=now, meaning=meaning)
    told = {name: columns.header[columns.positions[name][0]] for name in plans}
    notes = [*columns.notes]
    if "started_at" in told:
        notes.append(STARTS.format(told["started_at"]))
    if "resolved_at" in told:
        columns = without_planned_ends(columns)
        notes += [ENDS.format(told["resolved_at"]), NO_END]
    return replace(columns, notes=tuple(notes)), "started_at" in told


def _pattern(wanted: str) -> str:
    """The `strptime` format that the user says; empty for an order, and for nothing."""
    if not wanted or wanted.replace("-", " ") in STYLES:
        return ""
    _refuse_bad_pattern(wanted)
    return wanted


def _refuse_bad_pattern(pattern: str) -> None:
    try:
        datetime.strptime("", pattern)  # noqa: DTZ007 - only to learn whether the pattern is one
    except (ValueError, re.error) as error:
        # Python tells apart only in words what does not match from what never could.
        if "%" in pattern and "does not match" in str(error):
            return
    raise ImportRefused(f"--date-format {pattern}: say day-first, month-first or a pattern such as %d.%m.%Y.")


def _column(shape: CsvShape, columns: Columns, fields: Iterable[str]) -> Iterator[str]:
    """All cells of some fields."""
    positions = [at for name in fields for at in columns.positions.get(name, ())]
    return (cells[at] for _, cells in _good_rows(shape) for at in positions)


# --- Statuses -----------------------------------------------------------------------------------------------------
def _statuses(shape: CsvShape, columns: Columns, is_known: Callable[[str], bool]) -> tuple[dict[str, str], list[str]]:
    """What statuses of the team's own mean, by all of their rows, and a note that lists them.

    A status whose issues mostly have an end is done; one whose issues mostly have a start is in progress.
    """
    wanted = ("status", "resolved_at", "started_at")
    at = {name: columns.positions[name][0] for name in wanted if name in columns.positions}
    if "status" not in at or "status_category" in columns.positions:
        return {}, []
    rows_of, ended, begun, shown = Counter[str](), Counter[str](), Counter[str](), dict[str, str]()
    for _, cells in _good_rows(shape):
        name = " ".join(cells[at["status"]].split())
        if not name or is_known(name):
            continue
        key = name.casefold()
        shown.setdefault(key, name)
        rows_of[key] += 1
        ended[key] += "resolved_at" in at and not is_empty(cells[at["resolved_at"]])
        begun[key] += "started_at" in at and not is_empty(cells[at["started_at"]])
    found = {
        key: "done" if ended[key] * 2 > n else "in_progress" if begun[key] * 2 > n else "to_do"
        for key, n in rows_of.items()
    }
    told = [f"{shown[key]} ({n:,} rows, {ended[key]:,} with an end): {found[key]}" for key, n in rows_of.most_common()]
    return found, [f"Statuses that only this team knows, judged by their rows: {'; '.join(told)}."] if told else []
