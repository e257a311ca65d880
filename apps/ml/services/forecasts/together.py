"""The chance that several teams are all done by a day: their weeks are drawn together, not their chances multiplied."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from apps.common.exceptions import NotEnoughData
from apps.ml.core.forecasts.forecaster import WorkForecast
from apps.ml.core.forecasts.inputs import ForecastInputs
from apps.ml.core.forecasts.together import AllDone, Contributor, TeamsPart, all_done, shared_futures
from apps.ml.core.forecasts.words import together_in_words
from apps.ml.selectors import forecasts
from apps.ml.serializers.together import TogetherResponse
from apps.ml.services.forecasts.reading import work_inputs
from apps.ml.services.forecasts.service import of_a_sprint
from apps.projects.models import Project


@dataclass(frozen=True, slots=True)
class TeamContribution:
    """What one team does of it."""

    project: Project
    issues: int
    #: Alone, as the team's own forecast tells; None where its past is too short, which `silent_because` says.
    forecast: WorkForecast | None
    silent_because: str | None
    inputs: ForecastInputs | None

    @property
    def chance(self) -> float | None:
        """Of being done by the day; 1 without any work."""
        return self.forecast.probability_in_time if self.forecast else None

    @property
    def is_unknown(self) -> bool:
        """Whether it has work of which nothing can be told."""
        return bool(self.issues) and self.forecast is None


def together_answer(projects: Sequence[Project], *, by: date, label: str = "", now: datetime) -> dict[str, Any]:
    """When the open work of several projects, or what of it bears a label, is all done, as clients see it."""
    contributions = [_contribution(project, by=by, label=label, now=now) for project in projects]
    unknown = [each.project.key for each in contributions if each.is_unknown]
    found = None if unknown else _joint(contributions, by)
    chances = [each.chance for each in contributions if each.chance is not None]
    return TogetherResponse.of(
        by=by,
        teams=contributions,
        without_history=unknown,
        probability_all_in_time=None if found is None else round(min(found.chance, *chances, 1.0), 6),
        product_of_chances=None if found is None else round(math.prod(chances), 6),
        percentiles=[{"percent": percent, "date": day} for percent, day in found.days.items()] if found else [],
        in_words=together_in_words(by, found.chance if found else None, unknown, len(projects)),
    )


def _contribution(project: Project, *, by: date, label: str, now: datetime) -> TeamContribution:
    items = forecasts.unfinished(project.pk, label=label)
    if not items:
        return TeamContribution(project, 0, None, None, None)
    try:
        inputs = work_inputs(project.pk, items, by=by, now=now)
        of_sprint = of_a_sprint(project.pk, items, by=by, now=now)
        return TeamContribution(project, len(items), (of_sprint or inputs.forecaster()).ask(inputs.items), None, inputs)
    except NotEnoughData as error:
        return TeamContribution(project, len(items), None, error.message, None)


def _joint(contributions: Sequence[TeamContribution], by: date) -> AllDone:
    """All in one world: what holds up one team holds up the others as far as it used to."""
    asked = {str(each.project.pk): each.inputs for each in contributions if each.inputs}
    teams = {name: Contributor(inputs.throughput, inputs.unit) for name, inputs in asked.items()}
    runs = shared_futures(teams).runs
    parts = [TeamsPart(inputs.forecaster(drawn=runs[name]), inputs.items) for name, inputs in asked.items()]
    return all_done(parts, by)
