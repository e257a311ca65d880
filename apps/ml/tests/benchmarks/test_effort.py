"""The effort benchmark: it runs on files of its shape, and what it measures was not known beforehand."""

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from apps.ml.benchmarks import effort
from apps.ml.benchmarks.acceptance import judged
from apps.ml.benchmarks.effort.data import UnreadableData, read_tasks
from apps.ml.benchmarks.effort.report import CRITERIA
from apps.ml.benchmarks.runs import NothingToTest
from apps.ml.core.effort.baselines import fitted
from apps.ml.core.effort.replay import EffortReplay
from apps.ml.tests.core.effort.factories import team
from tests.public_data import PUBLIC_DATA, needs_public

SIP = "effort_sip/tasks.csv"
COLUMNS = ("task_number", "title", "issue_type", "category", "priority", "project", "raised_by", "assigned_to")
COLUMNS += ("developer_ids", "estimated_hours", "actual_hours", "estimated_on", "completed_on")


def write_tasks(path, issues):
    with path.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines)
        writer.writerow(COLUMNS)
        writer.writerows(_row(issue) for issue in issues)
    return path


def _row(issue):
    facts = issue.facts
    return (
        *(issue.issue_id, facts.title, facts.issue_type, "Development", facts.priority, facts.component),
        *(facts.reporter, facts.assignee, "secret", facts.estimated_hours, issue.actual_hours),
        *(issue.known_at.date().isoformat(), issue.completed_at.date().isoformat()),
    )


@pytest.fixture
def tasks(tmp_path):
    return write_tasks(tmp_path / "small.csv", team(150, seed=5))


def run(path, **options):
    lines = []
    return effort.run({"data": path, **options}, lines.append), lines


def test_a_file_of_the_known_shape_becomes_issues(tasks):
    issue = read_tasks(tasks)[0]

    assert issue.known_at == datetime(2023, 1, 2, tzinfo=UTC)
    assert issue.facts.component in {"login", "billing", "report", "search", "export"}
    assert issue.facts.labels == ("Development",)


def test_who_logged_the_hours_is_never_a_feature(tasks):
    assert all("secret" not in repr(issue.facts) for issue in read_tasks(tasks))


def test_a_file_without_hours_is_refused(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("title,estimated_on,completed_on\nx,2024-01-01,2024-01-02\n")

    with pytest.raises(UnreadableData, match="actual_hours"):
        read_tasks(path)


def test_a_row_without_hours_or_dates_is_no_finished_task(tmp_path):
    path = tmp_path / "open.csv"
    path.write_text("title,actual_hours,estimated_on,completed_on\nx,3,2024-01-01,\ny,,2024-01-01,2024-01-02\n")

    assert read_tasks(path) == []


def test_a_bad_value_is_reported_with_its_line(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text(
        "title,actual_hours,estimated_on,completed_on\nx,3,2024-01-01,2024-01-02\nx,three,2024-01-01,2024-01-02\n"
    )

    with pytest.raises(UnreadableData, match="Line 3"):
        read_tasks(path)


def test_a_spreadsheet_s_marks_line_ends_order_and_further_columns_change_nothing(tasks, tmp_path):
    path = tmp_path / "exported.csv"
    with tasks.open(newline="", encoding="utf-8") as lines, path.open("w", newline="", encoding="utf-8-sig") as out:
        rows = list(csv.DictReader(lines))
        writer = csv.DictWriter(out, ["unknown", *reversed(COLUMNS)], lineterminator="\r\n")
        writer.writeheader()
        writer.writerows({**row, "unknown": "a, b"} for row in rows)

    assert read_tasks(path) == read_tasks(tasks)


def test_hours_without_end_are_reported_with_their_line(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("title,actual_hours,estimated_on,completed_on\nx,inf,2024-01-01,2024-01-02\n")

    with pytest.raises(UnreadableData, match="Line 2 cannot be read: inf is no number"):
        read_tasks(path)


def test_the_json_has_the_promised_shape(tasks, tmp_path):
    target = tmp_path / "figures.json"

    figures, lines = run(tasks, json=target)

    (project,) = json.loads(target.read_text())["projects"]
    assert project["project"] == "small"
    assert set(project["baselines"]) == {
        *("median", "median_last_50", "type_average", "jaccard_knn", "seed_trees", "human")
    }
    wanted = {"mae", "rmae", "malr", "coverage", "width", "ece", "fit_seconds", "predict_ms_p50", "predict_ms_p95"}
    assert wanted <= set(project["served"])
    assert wanted <= set(project["served_with_estimate"])
    assert all({"mae", "rmae", "malr", "coverage", "width"} <= set(row) for row in project["baselines"].values())
    assert project["baselines"]["median"]["rmae"] == pytest.approx(1.0, abs=0.1)
    assert figures["projects"][0]["n"] == project["n"] == 30
    assert any("MALR" in line for line in lines)


def test_the_served_model_beats_the_naive_levels_where_there_is_something_to_learn(tasks):
    figures, _ = run(tasks)

    (project,) = figures["projects"]
    assert project["served"]["malr"] < 0.8 * project["baselines"]["median"]["malr"]


def test_the_frozen_protocol_trains_once(tasks):
    figures, _ = run(tasks, protocol="frozen")

    assert figures["protocol"] == "frozen"
    assert figures["projects"][0]["served"]["refit_seconds"] is None


def test_a_later_file_is_predicted_from_an_earlier_one(tmp_path):
    issues = team(140, seed=6)
    earlier = write_tasks(tmp_path / "earlier.csv", issues[:100])
    later = write_tasks(tmp_path / "later.csv", issues[100:])

    figures, _ = run(later, train=earlier, start="2023-01-27")

    assert figures["projects"][0]["n"] == sum(issue.known_at >= datetime(2023, 1, 27, tzinfo=UTC) for issue in issues)


def test_the_rows_of_both_files_together_are_what_one_file_gives(tmp_path):
    issues = team(140, seed=6)
    both = write_tasks(tmp_path / "both.csv", issues)
    earlier, later = write_tasks(tmp_path / "a.csv", issues[:100]), write_tasks(tmp_path / "b.csv", issues[100:])

    one, _ = run(both, start="2023-01-27")
    two, _ = run(later, train=earlier, start="2023-01-27")

    assert one["projects"][0]["served"]["malr"] == pytest.approx(two["projects"][0]["served"]["malr"])


def test_nothing_to_test_says_so(tasks):
    with pytest.raises(NothingToTest):
        run(tasks, start="2031-01-01")


def test_predictions_do_not_know_outcomes_that_came_later():
    """Spoiling every outcome after a moment changes no prediction made before it."""
    issues = team(140, seed=7)
    moment = issues[120].known_at
    spoiled = [replace(i, actual_hours=500.0) if i.completed_at >= moment else i for i in issues]

    first, second = (_served(history, issues[100:120]) for history in (issues, spoiled))

    assert [one.plain for one in first] == [one.plain for one in second]


def _served(history, test):
    test_ids = {issue.issue_id for issue in test}
    walk = EffortReplay(history, rolling=True, level=0.8, write=lambda _line: None)
    return walk.run([issue for issue in history if issue.issue_id in test_ids], test[0].known_at)


def test_every_baseline_answers_in_hours_and_the_human_only_with_an_estimate():
    issues = team(120)
    predictors = fitted(issues)

    answers = {name: predict(replace(issues[0].facts, estimated_hours=None)) for name, predict in predictors.items()}

    assert answers.pop("human") is None
    assert all(hours is not None and hours > 0 for hours in answers.values())
    assert answers["median"] == pytest.approx(np.median([issue.actual_hours for issue in issues]))


def test_a_figure_beyond_its_target_is_a_miss_and_an_absent_one_is_not_judged():
    project = {
        "served": {"malr": 0.9, "mae": 4.8},
        "served_with_estimate": {},
        "baselines": {"human": {}},
        "learning_curve": {},
    }

    verdicts = {row["measure"]: row["verdict"] for row in judged(CRITERIA, project)}

    assert verdicts["mean absolute log ratio (MALR)"] == "target missed"
    assert verdicts["mean absolute error (MAE), h"] == "target met"
    assert verdicts["with the developers' estimate: MAE / theirs"] == "not measured"


def test_what_is_not_asked_of_a_withheld_file_is_not_judged():
    project = {"served": {}, "served_with_estimate": {}, "baselines": {}, "learning_curve": {"malr": 9.0}}

    rows = judged(CRITERIA, project, withheld=True)

    (row,) = [row for row in rows if row["measure"] == "MALR of a team with 100 tasks"]
    assert (row["target"], row["verdict"]) == ("-", "not asked")


def test_the_last_lines_say_of_every_target_whether_it_is_met(tasks):
    figures, lines = run(tasks)

    rows = figures["projects"][0]["acceptance"]
    for row, line in zip(rows, lines[-len(rows) :], strict=True):
        assert line.startswith(row["measure"])
        assert line.endswith(row["verdict"])


@needs_public(SIP)
def test_a_month_of_the_public_file_is_predicted_better_than_by_its_median():
    figures, _ = run(PUBLIC_DATA / SIP, start="2007-03-01", end="2007-04-01")

    (project,) = figures["projects"]
    assert project["n"] == 160
    assert project["served"]["malr"] < 0.85 * project["baselines"]["median"]["malr"]
