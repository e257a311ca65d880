"""Two erasures of one address at once have one record: who ends first does what the other still had to do."""

import pytest
from django.db import OperationalError

from apps.accounts.tests.factories import UserFactory
from apps.ml.models import TrainingRun
from apps.ml.tests.factories import MLModelFactory
from apps.projects.tests.factories import IssueFactory, TeamMemberFactory
from apps.upkeep import erasing, unfinished
from apps.upkeep.erasing import erase_person
from apps.upkeep.models import ErasureRecord
from apps.upkeep.records import verify_record
from apps.upkeep.texts import found_in_database
from apps.upkeep.unfinished import ErasureIncomplete

pytestmark = [
    pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("model_store_dir", "no_training_begins")
]  # fmt: skip
EMAIL, AGAIN = "ann@example.com", "Annabel Jones"


@pytest.fixture
def team():
    MLModelFactory(project=None, is_active=True)
    team = TeamMemberFactory(user=UserFactory(email=EMAIL, full_name="Ann Smith")).project
    IssueFactory(project=team, title="Ask Ann Smith")
    return team


@pytest.fixture
def killed_beside(team, now, monkeypatch):
    """Somebody has opened an account with the address, and its erasure is killed before its last search."""

    def killed():
        member = TeamMemberFactory(project=team, user=UserFactory(email=EMAIL, full_name=AGAIN))
        model = MLModelFactory(project=team, is_active=True)
        issue = IssueFactory(project=team, title="Something", assignee=member.user)

        def ends(*_, **__):
            # Written between its first search and its commit.
            issue.title = f"Ask {AGAIN}"
            issue.save()
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(erasing, "_finish", ends)
            with pytest.raises(KeyboardInterrupt):
                erase_person(EMAIL, now=now)
        model.refresh_from_db()
        assert not model.is_active
        assert found_in_database([AGAIN])

    return killed


@pytest.fixture
def once(monkeypatch):
    """Has something happen before the first call of a step."""

    def once(module, step, happens):
        true, calls = getattr(module, step), []

        def stepped(*given, **more):
            calls.append(step)
            if len(calls) == 1:
                happens()
            return true(*given, **more)

        monkeypatch.setattr(module, step, stepped)

    return once


@pytest.mark.parametrize(
    "place",
    [(erasing, "_train_again"), (erasing, "_left"), (unfinished, "prove"), (unfinished, "found_in_database")],
)
def test_who_ends_first_does_what_another_of_the_address_had_to_do(team, now, once, killed_beside, place):
    once(*place, killed_beside)

    record = erase_person(EMAIL, now=now)

    assert not found_in_database([AGAIN, "Ann Smith", EMAIL])
    assert TrainingRun.objects.filter(project=team).exists()
    assert ErasureRecord.objects.get() == record
    assert verify_record(record)
    assert record.unfinished is None


def test_a_fault_while_it_is_signed_says_that_the_rest_is_kept(team, now, monkeypatch):
    def breaks(record):
        record.unfinished = None
        raise OperationalError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(unfinished, "sign", breaks)
        with pytest.raises(ErasureIncomplete, match="run the command again"):
            erase_person(EMAIL, now=now)

    assert verify_record(erase_person(EMAIL, now=now))
