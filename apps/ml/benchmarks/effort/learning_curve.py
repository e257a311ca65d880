"""What young teams are told: the last N outcomes are known, the next 100 tasks are asked about, at many cuts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np

from apps.common.console import table
from apps.ml.benchmarks.acceptance import shown
from apps.ml.benchmarks.runs import NothingToTest, Write
from apps.ml.core.arrays import Floats
from apps.ml.core.effort import MIN_TRAINING_ISSUES, EffortModel
from apps.ml.core.effort.ranges.own_outcomes import last_outcomes
from apps.ml.core.effort.training import train_effort_model
from apps.ml.core.effort.without_model import TypeOutcomes, estimate_without_model
from apps.ml.core.evaluation import metrics as evaluation
from apps.ml.core.evaluation.months import month_starts
from apps.ml.core.records import CompletedIssue, IssueFacts, chronological
from apps.ml.core.results import EffortEstimate
from apps.ml.core.similarity import SimilarIssueIndex

KNOWN = (10, 20, 50, 100, 200)
ASKED = 100
#: Where each project of a file is cut, in shares of its tasks.
PROJECT_CUTS = (0.3, 0.55, 0.8)
#: A model of all projects learns from so many of the latest tasks of the others, and from no fewer than that.
MOST_OF_OTHERS, FEWEST_OF_OTHERS = 4_000, 1_000
#: A cut counts as broken where fewer than this many of the ranges hold.
BROKEN = 0.65
#: A cut with fewer estimated tasks says little of answers with an estimate; of the known, four in five need one.
_ENOUGH_ESTIMATES, _ESTIMATED_SHARE = 50, 0.8

#: What a model of other projects says without knowing who asks.
ALONE = "not moved to the team"
Ask = Callable[[IssueFacts], EffortEstimate]


@dataclass(frozen=True, slots=True)
class Cut:
    """What a team knows at a moment, oldest first, and what it asks about next."""

    moment: datetime
    known: Sequence[CompletedIssue]
    asked: Sequence[CompletedIssue]
    #: What is known of other projects by then, where a model of them answers.
    of_others: Sequence[CompletedIssue] = ()


@dataclass(frozen=True, slots=True)
class CutAnswers:
    """CutAnswers to the tasks asked about at one cut, each array of shape (n_asked,); hours but for the confidence."""

    actual: Floats
    predicted: Floats
    low: Floats
    high: Floats
    confidence: Floats


def monthly_cuts(tasks: Sequence[CompletedIssue], start: datetime, end: datetime) -> Iterator[Cut]:
    """One team, cut at the start of each month before `end`."""
    ordered = chronological(tasks)
    for moment in month_starts(start, end):
        if moment < end:
            yield _cut(ordered, moment)


def project_cuts(tasks: Sequence[CompletedIssue]) -> Iterator[Cut]:
    """Each project of a file a team, cut at shares of its tasks."""
    by_project = sorted(tasks, key=lambda task: task.facts.component)
    for _, own in groupby(by_project, key=lambda task: task.facts.component):
        ordered = chronological(list(own))
        for share in PROJECT_CUTS:
            yield _cut(ordered, ordered[int(share * len(ordered))].completed_at)


def strangers_cuts(tasks: Sequence[CompletedIssue]) -> Iterator[Cut]:
    """Every second project of a file, cut as by `project_cuts`, with what is known of the others by then."""
    projects = sorted({task.facts.component for task in tasks})
    asking = set(projects[1::2])
    others = chronological([task for task in tasks if task.facts.component not in asking])
    for cut in project_cuts([task for task in tasks if task.facts.component in asking]):
        known = [task for task in others if task.completed_at < cut.moment][-MOST_OF_OTHERS:]
        if len(known) >= FEWEST_OF_OTHERS:
            yield replace(cut, of_others=known)


def _cut(ordered: Sequence[CompletedIssue], moment: datetime) -> Cut:
    known = [task for task in ordered if task.completed_at < moment]
    later = sorted((task for task in ordered if task.known_at >= moment), key=lambda t: (t.known_at, t.issue_id))
    return Cut(moment, known, later[:ASKED])


def measure(cuts: Sequence[Cut], write: Write) -> list[dict[str, Any]]:
    """A row for each number of known outcomes, with and without the team's estimate, and each method.

    Raises
    ------
    NothingToTest
        If no cut has 100 tasks after it.
    """
    full = [cut for cut in cuts if len(cut.asked) == ASKED]
    if not full:
        raise NothingToTest
    rows, models = [], {cut.moment: _model_of_others(cut) for cut in full if cut.of_others}
    for n_known in KNOWN:
        usable = [replace(cut, known=cut.known[-n_known:]) for cut in full if len(cut.known) >= n_known]
        write(f"{n_known} known outcomes: {len(usable)} cuts")
        answered = [_answered(cut, _askers(cut, models.get(cut.moment))) for cut in usable]
        for with_estimate in (False, True):
            rows += _rows(n_known, with_estimate, [each[with_estimate] for each in answered if with_estimate in each])
    return rows


def _answered(cut: Cut, askers: Mapping[str, Ask]) -> dict[bool, dict[str, CutAnswers]]:
    """What each method says, without and with the team's estimates; the latter only where there are enough."""
    blind = [replace(task.facts, estimated_hours=None) for task in cut.asked]
    hours = np.array([task.actual_hours or np.nan for task in cut.known])
    said = {False: _methods(cut.asked, blind, askers, hours, np.ones(len(cut.asked)))}
    asked = [task for task in cut.asked if task.facts.estimated_hours]
    known = [task for task in cut.known if task.facts.estimated_hours]
    if len(asked) >= _ENOUGH_ESTIMATES and len(known) >= _ESTIMATED_SHARE * len(cut.known):
        ratios = np.array([(task.actual_hours or np.nan) / (task.facts.estimated_hours or np.nan) for task in known])
        own = np.array([task.facts.estimated_hours or np.nan for task in asked])
        said[True] = _methods(asked, [task.facts for task in asked], askers, ratios, own)
    return said


def _askers(cut: Cut, of_others: EffortModel | None) -> dict[str, Ask]:
    """The code that serves, by name."""
    if of_others is None:
        return {"served": _asker(cut)}
    return {"served": partial(of_others.estimate, team=of_others.record_of(cut.known)), ALONE: of_others.estimate}


def _model_of_others(cut: Cut) -> EffortModel:
    return EffortModel.from_bytes(train_effort_model(cut.of_others, now=cut.moment, scope="global").serving)


def _asker(cut: Cut) -> Ask:
    """A model from 50 finished issues on, what needs none before."""
    if len(cut.known) >= MIN_TRAINING_ISSUES:
        return EffortModel.from_bytes(train_effort_model(cut.known, now=cut.moment).serving).estimate
    known, index, outcomes = TypeOutcomes.of(cut.known), SimilarIssueIndex.build(cut.known), last_outcomes(cut.known)

    def estimate(facts: IssueFacts) -> EffortEstimate:
        return estimate_without_model(facts, known, index, outcomes)

    return estimate


def _methods(
    asked: Sequence[CompletedIssue],
    facts: Sequence[IssueFacts],
    askers: Mapping[str, Ask],
    past: Floats,
    unit: Floats,
) -> dict[str, CutAnswers]:
    """The answers that were served, and those of the plain spread of `past` in units of `unit` (shape (n_asked,))."""
    actual = np.array([task.actual_hours or np.nan for task in asked])
    low, middle, high = np.exp(np.quantile(np.log(past), (0.1, 0.5, 0.9)))
    spread = (middle * unit, low * unit, high * unit)
    near = float(evaluation.within_factor(past, np.full(past.size, middle)).mean())
    answered = {name: _as_arrays(actual, [ask(each) for each in facts]) for name, ask in askers.items()}
    return {**answered, "median, 10-90 % spread": CutAnswers(actual, *spread, np.full(actual.size, near))}


def _as_arrays(actual: Floats, answers: Sequence[EffortEstimate]) -> CutAnswers:
    return CutAnswers(
        actual,
        np.array([each.predicted_hours for each in answers]),
        np.array([each.interval.low for each in answers]),
        np.array([each.interval.high for each in answers]),
        np.array([each.confidence for each in answers]),
    )


def _rows(n_known: int, with_estimate: bool, cuts: Sequence[Mapping[str, CutAnswers]]) -> list[dict[str, Any]]:
    if not cuts:
        return []
    named = {name: [cut[name] for cut in cuts] for name in cuts[0]}
    return [
        {"n_known": n_known, "with_estimate": with_estimate, "method": name, "n_cuts": len(cuts), **_scores(answers)}
        for name, answers in named.items()
    ]


def _scores(cuts: Sequence[CutAnswers]) -> dict[str, float]:
    held = np.array([evaluation.coverage(cut.actual, cut.low, cut.high) for cut in cuts])
    hits = np.concatenate([evaluation.within_factor(cut.actual, cut.predicted) for cut in cuts])
    said = np.concatenate([cut.confidence for cut in cuts])
    return {
        "malr": float(np.mean([evaluation.malr(cut.actual, cut.predicted) for cut in cuts])),
        "coverage": float(held.mean()),
        "broken_cuts": float((held < BROKEN).mean()),
        "interval_score": float(np.mean([evaluation.log_interval_score(c.actual, c.low, c.high) for c in cuts])),
        "width": float(np.mean([evaluation.log_width(cut.low, cut.high) for cut in cuts])),
        "confidence": float(said.mean()),
        "hits": float(hits.mean()),
        "confidence_error": evaluation.expected_calibration_error(hits, said),
    }


_COLUMNS = (
    ("malr", "MALR", ".3f"),
    ("coverage", "holds", ".1%"),
    ("broken_cuts", "cuts < 65 %", ".0%"),
    ("interval_score", "interval score", ".2f"),
    ("width", "logw", ".2f"),
    ("confidence", "said", ".2f"),
    ("hits", "came true", ".2f"),
    ("confidence_error", "error", ".3f"),
)


def learning_curve(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rows of `measure` for a reader."""
    header = ("known", "cuts", "estimate", "", *(title for _, title, _ in _COLUMNS))
    cells = [
        (
            str(row["n_known"]),
            str(row["n_cuts"]),
            "with" if row["with_estimate"] else "without",
            row["method"],
            *(shown(row[key], pattern) for key, _, pattern in _COLUMNS),
        )
        for row in rows
    ]
    return table(header, cells)
