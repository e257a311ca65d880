"""Whoever comes while an erasure is under way, or before it is gone on with, keeps the name in texts as others do."""

import json

import pytest
from django.core.management import call_command

from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.importers.boxes import opened, sealed
from apps.projects.tests.factories import IssueFactory, TeamMemberFactory
from apps.upkeep import erasing
from apps.upkeep.models import ErasureRecord
from apps.upkeep.tasks import LEFT_TO_ITSELF, finish_erasures

pytestmark = [
    pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("model_store_dir", "no_training_begins")
]  # fmt: skip
EMAIL, NAME, OTHER = "ann@example.com", "Ann Smith", "Jo Ann Smith"


@pytest.fixture
def team():
    team = TeamMemberFactory(user=UserFactory(email=EMAIL, full_name=NAME)).project
    IssueFactory(project=team, title=f"Ask {NAME}")
    return team


@pytest.fixture
def comes(team):
    """Somebody whose name has hers in it; what is written of both."""

    def comes():
        TeamMemberFactory(project=team, user=UserFactory(email="jo@example.com", full_name=OTHER))
        return IssueFactory(project=team, title=f"{OTHER} does it", description=f"{OTHER}; {NAME}")

    return comes


@pytest.fixture
def then(monkeypatch):
    """Does something once, in front of a step of the erasure."""

    def then(step, does):
        true, done = getattr(erasing, step), []

        def steps(*given, **more):
            if not done:
                done.append(step)
                done.append(does())
            return true(*given, **more)

        monkeypatch.setattr(erasing, step, steps)
        return done

    return then


def is_spared(issue):
    issue.refresh_from_db()
    return (issue.title, issue.description[:21]) == (f"{OTHER} does it", f"{OTHER}; erased-")


def ann():
    return User.objects.get(email=EMAIL)


def breaks_off():
    raise KeyboardInterrupt


@pytest.fixture
def go_on():
    """What broke off is done to its end, in either way."""

    def go_on(*, by_the_clock):
        if not by_the_clock:
            call_command("erase_person", EMAIL)
            return
        ErasureRecord.objects.update(erased_at=ErasureRecord.objects.get().erased_at - LEFT_TO_ITSELF * 2)
        assert finish_erasures() == 1

    return go_on


@pytest.mark.parametrize("by_the_clock", [False, True])
@pytest.mark.parametrize("erases", [lambda: call_command("erase_person", EMAIL), lambda: ann().delete()])
def test_who_comes_before_it_is_gone_on_with_keeps_the_name(comes, then, go_on, by_the_clock, erases):
    then("wait_for_imports", breaks_off)
    with pytest.raises(KeyboardInterrupt):
        erases()
    issue = comes()

    go_on(by_the_clock=by_the_clock)

    assert is_spared(issue)
    assert ErasureRecord.objects.get().unfinished is None


#: After the first search, between the first part and the next search, and before the last search.
@pytest.mark.parametrize("step", ["_once_more", "wait_for_imports", "_left"])
@pytest.mark.parametrize("is_everywhere", [False, True])
def test_who_comes_within_one_run_keeps_it_too(comes, then, step, is_everywhere):
    done = then(step, comes)
    if step == "_left":
        # What is written by then is for the next one to replace.
        with pytest.raises(Exception, match="run the command again"):
            call_command("erase_person", EMAIL, everywhere=is_everywhere)

    call_command("erase_person", EMAIL, everywhere=is_everywhere)

    assert is_spared(done[1])


def test_what_is_spared_for_who_came_is_told(comes, then, capsys):
    then("wait_for_imports", comes)

    call_command("erase_person", EMAIL, json=True)

    (left,) = json.loads(capsys.readouterr().out)["left"].items()
    assert left[0].endswith("projects.issue")


@pytest.mark.usefixtures("team")
def test_what_an_earlier_version_sealed_is_gone_on_with(comes, then, go_on):
    """It names the others of then."""
    then("wait_for_imports", breaks_off)
    with pytest.raises(KeyboardInterrupt):
        call_command("erase_person", EMAIL)
    issue, record = comes(), ErasureRecord.objects.get()
    told = json.loads(opened(bytes(record.unfinished).decode()))
    for each in told["sought"]:
        del each["own"]
        each["others"] = ["Lee Smith"]
    ErasureRecord.objects.update(unfinished=sealed(json.dumps(told)).encode())

    go_on(by_the_clock=True)

    assert is_spared(issue)
