"""What is kept of a past in the database is read as it was meant, or not at all: each layout has its number."""

from datetime import UTC, datetime

import numpy as np

from apps.ml.core.past import completed, curves
from apps.ml.core.past.completed import CompletedSprint
from apps.ml.core.past.curves import ScopeCurve
from apps.ml.core.past.recent import FinishedIssue, RecentWork
from apps.ml.core.past.velocity import SprintRecord
from apps.ml.tests.core.layouts import assert_layout_has_its_number

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def sprint(lines: int) -> CompletedSprint:
    columns = {name: np.zeros(lines, dtype) for name, dtype in curves._DTYPES.items()}
    return CompletedSprint(ScopeCurve(True, 1, 2, **columns), 3, SprintRecord("s", "Sprint 1", 10, 21.0, 5))


def test_the_layout_of_completed_sprints_has_its_number():
    data = completed.to_bytes({"s/1": sprint(2), "t/1": sprint(0)}, {"": "1"})

    assert_layout_has_its_number(data, rows=True)
    found, versions = completed.from_bytes(data)
    assert ([len(each) for each in found.values()], versions) == ([2, 0], {"": "1"})


def test_what_the_numbers_of_their_columns_mean_belongs_to_the_layout():
    """No digest shows it: whoever changes it takes the next number in `LAYOUTS`."""
    assert curves._CATEGORIES == ("to_do", "in_progress", "done", "dropped")


def test_the_layout_of_recent_work_has_its_number():
    work = RecentWork.of(NOW, [FinishedIssue("a" * 32, NOW, 3.0, None)], [("b" * 32, NOW)])

    assert_layout_has_its_number(work.to_bytes())
    assert len(RecentWork.from_bytes(work.to_bytes())) == 2
