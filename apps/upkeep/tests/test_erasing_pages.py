"""What is removed is in no file of SQLite any more: neither in freed pages, nor in the log that others keep open."""

import pytest

from tests.processes import ROOT, Processes, kept_environment

#: An installation in which another process keeps the database open, and texts name somebody.
BEGUN = """
import sqlite3
from pathlib import Path
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from apps.accounts.models import User
from apps.common import page_marks
from apps.common.tasks import empty_logs
from apps.projects.models import Project
from apps.projects.tests.factories import IssueFactory, TeamMemberFactory
from apps.upkeep import alone

EMAIL, NAME = "ann@example.com", "Ann Smith"
folder = Path(settings.VAR_DIR)
def held():
    files = [path for path in sorted(folder.glob("*.sqlite3*")) if not path.name.endswith("-shm")]
    return [path.name for path in files if NAME.encode() in path.read_bytes()]

other = sqlite3.connect(folder / "db.sqlite3", isolation_level=None)
other.execute("select count(*) from accounts_user").fetchall()
team = TeamMemberFactory(user=User.objects.create_user(EMAIL, full_name=NAME)).project
for at in range(40):
    IssueFactory(project=team, title=f"{at} ask {NAME}", description="x" * 50 * at)
connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
User.objects.filter(email=EMAIL).update(last_login=timezone.now())
page_marks.keep("a page", NAME, now=timezone.now().timestamp())
alone._PATIENCE_SECONDS = alone._PATIENCE_OF_REQUESTS_SECONDS = 0.5
print(held())
"""


@pytest.fixture
def told(tmp_path, with_tables):
    """What a program prints in such an installation, line by line."""
    with_tables(tmp_path)
    processes = Processes(tmp_path, kept_environment() | {"SCRUM_ML_VAR_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)})
    return lambda program: processes.script(BEGUN + program).splitlines()


BEFORE = "['db.sqlite3', 'db.sqlite3-wal', 'throttle.sqlite3-wal']"


@pytest.mark.parametrize(
    "removal", ["call_command('erase_person', EMAIL, json=True)", "User.objects.get(email=EMAIL).delete()"]
)
def test_nothing_is_left_of_a_person_while_others_keep_the_database_open(told, removal):
    lines = told(f"{removal}\nprint(held())")

    assert (lines[0], lines[-1]) == (BEFORE, "[]")


def test_nothing_is_left_of_a_project_but_where_it_is_kept(told):
    lines = told("""
Project.objects.get(pk=team.pk).delete()
wal = folder / "db.sqlite3-wal"
print(wal.stat().st_size, (folder / "db.sqlite3").read_bytes().count(b" ask Ann Smith"))
""")

    assert (lines[0], lines[-1]) == (BEFORE, "0 0")


def test_while_somebody_reads_an_erasure_says_so_and_the_next_minute_does_the_rest(told):
    lines = told("""
other.execute("BEGIN")
other.execute("select count(*) from projects_issue").fetchall()
try:
    call_command("erase_person", EMAIL)
except CommandError as error:
    print(error)
print(held())
empty_logs()
print(held())
other.execute("COMMIT")
empty_logs()
print(held())
print(connection.cursor().execute("PRAGMA busy_timeout").fetchone(), User.objects.filter(email=EMAIL).count())
""")

    assert lines[0] == BEFORE
    assert any("Erased. The search finds nothing any more" in line for line in lines)
    assert "log (-wal) keeps pages of before until it ends" in lines[-5]
    assert lines[-4:] == ["['db.sqlite3', 'db.sqlite3-wal']"] * 2 + ["[]", "(20000,) 0"]


def test_a_deletion_while_somebody_reads_is_done_and_the_next_minute_does_the_rest(told):
    lines = told("""
other.execute("BEGIN")
other.execute("select count(*) from projects_issue").fetchall()
User.objects.get(email=EMAIL).delete()
other.execute("COMMIT")
print(bool(held()), User.objects.filter(email=EMAIL).count())
empty_logs()
print(held())
""")

    assert (lines[0], lines[-2:]) == (BEFORE, ["True 0", "[]"])


def test_what_is_deleted_is_overwritten_whatever_sqlite_was_built_with(told):
    lines = told("""
from apps.common.passing import run
print(connection.cursor().execute("PRAGMA secure_delete").fetchone(), run("PRAGMA secure_delete", []))
""")

    assert lines[-1] == "(1,) (1,)"


def test_where_pages_ended_is_not_taken_for_removed_while_their_file_is_held(told):
    lines = told("""
holder = sqlite3.connect(folder / "throttle.sqlite3", isolation_level=None)
holder.execute("BEGIN IMMEDIATE")
try:
    call_command("erase_person", EMAIL)
except CommandError as error:
    print(error)
print(held())
holder.execute("ROLLBACK")
page_marks.forget_old(now=timezone.now().timestamp() + page_marks.KEPT_FOR_SECONDS)
empty_logs()
print(held())
""")

    assert lines[0] == BEFORE
    assert "could not be removed from throttle.sqlite3 (database is locked)" in lines[-3]
    assert lines[-2:] == ["['throttle.sqlite3-wal']", "[]"]


def test_where_pages_ended_is_removed_by_an_erasure_that_ends_in_part(told):
    lines = told("""
from apps.upkeep.management.commands import erase_person as command
def ends_in_part(*args, **options):
    raise command.ApplicationError("In part.")
command.erase_person = ends_in_part
try:
    call_command("erase_person", EMAIL)
except CommandError as error:
    print(error)
print(held())
""")

    assert (lines[0], lines[-2:]) == (BEFORE, ["In part.", "['db.sqlite3']"])


def test_where_pages_ended_is_removed_with_a_project_that_is_erased(told):
    lines = told("""
call_command("erase_project", team.key, json=True)
marks = sqlite3.connect(folder / "throttle.sqlite3").execute("select key, mark from common_pagemark")
print(held(), marks.fetchall())
""")

    assert (lines[0], lines[-1]) == (BEFORE, "['db.sqlite3'] [('erased', '')]")
