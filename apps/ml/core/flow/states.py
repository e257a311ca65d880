"""How long finished work was in each state, and how much of that it was worked on."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from statistics import fmean, median

from apps.ml.core.flow.blocked import blocked_spells, merged
from apps.ml.core.flow.issues import SECONDS_PER_DAY, BoardRules, FlowIssue, Spell, spells
from apps.projects.history.days import day_of

#: Why there is no flow efficiency.
NO_WAITING_KNOWN = "unknown: no status is said to be waiting, and no rule says what is blocked"
NO_CHANGES_RECORDED = "unknown: no changes recorded"


@dataclass(frozen=True, slots=True)
class TimeInState:
    """What finished issues spent in a state between the start of work and their end, in days of 24 hours."""

    state: str
    #: Finished issues that were in it.
    issues: int
    mean_days: float
    median_days: float
    #: Of all time of all finished issues.
    share: float


@dataclass(frozen=True, slots=True)
class FlowEfficiency:
    """Time of work over the whole time from start to end, of all finished issues together."""

    #: None where it cannot be told; `unknown_because` says why.
    share: float | None
    active_days: float
    waiting_days: float
    unknown_because: str = ""


@dataclass(frozen=True, slots=True)
class TimesInStates:
    """States of finished work."""

    states: tuple[TimeInState, ...]
    efficiency: FlowEfficiency
    #: Finished issues behind the figures, and those of which no changes were recorded.
    issues: int
    without_changes: int


def times_in_states(issues: Sequence[FlowIssue], board: BoardRules, *, zone: tzinfo, since: date) -> TimesInStates:
    """Times of what was finished on a day or later; of issues without recorded changes nothing is said."""
    finished = [issue for issue in issues if issue.finished_at and day_of(issue.finished_at, zone) >= since]
    told = [issue for issue in finished if issue.is_recorded and issue.started_at]
    days: dict[str, list[float]] = defaultdict(list)
    waiting = 0.0
    for issue in told:
        in_work = _in_work(issue)
        for state, length in _by_state(in_work).items():
            days[state].append(length)
        waiting += _waiting_days(issue, in_work, board)
    total = sum(map(sum, days.values()))
    ordered = [state for state in board.categories if state in days]
    ordered += sorted(set(days) - set(ordered))
    return TimesInStates(
        states=tuple(_state(state, days[state], total) for state in ordered),
        efficiency=_efficiency(total, waiting, board, n_told=len(told)),
        issues=len(told),
        without_changes=len(finished) - len(told),
    )


def _state(state: str, days: Sequence[float], total: float) -> TimeInState:
    share = sum(days) / total if total else 0.0
    return TimeInState(state, len(days), round(fmean(days), 3), round(median(days), 3), round(share, 4))


def _efficiency(total: float, waiting: float, board: BoardRules, *, n_told: int) -> FlowEfficiency:
    reason = ""
    if not n_told or not total:
        reason = NO_CHANGES_RECORDED
    elif not board.waiting and not board.tells_blocked:
        reason = NO_WAITING_KNOWN
    share = None if reason else round(1.0 - waiting / total, 4)
    return FlowEfficiency(share, round(total - waiting, 3), round(waiting, 3), reason)


def _in_work(issue: FlowIssue) -> list[Spell]:
    """Its states from the first start to its end."""
    started_at, finished_at = issue.started_at, issue.finished_at
    if started_at is None or finished_at is None:
        return []
    found = spells(issue.states, issue.past.created_at)
    clipped = (_clipped(spell, started_at, finished_at) for spell in found)
    return [spell for spell in clipped if spell is not None]


def _clipped(spell: Spell, since: datetime, until: datetime) -> Spell | None:
    start, end = max(spell.since, since), until if spell.until is None else min(spell.until, until)
    return Spell(spell.value, start, end) if end > start else None


def _by_state(in_work: Sequence[Spell]) -> dict[str, float]:
    days: dict[str, float] = defaultdict(float)
    for spell in in_work:
        days[spell.value] += _length_days(spell)
    return days


def _waiting_days(issue: FlowIssue, in_work: Sequence[Spell], board: BoardRules) -> float:
    """Time in which nobody worked: in a waiting state, put back to what is to do, done too early, or blocked."""
    waits = [spell for spell in in_work if spell.value in board.waiting or not _is_work(spell.value, board)]
    if in_work:
        first, last = in_work[0].since, in_work[-1].until
        blocked = (_clipped(spell, first, last or first) for spell in blocked_spells(issue, board))
        waits += [spell for spell in blocked if spell is not None]
    return sum(map(_length_days, merged(waits)))


def _is_work(state: str, board: BoardRules) -> bool:
    return board.categories.get(state, "in_progress") == "in_progress"


def _length_days(spell: Spell) -> float:
    return ((spell.until or spell.since) - spell.since).total_seconds() / SECONDS_PER_DAY
