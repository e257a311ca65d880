"""What nobody can tell of a sprint, and why: in the place of an empty answer, which would read as good news."""

from collections.abc import Iterator
from dataclasses import dataclass

from apps.common.exceptions import NotEnoughData
from apps.ml.core.sprints.state import SprintState
from apps.projects.history.sprint_books import COMMITMENT_UNKNOWN

NO_DATES = (
    "Cannot tell: this sprint has no dates. Give it its first and its last day, or say them at the import "
    "(--sprints FIRST_DAY/14d)."
)
#: Risks that are read from the time gone, or left.
_BY_DATES = ("burndown_velocity", "late_by_forecast", "under_delivery", "capacity_overload", "urgent_issues_late")


class NoDates(NotEnoughData):
    """A sprint of which nobody knows when it runs."""

    def __init__(self) -> None:
        super().__init__(have=0, needed=1, what="last days of the sprint")
        self.args = (NO_DATES,)


@dataclass(frozen=True, slots=True)
class Untold:
    """Risks that were not judged; none named where no risk was."""

    risk_types: tuple[str, ...]
    because: str


def untold_risks(state: SprintState) -> tuple[Untold, ...]:
    """What the rules were silent about for want of facts, not of risks."""
    return tuple(_untold(state)) if state.issues else ()


def _untold(state: SprintState) -> Iterator[Untold]:
    if state.elapsed_ratio is None:
        yield Untold(_BY_DATES, NO_DATES)
    if state.scope is None:
        yield Untold(("scope_added",), COMMITMENT_UNKNOWN if state.started_at else NO_DATES)
    begun = [issue for issue in state.open_issues if issue.category == "in_progress"]
    unknown = sum(issue.moved_at is None for issue in begun)
    if unknown:
        yield Untold(
            ("stalled_issues",),
            f"Cannot tell of {unknown} of the {len(begun)} issues in progress when their status last changed: their "
            "source does not say (a column such as Status Category Changed or Updated would).",
        )
