"""Who is asked: the experts of the two heads, and the numbers that trees and error sizes are predicted from.

The 'plain' head answers without the team's own estimate, the 'informed' head with it. Training fills whole matrices,
serving single rows; both through the functions here, so that there is one definition.
"""

import math
from collections.abc import Sequence

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.effort.naive import NaiveLevels
from apps.ml.core.effort.neighbours import Neighbourhood
from apps.ml.core.reading import IssueReading

#: Experts that need no learning come first: the best of them is the naive baseline of its head.
PLAIN_EXPERTS = ("median", "recent", "type", "similar", "linear", "boosted")
N_PLAIN_NAIVE = 3
INFORMED_EXPERTS = ("own", "level", "plain", "linear", "boosted")
N_INFORMED_NAIVE = 2
#: Where a mixture starts from; what measured best on the validation year, with a little for every naive level.
PLAIN_PRIOR = {"median": 0.01, "recent": 0.03, "type": 0.02, "similar": 0.26, "linear": 0.38, "boosted": 0.30}
INFORMED_PRIOR = {"own": 0.28, "level": 0.01, "plain": 0.10, "linear": 0.30, "boosted": 0.31}
#: Rows the prior is worth. Of 30, 300 and 3,000 (validation year) 300 was best with the team's estimate, where experts
#: are nearly alike and differences luck; without it 30 was best, and a team unlike the others is found sooner.
PLAIN_PRIOR_ROWS = 50.0
INFORMED_PRIOR_ROWS = 300.0
#: An answer this close to the team's own number (ratio 1.49) is no better than it: on average, then, keep theirs.
SNAP_CHOICES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7)
SNAP_PRIOR = 0.4
#: Fewer out-of-sample rows choose by luck.
MINIMUM_ROWS_TO_CHOOSE = 50
N_SCALE_INPUTS = 7
#: Against one word: the numbers of the prediction itself say more about its error than any word.
SCALE_INPUT_WEIGHT = 5.0
#: Bounds of a predicted scale: between 'exact to a few percent' and 'off by a factor of twenty'.
SCALE_BOUNDS = (0.05, 3.0)
#: Shortest and longest answer: five minutes and a working year. Beyond it no answer is of use.
HOURS_BOUNDS = (1 / 12, 1_700.0)
#: Ends of a range: a minute and three working years.
RANGE_BOUNDS = (1 / 60, 5_000.0)
_UNKNOWN = -1.0
#: Where `static_row` holds the story points.
_POINTS_COLUMN = 6


def bounded_hours(log_hours: float, bounds: tuple[float, float] = HOURS_BOUNDS) -> float:
    """Hours of a number on the log scale, however far out it is."""
    # Cut before too: beyond e^700 there is no float.
    return min(max(math.exp(min(log_hours, 700.0)), bounds[0]), bounds[1])


def static_row(reading: IssueReading, neighbourhood: Neighbourhood, levels: NaiveLevels) -> list[float]:
    """Numbers of one issue that do not depend on a fitted model."""
    facts = reading.facts
    return [
        neighbourhood.log_hours,
        neighbourhood.nearest,
        neighbourhood.spread,
        levels.of_type(facts.issue_type),
        levels.recent,
        _UNKNOWN if facts.priority is None else facts.priority,
        _points_number(facts.story_points),
        float(reading.title_words),
        float(reading.description_words),
        neighbourhood.pull,
    ]


def row_with_points(static: Sequence[float], story_points: float) -> list[float]:
    """The numbers of the same issue with other story points."""
    other = list(static)
    other[_POINTS_COLUMN] = _points_number(story_points)
    return other


def _points_number(story_points: float | None) -> float:
    return _UNKNOWN if story_points is None else math.log1p(max(story_points, 0.0))


def without_trees(linear: Floats, static: Floats) -> Floats:
    """What stands in for the plain trees, shape (n,): the neighbours and, as far as none is near, the linear expert.

    Few outcomes tell little of a type's level, which the similar expert falls back on.
    """
    return np.asarray(static[:, 0] + static[:, 9] * (linear - static[:, 3]))


def plain_inputs(linear: Floats, static: Floats) -> Floats:
    """Input of the plain trees, shape (n, 10): the linear expert's answer and the static numbers but the pull."""
    return np.concatenate([linear[:, None], static[:, :9]], axis=1)


def informed_inputs(ratio: Floats, plain: Floats, log_estimate: Floats, static: Floats) -> Floats:
    """Input of the informed trees, shape (n, 12): ratios to the own estimate, the estimate, numbers as above."""
    own = np.array([ratio, plain - log_estimate, log_estimate]).T
    return np.concatenate([own, static[:, :9]], axis=1)


def scale_inputs(centre: Floats, answers: Floats, static: Floats) -> Floats:
    """Input of the error size, shape (n, 7): the answer, how the experts and neighbours disagree, how much was said.

    The last two experts of both heads are the linear and the boosted one.
    """
    disagreement = np.abs(answers[:, -1] - answers[:, -2])
    said = np.log1p(static[:, 7])
    columns = [centre, _spread_of(answers), static[:, 2], static[:, 1], centre**2, disagreement, said]
    return np.ascontiguousarray(SCALE_INPUT_WEIGHT * np.array(columns).T)


def _spread_of(answers: Floats) -> Floats:
    """Standard deviation of each row, as `std` works it out, without what it looks at before: half of its time."""
    n_answers = answers.shape[1]
    apart = answers - np.add.reduce(answers, axis=1, keepdims=True) / n_answers
    return np.asarray(np.sqrt(np.add.reduce(apart * apart, axis=1) / n_answers))


def scale_from_log(size: Floats) -> Floats:
    """Predicted scale on the log scale of hours from the predicted log of the error size, shape (n,)."""
    return np.asarray(np.minimum(np.maximum(np.exp(size), SCALE_BOUNDS[0]), SCALE_BOUNDS[1]))


def widened(scale: float, beyond: float) -> float:
    """The scale of an answer to an estimate outside those learned from: unsure by the distance as well."""
    return min(scale + beyond, SCALE_BOUNDS[1])


def snapped(centre: Floats, log_estimate: Floats, threshold: float) -> Floats:
    """Keep the team's own number unless the answer differs clearly from it."""
    return np.where(np.abs(centre - log_estimate) < threshold, log_estimate, centre)


def best_snap(centre: Floats, log_estimate: Floats, truth: Floats) -> float:
    """The threshold with the least error, in ratios and in hours alike; the prior one where there are few rows."""
    if truth.size < MINIMUM_ROWS_TO_CHOOSE:
        return SNAP_PRIOR
    errors = [_both_errors(snapped(centre, log_estimate, choice), truth) for choice in SNAP_CHOICES]
    in_ratios, in_hours = np.array(errors).T
    return SNAP_CHOICES[int(np.argmin(in_ratios / in_ratios[0] + in_hours / in_hours[0]))]


def _both_errors(centre: Floats, truth: Floats) -> tuple[float, float]:
    # Tiny floors: a team that always hits its estimate would otherwise divide by zero.
    in_hours = float(np.abs(np.exp(centre) - np.exp(truth)).mean())
    return float(np.abs(centre - truth).mean()) + 1e-9, in_hours + 1e-9


def as_row(values: Sequence[float]) -> Floats:
    """One issue as a matrix of shape (1, n)."""
    return np.array([values])
