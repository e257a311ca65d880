"""Training of hours at 4,000 and 20,000 issues, measuring included: processor time; targets: 3 and 12 s."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import itertools
import time
from collections.abc import Sequence
from dataclasses import replace

from apps.ml.benchmarks.effort.data import read_tasks
from apps.ml.core.effort.training import train_effort_model
from apps.ml.core.records import CompletedIssue
from performance.report import public_data

SIZES = (4_000, 20_000)


def main() -> None:
    """Train on the public tasks, repeated where there are too few."""
    tasks = read_tasks(public_data("effort_sip/tasks.csv"))
    for size in SIZES:
        issues = repeated(tasks, size)
        start = time.process_time()
        result = train_effort_model(issues, now=max(issue.completed_at for issue in issues))
        seconds, metrics = time.process_time() - start, result.metrics.plain
        print(f"{size:>7,} issues: {seconds:.1f} s, error {metrics.malr:.4f} (log), coverage {metrics.coverage:.3f}")


def repeated(tasks: Sequence[CompletedIssue], size: int) -> list[CompletedIssue]:
    """The first so many tasks, over and over."""
    turns = (replace(task, issue_id=f"{task.issue_id}-{turn}") for turn in itertools.count() for task in tasks)
    return list(itertools.islice(turns, size))


if __name__ == "__main__":
    main()
