"""A placeholder that loses its name loses it from the address that we made of it, and imports go on to find it."""

import json
import re

import pytest
from django.core.management import call_command

from apps.accounts.models import User
from apps.accounts.names.pseudonyms import cut
from apps.accounts.tests.factories import UserFactory
from apps.importers.records import Person
from apps.importers.writing.people import Team, place_of_person
from apps.projects.models import TeamMember
from apps.projects.placeholders import domain_of, join
from apps.projects.services import delete_project
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from apps.upkeep import finding
from apps.upkeep.erasing import ErasureIncomplete, erase_person, erase_project, foresee_person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_training_begins")]
EMAIL, NAME = "ann@example.com", "Ann Smith"
NAMED = [
    Person(NAME), Person("Smith, Ann"), Person("Jo Ann Smith"), Person(NAME, "ann@elsewhere.example"),
    Person(NAME, account="annsmith"),
]  # fmt: skip


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


@pytest.fixture
def imports(project, now):
    """What an import makes of people: its team, and each one's row."""

    def imports(*people):
        team = Team(project, now=now)
        team.learn(people)
        return team, [team.find(one) for one in people]

    return imports


@pytest.fixture
def erase(project, now):
    """After the import named her she joined, and is erased."""

    def erase():
        TeamMemberFactory(project=project, user=UserFactory(email=EMAIL, full_name=NAME))
        return erase_person(EMAIL, now=now)

    return erase


@pytest.mark.parametrize("one", NAMED, ids=repr)
def test_what_the_team_sees_of_a_placeholder_tells_no_name(imports, erase, project, one, api_client):
    (row,) = imports(one)[1]
    erase()
    lead = TeamMemberFactory(project=project, role="lead", user=UserFactory(full_name="Bob Lee")).user
    api_client.force_authenticate(lead)

    members = api_client.get(f"/api/v1/projects/{project.key}/members/").json()["results"]

    (shown,) = [each for each in members if each["user"] == str(row.pk)]
    assert "erased-" in shown["full_name"]
    row.refresh_from_db()
    assert not any(word in f"{shown['email']} {row.email}".replace(one.email, "") for word in ("ann", "smith"))


@pytest.mark.parametrize("is_in_the_team", [True, False])
@pytest.mark.parametrize("one", NAMED, ids=repr)
def test_later_imports_find_it_and_tell_the_pseudonym(imports, erase, settings, one, is_in_the_team):
    (row,) = imports(one)[1]
    erase()
    settings.ML_SIGNING_KEYS = ["new", *settings.ML_SIGNING_KEYS]
    if not is_in_the_team:
        TeamMember.objects.filter(user=row).delete()

    team, (found,) = imports(one)

    assert found == row
    assert "erased-" in found.full_name
    assert (team.added, User.objects.filter(is_placeholder=True).count()) == (0, 1)
    assert TeamMember.objects.filter(user=row).exists()
    if not one.email:
        assert team.erased[one.name] == found.email


def test_a_namesake_who_joins_later_gets_none_of_the_work(imports, erase, project):
    (row,) = imports(Person(NAME))[1]
    erase()
    TeamMemberFactory(project=project, user=UserFactory(full_name=NAME))

    assert imports(Person(NAME))[1] == [row]


def test_who_is_joined_to_it_has_the_work_of_later_imports_too(imports, erase, project):
    (row,) = imports(Person(NAME))[1]
    erase()
    member = TeamMemberFactory(project=project, user=UserFactory(full_name="Bob Lee"))
    join(row, member, by=member.user)

    assert imports(Person(NAME))[1] == [member.user]
    assert not TeamMember.objects.filter(user=row).exists()


def test_of_whom_it_had_become_the_address_goes_too(imports, erase, project):
    (row,) = imports(Person(NAME))[1]
    member = TeamMemberFactory(project=project, user=UserFactory(full_name="Bob Lee"))
    join(row, member, by=member.user)
    erase()

    row.refresh_from_db()
    assert "smith" not in row.email
    assert imports(Person(NAME))[1] == [member.user]


def test_who_is_found_to_be_the_person_later_is_found_by_imports_all_the_same(imports, erase, project, now):
    (row,) = imports(Person(NAME))[1]
    erase()
    member = TeamMemberFactory(project=project, user=UserFactory(email="ann.two@example.com", full_name="Ann Two"))
    join(row, member, by=member.user)
    erase_person("ann.two@example.com", now=now)

    assert imports(Person(NAME))[1] == [row]


def test_one_of_a_deleted_project_goes_with_it_as_before(imports, erase, project):
    (row,) = imports(Person(NAME))[1]
    erase()
    TeamMember.objects.filter(user=row).delete()

    delete_project(project)

    assert not User.objects.filter(pk=row.pk).exists()


def test_two_rows_of_one_place_are_two(imports, erase, project):
    (row,) = imports(Person(NAME))[1]
    erase()
    row.refresh_from_db()
    # As an import writes it that had looked before the erasure.
    late = UserFactory(
        email=place_of_person(Person(NAME), domain_of(project)), full_name=NAME, is_active=False, is_placeholder=True
    )

    erase()

    late.refresh_from_db()
    assert "smith" not in late.email
    assert late.email != row.email


def test_what_an_earlier_version_left_goes_with_the_next_erasure(imports, erase, project, now):
    (row,) = imports(Person(NAME))[1]
    place = row.email
    erase()
    User.objects.filter(pk=row.pk).update(email=place)
    UserFactory(email="bob@example.com", full_name="Bob Lee")

    erase_person("bob@example.com", now=now)

    row.refresh_from_db()
    assert "smith" not in row.email
    assert imports(Person(NAME))[1] == [row]


@pytest.mark.parametrize("name", ["Jo erased-0123456789ab@erased.invalid", "Jo @erased.invalid"])
def test_what_a_person_left_or_a_file_says_keeps_no_erasure_of_a_project_open(imports, project, now, name):
    """Its proof is of what it erases."""
    imports(Person(name))
    other = ProjectFactory()

    assert not erase_project(other.key, now=now).unfinished


def test_the_last_search_finds_a_name_in_such_an_address(imports, erase, monkeypatch):
    imports(Person(NAME))
    monkeypatch.setattr(finding, "take_names_from_addresses", dict)

    with pytest.raises(ErasureIncomplete):
        erase()


def test_a_dry_run_counts_them_as_the_erasure_does(imports, project, now, capsys):
    imports(*NAMED[:2], Person("Cy Young"))
    IssueFactory(project=project, title=f"Ask {NAME}")
    TeamMemberFactory(project=project, user=UserFactory(email=EMAIL, full_name=NAME))
    others = User.objects.get(full_name="Cy Young").email

    foreseen, _ = foresee_person(EMAIL)
    call_command("erase_person", EMAIL, json=True)

    counts = json.loads(capsys.readouterr().out)["counts"]
    # Her own row, and of two others name and address.
    assert (foreseen["accounts.user"], counts["accounts.user"]) == (5, 5)
    assert User.objects.get(full_name="Cy Young").email == others


LONGEST = User._meta.get_field("full_name").max_length
#: Of letters that no address has, so that the name is all that the address was made of.
LONG = "部門" * LONGEST


@pytest.mark.parametrize("told", [f"{LONG[: LONGEST - 12]} {NAME}", f"{LONG[:90]} {NAME} {LONG[:90]}"])
def test_a_long_name_is_cut_and_the_pseudonym_is_not(imports, erase, told):
    (row,) = imports(Person(told))[1]
    assert "smith" in row.email

    erase()

    row.refresh_from_db()
    assert "smith" not in row.email
    assert re.search(r"erased-[0-9a-f]{12}@erased\.invalid", row.full_name)
    assert len(row.full_name) == LONGEST


def test_what_an_earlier_version_cut_goes_with_the_next_erasure(imports, erase):
    (row,) = imports(Person(f"{LONG[: LONGEST - 12]} Bob Lee"))[1]
    User.objects.filter(pk=row.pk).update(full_name=f"{LONG[: LONGEST - 11]}erased-f17f")
    assert "lee" in row.email

    erase()

    row.refresh_from_db()
    assert "lee" not in row.email


WORD = "erased-0123456789ab@erased.invalid"


@pytest.mark.parametrize(
    ("text", "most", "mark", "kept"),
    [
        (f"Ask {WORD}", 40, "", f"Ask {WORD}"),
        (f"Ask {WORD} about it", 42, "", f"Ask {WORD} abo"),
        (f"Everybody asks {WORD}", 40, "", f"Every {WORD}"),
        (f"Everybody asks {WORD} twice", 40, " 1a", f"Ev {WORD} 1a"),
        (f"{WORD} and {WORD}, both", 71, "", f"{WORD} a {WORD}"),
        (f"{WORD}{WORD}", 40, "", f"{WORD}erased"),
        (f"Ask {WORD}", 6, "", " erase"),
        ("Nobody is named", 6, "", "Nobody"), ("Nobody is named", None, " 1a", "Nobody is named 1a"),
    ],
)  # fmt: skip
def test_what_stands_around_pseudonyms_is_cut_first(text, most, mark, kept):
    assert cut(text, most, mark) == kept
