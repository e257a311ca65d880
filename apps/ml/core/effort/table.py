"""Training data in time order: every row knows how many outcomes were known when its issue was estimated."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.ml.core.arrays import Floats
from apps.ml.core.effort.estimators import Matrix
from apps.ml.core.effort.experts import static_row
from apps.ml.core.effort.features import log_estimates_of, read
from apps.ml.core.effort.naive import NaiveLevels, RunningLevels
from apps.ml.core.effort.neighbours import Neighbourhood, Neighbours, ask, build_neighbours, field_codes
from apps.ml.core.reading import IssueReading
from apps.ml.core.records import CompletedIssue

Rows = NDArray[np.intp]
#: With fewer outcomes known to the typical later issue, the order of estimating teaches nothing.
MINIMUM_KNOWN_OUTCOMES = 20


@dataclass(frozen=True, slots=True)
class EffortTable:
    """Completed issues as arrays, rows in the order in which outcomes became known.

    Attributes
    ----------
    log_hours, log_estimates : ndarray of shape (n,)
        Natural logs; NaN where there was no estimate.
    static : ndarray of shape (n, 10)
        Numbers of each issue as they were known when it was estimated.
    naive : ndarray of shape (n, 3)
        Overall, recent and type level known then.
    known_outcomes : ndarray of shape (n,)
        How many rows (always the first ones) were known when each issue was estimated.
    asked_order : ndarray of shape (n,)
        Row numbers in the order in which the issues were estimated.
    """

    readings: list[IssueReading]
    issue_ids: list[str]
    log_hours: Floats
    log_estimates: Floats
    matrix: Matrix
    #: None for a global model, which keeps no single issue.
    neighbours: Neighbours | None
    levels: NaiveLevels
    static: Floats
    naive: Floats
    known_outcomes: Rows
    asked_order: Rows
    #: Whether the issues are of all projects: then nothing of one of them alone is learned.
    of_all: bool
    #: Whether the dates tell what was known when; else the order of completion stands in for it.
    in_time: bool

    def __len__(self) -> int:
        return len(self.readings)

    @property
    def n_estimated(self) -> int:
        """Issues that the team had estimated."""
        return int(np.count_nonzero(~np.isnan(self.log_estimates)))


def build_table(issues: Sequence[CompletedIssue], *, of_all: bool, history: bool = True) -> EffortTable:
    """Read issues that all have hours.

    Parameters
    ----------
    issues : sequence of CompletedIssue
        As `with_hours` gives them.
    of_all : bool
        Whether the issues are of all projects: then neither people nor single issues are used (see `features.read`).
    history : bool
        Whether to work out what was known at the time of each row (a refit needs only the present).
    """
    readings = [read(issue.facts, of_all=of_all) for issue in issues]
    log_hours = np.log([issue.actual_hours or np.nan for issue in issues])
    ids = [issue.issue_id for issue in issues]
    neighbours = None if of_all else build_neighbours(readings, log_hours, ids)
    known, asked, in_time = _order_of_asking(issues)
    static, naive, levels = _as_known_then(readings, log_hours, neighbours, known, asked if history else asked[:0])
    return EffortTable(
        readings=readings,
        issue_ids=ids,
        log_hours=log_hours,
        log_estimates=log_estimates_of(readings),
        matrix=Matrix(readings),
        neighbours=neighbours,
        levels=levels,
        static=static,
        naive=naive,
        known_outcomes=known,
        asked_order=asked,
        of_all=of_all,
        in_time=in_time,
    )


def _order_of_asking(issues: Sequence[CompletedIssue]) -> tuple[Rows, Rows, bool]:
    """How many outcomes were known when each issue was estimated, the rows in that order, and whether dates told it.

    Where a whole backlog was written down before any of it was done, nothing was ever known in time; the order of
    completion then stands in for it, or there would be nothing to measure by.
    """
    asked = np.array(sorted(range(len(issues)), key=lambda row: (issues[row].known_at, row)), dtype=np.intp)
    completed = np.array([issue.completed_at.timestamp() for issue in issues])
    known = np.searchsorted(completed, np.array([issue.known_at.timestamp() for issue in issues]))
    late = known[asked[len(issues) // 2 :]]
    if np.median(late) >= MINIMUM_KNOWN_OUTCOMES:
        return known, asked, True
    return np.arange(len(issues)), np.arange(len(issues)), False


def _as_known_then(
    readings: list[IssueReading], log_hours: Floats, neighbours: Neighbours | None, known: Rows, asked: Rows
) -> tuple[Floats, Floats, NaiveLevels]:
    """Static numbers and naive levels of every row at its own time, and the levels of today."""
    running, added = RunningLevels(), 0
    static, naive = [[0.0]] * len(readings), [[0.0]] * len(readings)

    def catch_up(target: int) -> NaiveLevels:
        nonlocal added
        for row in range(added, target):
            running.add(readings[row].facts.issue_type, float(log_hours[row]))
        added = max(added, target)
        return running.levels()

    for row in asked:
        levels, reading = catch_up(int(known[row])), readings[row]
        nearby = look_around(neighbours, reading, levels, n_known=int(known[row]))
        static[row] = static_row(reading, nearby, levels)
        naive[row] = [levels.overall, levels.recent, levels.of_type(reading.facts.issue_type)]
    return np.array(static), np.array(naive), catch_up(len(readings))


def look_around(
    neighbours: Neighbours | None, reading: IssueReading, levels: NaiveLevels, *, n_known: int
) -> Neighbourhood:
    """What the neighbours among the first `n_known` outcomes say; the level of the type where there are none."""
    level = levels.of_type(reading.facts.issue_type)
    if neighbours is None:
        return Neighbourhood(level, 0.0, 0.0, 1.0)
    similarity = neighbours.index.similarities_between(reading.token_set, 0, n_known)
    agreed = neighbours.agreement(field_codes(reading.facts), n_known)
    return ask(neighbours.closeness(similarity, agreed), neighbours.log_hours[:n_known], level)
