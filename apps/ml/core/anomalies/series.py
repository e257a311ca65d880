"""Findings about weekly series: the last four weeks outside the forecast that the weeks before them made."""

from collections.abc import Sequence

import numpy as np

from apps.ml.core.anomalies.throughput_shift import JUDGED_WEEKS, ThroughputShift, throughput_shift, unusual
from apps.ml.core.findings import Finding, severity_of

#: Tail probabilities where severities begin, as -log10: one in 50, 200, 1,000 and 5,000. Of 10,000 runs none may be so
#: far out: then the tail is one in 10,001, and critical is within reach.
TAIL_RARITY = (1.69, 2.3, 3.0, 3.69)

#: How often each alarm was raised where nothing was unusual, in percent of shuffled public weeks: rises and drops.
#: `benchmark forecasts` measures them, docs/benchmarks.md lists them.
FALSE_ALARMS_PERCENT = {"finished": (0.8, 1.3), "created": (0.9, 1.4)}

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
        'finished_drop', 'finished_rise', 'created_drop', 'created_rise'; nothing about a series with fewer than 12
        weeks before the judged ones or 3 issues a week. False discoveries are capped over the series.
    """
    series = {"finished": finished, "created": created}
    shifts = [shift for name, weekly in series.items() if (shift := throughput_shift(weekly, series=name)) is not None]
    return [_finding(shift) for shift in unusual(shifts)]


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
