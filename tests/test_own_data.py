"""`./run` on a user's own issues, and the project's commands on a fresh clone: what they decide, without a process."""

import errno
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from base import demonstration, launch, migrating


@pytest.mark.parametrize(
    ("arguments", "source"),
    [
        (["--github", "octocat/spoon"], "github:octocat/spoon"),
        (["--github", "https://github.com/octocat/spoon/"], "github:octocat/spoon"),
        (["--jira", "https://acme.atlassian.net/browse/SHOP-1"], "jira:https://acme.atlassian.net/browse/SHOP-1"),
        (["--jira", "acme.atlassian.net/browse/SHOP-1"], "jira:https://acme.atlassian.net/browse/SHOP-1"),
        (["--jira", "https://jira.example.com/projects/SHOP"], "jira_dc:https://jira.example.com/projects/SHOP"),
        ([], None),
    ],
)
def test_a_tracker_is_named_as_people_know_it(arguments, source):
    assert launch.tracker_of(launch.parse(arguments)) == source


def test_two_sources_at_once_are_one_clear_line():
    with pytest.raises(SystemExit, match="--data and --github are two sources"):
        launch.parse(["--data", "a.csv", "--github", "octocat/spoon"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--por=8000"], "there is no option --por; did you mean --port?"),
        (["--verbose"], "there is no option --verbose; ./run --help lists what there is."),
        (["demo"], "there is no command demo; ./run --help lists what there is."),
        (["--port", "x"], "argument --port: invalid int value: 'x'; ./run --help lists what there is."),
        (
            ["serve", "--data", "mine.csv"],
            "serve prepares nothing and takes no --data: ./run --data … imports, trains and serves.",
        ),
        (["--host", ""], "--host is empty; leave it out, or say which."),
        (["--github", " "], "--github is empty; leave it out, or say which."),
        (["--data", ""], "--data is empty; leave it out, or say which."),
    ],
)
def test_a_mistaken_command_line_is_one_clear_line(arguments, told):
    with pytest.raises(SystemExit) as refused:
        launch.parse(arguments)

    # What Python writes to the standard error, with the code 1.
    assert refused.value.code == f"run: {told}"


@pytest.mark.parametrize(
    ("host", "port", "told"),
    [
        ("127.0.0.1", 0, "0 is not a port; ports go from 1 to 65535."),
        ("127.0.0.1", -1, "-1 is not a port; ports go from 1 to 65535."),
        ("é..é", 8000, "é..é is no name of a host; choose one with --host."),
    ],
)
def test_an_address_that_nobody_can_listen_on_is_one_clear_line(host, port, told):
    with pytest.raises(SystemExit) as refused:
        launch.check_address(host, port)

    assert refused.value.code == f"run: {told}"


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (CommandError("nothing was imported"), "nothing was imported"),
        (OperationalError("database or disk is full\nLINE 1"), "the database cannot be used: database or disk is full"),
        (OSError(errno.EROFS, "Read-only file system", "/srv/x"), "/srv/x cannot be used: Read-only file system"),
    ],
)
def test_a_start_that_ends_early_is_one_clear_line(fault, told, monkeypatch):
    def prepare(*_):
        raise fault

    monkeypatch.setattr(demonstration, "prepare", prepare)

    with pytest.raises(SystemExit) as refused:
        launch.prepare(None, None, "http://127.0.0.1:8000")

    assert refused.value.code == f"run: {told}"


@pytest.mark.parametrize("name", ["nowhere.csv", "x" * 300])
def test_a_file_that_is_not_there_is_one_clear_line(name):
    with pytest.raises(SystemExit) as refused:
        launch.prepare(Path(name), None, "http://127.0.0.1:8000")

    assert refused.value.code == f"run: there is no file {name}."


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "told", "starts"),
    [
        ("id,title,hours\n,,3\n", "none of its 1 rows can be used; line 2: the row has neither a title nor an id.", 2),
        ("id,title\n", "it has no rows below its header.", 1),
    ],
)
def test_a_file_without_a_usable_row_is_a_failure_every_time(content, told, starts, tmp_path, settings):
    settings.VAR_DIR, file = tmp_path, tmp_path / "mine.csv"
    file.write_text(content)

    for _ in range(starts):
        with pytest.raises(CommandError) as refused:
            demonstration.load_issues(file)

        assert str(refused.value) == f"nothing was imported from {file}: {told}"


@pytest.mark.django_db
@pytest.mark.parametrize("n_letters", [300, 5_000])
def test_a_name_that_no_file_can_have_is_a_file_that_is_not_there(n_letters, tmp_path):
    with pytest.raises(CommandError, match="There is no file xxx"):
        call_command("report", "x" * n_letters, html=tmp_path / "page.html")


@pytest.mark.parametrize(
    ("arguments", "is_migrated"),
    [
        (["import_issues", "a.csv"], True),
        (["createsuperuser"], True),
        (["import_issues", "--help"], False),
        (["migrate"], False),
        (["version"], False),
        ([], False),
    ],
)
def test_a_command_of_the_project_makes_the_tables_of_a_fresh_clone(arguments, is_migrated, monkeypatch):
    made = []
    monkeypatch.setattr(migrating, "_has_tables", lambda: False)
    monkeypatch.setattr(migrating, "migrate", made.append)

    migrating.migrate_what_is_fresh(arguments)

    assert bool(made) is is_migrated


def test_where_there_are_tables_later_migrations_are_the_operators(monkeypatch):
    monkeypatch.setattr(migrating, "_has_tables", lambda: True)
    monkeypatch.setattr(migrating, "migrate", pytest.fail)

    migrating.migrate_what_is_fresh(["import_issues", "a.csv"])
