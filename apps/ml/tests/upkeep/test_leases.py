"""A copy of the database at work on the same store is found, and neither removes what both hold."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.ml.models import Installation, MLModel
from apps.ml.services.upkeep.installation import neighbours, this_installation
from apps.ml.services.upkeep.leases import KEPT_WORDS, renew_lease
from apps.ml.services.upkeep.strays import REMOVED_AFTER, sweep_store
from apps.ml.services.upkeep.verification import delete_orphans, verify_store
from apps.ml.storage import get_object_store
from apps.ml.tasks import renew_store_lease
from apps.projects.services import delete_project

pytestmark = pytest.mark.django_db


def words():
    return [found.key for found in get_object_store().list("ml_leases")]


class Databases:
    """Two databases that began as one: which of them this is, as far as the store is concerned."""

    def __init__(self):
        self.rows = {"original": self._row(), "copy": self._row()}

    @contextmanager
    def being(self, name):
        Installation.objects.all().delete()
        Installation.objects.create(**self.rows[name])
        yield
        self.rows[name] = self._row()

    @staticmethod
    def _row():
        return Installation.objects.values().get()


@pytest.fixture
def both(trained):
    renew_lease()
    return Databases()


def test_who_is_alone_stays_who_it_is_and_leaves_one_word(db):
    us = this_installation()

    assert [renew_lease() for _ in range(KEPT_WORDS + 3)] == [False] * (KEPT_WORDS + 3)

    assert this_installation() == us
    assert len(words()) == 1
    assert len(Installation.objects.get().words) == KEPT_WORDS


def test_who_meets_the_word_of_a_copy_takes_another_name_and_both_are_told(both, caplog):
    with both.being("original"):
        assert not renew_lease()
        us = this_installation()
    with both.being("copy"):
        assert renew_store_lease()
        assert this_installation() != us
        assert neighbours() == [str(us)]
        assert not renew_lease()
        other = this_installation()
    with both.being("original"):
        assert not renew_lease()
        assert neighbours() == [str(other)]
    assert "one is a copy of the other" in caplog.text


@pytest.mark.parametrize("first", ["original", "copy"])
def test_what_the_original_trains_is_not_removed_by_the_copy(both, trained, team, first):
    """The copy knows no row of it; here of nothing at all, which is the same."""
    keys = {trained.s3_key, trained.serving_key, trained.dataset_key}
    rows, later = list(MLModel.objects.all()), timezone.now() + timedelta(hours=2)
    for name in (first, "original", "copy"):
        with both.being(name):
            renew_lease()
    MLModel.objects.all().delete()

    with both.being("copy"):
        for night in range(10):
            Installation.objects.update(active_at=later + timedelta(days=night))
            sweep_store(now=later + timedelta(days=night))
        delete_orphans(verify_store(now=later + timedelta(days=20)))

    assert all(get_object_store().exists(key) for key in keys)
    MLModel.objects.bulk_create(rows)
    with both.being("original"):
        delete_project(team)
        Installation.objects.update(active_at=later + timedelta(days=20))
        sweep_store(now=later + timedelta(days=20))
        sweep_store(now=later + timedelta(days=20) + REMOVED_AFTER)
    assert not any(get_object_store().exists(key) for key in keys)


def test_what_lies_among_the_words_and_is_none_is_no_copys(both):
    (get_object_store().directory / "ml_leases" / str(this_installation()) / ".DS_Store").touch()

    assert not renew_lease()
