"""What a forecast of some work is told from, read in a constant number of queries."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from apps.ml.core.forecasts.inputs import ForecastInputs
from apps.ml.core.forecasts.units import WorkItem
from apps.ml.selectors import forecasts
from apps.ml.services.forecasts.history import TeamHistory
from apps.ml.services.forecasts.sizes import unit_and_sizes
from apps.ml.services.heavy import links_in_turn


def work_inputs(
    project_id: UUID,
    items: Sequence[WorkItem],
    *,
    now: datetime,
    by: date | None = None,
    days_off: Sequence[date] = (),
    after_work_in_progress: bool = True,
    history: TeamHistory | None = None,
) -> ForecastInputs:
    """All that decides when some open work is done; raises `NotEnoughData`."""
    history = history or TeamHistory(project_id, now=now)
    calendar, past = history.calendar(), history.throughput()
    asked_about = (item.issue_id for item in items)
    ahead = forecasts.in_progress(project_id, now=now, besides=asked_about) if after_work_in_progress else ()
    unit, spreads = unit_and_sizes(project_id, items, ahead, past)
    linked = links_in_turn(project_id, now=now)
    return ForecastInputs(
        items=linked.in_order(items),
        throughput=past,
        unit=unit,
        asked_on=calendar.day_of(now),
        target=by,
        calendar=calendar.without(days_off),
        spreads=spreads,
        ahead=ahead,
        linked=linked,
    )
