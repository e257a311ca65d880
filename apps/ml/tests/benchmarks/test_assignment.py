"""The assignment benchmark: it runs on files of its two shapes, and knows nothing beforehand."""

import csv
import json
from datetime import timedelta

import pytest

from apps.ml.benchmarks import assignment
from apps.ml.benchmarks.acceptance import MISSED, judged
from apps.ml.benchmarks.assignment import tasks as assignment_walk
from apps.ml.benchmarks.assignment.data import holds_reports, read_reports
from apps.ml.benchmarks.assignment.report import TASKS
from apps.ml.benchmarks.runs import NothingToTest, UnreadableData
from apps.ml.core.assignment.training import train_assignment_model
from apps.ml.tests.core.assignment.teams import UNTIL, finished
from tests.public_data import PUBLIC_DATA, needs_public

REPORTS = "bug_triage/jdt.csv"
TASK_COLUMNS = ("task_number", "title", "issue_type", "raised_by", "assigned_to", "actual_hours", "estimated_on")
TASK_COLUMNS += ("completed_on",)


@pytest.fixture
def tasks(tmp_path):
    rows = [
        (i.issue_id, i.facts.title, i.facts.issue_type, "rik", i.facts.assignee, 1, i.known_at, i.completed_at)
        for i in finished(120)
    ]
    return _write(tmp_path / "tasks.csv", TASK_COLUMNS, rows)


@pytest.fixture
def reports(tmp_path):
    rows = [
        (number, f"{i.known_at:%m/%d/%Y %H:%M}", i.facts.assignee, "", i.facts.title)
        for number, i in enumerate(finished(120))
    ]
    return _write(tmp_path / "reports.csv", ("position", "created", "assignee", "title", "description"), rows)


def test_tasks_are_asked_about_month_by_month_beside_every_baseline(tasks, tmp_path):
    told, target = [], tmp_path / "figures.json"

    figures = assignment.run({"data": tasks, "start": "2026-02-10", "json": target}, told.append)

    assert figures["methods"].keys() == {
        "auto", "formula", "learned", "probability", "most_recent", "random", "reporter",
    }  # fmt: skip
    assert figures["methods"]["probability"]["top_1"] > figures["methods"]["random"]["top_1"]
    assert 0 <= figures["sure_share"] <= 1
    assert told[0].startswith("2026-02")
    assert json.loads(target.read_text())["n"] == figures["n"]


def test_a_month_knows_nothing_that_was_finished_in_it(tasks, monkeypatch):
    known = []

    def train(issues, *, now):
        known.append((max(issue.completed_at for issue in issues), now))
        return train_assignment_model(issues, now=now)

    monkeypatch.setattr(assignment_walk, "train_assignment_model", train)

    assignment.run({"data": tasks, "start": "2026-01-29"}, lambda line: None)

    assert len(known) == 2
    assert all(last < now for last, now in known)


def test_reports_are_split_at_random_and_by_time(reports):
    figures = assignment.run({"data": reports}, lambda line: None)

    for split in ("random_split", "chronological"):
        rates = figures[split]["methods"]
        assert figures[split]["n_test"] == 24
        assert rates["learned"]["top_1"] > rates["random"]["top_1"] == pytest.approx(1 / 3)


def test_the_two_shapes_are_told_apart(tasks, reports):
    assert (holds_reports(tasks), holds_reports(reports)) == (False, True)


def test_reports_without_dates_keep_their_order(tmp_path):
    path = _write(tmp_path / "r.csv", ("position", "assignee", "description"), [(1, "b", "two"), (0, "a", "one")])

    first, second = read_reports(path)

    assert (first.facts.assignee, second.facts.assignee) == ("a", "b")
    assert first.known_at < second.known_at


def test_a_report_that_cannot_be_read_is_named_by_its_line(tmp_path):
    path = _write(tmp_path / "r.csv", ("position", "assignee", "description"), [("first", "a", "one")])

    with pytest.raises(UnreadableData, match="Line 2"):
        read_reports(path)


def test_a_range_without_a_task_is_refused(tasks):
    with pytest.raises(NothingToTest):
        assignment.run({"data": tasks, "start": str((UNTIL + timedelta(days=900)).date())}, lambda line: None)


def test_targets_of_a_withheld_file_are_other_targets():
    figures = {"methods": {"probability": {"top_1": 0.85, "top_3": 0.96, "mrr": 0.9}}}

    shared, withheld = (
        {row["measure"]: row["verdict"] for row in judged(TASKS, figures, withheld=flag)} for flag in (False, True)
    )

    assert (shared["probability, top 1"], withheld["probability, top 1"]) == ("stretch target met", MISSED)
    assert shared["right where sure"] == "not measured"


@needs_public(REPORTS)
def test_on_public_reports_suggestions_reach_the_targets():
    figures = assignment.run({"data": PUBLIC_DATA / REPORTS}, lambda line: None)

    assert [row["measure"] for row in figures["acceptance"]] == [
        *("random split, top 1", "random split, top 5", "in time order, top 5", "in time order, MRR")
    ]
    assert MISSED not in {row["verdict"] for row in figures["acceptance"]}


def _write(path, columns, rows):
    with path.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines)
        writer.writerow(columns)
        writer.writerows(rows)
    return path
