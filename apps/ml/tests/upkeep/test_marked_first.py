"""An object is somebody's from its first moment, and never by a mark that was put on what somebody else wrote."""

import os
import re
from datetime import timedelta
from itertools import count
from uuid import uuid4

import pytest
from django.utils import timezone

from apps.ml.models import Installation
from apps.ml.services import ModelTrainer
from apps.ml.services.upkeep.installation import become_another, neighbours, note_activity, our_names, take_over
from apps.ml.services.upkeep.strays import REMOVED_AFTER, Listing, sweep_store
from apps.ml.services.upkeep.verification import delete_orphans, verify_store
from apps.ml.storage import get_object_store
from apps.ml.storage.errors import StorageError
from apps.ml.storage.keys import dataset_key
from apps.ml.storage.marks import mark, put_marked
from apps.ml.storage.objects import ObjectStore
from apps.ml.storage.s3 import S3ModelStorageService
from apps.ml.tests.outages import put_breaks
from apps.projects.services import delete_project

pytestmark = pytest.mark.django_db
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def marks_of(key):
    return Listing.of(get_object_store()).marks.get(key, set())


def listing():
    return Listing.of(get_object_store())


@pytest.mark.parametrize("at", range(6))
@pytest.mark.parametrize("ended", [StorageError, SystemExit])
def test_a_training_that_is_refused_or_ends_at_any_object_or_mark_leaves_nothing_that_is_nobodys(
    team, now, monkeypatch, at, ended
):
    with put_breaks(monkeypatch, at, ended), pytest.raises(ended):
        ModelTrainer().train_effort_prediction_model(team.id, now=now, keep_failure=False)

    assert set(listing().objects) <= set(listing().marks)
    note_activity(timezone.now())
    delete_orphans(verify_store(now=timezone.now() + timedelta(hours=2)))
    assert listing().objects == {}
    sweep_store(now=timezone.now() + timedelta(hours=2))
    assert len(listing().marks) == (at % 2)
    sweep_store(now=timezone.now() + REMOVED_AFTER)
    assert listing().marks == {}


@pytest.mark.engine
@pytest.mark.parametrize("refused", ["ml_written_by", "ml_written_by/[^/]+/ml_models", "ml_models", ".*serving"])
def test_a_server_that_refuses_leaves_nothing_for_good(s3_proxy, team, now, settings, refused):
    asked = re.compile(rf"PUT /[^/]+/{settings.AWS_STORAGE_PREFIX}/{refused}".encode())
    s3_proxy.instead = lambda data: FORBIDDEN if asked.match(data) else None

    with pytest.raises(StorageError, match=r"S3 upload failed.*403 Forbidden"):
        ModelTrainer().train_effort_prediction_model(team.id, now=now, keep_failure=False)

    assert set(listing().objects) <= set(listing().marks)
    note_activity(timezone.now() + timedelta(seconds=5))
    delete_project(team)
    begin = timezone.now() + timedelta(hours=2)
    sweep_store(now=begin)
    sweep_store(now=begin + REMOVED_AFTER)
    assert listing().objects == listing().marks == {}


@pytest.mark.parametrize("other", [None, uuid4()], ids=["nobody", "another installation"])
def test_what_lay_there_before_is_not_ours_for_our_having_met_it(team, now, other):
    store, key = get_object_store(), dataset_key(team.id, now, extension="jsonl")
    store.put(key, b"theirs")
    if other is not None:
        mark(store, other, key)
    an_hour_ago = timezone.now().timestamp() - 3600
    os.utime(store.directory / key, (an_hour_ago, an_hour_ago))

    stored = S3ModelStorageService(our_names()).upload_dataset(team.id, b"ours", extension="jsonl", now=now)

    assert stored.key != key
    assert marks_of(stored.key) == {our_names()[0]}
    assert marks_of(key) == ({str(other)} if other else set())


def test_what_a_colleague_of_the_same_installation_writes_between_keeps_its_mark(team, now, monkeypatch):
    """Two trainings of one project on one day meet at the same key."""
    real, key, met = ObjectStore.put, dataset_key(team.id, now, extension="jsonl"), []

    def after_the_colleague(self, put, data):
        if put == key and not met:
            met.append(key)
            put_marked(self, our_names()[0], key, b"the colleague's")
        real(self, put, data)

    monkeypatch.setattr(ObjectStore, "put", after_the_colleague)

    stored = S3ModelStorageService(our_names()).upload_dataset(team.id, b"ours", extension="jsonl", now=now)

    assert stored.key != key
    assert marks_of(key) == marks_of(stored.key) == {our_names()[0]}


def test_marks_of_nothing_of_others_stay(team, now):
    mark(get_object_store(), uuid4(), dataset_key(team.id, now, extension="jsonl"))

    sweep_store(now=timezone.now() + 2 * REMOVED_AFTER)

    assert len(listing().marks) == 1


def test_a_service_lets_go_what_its_predecessor_wrote(team, now):
    stored = S3ModelStorageService(our_names()).upload_index(team.id, b"titles", now=now)
    become_another(Installation.objects.get())

    S3ModelStorageService(our_names()).delete_object(stored.key)

    assert listing().objects == {}
    assert listing().marks == {}


def test_a_take_over_that_breaks_off_goes_on_with_the_same_command(trained, monkeypatch):
    original, real, deleted = our_names()[0], ObjectStore.delete, count()
    become_another()

    def breaks(self, key):
        if next(deleted) == 1:
            raise StorageError("refused")
        real(self, key)

    with monkeypatch.context() as outage:
        outage.setattr(ObjectStore, "delete", breaks)
        with pytest.raises(StorageError):
            take_over(original)
    assert neighbours() == [original]

    take_over(original)

    assert neighbours() == []
    assert all(names == {our_names()[0]} for names in listing().marks.values())
