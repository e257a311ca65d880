"""Why a date moved: the difference of two forecasts, split into causes that add up to it exactly.

The former forecast is told again with one input after the other replaced by its later state, always in the same order
and with the same random draws. What a replacement changes is that cause's part:

1. **scope**: issues that were added, dropped or sized anew, as if that had been known on the former day;
2. **speed**: the time that went by, what was finished in it, and the past weeks that the later forecast rests on. A
   team that did what was expected of it moves nothing;
3. **calendar**: days off, absences, and the target day;
4. **order**: issues in progress that come first;
5. **model**: the rest, which is what models say of sizes, the unit, and the engine itself.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date

from apps.ml.core.forecasts.forecaster import PROMISED_PERCENT, WorkForecast, team_runs
from apps.ml.core.forecasts.inputs import ForecastInputs
from apps.ml.core.forecasts.units import WorkItem

#: The causes, in the order in which they are replaced.
CAUSES = ("scope", "speed", "calendar", "order", "model")
#: The dates that are split: an even chance and the usual promise.
SPLIT_PERCENTS = (50, PROMISED_PERCENT)
#: Chances are split in thousandths, so that the parts add up exactly.
CHANCE_STEPS = 1000


@dataclass(frozen=True, slots=True)
class ForecastAnswer:
    """What a forecast said: days by percent (None: not within ten years) and the chance of its target day."""

    days: Mapping[int, date | None]
    chance: float | None

    @classmethod
    def of(cls, forecast: WorkForecast) -> "ForecastAnswer":
        """Of a forecast, what is split."""
        by_percent = {finish.percent: finish.day for finish in forecast.finishes}
        return cls({percent: by_percent[percent] for percent in SPLIT_PERCENTS}, forecast.probability_in_time)


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """A forecast as it was given, with what it was told from."""

    inputs: ForecastInputs
    answer: ForecastAnswer


@dataclass(frozen=True, slots=True)
class Parts:
    """What each cause did; whole numbers, so that their sum is the difference to the last digit."""

    scope: int
    speed: int
    calendar: int
    order: int
    model: int

    @property
    def total(self) -> int:
        """The whole difference."""
        return self.scope + self.speed + self.calendar + self.order + self.model


@dataclass(frozen=True, slots=True)
class ScopeChange:
    """What became of the issues between the two forecasts."""

    added: tuple[str, ...]
    #: Gone without being finished: dropped, deleted, or not counted any more.
    removed: tuple[str, ...]
    #: Still open, with other points.
    resized: tuple[str, ...]
    finished: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MovedDate:
    """Two forecasts and the parts of their difference."""

    before: KeptAnswer
    after: KeptAnswer
    #: Calendar days by percent, later is positive; None where one of the dates is beyond ten years.
    days: Mapping[int, Parts | None]
    #: In thousandths; None where one of the forecasts has no target day.
    chance: Parts | None
    scope: ScopeChange


def why_it_moved(before: KeptAnswer, after: KeptAnswer, *, finished: Collection[str] = ()) -> MovedDate:
    """Split the difference of two forecasts.

    Parameters
    ----------
    before, after : KeptAnswer
        The forecasts.
    finished : collection of str
        Which of the issues of `before` were finished by the time of `after`.

    Raises
    ------
    NotEnoughData
        If the later past has too few weeks in the unit of the former forecast.
    """
    scope = _scope_change(before.inputs, after.inputs, finished)
    answers = [before.answer, *_step_answers(before.inputs, after.inputs, scope), after.answer]
    days = {percent: _parts([_ordinal(each.days.get(percent)) for each in answers]) for percent in SPLIT_PERCENTS}
    return MovedDate(before, after, days, _parts([_thousandths(each.chance) for each in answers]), scope)


def _step_answers(before: ForecastInputs, after: ForecastInputs, scope: ScopeChange) -> list[ForecastAnswer]:
    """The former forecast told again, and then with one cause after the other replaced."""
    changed = _with_scope(before, after, scope)
    gone = {*scope.finished, *scope.removed, *(item.issue_id for item in after.items)}
    sped = replace(
        changed,
        items=after.items,
        asked_on=after.asked_on,
        throughput=after.throughput,
        ahead=tuple(item for item in before.ahead if item.issue_id not in gone),
    )
    dated = replace(sped, calendar=after.calendar, target=after.target)
    ordered = replace(dated, ahead=after.ahead)
    former, later = (team_runs(each.throughput, each.unit, seed=each.seed) for each in (before, sped))
    steps = ((before, former), (changed, former), (sped, later), (dated, later), (ordered, later))
    return [ForecastAnswer.of(inputs.forecaster(drawn=drawn).ask(inputs.items)) for inputs, drawn in steps]


def _with_scope(before: ForecastInputs, after: ForecastInputs, scope: ScopeChange) -> ForecastInputs:
    """The former day with the later scope: what was finished since is still to be done."""
    later = {item.issue_id: item for item in after.items}
    removed, resized = set(scope.removed), set(scope.resized)
    kept = [_sized(item, later[item.issue_id]) if item.issue_id in resized else item for item in before.items]
    items = [item for item in kept if item.issue_id not in removed] + [later[issue_id] for issue_id in scope.added]
    # What a model says of an issue that was not there before is its size, not a change of the model.
    sizes = {id_: after.spreads[id_] for id_ in scope.added if id_ in after.spreads}
    spreads = {**before.spreads, **(sizes if after.unit == before.unit else {})}
    return replace(before, items=tuple(items), spreads=spreads)


def _sized(item: WorkItem, later: WorkItem) -> WorkItem:
    return replace(item, story_points=later.story_points)


def _scope_change(before: ForecastInputs, after: ForecastInputs, finished: Collection[str]) -> ScopeChange:
    former = {item.issue_id: item for item in before.items}
    later = {item.issue_id: item for item in after.items}
    gone = [issue_id for issue_id in former if issue_id not in later]
    both = [issue_id for issue_id in former if issue_id in later]
    done = set(finished)
    return ScopeChange(
        added=tuple(issue_id for issue_id in later if issue_id not in former),
        removed=tuple(issue_id for issue_id in gone if issue_id not in done),
        resized=tuple(issue_id for issue_id in both if former[issue_id].story_points != later[issue_id].story_points),
        finished=tuple(issue_id for issue_id in gone if issue_id in done),
    )


def _parts(steps: list[int | None]) -> Parts | None:
    """The parts of the way from the first to the last of the kept and recomputed answers."""
    known = [step for step in steps if step is not None]
    if len(known) < len(steps):
        return None
    kept, again, scope, speed, calendar, order, after = known
    return Parts(
        scope=scope - again,
        speed=speed - scope,
        calendar=calendar - speed,
        order=order - calendar,
        model=(again - kept) + (after - order),
    )


def _ordinal(day: date | None) -> int | None:
    return None if day is None else day.toordinal()


def _thousandths(chance: float | None) -> int | None:
    return None if chance is None else round(chance * CHANCE_STEPS)
