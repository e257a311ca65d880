"""Whom a source knows by an account of its own, and an import found in the team by name, comes back under no name."""

import json

import pytest

from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.importers import runs
from apps.importers.models import ImportRun
from apps.importers.records import Person
from apps.importers.writing.people import MOST_PLACES, Team
from apps.projects.models import Issue
from apps.projects.placeholders import join
from apps.projects.services import delete_project
from apps.projects.tests.factories import ProjectFactory, TeamMemberFactory
from apps.upkeep.erasing import erase_person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_training_begins")]
EMAIL, NAME = "ann@example.com", "Ann Smith"
BY_ACCOUNT = {"name": NAME, "account": "annsmith"}
KNOWN = [BY_ACCOUNT, {"name": NAME, "email": "ann@work.example"}]


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


@pytest.fixture
def ann(project):
    return TeamMemberFactory(project=project, user=UserFactory(email=EMAIL, full_name=NAME)).user


@pytest.fixture
def imports(project, now):
    """An import of one issue that is hers; who has it then."""

    def imports(assignee):
        line = json.dumps({"id": "A-1", "title": "Label", "assignee": assignee}).encode()
        run = runs.ask_upload(project, name="a.jsonl", content=line, by=None, now=now)
        assert runs.execute(run.pk, now=now).status == "completed"
        return Issue.objects.get().assignee

    return imports


@pytest.fixture(params=["erase", "delete"])
def erase(request, now, django_capture_on_commit_callbacks):
    def erase(user):
        with django_capture_on_commit_callbacks(execute=True):
            user.delete() if request.param == "delete" else erase_person(user.email, now=now)

    return erase


def is_a_pseudonym(user: User) -> bool:
    return user.is_erased and not user.full_name and not user.named_address


@pytest.mark.parametrize("told", KNOWN, ids=list)
def test_a_later_import_finds_the_pseudonym(imports, erase, ann, settings, told):
    assert imports(told) == ann
    settings.ML_SIGNING_KEYS = ["new", *settings.ML_SIGNING_KEYS]
    erase(ann)

    left = imports(told)

    assert is_a_pseudonym(left)
    assert imports(told) == left
    assert not User.objects.filter(full_name=NAME).exists()


def test_so_does_one_that_tells_no_address_any_more(imports, erase, ann):
    assert imports({**BY_ACCOUNT, "email": EMAIL}) == ann
    erase(ann)

    assert is_a_pseudonym(imports(BY_ACCOUNT))


def test_another_of_the_name_gets_none_of_the_work(imports, erase, project, ann):
    imports(BY_ACCOUNT)
    erase(ann)
    TeamMemberFactory(project=project, user=UserFactory(full_name=NAME))

    assert is_a_pseudonym(imports(BY_ACCOUNT))


def test_nor_is_anybody_found_by_what_is_kept_while_the_name_is_two_members(imports, project, ann):
    """It was a guess: whose the account is of two is nobody's to say but a lead's."""
    imports(BY_ACCOUNT)
    TeamMemberFactory(project=project, user=UserFactory(full_name=NAME))

    assert imports(BY_ACCOUNT).is_placeholder


def test_what_is_kept_tells_nothing_and_is_nobody_of_the_team(imports, project, ann, api_client):
    imports(BY_ACCOUNT)

    (kept,) = User.objects.filter(is_placeholder=True)

    assert (kept.became, kept.full_name, kept.named_address) == (ann, "", "")
    assert not any(word in kept.email for word in ("ann", "smith"))
    assert list(project.team.values_list("user", flat=True)) == [ann.pk]


def test_it_is_kept_once_and_for_whoever_was_found_last(imports, erase, project, ann):
    imports(BY_ACCOUNT), imports(BY_ACCOUNT)
    assert User.objects.filter(is_placeholder=True).count() == 1
    project.team.filter(user=ann).delete()
    other = TeamMemberFactory(project=project, user=UserFactory(full_name=NAME)).user
    assert imports(BY_ACCOUNT) == other

    erase(other)

    assert is_a_pseudonym(imports(BY_ACCOUNT))


@pytest.mark.parametrize("told", [{"name": NAME}, {"name": NAME, "email": EMAIL}], ids=list)
def test_of_a_name_or_an_address_alone_nothing_is_kept(imports, ann, told):
    assert imports(told) == ann
    assert not User.objects.filter(is_placeholder=True).exists()


def test_of_strangers_who_report_under_a_members_name_nothing_is_kept(project, ann, now):
    team = Team(project, now=now)
    team.learn([], reporters=[Person(NAME, account=f"stranger{number}") for number in range(50)])
    assert not User.objects.filter(is_placeholder=True).exists()

    team.learn([Person(NAME, account=f"account{number}") for number in range(MOST_PLACES + 5)])
    assert User.objects.filter(is_placeholder=True, became=ann).count() == MOST_PLACES


def test_an_import_that_is_taken_back_leaves_it(imports, erase, ann):
    imports(BY_ACCOUNT)
    assert runs.undo(ImportRun.objects.get()) == 0
    erase(ann)

    assert is_a_pseudonym(imports(BY_ACCOUNT))


def test_it_stays_hers_when_more_of_what_was_imported_becomes_hers(imports, erase, project, ann, now):
    imports(BY_ACCOUNT)
    team = Team(project, now=now)
    team.learn([Person("A. Smith", account="asmith")])
    join(team.find(Person("A. Smith", account="asmith")), project.team.get(user=ann), by=ann)
    erase(ann)

    assert is_a_pseudonym(imports(BY_ACCOUNT))


def test_it_goes_with_its_project(imports, project, ann):
    imports(BY_ACCOUNT)

    delete_project(project)

    assert not User.objects.filter(is_placeholder=True).exists()
