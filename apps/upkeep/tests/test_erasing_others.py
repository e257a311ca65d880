"""An erasure changes nobody else: neither who has a name like it, nor what others chose to have erased."""

import gzip
from uuid import uuid4

import pytest
from django.apps import apps

from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.importers.connections import connect
from apps.importers.models import Connection
from apps.importers.records import Person
from apps.importers.runs import ask_due_syncs
from apps.importers.sources.registry import place_of
from apps.importers.writing.people import Team
from apps.ml.services import ModelTrainer
from apps.ml.storage import StorageError, get_object_store
from apps.ml.storage.keys import mark_key
from apps.ml.tests.factories import AnomalyDetectionFactory
from apps.projects.models import Issue, IssueType, Project, WorkflowStatus
from apps.projects.placeholders import domain_of
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from apps.upkeep.erasing import ErasureIncomplete, erase_person
from apps.upkeep.models import ErasureRecord
from apps.upkeep.texts import found_in_database, search_store, way_to_project

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_training_begins")]
EMAIL, NAME = "ann@example.com", "Ann Smith"


@pytest.fixture
def ann():
    return UserFactory(email=EMAIL, full_name=NAME)


@pytest.fixture(params=["erase", "delete"])
def erase(request, ann, now):
    return ann.delete if request.param == "delete" else lambda: erase_person(EMAIL, now=now)


def test_accounts_with_a_name_like_it_stay_as_they_are(ann, erase):
    others = [
        ("joann@example.com", "Joann Smithers"), ("jo.ann@example.com", "Jo-Ann Smith"),
        ("ann@example.com.au", "Ann Smith"), ("jo+ann@example.com", "Ann Smith-Jones"),
        ("o'ann@example.com", f"{NAME} <{EMAIL}>"),
    ]  # fmt: skip
    made = [UserFactory(email=email, full_name=name) for email, name in others]

    erase()

    assert [tuple(User.objects.values_list("email", "full_name").get(pk=user.pk)) for user in made] == others


@pytest.mark.parametrize(
    "text",
    [
        "joann@example.com, jo.ann@example.com and jo-ann@example.com", "ann@example.com.au", "ann@example.community",
        "Joann Smithers", "Ann Smithers", "JOANN SMITH", "Zoë-Ann Smith", "Ann Smith-Jones", "Änn Smith", "éAnn Smith",
    ],
)  # fmt: skip
def test_texts_about_others_stay_as_they_are(erase, text):
    issue = IssueFactory(title=text, description=text, labels=[text])

    erase()

    issue.refresh_from_db()
    assert (issue.title, issue.description, issue.labels) == (text, text, [text])


@pytest.mark.parametrize(
    "text",
    [
        "Ask Ann Smith.", "(Ann Smith)", "_Ann Smith_", "**Ann Smith**'s", "-Ann Smith-", "d'Ann Smith",
        "Ann Smithさんへ", "Write to ann@example.com.", "<ann@example.com>", "-ann@example.com", "...ann@example.com",
        "ann@example.com.Then", "?to=ann@example.com", "?to%3Dann%40example.com", "?q%253Dann@example.com",
        r"a\nann@example.com", "=20Ann Smith", r"\u201cAnn Smith\u201d", "%e2%80%9cAnn Smith%E2%80%9d",
        "%C2%A0Ann Smith", "mailto:ANN@EXAMPLE.COM",
    ],
)  # fmt: skip
def test_a_name_is_found_whatever_stands_beside_it(ann, text, now):
    issue = IssueFactory(description=f"see {text}", assignee=ann)

    erase_person(EMAIL, now=now)

    issue.refresh_from_db()
    assert "erased-" in issue.description
    assert "ann" not in issue.description.lower()


@pytest.mark.parametrize("name", ["김 철수", "山田 太郎"])
def test_scripts_that_do_not_part_words_are_searched_everywhere(name, now):
    person = UserFactory(email=EMAIL, full_name=f"{name}子子")
    issue = IssueFactory(description=f"それは{name}子子さんです", reporter=person)

    erase_person(EMAIL, now=now)

    issue.refresh_from_db()
    assert name not in issue.description


def test_names_that_can_be_had_once_stay_two(ann, now):
    """Whoever leads any project could otherwise prevent that somebody is erased."""
    project = ProjectFactory()
    for kind in (IssueType, WorkflowStatus):
        extra = {"category": "to_do"} if kind is WorkflowStatus else {}
        for name in ("ann smith", "Ann Smith", "ANN  SMITH"):
            kind.objects.create(project=project, name=name, **(extra))
    for name in ("ann@example.com", "ANN@example.com"):
        IssueFactory(project=project, source="csv", external_id=name)

    erase_person(EMAIL, now=now, everywhere=True)

    assert found_in_database([EMAIL, NAME]) == {}
    for names in (
        IssueType.objects.filter(project=project, name__contains="erased-").values_list("name", flat=True),
        WorkflowStatus.objects.filter(project=project, name__contains="erased-").values_list("name", flat=True),
        Issue.objects.filter(external_id__contains="erased-").values_list("external_id", flat=True),
    ):
        assert len(set(names)) == len(names) >= 2


@pytest.mark.parametrize("account", ["", "42"])
@pytest.mark.parametrize("delete", [False, True])
def test_no_import_brings_back_who_was_erased(now, account, delete):
    """By the account of the tracker as by the address, of a placeholder as of who had an account."""
    project, olga = ProjectFactory(), Person(name="Olga Erasova", email="olga@example.com", account=account)
    Team(project, now=now).learn([olga])
    if delete:
        UserFactory(email=olga.email).delete()
    else:
        erase_person(olga.email, now=now)
    people = User.objects.count()

    for person in (olga, Person(name="Olga Erasova", account=account) if account else olga):
        team = Team(project, now=now)
        team.learn([person])
        found = team.find(person)

        assert (found.full_name, found.named_address) == ("", "")
        assert found.email.startswith("erased-")
    assert User.objects.count() == people
    assert found_in_database(["olga@example.com", "Olga Erasova"]) == {}


def test_who_was_erased_and_is_named_for_the_first_time_has_no_name(ann, erase, now):
    erase()
    project = ProjectFactory()
    team = Team(project, now=now)

    team.learn([Person(name=NAME, email=EMAIL, account="7"), Person(name="Bob Best", email="bob@example.com")])

    assert found_in_database([EMAIL, NAME]) == {}
    assert {user.full_name for user in User.objects.filter(memberships__project=project)} == {"", "Bob Best"}


def test_two_spellings_in_one_document_stay_two_entries(ann, team, now):
    found = AnomalyDetectionFactory(project=team, evidence={"Ann Smith": 1, "ANN SMITH": 2})

    erase_person(EMAIL, now=now)

    found.refresh_from_db()
    assert sorted(found.evidence.values()) == [1, 2]


@pytest.mark.parametrize("delete", [False, True])
def test_who_comes_back_is_erased_again(ann, now, delete):
    erase_person(EMAIL, now=now)
    again = UserFactory(email=EMAIL, full_name=NAME)

    if delete:
        again.delete()
    else:
        erase_person(EMAIL, now=now)

    assert found_in_database([EMAIL, NAME]) == {}
    assert User.objects.filter(email__startswith="erased-").count() == 2 - delete


def placeholder(project: Project, **fields: str) -> User:
    user = UserFactory(email=f"x@{domain_of(project)}", is_active=False, is_placeholder=True, **fields)
    TeamMemberFactory(project=project, user=user)
    return user


@pytest.mark.parametrize("fields", [{"named_address": EMAIL}, {"named_address": "the@boss.example"}])
def test_what_one_teams_import_calls_somebody_changes_no_text_of_another(ann, erase, fields):
    mine, theirs = ProjectFactory(key="MINE"), ProjectFactory(key="THEIRS")
    known = placeholder(mine, full_name="Fix login", **fields)
    if fields["named_address"] != EMAIL:
        User.objects.filter(pk=known.pk).update(became=ann)
    in_mine = IssueFactory(project=mine, title="Fix login", description="the@boss.example")
    in_theirs = IssueFactory(project=theirs, title="Fix login", description="the@boss.example")

    erase()

    in_mine.refresh_from_db()
    in_theirs.refresh_from_db()
    assert in_mine.title.startswith("erased-")
    assert (in_theirs.title, in_theirs.description) == ("Fix login", "the@boss.example")


def test_a_search_reads_each_table_once_and_accounts_once_more_for_their_own_names(django_assert_max_num_queries):
    with django_assert_max_num_queries(len(apps.get_models()) + 1):
        found_in_database([EMAIL, NAME])


def test_every_text_of_a_project_is_found_from_its_row():
    assert way_to_project(Project) == "pk"
    assert way_to_project(Issue) == "project__pk"
    assert way_to_project(User) is None


# --- The store ----------------------------------------------------------------------------------------------------
@pytest.fixture
def learned(ann, team, now):
    """A model whose training set holds the name."""
    done = Issue.objects.filter(project=team, resolved_at__isnull=False).first()
    TeamMemberFactory(project=team, user=ann)
    Issue.objects.filter(pk=done.pk).update(title=f"{NAME} changes the label of part 3")
    return ModelTrainer().train_effort_prediction_model(team.id, now=now)


def test_while_the_store_is_away_nothing_is_erased_and_afterwards_everything_is(ann, learned, now, monkeypatch):
    def away(*_):
        raise StorageError("It is away.")

    with monkeypatch.context() as broken:
        broken.setattr("apps.upkeep.learned.remove_objects", away)
        with pytest.raises(StorageError):
            erase_person(EMAIL, now=now)
    assert User.objects.filter(email=EMAIL).exists()
    assert not ErasureRecord.objects.exists()

    erase_person(EMAIL, now=now)

    assert search_store([EMAIL, NAME]).found == ()
    assert ErasureRecord.objects.count() == 1


def test_objects_of_another_installation_stay_and_are_told(ann, learned, now):
    store, theirs = get_object_store(), f"ml_datasets/{uuid4()}/training_set_20260101.jsonl.gz"
    store.put(theirs, gzip.compress(f'{{"title": "Ask {EMAIL}"}}'.encode()))
    store.put(mark_key(uuid4(), theirs), b"")

    with pytest.raises(ErasureIncomplete, match=f"Nothing of ours.*{theirs}"):
        erase_person(EMAIL, now=now)

    assert search_store([EMAIL, NAME]).found == (theirs,)
    assert found_in_database([EMAIL, NAME]) == {}


def test_a_trackers_token_goes_with_whom_it_names_or_who_gave_it(ann, now):
    other, project = UserFactory(), ProjectFactory()
    place = place_of("jira", "https://jira.example.com", "SHOP")
    named = connect(project, place, f"{ann.email}:secret", by=other, now=now)
    hers = connect(ProjectFactory(), place, "of-nobody", by=ann, now=now)
    others = connect(ProjectFactory(), place, f"jo{ann.email}:secret", by=other, now=now)

    erase_person(ann.email, now=now)

    kept = {each.pk: each.sealed_token for each in Connection.objects.all()}
    assert kept[named.pk] == kept[hers.pk] == ""
    assert kept[others.pk] == others.sealed_token
    assert named.pk not in {run.connection_id for run in ask_due_syncs(now=now)}
