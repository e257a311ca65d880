"""The story points benchmark: what is known when, which prior is honest, what the report holds."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from apps.ml.benchmarks import points as story_points
from apps.ml.benchmarks.points.data import COLUMNS, PointsProject, UnreadableData, read_project, read_projects
from apps.ml.benchmarks.points.protocols import batches
from apps.ml.benchmarks.points.report import report
from apps.ml.core.points.baselines import BASELINES, RECENT, boosted_trees, jaccard, median_of_last, recent_shares
from apps.ml.core.points.prior_training import train_prior
from apps.ml.tests.core.points.teams import issue, telling_team

FIGURES = {
    *("mae", "rmae", "sa", "log_loss", "rps", "coverage", "width", "ece"),
    *("fit_seconds", "refit_seconds", "predict_ms_p50", "predict_ms_p95"),
}


def write_project(path: Path, *, n_issues: int, seed: int) -> None:
    """A file as the public ones are: 60 % train, 20 % val, 20 % test."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["issue_key", "title", "description", "story_points", "split"])
        writer.writeheader()
        for index, each in enumerate(telling_team(n_issues, seed=seed)):
            split = "train" if index < 0.6 * n_issues else "val" if index < 0.8 * n_issues else "test"
            row = {
                "issue_key": f"{path.stem}-{index}",
                "title": each.facts.title,
                "description": each.facts.description,
            }
            writer.writerow({**row, "story_points": int(each.story_points or 0), "split": split})


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for seed, name in enumerate(("alpha", "beta")):
        write_project(tmp_path / f"{name}.csv", n_issues=150, seed=seed)
    return tmp_path


def silent(line: str) -> None:
    """No display."""


def project(n_known: int, n_test: int) -> PointsProject:
    team = telling_team(n_known + n_test)
    return PointsProject("p", tuple(team[:n_known]), tuple(team[n_known:]), n_train=n_known)


def test_frozen_asks_about_every_test_issue_with_train_and_validation_known() -> None:
    (batch,) = batches(project(80, 45), protocol="frozen", n_known=None)

    assert (len(batch.known), len(batch.asked)) == (80, 45)


def test_rolling_refits_before_each_twenty_on_everything_older() -> None:
    found = list(batches(project(80, 45), protocol="rolling", n_known=None))

    assert [(len(batch.known), len(batch.asked)) for batch in found] == [(80, 20), (100, 20), (120, 5)]
    assert all(batch.known[-1].completed_at < batch.asked[0].completed_at for batch in found)


def test_a_young_team_knows_its_last_issues_only_in_blocks_of_fifty() -> None:
    found = list(batches(project(80, 70), protocol="rolling", n_known=20))

    assert [(len(batch.known), len(batch.asked)) for batch in found] == [(20, 50), (20, 20)]
    assert found[0].known[0].issue_id == "T-60"


@pytest.mark.parametrize("options", [{"protocol": "frozen"}, {"protocol": "rolling"}, {"known": 20}])
def test_the_report_holds_every_figure_of_every_method(directory: Path, options: dict[str, object]) -> None:
    lines: list[str] = []
    path = directory / "out.json"

    found = story_points.run({"data": directory, "json": path, **options}, lines.append)

    assert [each["project"] for each in found["projects"]] == ["alpha", "beta"]
    for each in found["projects"]:
        assert each["n"] == 30
        assert set(each["baselines"]) == set(BASELINES)
        assert all(set(figures) == FIGURES for figures in (each["served"], *each["baselines"].values()))
    assert json.loads(path.read_text())["projects"] == found["projects"]
    assert any(line.endswith("verdict") for line in lines)
    assert any(line.startswith("alpha") for line in lines)


def test_where_words_tell_the_size_the_served_answers_beat_every_baseline(directory: Path) -> None:
    found = story_points.run({"data": directory, "protocol": "frozen"}, silent)

    for each in found["projects"]:
        assert each["served"]["rps"] < min(figures["rps"] for figures in each["baselines"].values())
        assert each["served"]["coverage"] >= 0.8


def test_a_project_the_shipped_prior_never_saw_is_scored_with_it(directory: Path) -> None:
    projects = read_projects(directory)

    _, seen = story_points.honest_prior(projects[0], projects)

    assert not seen


def test_a_project_the_prior_has_seen_is_scored_with_one_that_has_not(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(directory / "gamma.csv", n_issues=150, seed=2)
    projects = read_projects(directory)
    shipped = train_prior({each.name: story_points.history(each) for each in projects}, version="seen")
    monkeypatch.setattr(story_points, "load_prior", lambda: shipped)

    prior, seen = story_points.honest_prior(projects[0], projects)

    assert seen
    assert prior is not None
    assert not prior.knows(each.issue_id for each in projects[0].known)
    assert prior.knows(each.issue_id for each in projects[1].known)


def test_without_two_other_projects_a_seen_one_gets_no_prior(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    projects = read_projects(directory)
    shipped = train_prior({each.name: story_points.history(each) for each in projects}, version="seen")
    monkeypatch.setattr(story_points, "load_prior", lambda: shipped)

    assert story_points.honest_prior(projects[0], projects) == (None, True)


def test_test_rows_never_reach_what_is_known(directory: Path) -> None:
    read = read_project(directory / "alpha.csv")

    assert read is not None
    assert (read.n_train, len(read.known), len(read.test)) == (90, 120, 30)
    assert not {each.issue_id for each in read.known} & {each.issue_id for each in read.test}


def test_a_file_without_the_columns_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("issue_key,title\nA-1,x\n")

    with pytest.raises(UnreadableData, match=r"odd\.csv lacks the columns description, split, story_points"):
        read_projects(tmp_path)


def test_dated_issues_with_text_and_points_are_put_in_order_and_split(tmp_path: Path) -> None:
    rows = [f"D-{day},{'' if day == 7 else 'x'},y,{0 if day == 9 else 3},2024-01-{day:02}" for day in range(28, 0, -1)]
    rows += [f"D-{day},x,y,5,2024-05-01T{day - 100:03}" for day in range(200, 276)]
    (tmp_path / "dated.csv").write_text("issue_key,title,description,story_points,created\n" + "\n".join(rows))
    (tmp_path / "few.csv").write_text("issue_key,title,description,story_points,created\nF-1,x,y,3,2024-01-01\n")

    (project,) = read_projects(tmp_path)

    # 102 of 104 rows are usable: .6 and .8 of 102 are 61.2 and 81.6.
    assert (project.n_train, len(project.known), len(project.test)) == (62, 82, 20)
    assert [each.issue_id for each in project.known[:9]] == [f"D-{day}" for day in (1, 2, 3, 4, 5, 6, 8, 10, 11)]


def test_points_that_are_no_number_are_reported_with_their_row(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text(",".join(sorted(COLUMNS)) + "\nx,A-1,train,many,y\n")

    with pytest.raises(UnreadableData, match=r"odd\.csv, row 2"):
        read_projects(tmp_path)


@pytest.mark.parametrize("ending", ["", ",many", ",2"])
def test_a_row_without_points_or_split_is_reported(tmp_path: Path, ending: str) -> None:
    (tmp_path / "odd.csv").write_text(f"issue_key,title,description,story_points,split\nA-1,x,y{ending}\n")

    with pytest.raises(UnreadableData, match=r"odd\.csv, row 2: (story_points|split) is no"):
        read_projects(tmp_path)


def test_a_spreadsheet_s_marks_line_ends_order_and_further_columns_change_nothing(tmp_path: Path) -> None:
    write_project(tmp_path / "plain.csv", n_issues=30, seed=0)
    with (tmp_path / "plain.csv").open(newline="") as file:
        rows = [{**row, "description": ""} if index % 2 else row for index, row in enumerate(csv.DictReader(file))]
    for name, encoding, ending, columns in (
        ("plain", "utf-8", "\n", sorted(COLUMNS)),
        ("exported", "utf-8-sig", "\r\n", ["epic", *sorted(COLUMNS, reverse=True)]),
    ):
        with (tmp_path / f"{name}.csv").open("w", newline="", encoding=encoding) as file:
            writer = csv.DictWriter(file, columns, lineterminator=ending, extrasaction="ignore")
            writer.writeheader()
            writer.writerows({**row, "epic": 'login, "new"'} for row in rows)

    exported, plain = read_projects(tmp_path)

    assert (exported.known, exported.test, exported.n_train) == (plain.known, plain.test, plain.n_train)
    assert plain.known[1].facts.description == ""


def test_an_empty_directory_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UnreadableData, match="No CSV file"):
        read_projects(tmp_path)


def test_the_median_baseline_says_the_median_of_its_window() -> None:
    known = [issue(index, "x", points) for index, points in enumerate([1.0] * 60 + [5.0] * 50)]
    asked = [issue(200, "x", 3.0)]

    assert median_of_last(50)(known, asked).predicted.tolist() == [5.0]
    assert median_of_last(None)(known, asked).predicted.tolist() == [1.0]


def test_recent_shares_forget_by_half_every_fifty_issues() -> None:
    known = [issue(index, "x", points) for index, points in enumerate([1.0] * 50 + [5.0] * 50)]

    said = BASELINES[RECENT](known, [issue(200, "x", 3.0)])

    # Two thirds of the recent weight, half of the plain shares that are mixed in.
    assert said.chances[0].tolist() == pytest.approx([0.95 / 3 + 0.025, 1.9 / 3 + 0.025])
    assert said.predicted.tolist() == [5.0]


def test_the_jaccard_baseline_follows_the_nearest_issues() -> None:
    known = [issue(index, "red apple" if index % 2 else "blue car", 8.0 if index % 2 else 1.0) for index in range(40)]

    said = jaccard(known, [issue(100, "red apple", None), issue(101, "blue car", None)])

    assert said.predicted.tolist() == [8.0, 1.0]


@pytest.mark.parametrize("baseline", [median_of_last(None), recent_shares(50.0), jaccard, boosted_trees])
def test_every_baseline_gives_distributions(baseline) -> None:
    team = telling_team(90)

    said = baseline(team[:80], team[80:])

    assert np.allclose(said.chances.sum(axis=1), 1.0)
    assert (said.chances > 0.0).all()


def result(name: str, prior: str, served: dict[str, float], naive: dict[str, float]) -> dict[str, object]:
    return {"project": name, "n": 9, "prior": prior, "served": served, "baselines": {"median": naive, RECENT: naive}}


@pytest.mark.parametrize(
    ("log_loss", "rps", "verdict"),
    [(1.93, 1.86, "target met"), (1.87, 1.78, "stretch target met"), (1.95, 1.88, "target missed")],
)
def test_probabilities_are_held_to_what_the_source_asks_beside_the_recent_shares(
    log_loss: float, rps: float, verdict: str
) -> None:
    naive = {**dict.fromkeys(FIGURES, 1.0), "log_loss": 2.0, "rps": 2.0}
    lines: list[str] = []

    found = report(
        [result("a", "shipped", {**naive, "log_loss": log_loss, "rps": rps}, naive)],
        protocol="rolling",
        n_known=None,
        write=lines.append,
    )

    relative = [row for row in found["acceptance"] if row["measure"].endswith("that of recent shares")]
    assert [row["verdict"] for row in relative] == [verdict, verdict]
    # With other projects than the source's 16 the means themselves are not judged.
    assert not any(row["measure"] == "log-loss" for row in found["acceptance"])
    assert all(line.endswith((" met", " missed")) for line in lines[-len(found["acceptance"]) :])


def test_open_and_withheld_projects_are_held_to_their_own_targets() -> None:
    figures = dict.fromkeys(FIGURES, 1.0)
    results = [
        result(name, prior, {**figures, "mae": mae}, figures)
        for name, prior, mae in (("a", "without this project", 2.6), ("b", "shipped", 2.6))
    ]

    found = report(results, protocol="frozen", n_known=None, write=silent)

    verdicts = {row["measure"]: row["verdict"] for row in found["acceptance"]}
    assert verdicts["mean MAE, known to the shipped prior (1)"] == "target met"
    assert verdicts["mean MAE, new to the shipped prior (1)"] == "target missed"
    assert verdicts["worst project against the median"] == "stretch target met"
