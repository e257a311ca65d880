"""The risk of a running sprint that its outcome tells."""

from apps.ml.core.findings import Finding, severity_of
from apps.ml.core.sprint_outcome.moment import DELIVERED_SHARE
from apps.ml.core.sprint_outcome.serving import PRIOR_ONLY, Outlook
from apps.ml.core.wording import one_decimal

#: Chance, in percent, to deliver less than `DELIVERED_SHARE` of the commitment. Of public sprints so flagged, by trees
#: that had not seen their project, 77, 85, 95 and 100 of 100 did. Half of all sprints do: below 60 it is the usual.
UNDER_DELIVERY_PERCENT = (60.0, 70.0, 80.0, 90.0)


def under_delivery(outlook: Outlook | None) -> Finding | None:
    """The sprint will probably deliver less than it is held to; silent about teams without a past of their own."""
    if outlook is None or outlook.outcome.method == PRIOR_ONLY:
        return None
    outcome = outlook.outcome
    severity = severity_of(round(100.0 * (1.0 - outcome.probability), 6), UNDER_DELIVERY_PERCENT)
    if severity is None:
        return None
    return Finding(
        kind="under_delivery",
        severity=severity,
        description=(
            f"The chance to deliver at least {DELIVERED_SHARE:.0%} of {outcome.committed_points:g} {outlook.unit} is "
            f"{outcome.probability:.0%}: {outlook.moment.done.points:g} are done with "
            f"{outlook.moment.elapsed_ratio:.0%} of the time gone, "
            f"typically {one_decimal(outcome.typical_points)} will be"
        ),
        metric="probability_delivered",
        expected=round(1.0 - UNDER_DELIVERY_PERCENT[0] / 100.0, 2),
        actual=round(outcome.probability, 4),
        mitigation=("Take out what matters least while there is time", "Commit next time to what the team delivers"),
        evidence={
            "unit": outlook.unit,
            "committed": outcome.committed_points,
            "done": outlook.moment.done.points,
            "typical_delivered": round(outcome.typical_points, 2),
            "usual_ratio": round(outcome.usual_ratio, 4),
            "past_sprints": outcome.past_sprints,
        },
    )
