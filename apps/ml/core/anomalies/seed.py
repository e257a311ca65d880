"""The rules as first written down, for installations that want them: z-scores and fixed thresholds.

They are kept because a team may be used to them, not because they are good: on public weeks "twice the mean of three
weeks" raises a false alarm in 16 of 100, and a z-score over few sprints finds a drop by 70 % in about one of four.
"""

from collections.abc import Sequence

import numpy as np

from apps.ml.core.findings import Finding, severity_of

#: Standard deviations below the mean of the sprints before.
Z_DROPS = (1.5, 2.0, 2.5, 3.0)
#: Sprints before the latest that a standard deviation needs.
MIN_SPRINTS_BEFORE = 3
#: Created issues in one week, as multiples of the mean of the three before.
SPIKE_RATIOS = (2.0, 3.0, 4.0, 6.0)
SPIKE_WEEKS = 3
#: What a z-score is called where the sprints before were all alike.
_ENDLESS = 99.0


def z_score_drop(velocities: Sequence[float]) -> Finding | None:
    """The latest sprint lies standard deviations below the mean of those before; `velocities` oldest first."""
    if len(velocities) <= MIN_SPRINTS_BEFORE:
        return None
    *past, latest = velocities
    mean, spread = float(np.mean(past)), float(np.std(past, ddof=1))
    if latest >= mean:
        return None
    z_score = min((mean - latest) / spread, _ENDLESS) if spread > 0 else _ENDLESS
    severity = severity_of(z_score, Z_DROPS)
    if severity is None:
        return None
    return Finding(
        kind="velocity_drop",
        severity=severity,
        description=(
            f"The last sprint delivered {latest:g}; {mean:.1f} is the mean of the {len(past)} before, "
            f"{z_score:.1f} standard deviations more"
        ),
        metric="velocity",
        expected=round(mean, 2),
        actual=latest,
        mitigation=("Ask in the retrospective what was different",),
        evidence={"z_score": round(-z_score, 2), "sprints_compared": len(past)},
    )


def doubled_creation(created_per_week: Sequence[int]) -> Finding | None:
    """The last week created more than twice the mean of the three weeks before; oldest first."""
    if len(created_per_week) <= SPIKE_WEEKS:
        return None
    *past, latest = created_per_week[-SPIKE_WEEKS - 1 :]
    mean = float(np.mean(past))
    severity = severity_of(latest / mean, [float(np.nextafter(ratio, 9)) for ratio in SPIKE_RATIOS]) if mean else None
    if severity is None:
        return None
    return Finding(
        kind="creation_spike",
        severity=severity,
        description=f"{latest} issues were created in the last 7 days, {mean:.1f} a week in the {SPIKE_WEEKS} before",
        metric="issues_created_per_week",
        expected=round(mean, 2),
        actual=float(latest),
        mitigation=("Triage before the next planning",),
        evidence={"ratio": round(latest / mean, 2), "weeks_compared": SPIKE_WEEKS},
    )
