"""People and agents apart: how long the work of each takes, and in which states it stands.

An agent writes in minutes what a person reviews in days: one figure for both describes neither.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, tzinfo

from apps.ml.core.flow.cycle import CycleTimes, cycle_times
from apps.ml.core.flow.issues import BoardRules, FlowIssue
from apps.ml.core.flow.states import TimesInStates, times_in_states


@dataclass(frozen=True, slots=True)
class FlowSide:
    """The finished work of people, or of agents."""

    by_agents: bool
    cycle: CycleTimes
    #: The time in a state of review is that of the reviews.
    time_in_states: TimesInStates

    @property
    def issues(self) -> int:
        """Finished issues of which a start is known."""
        return len(self.cycle.items)


def flow_sides(issues: Sequence[FlowIssue], board: BoardRules, *, zone: tzinfo, since: date) -> tuple[FlowSide, ...]:
    """Both sides of what was finished on a day or later, people first; none where one side finished nothing."""
    sides = []
    for by_agents in (False, True):
        own = [issue for issue in issues if issue.by_agent == by_agents]
        cycle = cycle_times(own, zone=zone, since=since)
        if not cycle.items and not cycle.without_start:
            return ()
        sides.append(FlowSide(by_agents, cycle, times_in_states(own, board, zone=zone, since=since)))
    return tuple(sides)
