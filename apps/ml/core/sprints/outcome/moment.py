"""A sprint at a moment, with nothing that became known later."""

from dataclasses import dataclass, replace

from apps.projects.history.sprint_books import Amount

#: "Delivers": at least this share of the scope at the moment. Nearly all, as the reference asks.
DELIVERED_SHARE = 0.9
#: Points are sums of decimals: 0.9 x 10 is to be reached by 9.
_TOLERANCE_POINTS = 1e-9
#: A share of the scope that nobody sees.
_NEARLY = 1e-8


@dataclass(frozen=True, slots=True)
class SprintMoment:
    """A planned or running sprint as it stood when a part of its days had passed.

    Where a team does not estimate, the caller counts each issue as one point.
    """

    #: Time gone: share of the planned days that have passed by this evening, in [0, 1].
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
    #: What was committed to when planning ended, sized as it was then; as `committed` of the sprint's books. None where
    #: the history does not tell it.
    committed_points: float | None = 0.0
    #: No working day is left, today counted: nothing more will be delivered within the sprint.
    is_over: bool = False

    @property
    def scope_points(self) -> float:
        """What the sprint is held to: begun with, and added, without what was removed."""
        return self.at_start.points + self.added.points - self.removed.points

    @property
    def done_share(self) -> float:
        """What is done of the scope; only for sprints with something in scope.

        Just below all where what is left open carries no points.
        """
        share = self.done.points / self.scope_points
        is_nearly_all = abs(share - 1.0) < _NEARLY and self.to_do.issues + self.in_progress.issues > 0
        return 1.0 - _NEARLY if is_nearly_all else share

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
    def scope_points(self) -> float:
        """As at its moment."""
        return self.moment.scope_points

    @property
    def ratio(self) -> float:
        """Delivered beside the scope; only for sprints with something in scope."""
        return self.delivered_points / self.scope_points

    @property
    def delivered(self) -> bool:
        """Whether it delivered at least `DELIVERED_SHARE` of its scope."""
        return self.delivered_points >= DELIVERED_SHARE * self.scope_points - _TOLERANCE_POINTS


def replayed(past: tuple[PastSprint, ...]) -> tuple[PastSprint, ...]:
    """Each of a team's sprints that had something in scope, with those before it as its past."""
    return tuple(
        replace(sprint, moment=replace(sprint.moment, past=past[:index]))
        for index, sprint in enumerate(past)
        if sprint.scope_points > 0
    )
