"""What if some issues left a sprint: the answer of the same service that the API asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.http import QueryDict

from apps.common.exceptions import ApplicationError
from apps.dashboard.types import Sprint, User
from apps.ml.selectors.forecasts import expendable_first
from apps.ml.services.forecasts.service import ForecastService, Scenario
from apps.projects.names.ids import id_in


@dataclass(frozen=True, slots=True)
class PlanAnswer:
    """The chance of a plan beside that of the sprint as it is; or why there is none."""

    chance: float | None
    change: float | None
    finish: str | None
    dropped: int
    refused_because: str | None = None

    @property
    def before(self) -> float:
        """The chance of the sprint as it is."""
        return (self.chance or 0.0) - (self.change or 0.0)


def kept_of(asked: QueryDict) -> list[str] | None:
    """Ids of the issues that a form keeps; None where no plan was sent."""
    return [text for text in asked.getlist("keep") if id_in(text)] if "plan" in asked else None


def answer_of(sprint: Sprint, kept: Sequence[str], *, by: User) -> PlanAnswer:
    """The sprint without all open issues but these."""
    dropped = tuple(UUID(issue_id) for issue_id in expendable_first(sprint) if issue_id not in set(kept))
    try:
        found = ForecastService().what_if(sprint.pk, Scenario(drop_issues=dropped), user=by)
    except ApplicationError as error:
        return PlanAnswer(None, None, None, len(dropped), error.message)
    scenario = found["scenario"]
    return PlanAnswer(
        chance=scenario["probability_in_time"],
        change=found["probability_change"],
        finish=scenario["percentiles"][0]["date"],
        dropped=len(dropped),
    )
