"""Objects that the store refuses to remove, for a reason of their own, keep no other one."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.ml.services.upkeep import strays
from apps.ml.services.upkeep.installation import note_activity, this_installation
from apps.ml.services.upkeep.strays import REMOVED_AFTER, sweep_store
from apps.ml.storage import get_object_store
from apps.ml.storage.errors import StorageError
from apps.ml.storage.marks import mark
from apps.ml.storage.objects import ObjectStore

pytestmark = pytest.mark.django_db
KEYS = [f"ml_datasets/global/training_set_202601{day:02}.jsonl" for day in range(1, 31)]
#: More than a sweep would try in a row, and the first by name.
HELD = KEYS[: len(KEYS) // 2]


@pytest.fixture
def orphans(monkeypatch):
    """Models of projects that are gone, half of which a folder's rights or a retention hold."""
    monkeypatch.setattr(strays, "MOST_REFUSED", 5)
    store, us = get_object_store(), this_installation()
    for key in KEYS:
        store.put(key, b"{}")
        mark(store, us, key)
    # Else they are of a time that the database does not know.
    note_activity(timezone.now() + timedelta(minutes=1))
    delete = ObjectStore.delete

    def held(self, key):
        if key in HELD:
            raise StorageError("held")
        return delete(self, key)

    monkeypatch.setattr(ObjectStore, "delete", held)
    return store


def test_in_some_nights_all_others_are_gone(orphans):
    begin = timezone.now() + timedelta(hours=2)
    sweep_store(now=begin)

    for night in range(7):
        with pytest.raises(StorageError, match=r"The store refused \d+ of \d+ objects: held"):
            sweep_store(now=begin + REMOVED_AFTER + timedelta(days=night))

    assert [key for key in KEYS if orphans.exists(key)] == HELD


def test_a_store_that_takes_no_mark_of_one_removes_the_others_all_the_same(orphans, trained, monkeypatch):
    begin = timezone.now() + timedelta(hours=2)
    sweep_store(now=begin)
    put = ObjectStore.put

    def refused(self, key, data):
        if key.startswith("ml_written_by"):
            raise StorageError("refused")
        put(self, key, data)

    monkeypatch.setattr(ObjectStore, "put", refused)
    for each in orphans.list("ml_written_by"):
        if each.key.endswith("joblib"):
            orphans.delete(each.key)

    with pytest.raises(StorageError):
        sweep_store(now=begin + REMOVED_AFTER)

    assert sum(map(orphans.exists, KEYS)) < len(KEYS)
