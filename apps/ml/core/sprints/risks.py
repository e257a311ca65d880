"""Risks of a running sprint: small pure rules, each with its thresholds beside it and every severity within reach.

Severities of a rule begin at its four thresholds (low, medium, high, critical).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from apps.ml.core.findings import Finding, by_severity, percent, severity_of
from apps.ml.core.forecasts.forecaster import PROMISED_PERCENT, WorkForecast
from apps.ml.core.forecasts.words import growth_in_words
from apps.ml.core.sprints.duration import HOURS_PER_PERSON_DAY
from apps.ml.core.sprints.outcome.moment import DELIVERED_SHARE
from apps.ml.core.sprints.outcome.serving import Outlook
from apps.ml.core.sprints.state import SprintScopeIssue, SprintState, completion_percent
from apps.ml.core.sprints.waiting import circular_links, unowned_blockers
from apps.ml.core.wording import amount_of, one_decimal

#: Percentage points behind the straight line. 20 is the seed's flag, so its "25% behind" is high; below 10 a single
#: issue of a small sprint would raise it.
BEHIND_POINTS_PERCENT = (10.0, 15.0, 20.0, 40.0)
#: Percent of open issues that nobody has taken. One of five is ordinary early on.
UNASSIGNED_PERCENT = (10.0, 30.0, 50.0, 80.0)
#: Percent of open issues that nobody has estimated, in teams that do estimate.
UNESTIMATED_PERCENT = (10.0, 30.0, 50.0, 80.0)
#: Scope added after the start, in percent of what the sprint began with.
ADDED_PERCENT = (10.0, 20.0, 30.0, 50.0)
#: Percent of open issues in progress without a status change for longer than `STALLED_AFTER`.
STALLED_PERCENT = (1.0, 20.0, 40.0, 60.0)
#: A weekend and three working days: a third of a fortnight's sprint.
STALLED_AFTER = timedelta(days=5)
#: Chance, in percent, that the sprint's work is not done by its end. An even chance is what most plans have; below
#: one in ten of being in time only less scope or more days help.
MISS_PERCENT = (30.0, 50.0, 75.0, 90.0)


#: Estimated hours left, in percent of what the sprint's people have at 8 hours a day. Up to a tenth more is rounding.
OVERLOAD_PERCENT = (110.0, 130.0, 160.0, 200.0)
#: With fewer of the open issues estimated in hours their sum says nothing.
MIN_ESTIMATED_SHARE = 0.5
#: Hours beyond the estimates of finished issues, in percent of these. Public tasks are off by a quarter as a rule.
DRIFT_PERCENT = (25.0, 50.0, 100.0, 200.0)
#: Fewer finished issues with both hours are luck.
MIN_DRIFT_ISSUES = 3
#: Late is the last third of the days: what is urgent should be done by then.
LATE_ELAPSED_RATIO = 2.0 / 3.0
#: Priorities 1 and 2, of whatever scale; 1 is the most urgent.
HIGH_PRIORITY = 2
#: Percent of the sprint's urgent issues still open late.
URGENT_OPEN_PERCENT = (1.0, 25.0, 50.0, 75.0)


def sprint_risks(state: SprintState) -> list[Finding]:
    """All that the rules find, severest first; nothing in a sprint without issues."""
    if not state.issues:
        return []
    return by_severity([finding for rule in RULES if (finding := rule(state)) is not None])


def falls_short(state: SprintState) -> Finding | None:
    """The sprint will not do what it set out to: one finding, however many signs say so.

    The first sign gives the kind and the numbers, the severest the severity; each sign's sentence and value stay.
    """
    found = [burndown_velocity(state), late_by_forecast(state), under_delivery(state.outlook)]
    signs = [sign for sign in found if sign is not None]
    if len(signs) < 2:
        return signs[0] if signs else None
    evidence = {name: value for sign in reversed(signs) for name, value in sign.evidence.items()}
    return replace(
        signs[0],
        severity=by_severity(signs)[0].severity,
        description=". ".join(sign.description for sign in signs),
        mitigation=tuple(dict.fromkeys(step for sign in signs for step in sign.mitigation)),
        evidence=evidence | {sign.metric: sign.actual for sign in signs} | {"signs": [sign.kind for sign in signs]},
    )


def burndown_velocity(state: SprintState) -> Finding | None:
    """Less is done than an even pace would have done."""
    if state.elapsed_ratio is None:
        return None
    expected, actual = 100.0 * state.elapsed_ratio, completion_percent(state)
    # Rounded, so that 50 - 25 is 25 whatever the division left behind.
    behind = round(expected - actual, 6)
    severity = severity_of(behind, BEHIND_POINTS_PERCENT)
    if severity is None:
        return None
    return Finding(
        kind="burndown_velocity",
        severity=severity,
        description=f"Sprint is {behind:.0f}% behind expected progress",
        metric="completion_percent",
        expected=round(expected, 1),
        actual=round(actual, 1),
        mitigation=("Consider reducing sprint scope", "Identify and remove blockers"),
        evidence={
            "unit": state.unit,
            "total": state.amount(state.issues),
            "remaining": state.amount(state.open_issues),
            "elapsed_percent": round(expected, 1),
        },
    )


def late_by_forecast(state: SprintState) -> Finding | None:
    """The team's own pace makes the end of the sprint too early for what is left."""
    forecast = state.forecast
    if forecast is None or forecast.probability_in_time is None or not state.open_issues:
        return None
    chance = 100.0 * forecast.probability_in_time
    severity = severity_of(100.0 - chance, MISS_PERCENT)
    if severity is None:
        return None
    likely = forecast.promised.day
    by = f"by {likely} in {PROMISED_PERCENT} of 100 cases" if likely else "not within ten years"
    besides = _besides(forecast)
    return Finding(
        kind="late_by_forecast",
        severity=severity,
        description=(
            f"The chance to finish by {forecast.last_day} is {chance:.0f}%: "
            f"{amount_of(forecast.work, forecast.history.unit)} left for "
            f"{amount_of(forecast.working_days_left or 0, 'working days')}"
            f"{besides}, done {by}"
        ),
        metric="probability_in_time",
        expected=round(1.0 - MISS_PERCENT[0] / 100.0, 2),
        actual=forecast.probability_in_time,
        mitigation=("Ask the what-if which issues to take out", "Agree on what may slip before the last days"),
        evidence={
            "work_left": forecast.work,
            "unit": forecast.history.unit,
            "working_days_left": forecast.working_days_left or 0,
            "work_in_progress": forecast.ahead_work,
            "expected_growth": forecast.expected_growth or 0.0,
            "weeks_of_history": forecast.history.weeks,
            "seed": forecast.seed,
        },
    )


def _besides(forecast: WorkForecast) -> str:
    """What else takes the team's time, where something does."""
    parts = []
    if forecast.ahead_issues:
        parts.append(f"{forecast.ahead_work:g} in progress outside the sprint")
    if growth := growth_in_words(forecast.expected_growth):
        parts.append(f"{growth} on average")
    return f" ({', '.join(parts)})" if parts else ""


def unassigned_issues(state: SprintState) -> Finding | None:
    """Open issues of the sprint that nobody has taken."""
    unassigned = [issue for issue in state.open_issues if not issue.is_assigned]
    severity = severity_of(percent(len(unassigned), len(state.open_issues)), UNASSIGNED_PERCENT)
    if severity is None:
        return None
    return Finding(
        kind="unassigned_issues",
        severity=severity,
        description=f"Without an assignee: {len(unassigned)} of {len(state.open_issues)} open issues",
        metric="unassigned_issues",
        expected=0.0,
        actual=float(len(unassigned)),
        mitigation=("Assign them in the next daily", "Take out what nobody can take"),
        evidence={"issues": _ids(unassigned)},
    )


def unestimated_issues(state: SprintState) -> Finding | None:
    """Open issues without points or hours, in a team that estimates."""
    bare = [issue for issue in state.open_issues if issue.story_points is None and issue.estimated_hours is None]
    severity = severity_of(percent(len(bare), len(state.open_issues)), UNESTIMATED_PERCENT)
    if severity is None or not state.team_estimates:
        return None
    return Finding(
        kind="unestimated_issues",
        severity=severity,
        description=f"Without an estimate: {len(bare)} of {len(state.open_issues)} open issues",
        metric="unestimated_issues",
        expected=0.0,
        actual=float(len(bare)),
        mitigation=("Estimate them together", "Ask for recommended story points"),
        evidence={"issues": _ids(bare)},
    )


def scope_added(state: SprintState) -> Finding | None:
    """Work in the sprint that came in after it began; when it was created does not matter."""
    start, scope = state.started_at, state.scope
    if start is None or scope is None:
        return None
    late = [issue for issue in state.issues if issue.entered_at > start]
    committed, removed = (getattr(amount, state.unit) for amount in (scope.committed, scope.removed))
    added = state.amount(late)
    # A sprint that began empty has no commitment to measure against: all of it was added.
    share = percent(added, committed) if committed > 0 else percent(added, added)
    severity = severity_of(share, ADDED_PERCENT)
    if severity is None:
        return None
    return Finding(
        kind="scope_added",
        severity=severity,
        description=(
            f"Added after the start: {added:g} {state.unit}; {committed:g} were committed, {removed:g} taken out"
        ),
        metric=f"scope_{state.unit}",
        expected=committed,
        actual=committed + added,
        mitigation=("Trade what came in for something of the same size", "Protect the sprint goal"),
        evidence={"issues": _ids(late), "added_percent": round(share, 1), "unit": state.unit},
    )


def stalled_issues(state: SprintState) -> Finding | None:
    """Issues in progress whose status is known not to have moved; comments and edits are not progress."""
    begun = [issue for issue in state.open_issues if issue.category == "in_progress"]
    moved = [(issue, issue.moved_at) for issue in begun if issue.moved_at is not None]
    stalled = [(issue, idle) for issue, at in moved if (idle := state.now - at) > STALLED_AFTER]
    severity = severity_of(percent(len(stalled), len(state.open_issues)), STALLED_PERCENT)
    if severity is None:
        return None
    longest_days = max(idle for _, idle in stalled).days
    return Finding(
        kind="stalled_issues",
        severity=severity,
        description=(
            f"In progress without a change of status for more than {STALLED_AFTER.days} days: {len(stalled)} of "
            f"{len(state.open_issues)} open issues, the longest for {longest_days} days"
        ),
        metric="stalled_issues",
        expected=0.0,
        actual=float(len(stalled)),
        mitigation=("Ask what blocks them", "Split what is too large to move"),
        evidence={"issues": _ids([issue for issue, _ in stalled]), "longest_days": longest_days},
    )


def capacity_overload(state: SprintState) -> Finding | None:
    """The hours estimated for what is left are more than the sprint's people have."""
    estimated = [issue for issue in state.open_issues if issue.estimated_hours is not None]
    people = len({issue.assignee for issue in state.issues if issue.assignee})
    available = people * (state.working_days_left or 0) * HOURS_PER_PERSON_DAY
    if not available or len(estimated) < MIN_ESTIMATED_SHARE * len(state.open_issues):
        return None
    needed = sum(max((issue.estimated_hours or 0.0) - (issue.actual_hours or 0.0), 0.0) for issue in estimated)
    severity = severity_of(percent(needed, available), OVERLOAD_PERCENT)
    if severity is None:
        return None
    return Finding(
        kind="capacity_overload",
        severity=severity,
        description=(
            f"{needed:.0f} estimated hours are left; {people} {'person has' if people == 1 else 'people have'} "
            f"{available:.0f} in {amount_of(state.working_days_left or 0, 'working days')} "
            f"at {HOURS_PER_PERSON_DAY:.0f} a day"
        ),
        metric="estimated_hours_left",
        expected=available,
        actual=round(needed, 1),
        mitigation=("Take out the least urgent work", "Ask whether somebody can help"),
        evidence={"people": people, "issues_with_hours": len(estimated), "open_issues": len(state.open_issues)},
    )


def hours_drift(state: SprintState) -> Finding | None:
    """Finished issues took far longer than was estimated, so that those left will, too."""
    done = [issue for issue in state.issues if not issue.is_open and issue.estimated_hours and issue.actual_hours]
    if len(done) < MIN_DRIFT_ISSUES:
        return None
    estimated = sum(issue.estimated_hours or 0.0 for issue in done)
    actual = sum(issue.actual_hours or 0.0 for issue in done)
    severity = severity_of(round(percent(actual - estimated, estimated), 6), DRIFT_PERCENT)
    if severity is None:
        return None
    return Finding(
        kind="hours_drift",
        severity=severity,
        description=(
            f"The {len(done)} finished issues with hours took {actual:.0f} h where {estimated:.0f} h were estimated "
            f"({percent(actual, estimated):.0f}%)"
        ),
        metric="actual_hours",
        expected=round(estimated, 1),
        actual=round(actual, 1),
        mitigation=("Estimate what is left anew", "Ask what was not foreseen"),
        evidence={"issues": _ids(done)},
    )


def urgent_issues_late(state: SprintState) -> Finding | None:
    """Urgent issues are still open in the last third of the sprint."""
    if state.elapsed_ratio is None or state.elapsed_ratio < LATE_ELAPSED_RATIO:
        return None
    urgent = [issue for issue in state.issues if issue.priority is not None and issue.priority <= HIGH_PRIORITY]
    left = [issue for issue in urgent if issue.is_open]
    severity = severity_of(percent(len(left), len(urgent)), URGENT_OPEN_PERCENT)
    if severity is None:
        return None
    return Finding(
        kind="urgent_issues_late",
        severity=severity,
        description=(
            f"Still open with {100 * state.elapsed_ratio:.0f}% of the time gone: {len(left)} of {len(urgent)} issues "
            f"of priority {HIGH_PRIORITY} or higher"
        ),
        metric="urgent_open_issues",
        expected=0.0,
        actual=float(len(left)),
        mitigation=("Finish these before anything else is begun", "Tell early whoever waits for them"),
        evidence={"issues": _ids(left)},
    )


def _ids(issues: Sequence[SprintScopeIssue]) -> list[str]:
    return [issue.issue_id for issue in issues]


#: One function a risk: state in, finding or None out.
RULES: tuple[Callable[[SprintState], Finding | None], ...] = (
    falls_short,
    unassigned_issues,
    unestimated_issues,
    scope_added,
    stalled_issues,
    capacity_overload,
    hours_drift,
    urgent_issues_late,
    circular_links,
    unowned_blockers,
)


#: Chance, in percent, to deliver less than `DELIVERED_SHARE` of the commitment. Of public sprints so flagged, by trees
#: that had not seen their project, 77, 85, 95 and 100 of 100 did. Half of all sprints do: below 60 it is the usual.
UNDER_DELIVERY_PERCENT = (60.0, 70.0, 80.0, 90.0)


def under_delivery(outlook: Outlook | None) -> Finding | None:
    """The sprint will probably deliver less than it is held to; silent about teams without a past of their own."""
    if outlook is None or not outlook.outcome.past_sprints:
        return None
    outcome = outlook.outcome
    severity = severity_of(round(100.0 * (1.0 - outcome.probability), 6), UNDER_DELIVERY_PERCENT)
    if severity is None:
        return None
    return Finding(
        kind="under_delivery",
        severity=severity,
        description=(
            f"The chance to deliver at least {DELIVERED_SHARE:.0%} of the {outcome.scope_points:g} "
            f"{outlook.unit} in the sprint is {outcome.probability:.0%}: {outlook.moment.done.points:g} are done with "
            f"{outlook.moment.elapsed_ratio:.0%} of the time gone, "
            f"typically {one_decimal(outcome.typical_points)} will be"
        ),
        metric="probability_delivered",
        expected=round(1.0 - UNDER_DELIVERY_PERCENT[0] / 100.0, 2),
        actual=round(outcome.probability, 4),
        mitigation=("Take out what matters least while there is time", "Commit next time to what the team delivers"),
        evidence={
            "unit": outlook.unit,
            **_where_known(committed=outlook.moment.committed_points, usual_ratio=outcome.usual_ratio),
            "scope": outcome.scope_points,
            "done": outlook.moment.done.points,
            "typical_delivered": round(outcome.typical_points, 2),
            "past_sprints": outcome.past_sprints,
        },
    )


def _where_known(**values: float | None) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items() if value is not None}
