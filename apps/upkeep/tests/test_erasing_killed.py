"""An erasure whose process is killed after its first commit, as by kill -9 or a power cut, is done to its end."""

import pytest

from tests.processes import ROOT, Processes, kept_environment

BEGIN = """
import os
from django.core.management import call_command
from apps.accounts.models import User
from apps.ml.storage import get_object_store
from apps.projects.tests.factories import IssueFactory, TeamMemberFactory
from apps.upkeep import erasing
from apps.upkeep.models import ErasureRecord
from apps.upkeep.records import verify_record
from apps.upkeep.tasks import LEFT_TO_ITSELF, finish_erasures
from apps.upkeep.texts import found_in_database, search_store

EMAIL, NAME = "ann@example.com", "Ann Smith"
def is_named():
    return bool(found_in_database([EMAIL, NAME]) or search_store([EMAIL, NAME]).found)
"""
#: Texts are written while the first search goes on; the process is dead before the next one.
KILLED = """
team = TeamMemberFactory(user=User.objects.create_user(EMAIL, full_name=NAME)).project
true = erasing._once_more
def meanwhile(*given, **more):
    IssueFactory(project=team, title=f"Ask {NAME}")
    get_object_store().put(f"ml_datasets/{team.pk}/training_set_20260302.jsonl", NAME.encode())
    return true(*given, **more)
erasing._once_more = meanwhile
erasing.wait_for_imports = lambda: os._exit(0)
"""
THE_REST = """
print(is_named(), User.objects.filter(email=EMAIL).exists())
record = ErasureRecord.objects.get()
ErasureRecord.objects.update(erased_at=record.erased_at - LEFT_TO_ITSELF * 2)
"""


@pytest.fixture
def script(tmp_path, with_tables):
    with_tables(tmp_path)
    processes = Processes(tmp_path, kept_environment() | {"SCRUM_ML_VAR_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)})
    return lambda program: processes.script(BEGIN + program).splitlines()


# What does the rest knows the record alone, and not what has begun it.
@pytest.mark.parametrize(
    ("removal", "rest"),
    [
        ("call_command('erase_person', EMAIL)", "finish_erasures()"),
        ("User.objects.get(email=EMAIL).delete()", "call_command('erase_person', EMAIL)"),
    ],
    ids=["erase-clock", "delete-again"],
)
def test_who_is_killed_after_the_first_commit_leaves_what_the_next_one_needs(script, removal, rest):
    script(f"{KILLED}{removal}")

    lines = script(
        f"{THE_REST}{rest}\nrecord.refresh_from_db()\nprint(is_named(), record.unfinished, verify_record(record))"
    )

    assert (lines[0], lines[-1]) == ("True False", "False None True")
