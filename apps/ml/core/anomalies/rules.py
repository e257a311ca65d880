"""What is unusual in a project: pure rules over one snapshot, silent where there is too little to compare with.

Severities of a rule begin at its four thresholds (low, medium, high, critical).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from apps.ml.core.anomalies.flow import cycle_time_shift, excessive_reassignment
from apps.ml.core.anomalies.seed import doubled_creation, z_score_drop
from apps.ml.core.anomalies.series import unusual_weeks
from apps.ml.core.findings import Finding, by_severity, percent, severity_of
from apps.ml.core.past.velocity import SprintRecord, counts_in_points
from apps.ml.core.wording import one_decimal

#: Robust standard deviations below the median of the sprints before. Measured on 56 public boards with their sprints
#: shuffled: a false alarm in 5.9 % of sprints, high or critical in 2.3 %; a drop by 70 % is found in 29 %. Sprint
#: velocity is a poor series: no rule on it does much better.
VELOCITY_DROPS = (2.0, 2.5, 3.5, 6.0)
#: Four sprints to compare with and the one that is judged; with fewer no deviation can be told from chance.
MIN_SPRINTS = 5
#: The sprints before the judged one that count, at most.
REFERENCE_SPRINTS = 8
#: A perfectly even past would make any change infinitely unusual; no team is steadier than a tenth of its median.
MIN_SPREAD_RATIO = 0.1
#: A drop by less than this share of the median is nobody's emergency, however even the past was.
MIN_DROP_RATIO = 0.25
#: Makes the median absolute deviation of a normal sample its standard deviation (Rousseeuw and Croux 1993).
MAD_TO_SIGMA = 1.4826

#: Shares of few issues say nothing: one of two is 50 %.
MIN_OPEN_ISSUES = 5
#: Percent of open issues without an assignee; the seed's rule is "more than 30 %".
UNASSIGNED_PERCENT = (30.0, 40.0, 50.0, 75.0)
#: Percent of open issues without any recorded change for `STALE_AFTER`; every backlog has some, so one is low.
STALE_PERCENT = (0.0, 20.0, 40.0, 60.0)
STALE_AFTER = timedelta(days=30)
#: Percent of open issues in one status of work in progress; more than half is the seed's rule.
BOTTLENECK_PERCENT = (50.0, 60.0, 70.0, 85.0)

#: Weeks a created-issues series needs, and those it is compared with at most.
MIN_WEEKS, REFERENCE_WEEKS = 12, 26
#: Below three issues a week counts are too coarse for a tail.
MIN_WEEKLY_MEAN = 3.0
#: Tail probabilities where severities begin, as -log10: p < 0.005 is measured to raise false alarms in about 1 % of
#: weeks where "twice the mean of three weeks" raises 16 %.
SPIKE_RARITY = (2.3, 3.0, 4.0, 6.0)


@dataclass(frozen=True, slots=True)
class OpenIssue:
    """An issue that is not done."""

    issue_id: str
    status: str
    #: 'to_do' or 'in_progress'.
    category: str
    is_assigned: bool
    #: Its last recorded change, or its creation; None where nobody knows whether it changed.
    last_change_at: datetime | None
    #: How often it went from one person to another in the last `flow_anomalies.RECENT_DAYS`.
    handovers: int = 0


@dataclass(frozen=True, slots=True)
class ProjectSnapshot:
    """A project at a moment."""

    now: datetime
    open_issues: tuple[OpenIssue, ...] = ()
    #: Completed sprints, oldest first.
    sprints: tuple[SprintRecord, ...] = ()
    #: Issues created in each of the past weeks, oldest first; the last entry is the seven days up to `now`.
    created_per_week: tuple[int, ...] = ()
    #: The same of issues finished.
    finished_per_week: tuple[int, ...] = ()
    #: Days from start to end of issues finished in the last four weeks, and in the half year before.
    recent_cycle_days: tuple[float, ...] = ()
    past_cycle_days: tuple[float, ...] = ()


def project_anomalies(snapshot: ProjectSnapshot, rules: str = "measured") -> list[Finding]:
    """All that the rules find, severest first.

    Parameters
    ----------
    snapshot : ProjectSnapshot
        The project.
    rules : {'measured', 'seed'}
        Whether the rules with measured false alarms look at velocity and weeks, or the seed's thresholds.
    """
    found = [finding for rule in RULE_SETS[rules] if (finding := rule(snapshot)) is not None]
    if rules == "seed":
        return by_severity(found)
    series = unusual_weeks(finished=snapshot.finished_per_week, created=snapshot.created_per_week)
    return by_severity([*found, *series])


def velocity_drop(snapshot: ProjectSnapshot) -> Finding | None:
    """The latest completed sprint delivered far less than the sprints before it."""
    if len(snapshot.sprints) < MIN_SPRINTS:
        return None
    *past, latest = velocities(snapshot.sprints[-REFERENCE_SPRINTS - 1 :])
    median = float(np.median(past))
    if median <= 0 or median - latest < MIN_DROP_RATIO * median:
        return None
    deviation = robust_deviation(latest, past)
    severity = severity_of(-deviation, VELOCITY_DROPS)
    if severity is None:
        return None
    unit = _unit(snapshot.sprints)
    return Finding(
        kind="velocity_drop",
        severity=severity,
        description=(
            f"{snapshot.sprints[-1].name or 'The last sprint'} delivered {one_decimal(latest)} {unit}; "
            f"the median of the {len(past)} sprints before is {one_decimal(median)}"
        ),
        metric="velocity",
        expected=median,
        actual=latest,
        mitigation=("Ask in the retrospective what was different", "Plan the next sprint on what was delivered"),
        evidence={
            "sprint_id": snapshot.sprints[-1].sprint_id,
            "unit": unit,
            "robust_deviation": round(deviation, 2),
            "sprints_compared": len(past),
        },
    )


def unassigned_issues(snapshot: ProjectSnapshot) -> Finding | None:
    """Too many open issues that nobody has taken."""
    unassigned = [issue for issue in snapshot.open_issues if not issue.is_assigned]
    return _share_finding(
        snapshot,
        unassigned,
        UNASSIGNED_PERCENT,
        kind="unassigned_issues",
        what="Without an assignee",
        mitigation=("Assign or drop them in the next refinement",),
    )


def stale_issues(snapshot: ProjectSnapshot) -> Finding | None:
    """Open issues in which nothing is known to have changed for more than 30 days."""
    border = snapshot.now - STALE_AFTER
    stale = [issue for issue in snapshot.open_issues if issue.last_change_at and issue.last_change_at < border]
    return _share_finding(
        snapshot,
        stale,
        STALE_PERCENT,
        kind="stale_issues",
        what=f"Without any change for more than {STALE_AFTER.days} days",
        mitigation=("Close what nobody will do", "Ask the assignees what they wait for"),
    )


def status_bottleneck(snapshot: ProjectSnapshot) -> Finding | None:
    """Most open issues are in one status. Waiting is what a backlog is for: that alone is never more than low."""
    if not snapshot.open_issues:
        return None
    (status, category), _ = Counter((issue.status, issue.category) for issue in snapshot.open_issues).most_common(1)[0]
    stuck = [issue for issue in snapshot.open_issues if issue.status == status]
    waiting = category == "to_do"
    return _share_finding(
        snapshot,
        stuck,
        (BOTTLENECK_PERCENT[0], *[NEVER] * 3) if waiting else BOTTLENECK_PERCENT,
        kind="status_bottleneck",
        what=f"In the status {status}",
        mitigation=("Refine less, finish more",) if waiting else ("Limit work in progress", f"Help to clear {status}"),
    )


def creation_spike(snapshot: ProjectSnapshot) -> Finding | None:
    """Far more issues were created in the last week than its own past makes likely."""
    *past, latest = snapshot.created_per_week[-REFERENCE_WEEKS - 1 :] or (0,)
    if len(past) < MIN_WEEKS or float(np.mean(past)) < MIN_WEEKLY_MEAN:
        return None
    chance = upper_tail(latest, past)
    severity = severity_of(-np.log10(max(chance, 1e-12)), SPIKE_RARITY)
    if severity is None:
        return None
    mean = float(np.mean(past))
    return Finding(
        kind="creation_spike",
        severity=severity,
        description=(
            f"{latest} issues were created in the last 7 days; {mean:.1f} a week are usual: "
            f"about 1 week in {1 / max(chance, 1e-12):.0f}"
        ),
        metric="issues_created_per_week",
        expected=round(mean, 2),
        actual=float(latest),
        mitigation=("Look for a common cause, such as a release or an import", "Triage before the next planning"),
        evidence={"tail_probability": float(f"{chance:.2g}"), "weeks_compared": len(past)},
    )


def slower_issues(snapshot: ProjectSnapshot) -> Finding | None:
    """Issues take longer from start to end than they did."""
    return cycle_time_shift(snapshot.recent_cycle_days, snapshot.past_cycle_days)


def handed_around(snapshot: ProjectSnapshot) -> Finding | None:
    """Open issues go from person to person."""
    return excessive_reassignment([(issue.issue_id, issue.handovers) for issue in snapshot.open_issues])


def seed_velocity_drop(snapshot: ProjectSnapshot) -> Finding | None:
    """The seed's z-score of the latest sprint."""
    return z_score_drop(velocities(snapshot.sprints[-REFERENCE_SPRINTS - 1 :]))


def seed_creation_spike(snapshot: ProjectSnapshot) -> Finding | None:
    """The seed's doubled week."""
    return doubled_creation(snapshot.created_per_week)


def velocities(sprints: Sequence[SprintRecord]) -> list[float]:
    """What each sprint delivered, in points where most delivered issues carry points, else in issues."""
    unit = _unit(sprints)
    return [sprint.output(unit) for sprint in sprints]


def robust_deviation(value: float, past: Sequence[float]) -> float:
    """How many robust standard deviations a value lies above (positive) or below the median of the past."""
    median = float(np.median(past))
    spread = MAD_TO_SIGMA * float(np.median(np.abs(np.asarray(past) - median)))
    return (value - median) / max(spread, MIN_SPREAD_RATIO * median)


def upper_tail(value: int, past: Sequence[int]) -> float:
    """Probability of a count at least this large.

    Negative binomial by moments, since counts of issues scatter more than a Poisson process; Poisson if they do not.
    Both tails are incomplete beta and gamma functions: scipy.stats says the same and takes two seconds to import.
    """
    from scipy.special import betainc, gammainc  # noqa: PLC0415 - only a process that looks for them pays for it

    if value <= 0:
        return 1.0
    mean, variance = float(np.mean(past)), float(np.var(past, ddof=1))
    if variance <= mean:
        return float(gammainc(value, mean))
    return float(betainc(value, mean**2 / (variance - mean), 1 - mean / variance))


def _unit(sprints: Sequence[SprintRecord]) -> str:
    pointed, delivered = sum(s.pointed_issues for s in sprints), sum(s.delivered_issues for s in sprints)
    return "points" if counts_in_points(pointed, delivered) else "issues"


def _share_finding(
    snapshot: ProjectSnapshot,
    issues: Sequence[OpenIssue],
    thresholds: Sequence[float],
    *,
    kind: str,
    what: str,
    mitigation: tuple[str, ...],
) -> Finding | None:
    """A finding about the share of open issues; None in small projects or below the first threshold."""
    n_open = len(snapshot.open_issues)
    share = percent(len(issues), n_open)
    severity = severity_of(share, [float(np.nextafter(threshold, 101)) for threshold in thresholds])
    if n_open < MIN_OPEN_ISSUES or severity is None:
        return None
    return Finding(
        kind=kind,
        severity=severity,
        description=f"{what}: {len(issues)} of {n_open} open issues ({share:.0f}%)",
        metric=f"{kind}_percent",
        expected=float(thresholds[0]),
        actual=round(share, 1),
        mitigation=mitigation,
        evidence={"issues": [issue.issue_id for issue in issues[:MAX_LISTED]], "count": len(issues), "open": n_open},
    )


#: A threshold that no share reaches.
NEVER = 101.0
#: Evidence names this many issues; the count is of all.
MAX_LISTED = 50

Rule = Callable[[ProjectSnapshot], Finding | None]

#: One function an anomaly: snapshot in, finding or None out.
RULES: tuple[Rule, ...] = (
    velocity_drop,
    unassigned_issues,
    stale_issues,
    status_bottleneck,
    creation_spike,
    slower_issues,
    handed_around,
)
#: The other rules begin where the seed's do, and are the same in both.
_REPLACED: dict[Rule, Rule] = {velocity_drop: seed_velocity_drop, creation_spike: seed_creation_spike}
#: The setting ML_SEED_ANOMALY_RULES chooses.
RULE_SETS: dict[str, tuple[Rule, ...]] = {
    "measured": RULES,
    "seed": tuple(_REPLACED.get(rule, rule) for rule in RULES),
}
