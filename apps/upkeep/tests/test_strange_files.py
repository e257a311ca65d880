"""What is no file of ours in the folder of the model store is not read, is told in a line, and stops nothing."""

import os
import socket
from pathlib import Path

import pytest
from django.core.management import call_command

from apps.accounts.tests.factories import UserFactory
from apps.ml.core.records import IssueFacts
from apps.ml.services import ModelLoader
from apps.ml.services.effort.answering import answer_effort
from apps.ml.services.upkeep.verification import verify_store
from apps.ml.storage import get_object_store
from apps.ml.storage.objects import MAX_OBJECT_BYTES
from apps.projects.tests.factories import ProjectFactory
from apps.upkeep.backup import backup
from apps.upkeep.erasing import erase_person, erase_project

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_training_begins")]


def bind(path: Path) -> None:
    # Names of sockets are short, folders of tests long.
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def grow(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MAX_OBJECT_BYTES + 1)


STRANGE = {
    "fifo": os.mkfifo,
    "socket": bind,
    "huge": grow,
    "link": lambda path: path.symlink_to("/etc/hostname"),
    "link to nowhere": lambda path: path.symlink_to("/nowhere"),
    "link to itself": lambda path: path.symlink_to(path),
    "link to a folder": lambda path: path.symlink_to("/etc"),
}
PLACES = ("ml_models/effort_prediction/x/planted", "ml_datasets/planted", "ml_indexes/planted")


@pytest.fixture(params=STRANGE.values(), ids=STRANGE)
def strange(request):
    return request.param


def test_what_somebody_put_there_stops_nothing(trained, now, tmp_path, strange, caplog):
    root = get_object_store().directory
    for place in PLACES:
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        strange(root / place)
    UserFactory(email="ada@example.com")

    assert verify_store(now=now).of("damaged") == []
    call_command("verify_ml_models", "--delete-orphans")
    assert backup(tmp_path / "kept.backup", now=now).missing == ()
    assert erase_person("ada@example.com", now=now)

    told = [line for line in caplog.text.splitlines() if "not read" in line or "Not searched" in line]
    assert any("planted" in line for line in told)


def test_in_place_of_a_model_it_is_damage_and_the_next_method_answers(trained, now, tmp_path, strange):
    root = get_object_store().directory
    for key in (trained.serving_key, trained.dataset_key):
        (root / key).unlink()
        strange(root / key)
    ModelLoader().clear_cache()

    given = answer_effort(IssueFacts("Change the label"), trained.project_id)
    found = verify_store(now=now)

    assert (given.model, given.answer.method) == (None, "similarity")
    assert {each.key for each in found.of("damaged")} == {trained.serving_key, trained.dataset_key}
    assert set(backup(tmp_path / "kept.backup", now=now).missing) == {trained.serving_key, trained.dataset_key}


@pytest.mark.parametrize("name", [".DS_Store", ".nfs00000000012", "serving.npz~", "serving (copy).npz", "größe+1.npz"])
def test_a_file_of_a_name_that_we_give_to_nothing_stops_nothing_either(trained, now, tmp_path, caplog, name):
    root = get_object_store().directory
    project = ProjectFactory(key="GONE")
    for folder in ("ml_models/effort_prediction", "ml_datasets", "ml_indexes", f"ml_datasets/{project.pk}"):
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / name).write_text("somebody else's")
    UserFactory(email="ada@example.com")

    record = erase_person("ada@example.com", now=now)
    assert erase_project(project.key, now=now).signature

    assert record.signature
    assert sum(f"Not searched: {folder}" in caplog.text for folder in ("ml_models", "ml_datasets", "ml_indexes")) == 3
    verify_store(now=now)
    call_command("verify_ml_models", "--delete-orphans")
    assert backup(tmp_path / "kept.backup", now=now).missing == ()
    assert (root / "ml_datasets" / name).exists()
