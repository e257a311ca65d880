"""What an erasure would do is said before, and nothing is done."""

import json

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.importers.tests.test_dry_run import in_another_process
from apps.ml.storage import get_object_store
from apps.projects.models import Project
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from apps.upkeep import erasing
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
    assert foreseen["counts"]["objects"] == 3
    call_command("erase_person", "ada@example.com", "--dry-run")
    said = capsys.readouterr().out
    assert said.endswith("Nothing was changed. It cannot be taken back once it is done.\n")
    assert " 0  " not in said
    assert foreseen["counts"] == told(capsys, "erase_person", "ada@example.com")["counts"]


@pytest.mark.django_db(transaction=True)
def test_while_it_is_told_what_would_change_others_write(monkeypatch, capsys):
    person = UserFactory(email="ada@example.com", full_name="Ada Lovelace")
    IssueFactory(assignee=person, title="As Ada Lovelace said")
    erase_rows = erasing._erase_rows

    def then(*args):
        counts = erase_rows(*args)
        in_another_process(lambda: ProjectFactory(key="OTHER"))
        return counts

    monkeypatch.setattr(erasing, "_erase_rows", then)

    told(capsys, "erase_person", "ada@example.com", "--dry-run")

    assert Project.objects.filter(key="OTHER").exists()
    assert User.objects.filter(full_name="Ada Lovelace").exists()


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
