"""The learning curve of hours: small teams at many moments."""

import importlib
import json
from dataclasses import replace

import pytest

from apps.ml.benchmarks.effort.learning_curve import (
    ALONE,
    ASKED,
    learning_curve,
    measure,
    monthly_cuts,
    project_cuts,
    strangers_cuts,
)
from apps.ml.benchmarks.runs import NothingToTest
from apps.ml.tests.core.effort.factories import START, team

#: The package names a function as its file is named.
curve = importlib.import_module("apps.ml.benchmarks.effort.learning_curve")
TASKS = team(420, noise=0.8)


def test_a_cut_knows_the_last_outcomes_and_asks_about_the_next_hundred():
    first, *_ = monthly_cuts(TASKS, START.replace(month=2), TASKS[-1].known_at)

    assert max(issue.completed_at for issue in first.known) < first.moment
    assert min(issue.known_at for issue in first.asked) >= first.moment
    assert len(first.asked) == ASKED


def test_each_project_of_a_file_is_cut_three_times():
    assert len(list(project_cuts(TASKS))) == 3 * len({task.facts.component for task in TASKS})


def test_a_model_of_other_projects_knows_what_they_had_finished_and_nothing_of_who_asks(monkeypatch):
    monkeypatch.setattr(curve, "FEWEST_OF_OTHERS", 60)

    cuts = list(strangers_cuts(TASKS))

    assert cuts
    for cut in cuts:
        others = {task.facts.component for task in cut.of_others}
        assert others.isdisjoint({task.facts.component for task in (*cut.known, *cut.asked)})
        assert max(task.completed_at for task in cut.of_others) < cut.moment


def test_it_is_measured_with_and_without_what_the_team_had_finished():
    cut, *_ = monthly_cuts(TASKS, START.replace(month=3), START.replace(month=4))
    cut = replace(cut, known=cut.known[-20:], of_others=team(80, seed=5))

    rows = measure([cut], lambda _: None)

    assert {row["method"] for row in rows} == {"served", ALONE, "median, 10-90 % spread"}


def test_every_size_is_measured_beside_the_plain_spread():
    said = []
    cuts = list(monthly_cuts(TASKS, START.replace(month=3), START.replace(month=4)))

    rows = measure(cuts, said.append)

    assert {(row["n_known"], row["with_estimate"]) for row in rows} == {
        (n, with_estimate) for n in (10, 20, 50, 100, 200) for with_estimate in (False, True)
    }
    assert {row["method"] for row in rows} == {"served", "median, 10-90 % spread"}
    assert all(0 <= row["coverage"] <= 1 and row["interval_score"] >= row["width"] for row in rows)
    assert json.loads(json.dumps(rows)) == rows
    assert len(learning_curve(rows)) == len(rows) + 1
    assert said[0] == "10 known outcomes: 1 cuts"


def test_too_few_tasks_after_a_cut_are_nothing_to_test():
    with pytest.raises(NothingToTest):
        measure(list(monthly_cuts(TASKS[:50], START, TASKS[49].known_at)), print)
