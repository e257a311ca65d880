"""Tasks month by month, asking whom every method would have suggested."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from apps.ml.benchmarks.effort.data import read_tasks
from apps.ml.benchmarks.runs import NothingToTest, Write, tested_range
from apps.ml.core.assignment.replay import Ledger, SuggestionRanks, replay, suggested
from apps.ml.core.assignment.serving import AssignmentModel
from apps.ml.core.assignment.training import train_assignment_model
from apps.ml.core.effort.replay import Timings
from apps.ml.core.evaluation.metrics import expected_calibration_error
from apps.ml.core.evaluation.months import by_month
from apps.ml.core.records import CompletedIssue

#: The strategy that serves unless another is asked for.
AUTO = "auto"
#: From here on an answer counts as sure.
SURE = 0.8
#: As many people as are explained by default.
_EXPLAINED = 3


def score_tasks(path: Path, earlier: Path | None, start: str | None, end: str | None, write: Write) -> dict[str, Any]:
    """Hit rates of every method on the tasks of a range, each asked about at its date."""
    newest = [task for task in read_tasks(path) if task.facts.assignee]
    older = [task for task in read_tasks(Path(earlier)) if task.facts.assignee] if earlier else []
    tasks = list({(task.issue_id, task.known_at): task for task in (*older, *newest)}.values())
    first, test = tested_range(newest, start, end)
    if not test or not any(task.completed_at < first for task in tasks):
        raise NothingToTest
    timings = Timings()
    asked = _walk(tasks, first, test, timings, write)
    return {"protocol": "monthly refit", "from": first.isoformat(), **_figures(asked), **_costs(timings)}


def _walk(
    tasks: Sequence[CompletedIssue], first: datetime, test: Sequence[CompletedIssue], timings: Timings, write: Write
) -> list[SuggestionRanks]:
    ledger, asked = Ledger(tasks), list[SuggestionRanks]()
    for month, of_month in by_month(test, first):
        started = time.thread_time()
        known = [task for task in tasks if task.completed_at < month]
        model = AssignmentModel.from_bytes(train_assignment_model(known, now=month).serving)
        timings.fit.append(time.thread_time() - started)
        for task in of_month:
            _time(model, task, list(ledger.given_lately(task.known_at)), timings)
            found = suggested(task, ledger, model.probabilities)
            # What `auto` would have answered: the strategy that the month's model had found best on what came before.
            chosen = {AUTO: found.ranks[model.replay.better]} if found.ranks else {}
            asked.append(replace(found, ranks={**found.ranks, **chosen}))
        write(f"{month:%Y-%m}  {len(of_month):4d} tasks  {len(asked):5d} of {len(test)} ({len(asked) / len(test):.0%})")
    return asked


def _time(model: AssignmentModel, task: CompletedIssue, candidates: list[str], timings: Timings) -> None:
    started = time.thread_time()
    model.answer(task.facts, candidates, explained=candidates[:_EXPLAINED])
    timings.predict.append(time.thread_time() - started)


def _figures(asked: Sequence[SuggestionRanks]) -> dict[str, Any]:
    found = replay(asked)
    answered = [(each.confidence, each.was_right) for each in asked if each.confidence is not None]
    sure = [right for confidence, right in answered if confidence >= SURE]
    return {
        "n": len(asked),
        "mean_candidates": float(np.mean([each.n_candidates for each in asked])),
        "methods": found.to_json()["rates"],
        # A person who was no candidate is a task that was not answered surely and rightly: part of neither count.
        "sure_share": len(sure) / len(asked),
        "sure_right": float(np.mean(sure)) if sure else None,
        "ece": expected_calibration_error([right for _, right in answered], [c for c, _ in answered]),
    }


def _costs(timings: Timings) -> dict[str, float]:
    return {
        "fit_seconds": max(timings.fit),
        "predict_ms_p50": float(np.percentile(timings.predict, 50)) * 1e3,
        "predict_ms_p95": float(np.percentile(timings.predict, 95)) * 1e3,
    }
