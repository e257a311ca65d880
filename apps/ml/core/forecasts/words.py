"""Forecasts in plain sentences, made from their numbers alone: when work is done, and why a date moved."""

from collections.abc import Mapping, Sequence
from datetime import date

from apps.ml.core.forecasts.forecaster import PROMISED_PERCENT, Finish, WorkForecast
from apps.ml.core.forecasts.links import MAX_FOLLOWED
from apps.ml.core.forecasts.moved import CAUSES, MovedDate, Parts
from apps.ml.core.wording import amount_of, counted, one_decimal

EVEN_PERCENT = 50
_NEVER = "not within ten years"
_CAUSE_NAMES = {
    "scope": "scope",
    "speed": "speed",
    "calendar": "days off, absences and target",
    "order": "work that comes first",
    "model": "sizes by the model",
}


def forecast_in_words(found: WorkForecast) -> str:
    """When the work is done, the chance to be in time, and what else takes the team's time."""
    if not found.issues:
        return "Nothing is left to be done."
    parts = (
        _when(found),
        _in_time(found),
        _besides(found),
        _inflow(found),
        _basis(found),
        _change(found),
        _waiting(found),
    )
    return " ".join(filter(None, parts))


def how_many_in_words(by: date, at_least: Mapping[int, int]) -> str:
    """How much is done by a day: at least so many issues in so many percent of the futures."""
    even, likely = at_least[EVEN_PERCENT], at_least[PROMISED_PERCENT]
    return (
        f"At least {counted(likely, 'issue')} are done by {by} in {PROMISED_PERCENT} of 100 futures, at least {even:,} "
        f"in {EVEN_PERCENT}."
    )


def together_in_words(by: date, chance: float | None, without_history: Sequence[str], n_teams: int) -> str:
    """The chance that several teams are all done by a day; who has too little history, in place of a figure."""
    if chance is None:
        return f"Too little history of {', '.join(without_history)}: nothing can be said of all together."
    return f"All {counted(n_teams, 'team')} are done by {by} in {chance:.0%} of their shared futures."


def growth_in_words(growth: float | None) -> str:
    """How much a sprint still grows, in words; empty where that is less than a percent or unknown."""
    percent = round(100 * (growth or 0.0))
    return f"the scope still {'grows' if percent > 0 else 'shrinks'} by {abs(percent)}%" if percent else ""


def _when(found: WorkForecast) -> str:
    likely, even = found.promised, found.finishes[0]
    work = _issues(found.issues, found.work, found.history.unit)
    if likely.day is None and even.day is None:
        return f"{work} do not end within ten years in most of the team's futures."
    return (
        f"{work} {'is' if found.issues == 1 else 'are'} done {_by(even)} in {even.percent} of 100 futures, "
        f"{_by(likely)} in {PROMISED_PERCENT}."
    )


def _issues(count: int, work: float, unit: str) -> str:
    """So many issues, with their size where they are not counted themselves."""
    issues = counted(count, "issue")
    return issues if unit == "issues" else f"{issues} ({amount_of(work, unit)})"


def _by(finish: Finish) -> str:
    return f"by {finish.day}" if finish.day else _NEVER


def _in_time(found: WorkForecast) -> str:
    if found.probability_in_time is None:
        return ""
    return f"The chance to be done by {found.last_day} is {found.probability_in_time:.0%}."


def _besides(found: WorkForecast) -> str:
    """What else is in these futures, where something is."""
    unit, parts = found.history.unit, []
    if found.ahead_issues:
        comes = "comes" if found.ahead_issues == 1 else "come"
        parts.append(f"{_issues(found.ahead_issues, found.ahead_work, unit)} in progress {comes} first")
    if found.carried_over:
        parts.append(f"the running sprint leaves {amount_of(found.carried_over, unit)} undone")
    if growth := growth_in_words(found.expected_growth):
        parts.append(growth)
    return f"On average {', '.join(parts)}." if parts else ""


def _inflow(found: WorkForecast) -> str:
    if found.weekly_inflow is None:
        return ""
    usual, unit = found.history.weekly_mean, found.history.unit
    sentence = f"In a usual week {one_decimal(found.weekly_inflow)} {unit} come in and {one_decimal(usual)} are done"
    return f"{sentence}: the backlog grows." if found.weekly_inflow >= usual else f"{sentence}."


def _change(found: WorkForecast) -> str:
    """Since when the team is slower or faster, and when the work would be done if it were not."""
    if found.change is None:
        return ""
    change, (even, likely) = found.change, found.change.at_former_speed
    return (
        f"The pace has been {amount_of(change.after, 'issues')} a week since {change.since}, "
        f"{one_decimal(change.before)} before; at the former one the work would be done {_by(even)} in {even.percent} "
        f"of 100 futures, {_by(likely)} in {likely.percent}."
    )


def _waiting(found: WorkForecast) -> str:
    """What waits for other issues, and what nobody can or does resolve."""
    waiting = found.waiting
    if waiting is None:
        return ""
    n, later = len(waiting.issues), waiting.later_days
    held = f", which makes the end {amount_of(later, 'days')} later" if later > 0 else ""
    sentences = [f"{counted(n, 'issue')} {'waits' if n == 1 else 'wait'} for others{held}."]
    if in_circles := sum(len(circle) for circle in waiting.cycles):
        sentences.append(f"{counted(in_circles, 'issue')} block each other in a circle: take one of these links away.")
    if nobodys := len(waiting.without_owner):
        sentences.append(
            f"{counted(nobodys, 'issue')} that {'blocks' if nobodys == 1 else 'block'} others "
            f"{'is' if nobodys == 1 else 'are'} nobody's."
        )
    if waiting.elsewhere:
        sentences.append(f"{counted(waiting.elsewhere, 'blocker')} of other projects can only be guessed.")
    if rest := waiting.not_followed:
        sentences.append(
            f"The links of {counted(rest, 'issue')} beyond the first {MAX_FOLLOWED} linked ones are not followed: the "
            "end may be later."
        )
    return " ".join(sentences)


def _basis(found: WorkForecast) -> str:
    history = found.history
    usual = amount_of(history.weekly_mean, history.unit)
    return f"Told from {counted(history.weeks, 'past week')} with {usual} on average, recent weeks weighing more."


def moved_in_words(moved: MovedDate) -> str:
    """How far the promised date moved, and what moved it, the largest part first."""
    before, after = (kept.answer.days.get(PROMISED_PERCENT) for kept in (moved.before, moved.after))
    parts = moved.days[PROMISED_PERCENT]
    if parts is None:
        return _beyond(moved)
    if not parts.total and not any(getattr(parts, cause) for cause in CAUSES):
        return f"The date stands: {after}, with {PROMISED_PERCENT} % certainty."
    what = f"moved by {counted(abs(parts.total), 'day')}, from {before} to {after}" if parts.total else "stands"
    return f"The date of {PROMISED_PERCENT} % certainty {what}: {_causes(parts, moved)}."


def _causes(parts: Parts, moved: MovedDate) -> str:
    ordered = sorted(CAUSES, key=lambda cause: -abs(getattr(parts, cause)))
    told = [(cause, getattr(parts, cause)) for cause in ordered if getattr(parts, cause)]
    return ", ".join(
        f"{_CAUSE_NAMES[cause]} {_signed(days)}{_scope(moved) if cause == 'scope' else ''}" for cause, days in told
    )


def _signed(days: int) -> str:
    return f"{counted(abs(days), 'day')} {'later' if days > 0 else 'earlier'}"


def _scope(moved: MovedDate) -> str:
    counts = (("added", moved.scope.added), ("removed", moved.scope.removed), ("sized anew", moved.scope.resized))
    told = [f"{len(issues)} {what}" for what, issues in counts if issues]
    return f" ({', '.join(told)})" if told else ""


def _beyond(moved: MovedDate) -> str:
    before, after = (kept.answer.days.get(PROMISED_PERCENT) for kept in (moved.before, moved.after))
    if before is None and after is None:
        return "Both forecasts lie beyond ten years: there is no date that could have moved."
    if before is None:
        return f"There was no date within ten years before; now it is {after}."
    if after is None:
        return f"The date was {before}; now there is none within ten years."
    return (
        f"The date was {before} and is {after}; on the way between them it lies beyond ten years, so it has no parts."
    )
