"""What a killed upload left in a store whose files need a name: it may hold a name, and no listing tells of it."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.ml.storage import get_object_store
from apps.projects.tests.factories import ProjectFactory, TeamMemberFactory
from apps.upkeep.erasing import erase_person, erase_project, foresee_person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_training_begins", "model_store_dir")]
EMAIL = "ann@example.com"
HOUR = timedelta(hours=1)


@pytest.fixture
def project():
    return TeamMemberFactory(project=ProjectFactory(key="SHOP"), user=UserFactory(email=EMAIL)).project


@pytest.fixture
def left(project):
    """What was left so long ago, below a project."""

    def left(age: timedelta) -> Path:
        path = Path(get_object_store().directory, f"ml_datasets/{project.pk}/.writing.12ab34cd")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"Ask {EMAIL}".encode())
        moment = (timezone.now() - age).timestamp()
        os.utime(path, (moment, moment))
        return path

    return left


@pytest.mark.parametrize("of_a_person", [True, False])
def test_an_erasure_removes_it_after_an_hour_and_tells_of_it_before(left, of_a_person):
    old = left(HOUR)
    young = old.with_name(".writing.56ef78ab")
    young.write_bytes(old.read_bytes())

    now = timezone.now()
    record = erase_person(EMAIL, now=now) if of_a_person else erase_project("SHOP", now=now)

    assert (old.exists(), young.exists()) == (False, True)
    assert list(record.not_searched) == [young.relative_to(get_object_store().directory).as_posix()]
    assert record.signature


def test_a_trial_of_an_erasure_removes_nothing(left):
    old = left(2 * HOUR)

    foresee_person(EMAIL)

    assert old.exists()


def test_the_deletion_of_an_account_removes_it(left, django_capture_on_commit_callbacks):
    old = left(HOUR)

    with django_capture_on_commit_callbacks(execute=True):
        User.objects.get(email=EMAIL).delete()

    assert not old.exists()
