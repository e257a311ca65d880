"""`./run manage import_issues` as a user meets it."""

import csv
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.tests.factories import UserFactory
from apps.importers.models import ImportRun
from apps.projects.models import Issue, Project
from tests.public_data import PUBLIC_DATA, needs_public

pytestmark = pytest.mark.django_db
HEADER = "id,title,status,hours,created,resolved\n"
GOOD = "1,Fix,Done,2,2025-01-01,2025-01-02\n"
BAD = "2,Break,Done,2,2025-01-02,2025-01-01\n"

needs_tasks = needs_public("effort_sip")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "My backlog.csv"
    path.write_text(HEADER + GOOD + BAD)
    return path


def run(*arguments) -> str:
    out = StringIO()
    call_command("import_issues", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_it_says_what_it_reads_what_is_wrong_and_what_it_did(file):
    text = run(file, "--project", "SHOP", "--create-project", "Shop")

    assert "actual_hours     hours" in text
    assert "line 3: 2: resolved (2025-01-01 00:00) before created (2025-01-02 00:00)" in text
    assert "SHOP: 1 new, 1 row not imported." in text
    assert "0 completed issues with points: 50 more are needed to train a points model (50).\n" in text
    assert f"import_issues --undo {ImportRun.objects.get().pk}" in text.splitlines()[-1]


def test_a_new_project_without_a_name_is_called_after_the_file(file):
    run(file, "--project", "DATA", "--create-project")

    assert Project.objects.get(key="DATA").name == "My backlog"


@pytest.mark.parametrize("name", ["k\u202eP", "a\x07b", "a\nb", "\u200b"])
def test_a_project_is_made_with_a_name_that_people_can_read(file, name):
    with pytest.raises(CommandError, match="There can be no such project: It holds"):
        run(file, "--project", "SHOP", "--create-project", name)
    assert not Project.objects.exists()

    run(file.rename(file.with_name("gpj\u202evsc.csv")), "--project", "SHOP", "--create-project")
    assert Project.objects.get().name == "gpj vsc"


def test_a_dry_run_changes_nothing(file):
    text = run(file, "--project", "SHOP", "--create-project", "Shop", "--dry-run")

    assert "1 is read as:\n  external_id      1\n  title            Fix\n" in text
    assert "Dry run, nothing was changed. SHOP: 1 new" in text
    assert not Project.objects.exists()


def test_all_errors_go_to_a_file_that_a_spreadsheet_can_open_safely(file, tmp_path):
    bad = (f"=id{number},Break,Done,1,2020-01-02,2020-01-01\n" for number in range(30))
    file.write_text(HEADER + "".join(bad) + "B-1,Fix,Done,many,1901-01-01,2020-01-01\n")

    text = run(file, "--project", "SHOP", "--create-project", "--errors", tmp_path / "errors.csv")

    with (tmp_path / "errors.csv").open(newline="") as written:
        rows = list(csv.reader(written))
    assert "and 10 more rows: they are in" in text
    backwards = "resolved (2020-01-01 00:00) before created (2020-01-02 00:00)"
    assert rows[:2] == [["line", "id", "reason"], ["2", "'=id0", backwards]]
    assert rows[-2:] == [
        ["32", "B-1", "actual hours is not a number: 'many' (the cell is left empty)"],
        ["32", "B-1", "created lies in the year 1901: 1901-01-01 (the cell is left empty)"],
    ]
    assert len(rows) == 33


def test_what_only_files_need_is_refused_for_a_tracker():
    with pytest.raises(CommandError, match="is for CSV files"):
        run("github:acme/shop", "--project", "SHOP", "--sprints", "2026-03-02/14d")


def test_sizes_in_words_cost_their_column_and_no_row(file):
    file.write_text("Key,Title,Size\nA-1,Fix,S\nA-2,Break,M\n")

    text = run(file, "--project", "SHOP", "--create-project")

    assert "Column Size holds no numbers: left out; --map story_points=… to choose another." in text
    assert "SHOP: 2 new." in text


def test_a_column_named_by_the_user_is_judged_alike_and_none_takes_its_place(file):
    file.write_text("Key,Title,Size,Points\nA-1,Fix,S,3\nA-2,Break,M,5\n")

    text = run(file, "--project", "SHOP", "--create-project", "--map", "story_points=Size")

    assert "Column Size holds no numbers" in text
    assert "Not read: Points\n" in text
    assert set(Issue.objects.values_list("story_points", flat=True)) == {None}


def test_the_next_best_column_takes_the_place_of_one_without_numbers(file):
    file.write_text("Key,Title,Estimate,Size\nA-1,Fix,S,3\nA-2,Break,M,x\n")

    text = run(file, "--project", "SHOP", "--create-project")

    assert "Column Estimate holds no numbers" in text
    assert "line 3: story points is not a number: 'x' (left empty)" in text
    assert list(Issue.objects.order_by("external_id").values_list("story_points", flat=True)) == [3.0, None]


def test_a_column_of_completion_without_dates_is_left_out_too(file):
    file.write_text("Key,Title,Resolved,Closed\nA-1,Fix,yes,2025-01-02\nA-2,Break,no,\n")

    text = run(file, "--project", "SHOP", "--create-project")

    assert "Column Resolved holds no dates: left out; --map resolved_at=… to choose another, --date-format" in text
    assert Issue.objects.filter(resolved_at__isnull=False).count() == 1


def test_a_bad_cell_among_numbers_costs_itself_and_no_row(file):
    file.write_text("Key,Title,Points\n" + "".join(f"{n},Fix,{'XL' if n == 1 else n}\n" for n in range(1, 5)))

    text = run(file, "--project", "SHOP", "--create-project")

    assert "line 2: story points is not a number: 'XL' (left empty)" in text
    assert "1 cells that cannot be read: left empty" in text
    assert "SHOP: 4 new." in text


def test_a_field_can_be_told_to_have_no_column(file):
    text = run(file, "--project", "SHOP", "--create-project", "--map", "actual_hours=")

    assert "Not read: hours\n" in text
    assert "SHOP: 1 new, 1 row not imported." in text


def test_columns_of_which_nothing_is_read_are_listed_in_one_line(file):
    file.write_text("Key,Title,Weather,Mood,Mood\nA-1,Fix,fair,good,better\n")

    text = run(file, "--project", "SHOP", "--create-project")

    assert "Not read: Weather, Mood\n" in text


def test_the_json_report_tells_of_columns_left_out(file):
    file.write_text("Key,Title,Size,Mood\nA-1,Fix,S,good\n")

    report = json.loads(run(file, "--project", "SHOP", "--create-project", "--json"))

    assert report["notes"][0].startswith("Column Size holds no numbers")
    assert report["unread"] == ["Mood"]


def test_a_dry_run_shows_values_as_their_user_would_write_them(file):
    file.write_text(
        'Key,Title,Labels,Assignee,Reporter,Points,Created\nA-1,Fix,"a, b",Ada <ada@example.org>,Bob,3,2025-01-02\n'
    )

    text = run(file, "--project", "SHOP", "--create-project", "--dry-run")

    shown = dict(line.split(None, 1) for line in text.partition("is read as:\n")[2].splitlines()[:7])
    assert (shown["labels"], shown["assignee"], shown["reporter"]) == ("a, b", "Ada <ada@example.org>", "Bob")
    assert (shown["story_points"], shown["created_at"]) == ("3", "2025-01-02 00:00")


def test_ids_of_two_trackers_do_not_meet(file):
    run(file, "--project", "SHOP", "--create-project")
    run(file, "--project", "SHOP", "--source", "other")

    assert set(Issue.objects.values_list("source", "external_id")) == {("csv", "1"), ("other", "1")}


def test_a_file_cannot_steer_the_terminal(file):
    file.write_text(HEADER + "\x1b[2J,Break,Done,2,1901-01-01,\n")

    assert "\x1b" not in run(file, "--project", "SHOP", "--create-project", "--dry-run")


def test_the_report_is_available_as_json(file):
    report = json.loads(run(file, "--project", "SHOP", "--create-project", "--json"))

    assert (report["new"], report["error_count"], report["errors"][0]["line"]) == (1, 1, 3)


def test_columns_can_be_named_by_the_user(file):
    file.write_text("Nr,What,Took\n7,Fix,90\n")

    run(
        file,
        "--project",
        "SHOP",
        "--create-project",
        "--map",
        "external_id=Nr",
        "title=What",
        "--map",
        "actual_hours=Took:minutes",
    )

    assert list(Issue.objects.values_list("external_id", "title", "actual_hours")) == [("7", "Fix", 1.5)]


def test_a_lead_can_be_named(file):
    lead = UserFactory(email="lead@example.org")

    run(file, "--project", "SHOP", "--create-project", "--lead", "lead@example.org")

    assert Project.objects.get().team.get(role="lead").user == lead


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--project", "NONE"), "There is no project NONE. To make it: --create-project"),
        (("--project", "SHOP", "--create-project", "--map", "title"), "write it as FIELD=COLUMN"),
        (("--project", "SHOP", "--create-project", "--map", "titel=title"), "no field 'titel'"),
        (
            ("--project", "SHOP", "--create-project", "--lead", "nobody@example.org"),
            "There is no user nobody@example.org",
        ),
        (("--project", "shop", "--create-project"), "There can be no project 'shop'"),
        (("--project", "SHOP", "--create-project", "--errors", "/nowhere/errors.csv"), "cannot be written"),
        (("--project", "SHOP", "--create-project", "--save-as", "x" * 300), "name too long"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_left_behind(file, arguments, message):
    with pytest.raises(CommandError, match=message):
        run(file, *arguments)
    assert not Project.objects.exists()


def test_the_error_file_never_overwrites_the_input(file):
    with pytest.raises(CommandError, match="would be overwritten"):
        run(file, "--project", "SHOP", "--create-project", "--errors", file)
    assert file.read_text().startswith(HEADER)


def test_an_import_that_is_stopped_says_how_to_go_on(file, monkeypatch):
    monkeypatch.setattr("apps.importers.services.completed_counts", _interrupt)

    with pytest.raises(CommandError, match="running it again does the rest"):
        run(file, "--project", "SHOP", "--create-project")


def _interrupt(project):
    raise KeyboardInterrupt


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(CommandError, match="There is no file"):
        run(tmp_path / "missing.csv", "--project", "SHOP")


@needs_tasks
def test_the_sip_tasks_are_imported_as_they_are_and_all_unchanged_in_a_second_run():
    file = PUBLIC_DATA / "effort_sip" / "tasks.csv"

    text = run(file, "--project", "SIP", "--create-project")

    assert "SIP: 6,134 new, 16 people added to the team." in text
    assert "6,134 completed issues with hours: an effort model can be trained (50 are needed)." in text
    issue = Issue.objects.get(external_id="2283")
    assert (issue.issue_type.name, issue.component, issue.labels) == (
        "story",
        "PC9",
        ["PBC11", "Development", "Enhancement"],
    )
    assert (issue.estimated_hours, issue.actual_hours, issue.assignee.full_name) == (7.0, 7.0, "13")
    assert issue.status.category == "done"
    assert "SIP: 0 new, 6,134 unchanged." in run(file, "--project", "SIP")


@needs_public("jira_issues")
@pytest.mark.parametrize("name", ["XD", "CXX", "APIKIT"])
def test_jira_issues_are_imported_as_they_are_and_stay_the_same_in_a_second_run(name):
    file = PUBLIC_DATA / "jira_issues" / f"{name}.csv"

    first = json.loads(run(file, "--project", name, "--create-project", "--json"))
    second = json.loads(run(file, "--project", name, "--json"))

    assert first["new"] == second["unchanged"] > 100
    # A few closed issues have no date of resolution; epics and sub-tasks are not counted.
    counted = Issue.objects.filter(project__key=name, issue_type__counts=True).count()
    assert 0 <= counted - first["with_points"] <= 5
    assert first["error_count"] == second["new"] == second["changed"] == 0


@pytest.mark.parametrize("more", [(), ("--dry-run",), ("--dry-run", "--json")])
def test_a_file_of_which_no_row_can_be_used_is_a_failure(tmp_path, more, capsys):
    path = tmp_path / "bad.csv"
    path.write_text(HEADER + BAD + BAD.replace("2,Break", "3,Smash"))

    with pytest.raises(CommandError, match="No row can be used"):
        call_command("import_issues", str(path), "--project", "SHOP", "--create-project", "Shop", *more)

    assert "resolved (2025-01-01 00:00) before created" in capsys.readouterr().out


def test_rows_are_told_in_the_order_of_the_file(tmp_path, capsys):
    path = tmp_path / "bad.csv"
    path.write_text(HEADER + GOOD + "".join(BAD.replace("2,Break", f"{n},Smash") for n in (5, 4, 3)) + ",,,,,\n")

    told = [
        line for line in run(path, "--project", "SHOP", "--create-project", "Shop").splitlines() if line[:5] == "line "
    ]

    assert told == sorted(told)


def test_how_to_date_sprints_by_options_is_said_where_there_are_options(tmp_path):
    path = tmp_path / "sprints.csv"
    path.write_text("id,title,sprint,created\n1,Fix,Sprint 1,2025-01-01\n")

    text = run(path, "--project", "SHOP", "--create-project", "Shop")

    assert "(--sprints 2026-03-02/14d)" in text
    assert "--" not in ImportRun.objects.get().report["sentence"]


def test_a_file_without_a_project_is_told_how_to_make_one(file):
    with pytest.raises(CommandError, match="--create-project"):
        run(file, "--dry-run")
