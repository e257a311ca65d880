"""A copy of the database takes a name of its own before it writes or removes anything; what was renamed does not."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.ml.models import Installation, MLModel
from apps.ml.services.upkeep import installation as installations
from apps.ml.services.upkeep import places
from apps.ml.services.upkeep.installation import neighbours, take_over, this_installation
from apps.ml.services.upkeep.strays import REMOVED_AFTER, sweep_store
from apps.ml.services.upkeep.verification import delete_orphans, verify_store
from apps.ml.storage import get_object_store
from apps.ml.storage.errors import StorageError
from apps.projects.services import delete_project

pytestmark = pytest.mark.django_db
ELSEWHERE = ["sqlite/another machine/srv/copy/db.sqlite3", "file/7/12"]


@pytest.fixture
def later():
    return timezone.now() + timedelta(hours=2)


@pytest.fixture
def be_a_copy(monkeypatch):
    """This database lies elsewhere from now on."""
    return lambda where=ELSEWHERE: monkeypatch.setattr(places, "place", lambda: where)


def keys_of(model):
    return {model.s3_key, model.serving_key, model.dataset_key}


def all_are_there(keys):
    return all(get_object_store().exists(key) for key in keys)


def test_the_place_is_told_the_same_each_time(db):
    assert places.place() == places.place() != []


def test_a_copy_takes_another_name_at_once_says_so_and_marks_what_its_rows_name(trained, be_a_copy, caplog):
    original = this_installation()
    be_a_copy()

    us = this_installation()

    assert us != original
    assert this_installation() == us
    assert f"--take-over {original}" in caplog.text
    assert neighbours() == [str(original)]
    found = {mark.key for mark in get_object_store().list(f"ml_written_by/{us}")}
    assert found == {f"ml_written_by/{us}/{key}" for key in keys_of(trained)}


@pytest.mark.parametrize("remove", ["orphans", "nights"])
def test_a_copy_that_is_scrubbed_at_once_removes_nothing_of_the_original(trained, team, be_a_copy, later, remove):
    keys = keys_of(trained)
    this_installation()
    be_a_copy()
    delete_project(team)

    if remove == "orphans":
        delete_orphans(verify_store(now=later))
    else:
        sweep_store(now=later)
        sweep_store(now=later + REMOVED_AFTER)

    assert all_are_there(keys)


def test_what_could_not_be_marked_at_once_is_marked_by_the_next_night(trained, be_a_copy, later, monkeypatch):
    this_installation()
    be_a_copy()

    def away(*_):
        raise StorageError("away")

    with monkeypatch.context() as outage:
        outage.setattr(installations, "mark", away)
        us = this_installation()
    assert get_object_store().list(f"ml_written_by/{us}") == []

    sweep_store(now=later)

    assert len(get_object_store().list(f"ml_written_by/{us}")) == len(keys_of(trained))


def test_what_the_original_trained_since_is_no_orphan_of_the_copy(trained, be_a_copy, later):
    this_installation()
    be_a_copy()
    MLModel.objects.all().delete()

    assert {finding.fault for finding in verify_store(now=later).findings} == {"foreign"}


def test_a_database_that_was_moved_makes_its_own_its_own_again(trained, team, be_a_copy, later):
    keys, before = keys_of(trained), this_installation()
    be_a_copy()
    this_installation()

    take_over(str(before))
    delete_project(team)
    sweep_store(now=later)

    assert sweep_store(now=later + REMOVED_AFTER) == len(keys)
    assert neighbours() == []


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["sqlite/another machine/srv/new/db.sqlite3", "file/7/12"], id="the file has another path"),
        pytest.param(["sqlite//srv/copy/db.sqlite3", "file/7/12"], id="the file in a container"),
        pytest.param([*ELSEWHERE[:1], "file/8/12"], id="the file system has another number"),
    ],
)
def test_one_database_keeps_its_name_by_its_file(db, be_a_copy, names):
    be_a_copy()
    us = this_installation()
    be_a_copy(names)
    assert this_installation() == us
    assert Installation.objects.get().places == names


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([*ELSEWHERE[:1], "file/7/13"], id="another file at its path"),
        pytest.param(["sqlite//srv/copy/db.sqlite3", "file/8/12"], id="the number of another container's file"),
        pytest.param(["sqlite/third machine/srv/copy/db.sqlite3", "file/8/12"], id="another machine"),
    ],
)
def test_whatever_may_be_a_copy_takes_another_name(db, be_a_copy, names):
    """Such as `mv var old; cp -a old var`: both go on, and the old one is the same file."""
    be_a_copy()
    us = this_installation()
    be_a_copy(names)

    assert this_installation() != us


def test_a_copy_where_the_database_lay_before_takes_another_name(db, be_a_copy):
    this_installation()
    be_a_copy(["sqlite/another machine/srv/new/db.sqlite3", "file/8/40"])
    us = this_installation()
    be_a_copy(["sqlite/another machine/srv/copy/db.sqlite3", "file/7/41"])

    assert this_installation() != us


@pytest.mark.skipif(connection.vendor != "sqlite", reason="It is about files")
@pytest.mark.parametrize("machine", ["a machine", ""])
def test_a_file_is_known_by_itself_wherever_it_lies(db, tmp_path, monkeypatch, machine):
    """In a container all paths are the same, and there is no machine."""

    def lies_at(path):
        monkeypatch.setitem(connection.settings_dict, "NAME", str(path))
        return places.place()

    (tmp_path / "machine-id").write_text(machine)
    monkeypatch.setattr(places, "_MACHINE", tmp_path / "machine-id")
    path = tmp_path / "db.sqlite3"
    path.touch()
    before = lies_at(path)

    moved = path.rename(tmp_path / "moved.sqlite3")
    path.touch()

    assert places.is_one(before, lies_at(moved))
    assert not places.is_one(before, lies_at(path)), "a copy, or another file that was put back"
    assert not places.is_one(lies_at(moved), lies_at(path))
    assert places.is_one([f"sqlite/{machine}/{path}"], lies_at(path)), "noted before files were"


@pytest.mark.skipif(connection.vendor != "postgresql", reason="It is about PostgreSQL's rights")
def test_a_role_that_may_not_ask_for_the_cluster_is_told_so(db, caplog):
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE bare; GRANT bare TO CURRENT_USER")
        cursor.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC; SET LOCAL ROLE bare")
    places._of_postgresql.cache_clear()

    assert places.place()[0].startswith("postgresql//")

    assert "GRANT EXECUTE ON FUNCTION pg_control_system()" in caplog.text
    places._of_postgresql.cache_clear()


def test_a_database_of_before_there_were_places_keeps_its_name(db):
    us = this_installation()
    Installation.objects.update(places=[])

    assert this_installation() == us
    assert Installation.objects.get().places == places.place()
