"""The replay of forecasts: what is known when, what is scored, and the targets on the public data."""

import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from apps.ml.benchmarks import forecasts
from apps.ml.benchmarks.acceptance import MISSED
from apps.ml.benchmarks.forecasts.alarms import windows
from apps.ml.benchmarks.forecasts.data import UnreadableData, WeeklyProject, read_projects
from apps.ml.benchmarks.forecasts.replay import asked, figures
from apps.ml.core.forecasts.replay import ReplayRecord
from tests.public_data import PUBLIC_DATA, needs_public

ISSUES = "jira_issues"


def write_project(path: Path, weekly: list[int]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["issue_key", "created", "resolved"])
        for week, count in enumerate(weekly):
            day = date(2024, 1, 1) + timedelta(weeks=week)
            writer.writerows([[f"X-{week}-{n}", f"{day} 09:00:00", f"{day} 17:00:00"] for n in range(count)])


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("alpha", "beta"):
        write_project(tmp_path / f"{name}.csv", [int(n) + 1 for n in rng.poisson(5, 70)])
    return tmp_path


def project(weekly: list[int]) -> WeeklyProject:
    return WeeklyProject("p", np.array(weekly), np.array(weekly))


def test_weeks_begin_on_monday_and_the_unfinished_last_one_is_left_out(tmp_path: Path) -> None:
    write_project(tmp_path / "p.csv", [2, 0, 3, 1])

    (found,) = read_projects(tmp_path)

    assert found.resolved.tolist() == [2, 0, 3]


def test_a_directory_without_dated_issues_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableData, match="There is no CSV file"):
        read_projects(tmp_path)
    with pytest.raises(UnreadableData, match="missing cannot be read: No such file or directory"):
        read_projects(tmp_path / "missing")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "p.csv is empty; the columns created and resolved are needed."),
        (b"title\nx\n", "p.csv has no column created and no column resolved."),
        (b"created,title\n2024-01-01,x\n", "p.csv has no column resolved."),
        (b"created,resolved\n", "p.csv holds no issue with a date in resolved."),
        (b"created,resolved\n2024-01-01,\n", "p.csv holds no issue with a date in resolved."),
        (
            b"created,resolved\n2024-01-01,2024-01-02\n2024-01-01,31/12/24\n",
            "p.csv, row 3, column resolved: '31/12/24' is not a moment such as '2024-03-01 17:30:00'.",
        ),
        (b"created,resolved\n\xff\xfe,\n", "p.csv is not text in UTF-8."),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_what_would_be_right(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "p.csv").write_bytes(content)

    with pytest.raises(UnreadableData) as raised:
        read_projects(tmp_path)

    assert raised.value.message == message


def test_forecasts_are_asked_every_three_weeks_after_half_a_year() -> None:
    found = asked(project([2] * 33))

    assert [len(question.past) for question in found] == [26, 29, 32]
    assert {question.work for question in found} == {8}


def test_teams_that_finish_little_are_not_asked() -> None:
    assert asked(project([1] * 60)) == []


def test_shares_are_of_the_forecasts_whose_end_is_in_the_file() -> None:
    met = np.array([[1.0, 1.0, 1.0, np.nan], [np.nan] * 4])
    promised = np.array([[2.0, 3.0, 4.0, 9.0], [2.0, 3.0, 4.0, 9.0]])
    held = np.array([[0.0, np.nan, np.nan], [1.0, np.nan, np.nan]])

    found = figures(ReplayRecord(promised=promised, kept=met, taken=np.array([3.0, np.nan]), held=held))

    assert found == {
        "forecasts": 1,
        "met_percent": {"50": 0.0, "70": 100.0, "85": 100.0, "95": 100.0},
        "pinball_p85": 0.15,
        "held_percent": {"2": 50.0},
    }


def test_alarms_are_looked_for_only_where_there_are_items() -> None:
    assert len(list(windows(np.array([3] * 38), judged=4))) == 3
    assert list(windows(np.array([2] * 38), judged=4)) == []


def test_the_whole_benchmark_reports_every_measure(directory: Path, tmp_path: Path) -> None:
    written: list[str] = []

    found = forecasts.run(
        {"data": directory, "runs": 200, "teams": 8, "worlds": 8, "json": tmp_path / "f.json"}, written.append
    )

    assert found["when"]["served"]["forecasts"] > 20
    assert all(row["measured"] is not None for row in found["acceptance"])
    assert any(line.startswith("85th percentile held, %") for line in written)
    assert (tmp_path / "f.json").stat().st_size > 500


#: What a fourth of the stretches with 500 runs, and 120 simulated teams, miss and at least reach; of all stretches with
#: 10,000 runs and 300 teams, the first is 60.4 and the second 81.
KNOWN_MISSES = {
    "alarm where a quarter is finished, %": 58,
    "x0.6: 85 % amount reached from week 8 on, at least, %": 77,
}


@needs_public(ISSUES)
def test_every_target_but_the_known_ones_is_met_on_the_public_data() -> None:
    options = {"data": PUBLIC_DATA / ISSUES, "runs": 500, "step": 4, "teams": 120, "worlds": 8}

    rows = forecasts.run(options, lambda line: None)["acceptance"]

    missed = {row["measure"]: row["measured"] for row in rows if row["verdict"] == MISSED}
    assert missed.keys() == KNOWN_MISSES.keys()
    assert all(missed[measure] >= least for measure, least in KNOWN_MISSES.items())
