"""What an erasure would do is said before, and nothing is done."""

import json

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.tests.factories import UserFactory
from apps.ml.storage import get_object_store
from apps.projects.tests.factories import IssueFactory, TeamMemberFactory
from apps.upkeep.models import ErasureRecord
from apps.upkeep.tests.test_erasing import connection_dump

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_training_begins")]


def everything():
    objects = [each.key for prefix in ("ml_models", "ml_datasets") for each in get_object_store().list(prefix)]
    return sorted(connection_dump()), objects


def told(capsys, *command):
    call_command(*command, "--json")
    return json.loads(capsys.readouterr().out)


def test_of_a_person(trained, team, capsys):
    person = UserFactory(email="ada@example.com", full_name="Ada Lovelace")
    TeamMemberFactory(project=team, user=person)
    IssueFactory(project=team, assignee=person, title="As Ada Lovelace said")
    before = everything()

    foreseen = told(capsys, "erase_person", "ada@example.com", "--dry-run")

    assert everything() == before
    assert foreseen["record"] is None
    assert foreseen["counts"].pop("objects") == 3
    call_command("erase_person", "ada@example.com", "--dry-run")
    said = capsys.readouterr().out
    assert said.endswith("Nothing was changed. It cannot be taken back once it is done.\n")
    assert " 0  " not in said
    assert foreseen["counts"] == told(capsys, "erase_person", "ada@example.com")["counts"]


def test_of_a_project(trained, team, capsys):
    before = everything()

    foreseen = told(capsys, "erase_project", team.key, "--dry-run")

    assert everything() == before
    assert foreseen["counts"]["objects"] == 3
    assert foreseen["counts"] == told(capsys, "erase_project", team.key)["counts"]
    assert ErasureRecord.objects.count() == 1


def test_of_nobody(capsys):
    for command, name in (("erase_person", "ghost@example.com"), ("erase_project", "NONE")):
        with pytest.raises(CommandError):
            call_command(command, name, "--dry-run")
