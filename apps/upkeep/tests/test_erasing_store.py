"""Whose objects an erasure removes where several installations, or none, have marked them."""

from uuid import uuid4

import pytest
from django.db import OperationalError
from django.utils import timezone

from apps.ml.models import Installation
from apps.ml.services.upkeep.installation import become_another, this_installation
from apps.ml.storage import get_object_store
from apps.ml.storage.marks import mark
from apps.projects.models import Project
from apps.projects.tests.factories import ProjectFactory
from apps.upkeep.alone import BrokenOff
from apps.upkeep.erasing import ErasureIncomplete, erase_person

pytestmark = pytest.mark.django_db
ADDRESS = "zenobia@elsewhere.example"


def kept_set(project_id) -> str:
    """A training set that names somebody, of which no row knows."""
    key = f"ml_datasets/{project_id}/training_set_20260302.jsonl"
    get_object_store().put(key, f'{{"title": "Ask {ADDRESS}"}}'.encode())
    return key


def is_there(key: str) -> bool:
    return bool(get_object_store().exists(key))


def test_what_was_trained_before_a_restore_in_place_is_ours_to_erase(model_store_dir):
    key = kept_set(ProjectFactory().pk)
    mark(get_object_store(), this_installation(), key)
    become_another(Installation.objects.get())

    erase_person(ADDRESS, now=timezone.now())

    assert not is_there(key)
    assert get_object_store().list("ml_written_by") == []


@pytest.mark.parametrize("of_a_project", [True, False])
def test_what_a_killed_worker_left_without_a_mark_is_erased(model_store_dir, of_a_project):
    this_installation()
    key = kept_set(ProjectFactory().pk if of_a_project else uuid4())

    erase_person(ADDRESS, now=timezone.now())

    assert not is_there(key)


@pytest.mark.parametrize("of_a_project", [True, False])
def test_without_a_mark_and_with_neighbours_only_what_lies_below_ones_own_project_is_ones_own(
    model_store_dir, of_a_project
):
    mark(get_object_store(), uuid4(), "ml_datasets/global/training_set_20260301.jsonl")
    key = kept_set(ProjectFactory().pk if of_a_project else uuid4())

    if of_a_project:
        erase_person(ADDRESS, now=timezone.now())
    else:
        with pytest.raises(ErasureIncomplete, match="Erase there as well; where one runs no more"):
            erase_person(ADDRESS, now=timezone.now())

    assert is_there(key) != of_a_project


def test_what_another_installation_has_marked_too_stays_its_own(model_store_dir):
    key = kept_set(ProjectFactory().pk)
    mark(get_object_store(), this_installation(), key)
    mark(get_object_store(), uuid4(), key)

    with pytest.raises(ErasureIncomplete, match="--take-over INSTALLATION"):
        erase_person(ADDRESS, now=timezone.now())

    assert is_there(key)


def test_a_database_that_fails_in_the_middle_leaves_an_erasure_that_says_so_and_is_repeated(
    model_store_dir, monkeypatch
):
    """The store knows no transactions: what is removed there stays removed."""
    key = kept_set(ProjectFactory(name=f"Ask {ADDRESS}").pk)

    def fails(*_, **__):
        raise OperationalError("terminating connection due to administrator command\nand more")

    with monkeypatch.context() as outage:
        outage.setattr("apps.upkeep.erasing.Unfinished.add", fails)
        with pytest.raises(BrokenOff, match=r"\(terminating .* command\) and is as before.* run the command again"):
            erase_person(ADDRESS, now=timezone.now())

    assert not is_there(key)
    assert Project.objects.filter(name__contains=ADDRESS).exists()
    erase_person(ADDRESS, now=timezone.now())
    assert not Project.objects.filter(name__contains=ADDRESS).exists()
