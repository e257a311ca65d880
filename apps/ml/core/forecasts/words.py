"""A forecast in plain sentences, made from its numbers alone."""

from collections.abc import Mapping, Sequence
from datetime import date

from apps.ml.core.forecasts.forecaster import PROMISED_PERCENT, Finish, WorkForecast
from apps.ml.core.forecasts.links import MAX_FOLLOWED
from apps.ml.core.wording import amount_of, counted, one_decimal

EVEN_PERCENT = 50
_NEVER = "not within ten years"


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
