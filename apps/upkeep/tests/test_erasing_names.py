"""A name that somebody chose changes nothing of others: it goes where the person was, and no thing loses its own."""

import gzip
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import models

from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.importers.models import Connection, ImportRun, WriteBack
from apps.ml.services import ModelTrainer
from apps.ml.storage import get_object_store
from apps.ml.tests.factories import PredictionHistoryFactory
from apps.notifications.models import Webhook
from apps.projects.models import DayOff, FormerMember, Issue, IssueChange, IssueType, Project, WorkflowStatus
from apps.projects.placeholders import domain_of
from apps.projects.services import remove_member
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory
from apps.upkeep.erasing import erase_person
from apps.upkeep.texts import found_in_database, search_store

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_training_begins")]
EMAIL, NAME = "ann@example.com", "Ann Smith"


@pytest.fixture
def ann():
    return UserFactory(email=EMAIL, full_name=NAME)


@pytest.mark.parametrize("name", ["Won't do", "In progress", "code review"])
def test_who_is_called_as_a_state_of_work_changes_no_workflow(name, now):
    mallory = UserFactory(email="mallory@example.com", full_name=name)
    own = TeamMemberFactory(user=mallory, role="lead").project
    issue = IssueFactory(project=own, title=f"{name}: the label")
    before = sorted(WorkflowStatus.objects.values_list("name", flat=True))

    erase_person(mallory.email, now=now)

    issue.refresh_from_db()
    assert issue.title == f"{name}: the label"
    assert sorted(WorkflowStatus.objects.values_list("name", flat=True)) == before


@pytest.mark.parametrize("delete", [False, True])
def test_what_others_call_their_work_stays_theirs_and_goes_where_the_person_was(now, delete):
    mallory = UserFactory(email="mallory@example.com", full_name="Legal sign-off")
    own, other = TeamMemberFactory(user=mallory).project, ProjectFactory()
    status = WorkflowStatus.objects.create(project=other, name="Legal Sign-off", category="in_progress")
    theirs = IssueFactory(project=other, status=status, title="Legal sign-off of the label")
    mine = IssueFactory(project=own, title="As Legal sign-off said", description="mallory@example.com")

    if delete:
        mallory.delete()
    else:
        erase_person(mallory.email, now=now)

    for row in (status, theirs, mine):
        row.refresh_from_db()
    assert (status.name, theirs.title) == ("Legal Sign-off", "Legal sign-off of the label")
    assert "erased-" in mine.title
    assert "mallory" not in mine.description


@pytest.mark.parametrize("delete", [False, True])
def test_who_is_called_as_something_of_another_team_renames_nothing_there(now, delete):
    name = "Demonstration Shop"
    project = ProjectFactory(name=name)
    sprint = SprintFactory(project=project, name=name)
    issue = IssueFactory(project=project, title=name, component=name)
    empty = ProjectFactory(name=name.lower())
    mallory = UserFactory(email="mallory@example.com", full_name=name)

    if delete:
        mallory.delete()
    else:
        erase_person(mallory.email, now=now)

    for row in (project, sprint, issue, empty):
        row.refresh_from_db()
    assert {project.name, sprint.name, issue.title, issue.component} == {name}
    assert empty.name == name.lower()


@pytest.mark.parametrize("name", ["Customer Portal", "Customer\u00a0Portal", "customer  PORTAL", "École Mobile"])
@pytest.mark.parametrize("delete", [False, True])
def test_where_the_person_never_was_a_name_changes_nothing(now, name, delete):
    called = name.title()
    things = everything_called(called)
    mallory = UserFactory(email="mallory@example.com", full_name=name)
    before = [row_of(thing) for thing in things]

    if delete:
        mallory.delete()
    else:
        record = erase_person(mallory.email, now=now)

    assert [row_of(thing) for thing in things] == before
    if not delete:
        key = things[0].key
        assert {f"{key} {thing._meta.label_lower}" for thing in things if thing._meta.app_label != "accounts"} == {
            place for place in record.left if place.startswith(key)
        }


def test_where_the_person_was_texts_change_and_things_keep_their_names(now):
    name = "Customer Portal"
    things = everything_called(name)
    mallory = TeamMemberFactory(project=things[0], user=UserFactory(email="m@example.com", full_name=name)).user

    record = erase_person(mallory.email, now=now)

    changed = {
        f"{thing._meta.label_lower}.{field}"
        for thing in things
        for field, value in row_of(thing).items()
        if "erased-" in str(value)
    }
    assert changed == {
        "projects.project.description", "projects.sprint.name", "projects.issue.title", "projects.issue.labels",
        "projects.issue.component", "projects.dayoff.name", "importers.importrun.upload_name",
        "accounts.user.full_name", "accounts.user.email",
    }  # fmt: skip
    assert record.left == {
        f"{things[0].key} {table}": count
        for table, count in {
            "importers.connection": 1, "importers.importrun": 1, "importers.writeback": 2,
            "notifications.webhook": 1, "projects.issuechange": 1, "projects.issuetype": 1, "projects.project": 2,
            "projects.workflowstatus": 1,
        }.items()
    }  # fmt: skip


def test_the_operator_can_have_a_name_replaced_everywhere(now):
    name = "Customer Portal"
    things = everything_called(name)
    mallory = UserFactory(email="mallory@example.com", full_name=name)

    record = erase_person(mallory.email, now=now, everywhere=True)

    assert all("erased-" in str(row_of(thing)) for thing in things)
    assert (record.left, found_in_database([name])) == ({}, {})


def test_an_address_is_the_persons_wherever_it_stands(now):
    person = UserFactory(email="mallory@example.com")
    things = everything_called(person.email)

    record = erase_person(person.email, now=now)

    assert all("erased-" in str(row_of(thing)) for thing in things if thing._meta.app_label != "accounts")
    assert record.left == {}


def test_what_is_left_and_where_is_said_before_and_after(now, capsys):
    name = "Customer Portal"
    key = everything_called(name)[0].key
    UserFactory(email="mallory@example.com", full_name=name)

    for options in (["--dry-run"], []):
        call_command("erase_person", "mallory@example.com", *options)
        told = capsys.readouterr().out
        assert "repeat with --everywhere" in told
        assert f"     1  {key} notifications.webhook" in told


def test_the_administrations_log_of_others_stays(now):
    mallory, name = UserFactory(email="mallory@example.com", full_name="Customer Portal"), "Customer Portal"
    root, group = UserFactory(is_superuser=True), Group.objects.create(name=name)

    def entry(about, row):
        kind = ContentType.objects.get_for_model(about)
        return LogEntry.objects.create(
            user=root, content_type=kind, object_id=str(row), object_repr=name, action_flag=2, change_message="[]"
        )

    of_project, of_account = entry(Project, "1"), entry(User, mallory.pk)
    of_namesake = entry(User, UserFactory(full_name=name).pk)

    erase_person(mallory.email, now=now)

    told = dict(LogEntry.objects.values_list("pk", "object_repr"))
    assert (told[of_project.pk], told[of_namesake.pk]) == (name, name)
    assert "erased-" in told[of_account.pk]
    assert Group.objects.get(pk=group.pk).name == name


@pytest.mark.parametrize("delete", [False, True])
def test_the_administrations_log_of_the_account_keeps_no_name_however_short(now, delete):
    cher = UserFactory(email="cher@example.com", full_name="Cher")
    LogEntry.objects.create(
        user=UserFactory(), content_type=ContentType.objects.get_for_model(User), object_id=str(cher.pk),
        object_repr="Cher", action_flag=2, change_message="[]",
    )  # fmt: skip

    if delete:
        cher.delete()
    else:
        erase_person(cher.email, now=now)

    assert LogEntry.objects.get().object_repr.startswith("erased-")


@pytest.mark.parametrize("tie", ["change", "import", "webhook", "prediction", "history"])
def test_whoever_did_anything_in_a_project_was_there(ann, now, tie):
    project = ProjectFactory()
    issue = IssueFactory(project=project, title=f"Ask {NAME}")
    if tie == "change":
        IssueChange.objects.create(issue=issue, field="title", old_value="a", new_value="b", changed_by=ann)
    elif tie == "history":
        IssueChange.objects.create(issue=issue, field="assignee", old_value=str(ann.pk), new_value="")
    elif tie == "import":
        ImportRun.objects.create(project=project, source="csv", created_by=ann)
    elif tie == "webhook":
        Webhook.objects.create(project=project, url="https://hooks.example/", created_by=ann)
    else:
        PredictionHistoryFactory(project=project, requested_by=ann)

    erase_person(EMAIL, now=now)

    issue.refresh_from_db()
    assert "erased-" in issue.title


@pytest.mark.parametrize("delete", [False, True])
def test_who_left_was_there_and_is_remembered_no_more(ann, now, delete):
    member = TeamMemberFactory(user=ann)
    team, present = member.project, TeamMemberFactory(user=ann).project
    texts = [IssueFactory(project=project, title=f"Ask {NAME}") for project in (team, present)]
    remove_member(member, by=ann, now=now)

    if delete:
        ann.delete()
    else:
        erase_person(EMAIL, now=now)

    for issue in texts:
        issue.refresh_from_db()
        assert issue.title.startswith("Ask erased-")
    assert not FormerMember.objects.exists()


def everything_called(name):
    """A project of others, and all of it that has a name, called so."""
    project = ProjectFactory(name=name, description=f"As {name} says", waiting_statuses=[name], blocked_labels=["else"])
    status = WorkflowStatus.objects.create(project=project, name=name, category="to_do", position=9)
    kind = IssueType.objects.create(project=project, name=name)
    sprint = SprintFactory(project=project, name=f"{name} 7 (spring)")
    issue = IssueFactory(project=project, title=name, component=name, labels=[name], status=status, issue_type=kind)
    change = IssueChange.objects.create(issue=issue, field="status", old_value="Open", new_value=name)
    day = DayOff.objects.create(project=project, day="2026-05-01", name=name)
    connection = Connection.objects.create(
        project=project, kind="azure", base_url="https://dev.azure.com/acme", scope=name, source="azure"
    )
    write_back = WriteBack.objects.create(
        project=project, place=connection.place, connection=connection, figure="points", field=name
    )
    webhook = Webhook.objects.create(project=project, url=f"https://hooks.example/?to={name.replace(' ', '+')}")
    run = ImportRun.objects.create(project=project, source="csv", mapping={"title": name}, upload_name=f"{name}.csv")
    imported = UserFactory(email=f"x@{domain_of(project)}", full_name=name, is_active=False, is_placeholder=True)
    return (
        project, status, kind, sprint, issue, change, day, connection, write_back, webhook, run, imported
    )  # fmt: skip


def row_of(thing):
    return models.QuerySet(type(thing)).filter(pk=thing.pk).values().get() | {"updated_at": None}


@pytest.mark.parametrize("title", ["{} changes the label", "Of\u00a0{}", "As {}"])
def test_what_models_learned_of_the_name_goes_however_it_was_written(ann, team, now, title):
    done = Issue.objects.filter(project=team, resolved_at__isnull=False).first()
    TeamMemberFactory(project=team, user=ann)
    spelled = NAME.upper().replace(" ", "  ")
    Issue.objects.filter(pk=done.pk).update(title=title.format(spelled), labels=[NAME])
    model = ModelTrainer().train_effort_prediction_model(team.id, now=now)

    erase_person(EMAIL, now=now)

    model.refresh_from_db()
    assert (model.is_active, model.dataset_key) == (False, "")


def test_objects_of_others_with_the_name_are_counted(ann, now):
    theirs = f"ml_datasets/{uuid4()}/training_set_20260101.jsonl.gz"
    get_object_store().put(theirs, gzip.compress(f'{{"title": "Ask {NAME}"}}'.encode()))

    assert erase_person(EMAIL, now=now).left == {"ml_datasets": 1}

    assert search_store([NAME]).found == (theirs,)
