"""A sprint at a moment, with nothing that became known later."""

from dataclasses import dataclass, replace

from apps.projects.history.sprint_books import Amount

#: "Delivers": at least this share of what is committed at the moment. Nearly all, as the reference asks.
DELIVERED_SHARE = 0.9
#: Points are sums of decimals: 0.9 x 10 is to be reached by 9.
_TOLERANCE_POINTS = 1e-9


@dataclass(frozen=True, slots=True)
class SprintMoment:
    """A planned or running sprint as it stood when a part of its days had passed.

    Where a team does not estimate, the caller counts each issue as one point.
    """

    #: Share of the planned days that have passed, in [0, 1].
    elapsed_ratio: float
    #: In the sprint when it began.
    at_start: Amount
    #: Came in, and left, since.
    added: Amount
    removed: Amount
    #: In the sprint at the moment.
    to_do: Amount
    in_progress: Amount
    done: Amount
    #: People with work in the sprint; 0 where unknown.
    team_size: float = 0.0
    #: The team's earlier sprints, oldest first, each as it stood at the same share of its own days.
    past: tuple["PastSprint", ...] = ()

    @property
    def committed_points(self) -> float:
        """What the sprint is held to: begun with, and added, without what was removed."""
        return self.at_start.points + self.added.points - self.removed.points

    @property
    def issues(self) -> int:
        """Issues in the sprint at the moment."""
        return self.to_do.issues + self.in_progress.issues + self.done.issues


@dataclass(frozen=True, slots=True)
class PastSprint:
    """A sprint whose end is known; `moment.past` may be empty, its place among its fellows tells it."""

    moment: SprintMoment
    delivered_points: float

    @property
    def committed_points(self) -> float:
        """As at its moment."""
        return self.moment.committed_points

    @property
    def ratio(self) -> float:
        """Delivered beside committed; only for sprints that had committed to something."""
        return self.delivered_points / self.committed_points

    @property
    def delivered(self) -> bool:
        """Whether it delivered at least `DELIVERED_SHARE` of what was committed."""
        return self.delivered_points >= DELIVERED_SHARE * self.committed_points - _TOLERANCE_POINTS


def replayed(past: tuple[PastSprint, ...]) -> tuple[PastSprint, ...]:
    """Each of a team's sprints that committed to something, with those before it as its past."""
    return tuple(
        replace(sprint, moment=replace(sprint.moment, past=past[:index]))
        for index, sprint in enumerate(past)
        if sprint.committed_points > 0
    )
