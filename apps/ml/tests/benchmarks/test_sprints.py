"""The replay of sprints: what is read, what is known when, what is scored, and the targets on the public data."""

import csv
from pathlib import Path

import pytest

from apps.ml.benchmarks import sprints
from apps.ml.benchmarks.acceptance import MISSED, judged
from apps.ml.benchmarks.sprints import own
from apps.ml.benchmarks.sprints.data import SprintProject, UnreadableData, read_projects
from apps.ml.benchmarks.sprints.report import CRITERIA
from apps.ml.core.sprints.learned import training as learning
from apps.ml.core.sprints.outcome import PastSprint, load_prior, training
from apps.ml.tests.core.sprints.teams import sprints as invented
from tests.public_data import PUBLIC_DATA, needs_public

SPRINTS = "sprints"
PERCENTS = (0, 30, 50, 80)
COLUMNS = [
    "boardid", "sprintid", "vel_diff", "no_teammember",
    "no_issue_starttime", "vel_starttime", "no_issue_added", "vel_added", "no_issue_removed", "vel_removed",
    "no_issuetodo", "vel_todo", "no_issueinprogress", "vel_inprogress", "no_issuedone", "vel_done",
]  # fmt: skip


def row(board: int, number: int, sprint: PastSprint) -> list[float]:
    moment = sprint.moment
    books = (moment.at_start, moment.added, moment.removed, moment.to_do, moment.in_progress, moment.done)
    amounts = [value for book in books for value in (book.issues, book.points)]
    missing = sprint.delivered_points - sprint.scope_points
    return [board, number, missing, moment.team_size, *amounts]


def write(path: Path, rows: list[list[float]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for index, name in enumerate(("alpha", "beta", "gamma")):
        for percent in PERCENTS:
            team = invented(60, seed=index, elapsed_ratio=percent / 100)
            write(tmp_path / f"{name}_iteration_{percent}.csv", [row(1, n, sprint) for n, sprint in enumerate(team)])
    return tmp_path


def test_a_sprint_of_several_boards_counts_once_where_it_began_with_most(tmp_path: Path) -> None:
    small, large = invented(1, seed=1)[0], invented(1, seed=1, scale=3.0)[0]
    write(tmp_path / "p_iteration_50.csv", [row(1, 7, small), row(2, 7, large), row(1, 3, small)])

    (project,) = read_projects(tmp_path)

    assert [sprint.scope_points for sprint in project.moments[50]] == pytest.approx(
        [small.scope_points, large.scope_points]
    )
    assert project.moments[50][1].delivered_points == pytest.approx(large.delivered_points)


def test_a_sprints_past_is_its_own_boards(tmp_path: Path) -> None:
    one = invented(1, seed=1)[0]
    write(tmp_path / "p_iteration_0.csv", [row(1, 1, one), row(2, 2, one), row(1, 3, one)])

    (project,) = read_projects(tmp_path)

    assert [len(sprint.moment.past) for sprint in project.moments[0]] == [0, 0, 1]


def test_what_is_asked_comes_after_what_is_learned(directory: Path) -> None:
    project = read_projects(directory)[0]

    learned, asked = project.first(0.7), project.after(0.7)

    assert [len(part.moments[30]) for part in (learned, asked)] == [42, 18]
    assert len(asked.moments[30][0].moment.past) == 42


def test_a_directory_without_sprints_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableData, match="no file"):
        read_projects(tmp_path)

    (tmp_path / "p_iteration_0.csv").write_text("sprintid\n1\n")
    with pytest.raises(UnreadableData, match="boardid"):
        read_projects(tmp_path)


def test_the_whole_benchmark_reports_every_measure(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "N_TREES", 30)
    monkeypatch.setattr(training, "N_BOOSTERS", 1)
    monkeypatch.setitem(training._LEARNING, "max_bins", 31)
    written: list[str] = []

    found = sprints.run({"data": directory, "json": tmp_path / "f.json"}, written.append)

    assert found["protocol"] == "open"
    assert [project["project"] for project in found["projects"]] == ["alpha", "beta", "gamma"]
    assert len(found["acceptance"]) == 5 * len(PERCENTS)
    assert all(row["measured"] is not None for row in found["acceptance"] if "AUC" not in row["measure"])
    assert found["projects"][0]["baselines"]["50"]["committed x ratio"]["relative_mae"] == 1.0
    assert (tmp_path / "f.json").stat().st_size > 500
    assert any(line.startswith("error / that of committed x ratio, after 80 % of the days") for line in written)


def test_the_shipped_prior_says_whose_sprints_it_has_seen(directory: Path) -> None:
    written: list[str] = []
    for path in list(directory.glob("alpha_*")):
        path.rename(directory / path.name.replace("alpha", "apache"))

    found = sprints.run({"data": directory, "shipped": True}, written.append)

    assert found["protocol"] == "shipped"
    assert written[0].startswith("!! The prior that ships was trained on apache:")


def test_a_measure_is_judged_by_the_target_of_its_protocol() -> None:
    served = {"relative_mae": 0.975, "auc": 0.70, "coverage": 0.84}
    served |= {"chance_calibration_error": 0.05, "expected_to_delivered": 1.06}
    project = {"project": "p", "served": {"30": served}}

    def verdicts(*, withheld: bool) -> list[str]:
        rows = judged(CRITERIA, {"projects": [project]}, withheld=withheld)
        return [row["verdict"] for row in rows if "30 %" in row["measure"]]

    met, hoped, not_hoped = "target met", "stretch target met", "stretch target missed"
    assert verdicts(withheld=False) == [met, not_hoped, met, hoped, not_hoped]
    assert verdicts(withheld=True) == [MISSED, met, met, hoped, not_hoped]


@needs_public(SPRINTS)
def test_every_target_is_met_on_the_public_data(monkeypatch: pytest.MonkeyPatch) -> None:
    # One booster instead of the mean of two, and a fourth of the places where a tree may split, each of which sorts a
    # column anew: a third of the time, and the targets have room for it.
    monkeypatch.setattr(training, "N_BOOSTERS", 1)
    monkeypatch.setitem(training._LEARNING, "max_bins", 63)

    found = sprints.run({"data": PUBLIC_DATA / SPRINTS}, lambda line: None)

    assert [row for row in found["acceptance"] if row["verdict"] == MISSED] == []


def test_own_sprints_are_trained_on_and_the_next_ones_asked_beside_the_prior(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "N_TREES", 5)
    project = SprintProject("alpha", {k: tuple(invented(66, seed=1, elapsed_ratio=k / 100)) for k in (0, 50)})

    (cut,) = own.cuts(load_prior(), project)

    assert (cut["known"], cut["asked"]) == (50, 16)
    assert 0.0 < cut["crps"] <= 1.1 * cut["prior_crps"]
    header, *_rules, line = own.cuts_table("alpha", [cut])
    assert "alpha: known" in header
    assert f"{cut['crps'] / cut['prior_crps']:.3f}" in line
