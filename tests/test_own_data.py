"""`./run` on a user's own issues, and the project's commands on a fresh clone: what they decide, without a process."""

import errno
from pathlib import Path

import pytest
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
        (OperationalError("database or disk is full\nLINE 1"), "the database cannot be used: database or disk is full"),
        (OSError(errno.EROFS, "Read-only file system", "/srv/x"), "/srv/x cannot be used: Read-only file system"),
    ],
)
def test_a_start_that_the_disk_ends_is_one_clear_line(fault, told, monkeypatch):
    def prepare(*_):
        raise fault

    monkeypatch.setattr(demonstration, "prepare", prepare)

    with pytest.raises(SystemExit) as refused:
        launch.prepare(None, None, "http://127.0.0.1:8000")

    assert refused.value.code == f"run: {told}"


def test_a_file_whose_name_is_too_long_is_no_file():
    with pytest.raises(SystemExit, match="there is no file"):
        launch.prepare(Path("x" * 300), None, "http://127.0.0.1:8000")


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
