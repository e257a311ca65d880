"""Erasures that broke off are gone on with one by one: none keeps another from its end."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from apps.accounts.tests.factories import UserFactory
from apps.projects.tests.factories import IssueFactory, TeamMemberFactory
from apps.upkeep import erasing, tasks
from apps.upkeep.erasing import erase_person
from apps.upkeep.models import ErasureRecord
from apps.upkeep.tasks import LEFT_TO_ITSELF, finish_erasures
from apps.upkeep.texts import found_in_database
from apps.upkeep.unfinished import ErasureIncomplete, read

pytestmark = [
    pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("model_store_dir", "no_training_begins")
]  # fmt: skip
OTHER_FAULTS = (MemoryError, UnicodeError, OperationalError)
PEOPLE = {"ann@example.com": "Ann Smith", "bob@example.com": "Bob Brown", "cleo@example.com": "Cleo Clark"}


@pytest.fixture
def broken_off(monkeypatch):
    """Three that broke off hours ago, in this order, and what was written meanwhile of each."""

    def breaks(*_, **__):
        raise OperationalError("gone")

    for hours, (email, name) in enumerate(PEOPLE.items()):
        team = TeamMemberFactory(user=UserFactory(email=email, full_name=name)).project
        with monkeypatch.context() as patched:
            patched.setattr(erasing, "_erase_the_rest", breaks)
            with pytest.raises(ErasureIncomplete):
                erase_person(email, now=timezone.now() - timedelta(hours=9 - hours) - LEFT_TO_ITSELF)
        IssueFactory(project=team, title=f"Written: ask {name}")


@pytest.fixture
def tried(monkeypatch):
    """Whose turn it was, and what happens in it."""
    told, faults, true = [], {}, tasks.go_on

    def go_on(rest, **more):
        told.append(rest.subject)
        if rest.subject in faults:
            raise faults[rest.subject]
        return true(rest, **more)

    monkeypatch.setattr(tasks, "go_on", go_on)
    return told, faults


@pytest.mark.parametrize(
    ("email", "fault"),
    # The first, one in the middle and the last; and every fault of one.
    [*((email, OSError) for email in PEOPLE), *(("bob@example.com", each) for each in OTHER_FAULTS)],
)
def test_one_that_cannot_go_on_is_logged_without_a_name_and_keeps_no_other_from_its_end(
    broken_off, tried, email, fault, caplog
):
    tried[1][email] = fault(f"{email} {PEOPLE[email]}")
    (pk,) = [each.pk for each in ErasureRecord.objects.all() if read(each).subject == email]

    assert finish_erasures() == len(PEOPLE) - 1

    assert [name for name in PEOPLE.values() if found_in_database([name])] == [PEOPLE[email]]
    (told,) = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert str(pk) in told
    assert fault.__name__ in told
    assert not any(text in told for text in (email, PEOPLE[email]))


def test_each_hour_another_is_first(broken_off, tried, now, monkeypatch):
    """One that takes all of a worker's time, or ends it, leaves the next hours to the others."""
    tried[1].update({email: SystemExit(1) for email in PEOPLE})
    begin = timezone.now()
    for hours in range(len(PEOPLE)):
        monkeypatch.setattr(timezone, "now", lambda at=begin + timedelta(hours=hours): at)
        with pytest.raises(SystemExit):
            finish_erasures()

    assert sorted(tried[0]) == list(PEOPLE)
