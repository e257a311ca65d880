"""Serve the past as it would have been served: month by month, nothing known that was not known then."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from apps.ml.core.effort import EffortModel, RecentOutcomes
from apps.ml.core.effort.baselines import Predictor, fitted
from apps.ml.core.effort.training import TrainedEffortModel, refit_effort_model, train_effort_model
from apps.ml.core.evaluation.months import by_month
from apps.ml.core.intervals import MAX_RECENT_OUTCOMES
from apps.ml.core.records import CompletedIssue, IssueFacts, chronological
from apps.ml.core.results import EffortEstimate

#: Train again, not only refit, when this much more is known: the seed's rule.
GROWTH_FOR_TRAINING = 1.2
#: ... or after so many months: the seed's age of 30 days is for refits here, since those are what freshness needs.
MONTHS_BETWEEN_TRAININGS = 6


@dataclass(slots=True)
class Timings:
    """Processor seconds of the one thread that works: what a call costs, whatever else the machine does."""

    fit: list[float] = field(default_factory=list)
    refit: list[float] = field(default_factory=list)
    predict: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ReplayedIssue:
    """One issue of the test and all that was said about it; None where there was nothing to say."""

    issue: CompletedIssue
    plain: EffortEstimate
    informed: EffortEstimate | None
    baselines: dict[str, float | None]


class EffortReplay:
    """A walk through the test with a model that is kept as fresh as the protocol allows."""

    def __init__(
        self, issues: Sequence[CompletedIssue], *, rolling: bool, level: float, write: Callable[[str], None]
    ) -> None:
        self._issues, self._rolling, self._level, self._write = chronological(issues), rolling, level, write
        self.timings, self.served = Timings(), list[ReplayedIssue]()
        self.trained: TrainedEffortModel | None = None
        self._trained_at_size, self._months = 0, 0

    def run(self, test: Sequence[CompletedIssue], start: datetime) -> list[ReplayedIssue]:
        """Predict every issue of `test` at the time it was estimated; `start` is the first moment of the test."""
        ordered = sorted(test, key=lambda issue: (issue.known_at, issue.issue_id))
        predictors: dict[str, Predictor] = {}
        for month, asked in by_month(ordered, start):
            if self.trained is None or self._rolling:
                known = [issue for issue in self._issues if issue.completed_at < month]
                self.trained = self._fresh(known, month)
                predictors = fitted(known)
            model = EffortModel.from_bytes(self.trained.serving)
            recent = self._recent(month)
            self.served += [self._serve(model, predictors, issue, recent) for issue in asked]
            self._write(self._progress(month, len(asked), len(ordered)))
        return self.served

    def _fresh(self, known: Sequence[CompletedIssue], now: datetime) -> TrainedEffortModel:
        """Train when the data has grown or the training is old, else refit."""
        started = time.thread_time()
        due = len(known) >= GROWTH_FOR_TRAINING * self._trained_at_size or self._months >= MONTHS_BETWEEN_TRAININGS
        if self.trained is None or due:
            model = train_effort_model(known, now=now, level=self._level, version="benchmark")
            self._trained_at_size, self._months = len(known), 0
            self.timings.fit.append(time.thread_time() - started)
            return model
        self._months += 1
        model = refit_effort_model(self.trained, known, now=now)
        self.timings.refit.append(time.thread_time() - started)
        return model

    def _serve(
        self, model: EffortModel, predictors: dict[str, Predictor], issue: CompletedIssue, recent: RecentOutcomes | None
    ) -> ReplayedIssue:
        blind = replace(issue.facts, estimated_hours=None)
        plain = self._timed(model, blind, recent)
        informed = self._timed(model, issue.facts, recent) if issue.facts.estimated_hours else None
        return ReplayedIssue(
            issue, plain, informed, {name: predict(issue.facts) for name, predict in predictors.items()}
        )

    def _timed(self, model: EffortModel, facts: IssueFacts, recent: RecentOutcomes | None) -> EffortEstimate:
        started = time.thread_time()
        estimate = model.estimate(facts, recent=recent)
        self.timings.predict.append(time.thread_time() - started)
        return estimate

    def _recent(self, now: datetime) -> RecentOutcomes | None:
        """What came of the predictions whose truth is known by `now`; nothing in the frozen protocol."""
        if not self._rolling:
            return None
        known = sorted((s for s in self.served if s.issue.completed_at < now), key=lambda s: s.issue.completed_at)
        pairs = [(s, e) for s in known[-MAX_RECENT_OUTCOMES:] for e in (s.plain, s.informed) if e is not None]
        hours = [s.issue.actual_hours or np.nan for s, _ in pairs]
        return RecentOutcomes.of(
            log_errors=[np.log(h / e.predicted_hours) for h, (_, e) in zip(hours, pairs, strict=True)],
            log_scales=[e.log_scale for _, e in pairs],
            inside=[e.interval.low <= h <= e.interval.high for h, (_, e) in zip(hours, pairs, strict=True)],
            used_estimate=[e.used_estimate for _, e in pairs],
            predicted_hours=[e.predicted_hours for _, e in pairs],
        )

    def _progress(self, month: datetime, n_month: int, n_all: int) -> str:
        share = len(self.served) / n_all
        return f"{month:%Y-%m}  {n_month:4d} issues  {len(self.served):5d} of {n_all} ({share:.0%})"
