"""Risks that lie in links: issues that block each other in a circle, and blockers that nobody has taken."""

from collections.abc import Sequence

from apps.ml.core.findings import Finding, percent, severity_of
from apps.ml.core.sprints.state import SprintState
from apps.ml.core.wording import counted

#: Percent of the open issues that are in a circle: none of them can come first, so that a single circle is a risk.
CIRCLE_PERCENT = (0.1, 10.0, 25.0, 50.0)
#: Blockers of nobody, in percent of the open issues: each holds up at least one other.
UNOWNED_PERCENT = (0.1, 10.0, 25.0, 50.0)


def circular_links(state: SprintState) -> Finding | None:
    """Issues that wait for each other."""
    waiting = state.forecast.waiting if state.forecast else None
    circles = waiting.cycles if waiting else ()
    held = [issue_id for circle in circles for issue_id in circle]
    return _finding(
        state,
        held,
        CIRCLE_PERCENT,
        kind="circular_links",
        description=f"{counted(len(held), 'issue')} block each other in {counted(len(circles), 'circle')}",
        mitigation=("Take one link of each circle away", "Say which of them comes first"),
    )


def unowned_blockers(state: SprintState) -> Finding | None:
    """What others wait for, and nobody has taken."""
    waiting = state.forecast.waiting if state.forecast else None
    blockers = waiting.without_owner if waiting else ()
    return _finding(
        state,
        blockers,
        UNOWNED_PERCENT,
        kind="unowned_blockers",
        description=f"Nobody has taken {counted(len(blockers), 'issue')} that others wait for",
        mitigation=("Give them to somebody before anything else", "Take out what waits for them"),
    )


def _finding(
    state: SprintState,
    issues: Sequence[str],
    thresholds: Sequence[float],
    *,
    kind: str,
    description: str,
    mitigation: tuple[str, ...],
) -> Finding | None:
    severity = severity_of(percent(len(issues), len(state.open_issues)), thresholds)
    if severity is None:
        return None
    return Finding(
        kind=kind,
        severity=severity,
        description=description,
        metric=kind,
        expected=0.0,
        actual=float(len(issues)),
        mitigation=mitigation,
        evidence={"issues": list(issues)},
    )
