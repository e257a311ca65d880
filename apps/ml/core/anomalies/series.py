"""Findings about weekly series: four weeks outside the usual ones before them, and a level that changed and stayed."""

from collections.abc import Sequence

import numpy as np

from apps.ml.core.anomalies.throughput_shift import JUDGED_WEEKS, ThroughputShift, throughput_shift, unusual
from apps.ml.core.findings import Finding, severity_of
from apps.ml.core.forecasts.change import (
    FASTER,
    MAX_WEEKS_SINCE,
    SLOWER,
    THRESHOLDS,
    LastingChange,
    lasting_change,
)
from apps.ml.core.wording import one_decimal

#: Tail probabilities where severities begin, as -log10: one in 71, 200, 1,000 and 5,000. Of 10,000 runs none may be so
#: far out: then the tail is one in 10,001, and critical is within reach.
TAIL_RARITY = (1.85, 2.3, 3.0, 3.69)

#: How often each alarm was raised where nothing was unusual, in percent of shuffled public weeks: rises and drops.
#: `benchmark forecasts` measures them, docs/benchmarks.md lists them.
FALSE_ALARMS_PERCENT = {"finished": (1.0, 1.4), "created": (1.4, 1.3)}

#: How much likelier the weeks are with a lasting change than without, natural log, above the alarm's threshold, where
#: severities begin: each severity is ten times as likely as the one before.
LASTING_RARITY = (0.0, 2.3, 4.6, 6.9)
#: Lasting changes raised where nothing had changed, a year and side: at most one in four years was allowed.
LASTING_FALSE_ALARMS_A_YEAR = 0.25
#: Kinds of findings that stay true for so many weeks, whatever is done about them.
LASTING_KINDS = ("finished_slower", "finished_faster", "created_slower", "created_faster")
LASTING_WEEKS = MAX_WEEKS_SINCE

#: Series: what is counted, and what to do about a drop and about a rise.
_ADVICE = {
    "finished": (
        "issues finished",
        ("Ask the team what has changed", "Look at what is in progress for longest"),
        ("Ask whether issues became smaller or were closed in bulk", "Plan on more only after some such weeks"),
    ),
    "created": (
        "issues created",
        ("Ask whether work is still recorded here",),
        ("Look for a common cause, such as a release or an import", "Triage before the next planning"),
    ),
}


def unusual_weeks(*, finished: Sequence[float], created: Sequence[float]) -> list[Finding]:
    """Judge a project's weekly series together.

    Parameters
    ----------
    finished, created : sequence of float
        Issues in each past week, oldest first.

    Returns
    -------
    list of Finding
        'finished_drop', 'finished_rise', 'created_drop', 'created_rise' of the last four weeks; 'finished_slower',
        'finished_faster', 'created_slower', 'created_faster' of what has lasted longer. Nothing about a series with
        fewer than 12 weeks before the judged ones (26 before a lasting change) or 3 issues a week. False discoveries
        of the last four weeks are capped over the series.
    """
    series = {"finished": finished, "created": created}
    shifts = [shift for name, weekly in series.items() if (shift := throughput_shift(weekly, series=name)) is not None]
    sudden = unusual(shifts)
    changes = {name: change for name, weekly in series.items() if (change := lasting_change(weekly))}
    lasting = [_lasting(name, each) for name, each in changes.items() if not _is_told(name, each, sudden)]
    return [_finding(shift) for shift in sudden] + lasting


def _is_told(series: str, change: LastingChange, sudden: Sequence[ThroughputShift]) -> bool:
    """Whether the last four weeks, told already, are most of a change: one cause is one finding."""
    same = any((shift.series, shift.is_drop) == (series, change.is_drop) for shift in sudden)
    return same and change.weeks < 2 * JUDGED_WEEKS


def _lasting(series: str, change: LastingChange) -> Finding:
    counted, on_drop, on_rise = _ADVICE[series]
    excess = change.evidence - THRESHOLDS[SLOWER if change.is_drop else FASTER]
    return Finding(
        kind=f"{series}_{'slower' if change.is_drop else 'faster'}",
        severity=severity_of(excess, LASTING_RARITY) or "low",
        description=(
            f"{counted.capitalize()}: {one_decimal(change.after)} a week for {change.weeks} weeks, "
            f"{one_decimal(change.before)} before ({change.ratio - 1.0:+.0%})"
        ),
        metric=f"issues_{series}_a_week",
        expected=round(change.before, 1),
        actual=round(change.after, 1),
        mitigation=on_drop if change.is_drop else on_rise,
        evidence={
            "weeks_since": change.weeks,
            "ratio": round(change.ratio, 2),
            "log_likelihood_ratio": round(change.evidence, 1),
            "false_alarms_a_year": LASTING_FALSE_ALARMS_A_YEAR,
        },
    )


def _finding(shift: ThroughputShift) -> Finding:
    counted, on_drop, on_rise = _ADVICE[shift.series]
    rarity = float(-np.log10(shift.tail_probability))
    return Finding(
        kind=f"{shift.series}_{'drop' if shift.is_drop else 'rise'}",
        # Those that only a second series as unusual makes a discovery may lie a little inside the first threshold.
        severity=severity_of(rarity, TAIL_RARITY) or "low",
        description=(
            f"{counted.capitalize()} in the last {JUDGED_WEEKS} weeks: expected {shift.expected_low} to "
            f"{shift.expected_high}, got {shift.actual:g}; about {shift.odds}"
        ),
        metric=f"issues_{shift.series}_in_{JUDGED_WEEKS}_weeks",
        expected=shift.expected_median,
        actual=shift.actual,
        mitigation=on_drop if shift.is_drop else on_rise,
        evidence={
            "expected_low": shift.expected_low,
            "expected_high": shift.expected_high,
            "tail_probability": float(f"{shift.tail_probability:.2g}"),
            "weeks_before": shift.weeks_before,
            "false_alarms_percent": FALSE_ALARMS_PERCENT[shift.series][shift.is_drop],
        },
    )
