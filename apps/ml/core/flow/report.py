"""How work flows through a team: all figures of some days in one result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo

from apps.ml.core.flow.ageing import AgeingIssue, PaceBands, ageing, pace_bands
from apps.ml.core.flow.blocked import Blocked, blocked_times
from apps.ml.core.flow.cumulative import FlowDay, cumulative_flow
from apps.ml.core.flow.cycle import CycleTimes, cycle_times
from apps.ml.core.flow.issues import BoardRules, FlowIssue
from apps.ml.core.flow.sides import FlowSide, flow_sides
from apps.ml.core.flow.states import TimesInStates, times_in_states
from apps.projects.history.days import day_of


@dataclass(frozen=True, slots=True)
class Flow:
    """The flow of a project from a day to now."""

    since: date
    until: date
    cycle: CycleTimes
    pace: tuple[PaceBands, ...]
    ageing: tuple[AgeingIssue, ...]
    days: tuple[FlowDay, ...]
    time_in_states: TimesInStates
    #: People and agents apart; empty where only one of them finished something.
    sides: tuple[FlowSide, ...]
    blocked: Blocked

    @property
    def in_progress(self) -> int:
        """Issues in progress now."""
        return self.days[-1].in_progress


def flow_of(
    issues: Sequence[FlowIssue],
    board: BoardRules,
    *,
    unchanged: Mapping[str, int],
    zone: tzinfo,
    since: date,
    now: datetime,
) -> Flow:
    """All figures of the flow.

    Parameters
    ----------
    issues : sequence of FlowIssue
        What is in progress, and what was created, moved or finished since; as known at `now`.
    board : BoardRules
        What the team says of its states.
    unchanged : mapping of str to int
        All other issues, by category, with what is in `issues` left out.
    zone : tzinfo
        The project's time zone: its days are counted.
    since : date
        The first of the days.
    now : datetime
        The moment of the question.
    """
    bands = pace_bands(issues, board, zone=zone, since=since)
    return Flow(
        since=since,
        until=day_of(now, zone),
        cycle=cycle_times(issues, zone=zone, since=since),
        pace=bands,
        ageing=ageing(issues, bands, zone=zone, now=now),
        days=cumulative_flow(issues, unchanged=unchanged, zone=zone, first=since, last=day_of(now, zone)),
        time_in_states=times_in_states(issues, board, zone=zone, since=since),
        sides=flow_sides(issues, board, zone=zone, since=since),
        blocked=blocked_times(issues, board, since=datetime.combine(since, time.min, tzinfo=zone), now=now),
    )
