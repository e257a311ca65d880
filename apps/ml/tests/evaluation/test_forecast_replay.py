"""`backtest forecasts`: each past week of files or of a team, beside average velocity, with clear refusals."""

import json
from datetime import date, timedelta
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.ml.core.forecasts.simulation import N_RUNS
from apps.ml.reports.forecast_replay_page import page
from apps.ml.services.evaluation.forecast_replay import ForecastReplayPlan, figures, plan_of_team, replay
from apps.ml.tests.evaluation.test_issue_replay import Balance, ignored, without_figures
from apps.ml.tests.forecasts.test_service import finish_by_week
from apps.projects.models import Issue
from apps.projects.tests.factories import ProjectFactory


def weekly(n, *, seed=0, mean=4):
    return np.random.default_rng(seed).poisson(mean, n) + 1


def write_project(path, counts):
    """A CSV file with so many issues resolved in each week, and an unfinished week after the last."""
    days = [date(2024, 1, 1) + timedelta(weeks=week) for week, count in enumerate([*counts, 1]) for _ in range(count)]
    path.write_text("created,resolved\n" + "".join(f"{day} 09:00:00,{day} 17:00:00\n" for day in days))


def run(*arguments):
    out = StringIO()
    call_command("backtest", "forecasts", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def directory(tmp_path):
    folder = tmp_path / "issues"
    folder.mkdir()
    write_project(folder / "alpha.csv", weekly(60))
    write_project(folder / "<beta>.csv", weekly(40, seed=1))
    write_project(folder / "young.csv", weekly(8))
    return folder


@pytest.fixture(scope="module")
def replayed():
    teams = {"alpha": weekly(60).astype(float), "<beta>": weekly(40, seed=1).astype(float)}
    return replay(ForecastReplayPlan("2 projects", "issues", teams, n_runs=300), progress=ignored)


@pytest.fixture
def team(db, now):
    project = ProjectFactory()
    finish_by_week(project, [int(count) for count in weekly(50)], now=now)
    return project


def test_files_are_replayed_week_by_week_and_told_beside_simple_methods(directory, tmp_path, capsys):
    files = tmp_path / "figures.json", tmp_path / "page.html"

    printed = run("--data", str(directory), "--json", str(files[0]), "--html", str(files[1]))

    assert "76 forecasts of 2,000 futures each." in printed
    assert "P85 was met in" in printed
    assert "with average velocity" in printed
    assert "Nothing has come due of young." in printed
    assert "[3/3] young" in capsys.readouterr().err
    document = json.loads(files[0].read_text())
    assert [project["project"] for project in document["projects"]] == ["<beta>", "alpha"]
    assert files[1].read_text().startswith("<!DOCTYPE html>")


def test_the_figures_are_one_json_document(replayed):
    document = json.loads(json.dumps(figures(replayed), allow_nan=False))

    served = document["overall"]["methods"]["served"]
    assert document["overall"]["asked"] == sum(project["asked"] for project in document["projects"]) == 76
    assert set(served["kept"]["85"]) == {"promised", "observed", "n", "low", "high"}
    assert set(served["held"]) == {"2", "4", "8"}
    assert served["loss_p85_weeks"] > 0
    assert document["overall"]["loss_p85_against"]["average of the last 6 weeks"]["n"] == served["finished"]
    assert sum(each["asked"] for each in document["conditions"].values()) == 76


def test_several_projects_are_also_counted_one_by_one(replayed):
    assert "Alone, 2 of 2 projects are within chance of the promise; 0 kept fewer, 0 more." in replayed.verdict


def test_the_page_holds_the_plots_of_promises_and_projects_and_loads_nothing(replayed, now):
    text = page(replayed, made_at=now)

    parser = Balance()
    parser.feed(text)
    assert parser.open == []
    assert parser.seen.count("figure") == 3
    assert without_figures(text).count("<tr>") == (1 + 4) + (1 + 2) + (1 + len(replayed.conditions)) + (1 + 2)
    assert "&lt;beta&gt;" in text
    assert "<beta>" not in text
    assert "src=" not in text
    assert "href=" not in text


def test_the_page_of_one_team_has_no_strip_of_projects(now):
    found = replay(
        ForecastReplayPlan("project ONE", "issues", {"ONE": weekly(40).astype(float)}, n_runs=300), progress=ignored
    )

    text = page(found, made_at=now)

    assert "Project by project" not in text
    assert text.count("<figure") == 2


def test_a_team_is_replayed_in_the_unit_and_with_the_runs_in_which_it_is_answered(team, now):
    plan = plan_of_team(team, now=now)

    assert (plan.unit, plan.n_runs) == ("points", N_RUNS)
    assert plan.weekly[team.key].tolist() == (2.0 * weekly(50)).tolist()

    Issue.objects.filter(project=team).update(story_points=None, actual_hours=3.0)
    assert plan_of_team(team, now=now).weekly[team.key].tolist() == (3.0 * weekly(50)).tolist()

    Issue.objects.filter(project=team).update(actual_hours=None)
    assert plan_of_team(team, now=now).weekly[team.key].tolist() == weekly(50).tolist()


def test_more_than_two_years_of_a_team_are_replayed(db, now):
    project = ProjectFactory()
    finish_by_week(project, [1] * 130, now=now)

    assert len(plan_of_team(project, now=now).weekly[project.key]) == 130


def test_a_team_is_read_in_a_constant_number_of_queries(team, now, django_assert_num_queries):
    with django_assert_num_queries(8):
        plan_of_team(team, now=now)


def test_the_command_replays_a_team(db):
    project = ProjectFactory()
    finish_by_week(project, [int(count) for count in weekly(50)], now=timezone.now())

    printed = run("--project", project.key.lower())

    assert "how many points in two, four and eight weeks" in printed
    assert "38 forecasts of 10,000 futures each." in printed
    assert "Alone," not in printed


def test_the_public_data_are_asked_where_the_environment_names_them(directory, tmp_path, monkeypatch):
    monkeypatch.setenv("SCRUM_ML_DATA", str(tmp_path))
    directory.rename(tmp_path / "jira_issues")
    assert "76 forecasts of 2,000 futures each." in run()

    monkeypatch.setenv("SCRUM_ML_DATA", str(tmp_path / "elsewhere"))
    with pytest.raises(CommandError, match="jira_issues cannot be read: No such file or directory"):
        run()

    monkeypatch.delenv("SCRUM_ML_DATA")
    with pytest.raises(CommandError, match="or a directory of CSV files with --data DIR, or set SCRUM_ML_DATA"):
        run()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere"], "nowhere cannot be read: No such file or directory."),
        (["--data", "d", "--project", "P"], "Either --project or --data"),
        (["--type", "points", "--project", "P"], "--type and --newest choose issues"),
        (["--newest", "5", "--project", "P"], "--type and --newest choose issues"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence_and_ends_with_one(arguments, message):
    with pytest.raises(CommandError, match=message) as raised:
        run(*arguments)

    assert raised.value.returncode == 1


def test_a_bad_row_of_a_file_is_named(directory):
    (directory / "broken.csv").write_text("created,resolved\n2024-01-01,soon\n")

    with pytest.raises(CommandError, match=r"broken\.csv, row 2, column resolved: 'soon' is not a moment"):
        run("--data", str(directory))


def test_files_too_young_for_any_forecast_are_refused(tmp_path):
    write_project(tmp_path / "young.csv", weekly(8))

    with pytest.raises(CommandError, match="no past forecast has come due yet"):
        run("--data", str(tmp_path))


@pytest.mark.django_db
def test_an_unknown_team_and_one_with_too_little_are_refused():
    project = ProjectFactory()
    finish_by_week(project, [2] * 7, now=timezone.now())

    with pytest.raises(CommandError, match="There is no project 'NOBODY'"):
        run("--project", "NOBODY")
    message = f"12 weeks since the first finished work of the last two years are needed .* project {project.key} has 7"
    with pytest.raises(CommandError, match=message):
        run("--project", project.key)


def test_issues_are_replayed_of_a_project_only():
    with pytest.raises(CommandError, match="Name the team with --project KEY"):
        call_command("backtest")
    with pytest.raises(CommandError, match="--data belongs to 'backtest forecasts'"):
        call_command("backtest", "--data", "d")
