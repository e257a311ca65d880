"""When each part of a project's open work is done: epics, labels, components or types, by one engine."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from apps.ml.core.forecasts.forecaster import WorkForecast, WorkForecaster, team_runs
from apps.ml.core.forecasts.inputs import ForecastInputs
from apps.ml.core.forecasts.played.plays import Plays
from apps.ml.core.forecasts.simulation import Forecast
from apps.ml.core.forecasts.units import Unit, WorkItem, unit_for
from apps.ml.selectors import forecasts
from apps.ml.selectors.parts import PartKind, WorkPart, open_parts
from apps.ml.serializers.kept_forecasts import MAX_PARTS, PartsResponse
from apps.ml.services.forecasts.reading import work_inputs
from apps.ml.services.heavy import in_turn
from apps.projects.models import Project


@dataclass(frozen=True, slots=True)
class PartForecast:
    """A part with its forecast: as if it came next, after what is in progress outside of it."""

    part: WorkPart
    forecast: WorkForecast


@dataclass(frozen=True, slots=True)
class PartForecasts:
    """The largest parts of one kind, and how many more there are."""

    by: PartKind
    parts: tuple[PartForecast, ...]
    left_out: int


def forecast_parts(project: Project, by: PartKind, *, now: datetime) -> PartForecasts:
    """Forecast the open issues of each part, in a constant number of queries; raises `NotEnoughData`.

    The parts share their runs and are not added up: each is answered as if the team took it next, as
    `ForecastService.forecast_work` answers about a label or component.
    """
    found = open_parts(project, by)
    if not found:
        return PartForecasts(by, (), 0)
    items = forecasts.unfinished(project.pk)
    in_turn(issues=len(items))
    inputs = work_inputs(project.pk, items, by=project.target_date, now=now, after_work_in_progress=False)
    begun = forecasts.in_progress(project.pk, now=now)
    told = _told(found[:MAX_PARTS], inputs, begun)
    return PartForecasts(by, tuple(told), max(len(found) - MAX_PARTS, 0))


def parts_answer(project: Project, by: PartKind, *, now: datetime) -> dict[str, Any]:
    """The same as clients see it."""
    found = forecast_parts(project, by, now=now)
    return PartsResponse.of(found, project_id=project.pk, target=project.target_date)


def _told(parts: Sequence[WorkPart], inputs: ForecastInputs, begun: Sequence[WorkItem]) -> list[PartForecast]:
    by_id = {item.issue_id: item for item in inputs.items}
    shared: dict[Unit, tuple[Forecast, Plays]] = {}
    found = []
    for part in parts:
        items = [by_id[issue_id] for issue_id in part.issue_ids if issue_id in by_id]
        forecaster = _forecaster(items, inputs, begun, shared)
        found.append(PartForecast(part, forecaster.ask(items)))
    return found


def _forecaster(
    items: Sequence[WorkItem],
    inputs: ForecastInputs,
    begun: Sequence[WorkItem],
    shared: dict[Unit, tuple[Forecast, Plays]],
) -> WorkForecaster:
    """Of the parts in one unit, all by the same runs, and what waits played once."""
    inside = {item.issue_id for item in items}
    unit = unit_for(items, inputs.throughput, points_model=bool(inputs.spreads))
    ahead = tuple(item for item in begun if item.issue_id not in inside)
    if unit not in shared:
        shared[unit] = team_runs(inputs.throughput, unit, seed=inputs.seed), Plays()
    runs, plays = shared[unit]
    asked = replace(inputs, unit=unit, ahead=ahead, spreads=inputs.spreads if unit == inputs.unit else {})
    return asked.forecaster(drawn=runs, plays=plays)
