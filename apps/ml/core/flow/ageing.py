"""How old the work in progress is, beside the ages at which finished work left the same state."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from apps.ml.core.flow.cycle import DaysPercentile, percentiles_of
from apps.ml.core.flow.issues import BoardRules, FlowIssue, Spell, days_between, spells
from apps.projects.history.days import day_of


@dataclass(frozen=True, slots=True)
class AgeingIssue:
    """One issue in progress."""

    issue_id: str
    state: str
    #: Days of the project since work began, today counted; None where no start is known.
    age_days: int | None
    #: The same since it came into its state; None where no changes were recorded.
    days_in_state: int | None
    #: More days than so many percent of the finished issues had when they left this state; 0 for no more than half of
    #: them, None where that cannot be told.
    older_than_percent: int | None


@dataclass(frozen=True, slots=True)
class PaceBands:
    """At what age finished issues left a state for the last time."""

    state: str
    #: Finished issues behind the percentiles.
    issues: int
    #: Empty where they are too few.
    percentiles: tuple[DaysPercentile, ...]


def pace_bands(issues: Sequence[FlowIssue], board: BoardRules, *, zone: tzinfo, since: date) -> tuple[PaceBands, ...]:
    """Ages at leaving each state of work, by what was finished on a day or later, in the order of the board."""
    states = [name for name, category in board.categories.items() if category == "in_progress"]
    ages: dict[str, list[int]] = {state: [] for state in states}
    for issue in issues:
        if issue.finished_at is not None and day_of(issue.finished_at, zone) >= since:
            for state, age in _ages_at_leaving(issue, issue.finished_at, zone).items():
                if state in ages:
                    ages[state].append(age)
    return tuple(PaceBands(state, len(ages[state]), percentiles_of(ages[state])) for state in states)


def _ages_at_leaving(issue: FlowIssue, finished_at: datetime, zone: tzinfo) -> dict[str, int]:
    started_at = issue.started_at
    if started_at is None or not issue.is_recorded:
        return {}
    left = {spell.value: spell.until for spell in _since_creation(issue) if spell.until}
    return {
        state: days_between(started_at, until, zone)
        for state, until in left.items()
        if started_at <= until <= finished_at
    }


def ageing(
    issues: Sequence[FlowIssue], bands: Sequence[PaceBands], *, zone: tzinfo, now: datetime
) -> tuple[AgeingIssue, ...]:
    """Every issue in progress, the oldest first; those of unknown age come last."""
    by_state = {band.state: band for band in bands}
    found = [_aged(issue, by_state, zone, now) for issue in issues if issue.past.category == "in_progress"]
    return tuple(sorted(found, key=lambda item: (item.age_days is None, -(item.age_days or 0), item.issue_id)))


def _aged(issue: FlowIssue, bands: dict[str, PaceBands], zone: tzinfo, now: datetime) -> AgeingIssue:
    state, started_at = issue.states.values[-1], issue.started_at
    age = None if started_at is None else days_between(started_at, now, zone)
    entered_at = issue.states.changed_at[-1] if issue.is_recorded else None
    band = bands.get(state)
    return AgeingIssue(
        issue_id=issue.issue_id,
        state=state,
        age_days=age,
        days_in_state=None if entered_at is None else days_between(entered_at, now, zone),
        older_than_percent=None if age is None or band is None else _older_than(age, band),
    )


def _older_than(age: int, band: PaceBands) -> int | None:
    if not band.percentiles:
        return None
    return max((each.percent for each in band.percentiles if age > each.days), default=0)


def _since_creation(issue: FlowIssue) -> list[Spell]:
    return list(spells(issue.states, issue.past.created_at))
