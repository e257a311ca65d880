"""How work flows: whether issues take longer than they did, and whether they are handed around."""

from collections.abc import Sequence

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.findings import Finding, percent, severity_of

#: Issues of the last four weeks are compared with those of the half year before.
RECENT_DAYS, REFERENCE_DAYS = 28, 182
#: Fewer issues on either side cannot be told from chance at one in two hundred.
MIN_RECENT, MIN_BEFORE = 8, 20
#: How many times as long the median became. Less than half as long again is nobody's concern, however sure it is.
SLOWDOWNS = (1.5, 2.0, 3.0, 5.0)
#: Only what chance would do once in 1,000 comparisons counts: issues of one feature end together, which makes a tail
#: look rarer than it is, and the other rules begin at one in 200.
MAX_TAIL = 0.001
#: Times shorter than half a working day are how trackers are kept, not how long work took.
SHORTEST_USUAL_DAYS = 0.2

#: So many changes from one person to another in `RECENT_DAYS` are handing around; one is a correction, two a question.
MANY_HANDOVERS = 3
#: Percent of the open issues that were handed around; a single one of any backlog is low.
HANDED_AROUND_PERCENT = (0.0, 5.0, 10.0, 20.0)
#: Shares of few issues say nothing.
MIN_OPEN_ISSUES = 5
MAX_LISTED = 50


def cycle_time_shift(recent_days: Sequence[float], before_days: Sequence[float]) -> Finding | None:
    """Issues finished lately took longer from start to end than those before.

    Parameters
    ----------
    recent_days, before_days : sequence of float
        Days from the start of work to its end, of issues finished in the last `RECENT_DAYS` and the `REFERENCE_DAYS`
        before.

    Returns
    -------
    Finding or None
        None with too few issues, or where chance alone would do as much more often than `MAX_TAIL`.
    """
    if len(recent_days) < MIN_RECENT or len(before_days) < MIN_BEFORE:
        return None
    recent, before = np.asarray(recent_days, dtype=np.float64), np.asarray(before_days, dtype=np.float64)
    now, usual = float(np.median(recent)), float(np.median(before))
    severity = severity_of(now / max(usual, SHORTEST_USUAL_DAYS), SLOWDOWNS)
    tail = longer_by_chance(recent, before)
    if severity is None or tail > MAX_TAIL:
        return None
    return Finding(
        kind="cycle_time_shift",
        severity=severity,
        description=(
            f"The {len(recent)} issues finished in the last {RECENT_DAYS} days took {now:.1f} days from start to end; "
            f"{usual:.1f} were usual (medians)"
        ),
        metric="cycle_time_days",
        expected=round(usual, 2),
        actual=round(now, 2),
        mitigation=("Look at where issues wait", "Limit work in progress"),
        evidence={
            "issues_recent": len(recent),
            "issues_before": len(before),
            "tail_probability": float(f"{tail:.2g}"),
        },
    )


def excessive_reassignment(handovers: Sequence[tuple[str, int]]) -> Finding | None:
    """Open issues that went from person to person.

    Parameters
    ----------
    handovers : sequence of (issue id, int)
        Of every open issue, how often it changed from one person to another in the last `RECENT_DAYS`.
    """
    handed_around = [issue_id for issue_id, count in handovers if count >= MANY_HANDOVERS]
    share = percent(len(handed_around), len(handovers))
    severity = severity_of(share, [float(np.nextafter(threshold, 101)) for threshold in HANDED_AROUND_PERCENT])
    if len(handovers) < MIN_OPEN_ISSUES or severity is None:
        return None
    return Finding(
        kind="excessive_reassignment",
        severity=severity,
        description=(
            f"Handed over {MANY_HANDOVERS} times or more in {RECENT_DAYS} days: {len(handed_around)} of "
            f"{len(handovers)} open issues"
        ),
        metric="issues_handed_around",
        expected=0.0,
        actual=float(len(handed_around)),
        mitigation=("Agree with everybody involved on who takes them", "Ask what the person who takes it would need"),
        evidence={"issues": handed_around[:MAX_LISTED], "most_handovers": max(count for _, count in handovers)},
    )


def longer_by_chance(recent: Floats, before: Floats) -> float:
    """Upper tail of the Mann-Whitney statistic, normal approximation with ties and continuity.

    scipy.stats says the same and takes two seconds to import.

    References
    ----------
    H. B. Mann and D. R. Whitney, On a Test of Whether One of Two Random Variables Is Stochastically Larger than the
    Other, Ann. Math. Stat. 18 (1947).
    """
    n, m = len(recent), len(before)
    values, counts = np.unique(np.concatenate([recent, before]), return_counts=True)
    middle_ranks = np.cumsum(counts) - (counts - 1) / 2.0
    ranks = middle_ranks[np.searchsorted(values, recent)]
    statistic = float(ranks.sum()) - n * (n + 1) / 2.0
    total = n + m
    ties = float(np.sum(counts**3 - counts)) / (total * (total - 1))
    variance = n * m / 12.0 * (total + 1 - ties)
    if variance <= 0:
        return 1.0
    from scipy.special import ndtr  # noqa: PLC0415 - as in the rules

    return float(ndtr(-(statistic - n * m / 2.0 - 0.5) / np.sqrt(variance)))
