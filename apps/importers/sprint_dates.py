"""When sprints ran of which no file says it: as the user says once, else told from names and from ends. Pure."""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from apps.common.plausible import date_fault
from apps.importers.records import ImportRefused

#: Lengths that teams choose, in days.
LENGTHS_DAYS = (7, 14, 21, 28)
#: Two sprints fit any rhythm.
MIN_SPRINTS = 3
#: Fewer ends a sprint say too little of its last day.
MIN_ENDS_PER_SPRINT = 2
#: Nearly all: what was finished outside the days that are told would count as carried over.
MIN_SHARE_WITHIN = 0.9
_MONDAY = 0
_DAY = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")
_NUMBER = re.compile(r"(?<!\d)(\d++)(?=\D*+\Z)")
_PLAN = re.compile(r"(?P<day>\d{4}-\d{2}-\d{2})/(?P<length>\d{1,3})(?P<unit>[dw])")
#: A quarter; longer is no sprint.
MOST_DAYS = 92


@dataclass(frozen=True, slots=True)
class Undated:
    """A sprint without dates, with the days on which its issues were finished."""

    name: str
    ends: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """First and last day."""

    first: date
    last: date
    is_inferred: bool


@dataclass(frozen=True, slots=True)
class SprintRhythm:
    """What the user says: the first sprint without dates began on a day, and each is so long."""

    first_day: date
    days: int


def rhythm_of(text: str) -> SprintRhythm:
    """'2026-03-02/14d' or '2026-03-02/2w'; raises `ImportRefused` for anything else."""
    match = _PLAN.fullmatch(text.strip())
    try:
        first_day = date.fromisoformat(match["day"]) if match else None
    except ValueError:
        first_day = None
    days = int(match["length"]) * (7 if match["unit"] == "w" else 1) if match else 0
    if first_day is None or date_fault(first_day) or not 0 < days <= MOST_DAYS:
        raise ImportRefused(
            f"--sprints {text}: say the first day of the first sprint and the length, as in --sprints 2026-03-02/14d."
        )
    return SprintRhythm(first_day, days)


def windows_of(sprints: Sequence[Undated], rhythm: SprintRhythm | None = None) -> Mapping[int, Window]:
    """When each sprint ran, by its place in the sequence; those of which nobody can tell are not there.

    Parameters
    ----------
    rhythm : SprintRhythm, optional
        As the user says: one sprint follows the other, by their numbers or else by their first ends.
    """
    if rhythm is not None:
        return dict(_by_rhythm(sprints, rhythm))
    found = {at: window for at, sprint in enumerate(sprints) if (window := _by_name(sprint.name))}
    series: dict[str, dict[int, int]] = defaultdict(dict)
    for at, sprint in enumerate(sprints):
        numbered = _numbered(sprint.name)
        if at not in found and numbered:
            series[numbered[0]].setdefault(numbered[1], at)
    for places in series.values():
        found |= _by_ends(sprints, places)
    return found


def _by_name(name: str) -> Window | None:
    """A name that says two days: 'Sprint 5 (2026-03-02 – 2026-03-13)'."""
    try:
        days = [date.fromisoformat(text) for text in _DAY.findall(name)]
    except ValueError:
        return None
    is_window = (
        len(days) == 2
        and not any(map(date_fault, days))
        and timedelta(0) <= days[1] - days[0] <= timedelta(days=MOST_DAYS)
    )
    return Window(days[0], days[1], is_inferred=True) if is_window else None


def _numbered(name: str) -> tuple[str, int] | None:
    """The series that a name belongs to, and its number there; a year or a day is no number of a sprint."""
    match = _NUMBER.search(name)
    if match is None or len(match[1]) > 3:
        return None
    return (name[: match.start()] + name[match.end() :]).casefold().strip(), int(match[1])


def _by_rhythm(sprints: Sequence[Undated], rhythm: SprintRhythm) -> Iterator[tuple[int, Window]]:
    numbers = [_numbered(sprint.name) for sprint in sprints]
    series = {numbered[0] for numbered in numbers if numbered}
    if len(series) == 1 and all(numbers):
        steps = {at: numbered[1] for at, numbered in enumerate(numbers) if numbered}
    else:
        known = [at for at, sprint in enumerate(sprints) if sprint.ends]
        steps = {at: step for step, at in enumerate(sorted(known, key=lambda at: (min(sprints[at].ends), at)))}
    first = min(steps.values(), default=0)
    for at, step in steps.items():
        begin = rhythm.first_day + timedelta(days=(step - first) * rhythm.days)
        yield at, Window(begin, begin + timedelta(days=rhythm.days - 1), is_inferred=False)


def _by_ends(sprints: Sequence[Undated], places: Mapping[int, int]) -> dict[int, Window]:
    """Numbered sprints of one length, one after the other, so that nearly all work was finished within its own."""
    ends = [(number, day) for number, at in places.items() for day in sprints[at].ends]
    with_ends = {number for number, _ in ends}
    if len(with_ends) < MIN_SPRINTS or len(ends) < MIN_ENDS_PER_SPRINT * len(with_ends):
        return {}
    # The shortest of those that hold most: a long one holds all.
    fits = [_fit(ends, days) for days in LENGTHS_DAYS]
    best = max(fits, key=lambda fit: (fit.within, -fit.days))
    if best.within < MIN_SHARE_WITHIN * len(ends):
        return {}
    return {at: best.window(number) for number, at in places.items()}


@dataclass(frozen=True, slots=True)
class _Fit:
    """Sprint number n begins on `origin + n * days`; so many ends are within their own sprint."""

    days: int
    origin: int
    within: int

    def window(self, number: int) -> Window:
        first = date.fromordinal(self.origin + number * self.days)
        return Window(first, first + timedelta(days=self.days - 1), is_inferred=True)


def _fit(ends: Sequence[tuple[int, date]], days: int) -> _Fit:
    """The origin with most ends within; of equal ones the earliest Monday, as work is finished towards the end."""
    shifted = sorted(day.toordinal() - number * days for number, day in ends)
    # An origin holds the shifted ends from itself on: of those that reach an end on their last day one is the best.
    origins = {end - days + 1 + delay for end in shifted for delay in range(7)}
    held = {origin: bisect_right(shifted, origin + days - 1) - bisect_right(shifted, origin - 1) for origin in origins}
    best = max(held, key=lambda origin: (held[origin], _begins_on_monday(origin), -origin))
    return _Fit(days, best, held[best])


def _begins_on_monday(origin: int) -> bool:
    return date.fromordinal(origin).weekday() == _MONDAY
