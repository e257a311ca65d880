"""Who is erased is in no table and no object any more, and a signed record says so."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import connection, models

from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.importers.models import ImportRun
from apps.ml.models import AnomalyDetection, KeptPast, MLModel, TrainingRun
from apps.ml.services import ModelTrainer
from apps.ml.storage import get_object_store
from apps.ml.tests.factories import AnomalyDetectionFactory
from apps.projects.models import Issue, IssueChange
from apps.projects.services import delete_project
from apps.projects.tests.factories import IssueFactory, SprintFactory, TeamMemberFactory
from apps.upkeep.erasing import NobodyFound, erase_person
from apps.upkeep.models import ErasureRecord
from apps.upkeep.records import verify_record, was_erased
from apps.upkeep.sought import names_of
from apps.upkeep.texts import found_in_database, search_store

pytestmark = pytest.mark.django_db
EMAIL, NAME = "Zoe.Quill@example.com", "Zoë Quillfeather"


@pytest.fixture(autouse=True)
def no_training_begins(monkeypatch):
    """Erasure asks for trainings; that they are done is another test's business."""
    monkeypatch.setattr("apps.upkeep.erasing.send_trainings", lambda run_ids: len(list(run_ids)))


@pytest.fixture
def person(team):
    """Somebody who is named wherever somebody can be."""
    user = UserFactory(email=EMAIL, full_name=NAME)
    TeamMemberFactory(project=team, user=user)
    issue = IssueFactory(project=team, assignee=user, title=f"Ask {NAME} about the label", description=f"cc {EMAIL}")
    models_of_history = IssueChange(
        issue=issue, field="title", old_value="", new_value=f"Ask {NAME.upper()}", changed_at=issue.created_at
    )
    models_of_history.save()
    AnomalyDetectionFactory(project=team, notes=f"says {NAME}", evidence={"who": [NAME], EMAIL: 1})
    ImportRun.objects.create(project=team, upload=f"id,assignee\n1,{EMAIL}".encode(), upload_name="mine.csv")
    return user


def test_no_table_and_no_object_names_the_person_afterwards(person, team, now):
    done = Issue.objects.filter(project=team, resolved_at__isnull=False).first()
    Issue.objects.filter(pk=done.pk).update(title=f"{NAME} changes the label of part 3")
    ModelTrainer().train_effort_prediction_model(team.id, now=now)
    needles = names_of(person)
    assert needles == [EMAIL.lower(), NAME]
    assert set(found_in_database(needles)) >= {"accounts.user", "projects.issue", "projects.issuechange"}
    assert search_store(needles).found

    record = erase_person(EMAIL.swapcase(), now=now)

    assert found_in_database(needles) == {}
    assert search_store(needles).found == ()
    assert not any(NAME.encode() in line.encode() for line in connection_dump())
    assert ImportRun.objects.get().upload is None
    assert AnomalyDetection.objects.get().evidence["who"][0].startswith("erased-")
    assert verify_record(record)


WRITTEN = {
    "address": "mailto:zoe%2equill%40example%2Ecom?cc=Zo%C3%ABx",
    "twice": "?next=%2Fpeople%3Fq%3DZoe.Quill%2540example.com",
    "html": "Zoe.Quill&#64;example&#x2E;com, Zoe.Quill&commat;example&period;com",
    "json": r'{"who": "Zo\u00eb Quillfeather", "at": "Zoe.Quill\u0040example.com"}',
    "mail": "Zoe.Quill=40example.com, Zo=C3=AB Quillfeather",
    "name in html": "Zo&euml;&nbsp;Quillfeather, Zo&#235; Quillfeather",
    "name in an address": "?q=Zo%c3%ab+Quillfeather&r=Zo%C3%AB%20Quillfeather",
}


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
def test_a_name_is_found_however_it_is_written(person, team, text, now):
    issue = IssueFactory(project=team, title="Mail", description=text)

    erase_person(EMAIL, now=now)

    issue.refresh_from_db()
    left = issue.description.lower()
    assert "quill" not in left
    assert "erased-" in left


def test_a_name_that_only_looks_like_it_stays(person, team, now):
    issue = IssueFactory(project=team, description="zoeXquill%41example.com Zoe Quillfeathers")

    erase_person(EMAIL, now=now)

    issue.refresh_from_db()
    assert issue.description == "zoeXquill%41example.com Zoe Quillfeathers"


def test_whom_imports_name_by_the_address_is_erased_with_the_account(person, team, now):
    imported = UserFactory(
        email="zoe-1a2b@shop.imported.invalid", named_address=EMAIL.lower(), full_name="Quillfeather Zoe",
        is_active=False, is_placeholder=True,
    )  # fmt: skip
    became = UserFactory(
        email="zq@team.imported.invalid",
        full_name="Z. Quillfeather",
        is_active=False,
        is_placeholder=True,
        became=person,
    )
    issue = IssueFactory(project=team, assignee=imported, title="As Quillfeather Zoe said")

    erase_person(EMAIL, now=now)

    told = "".join(connection_dump())
    assert not any(name in told for name in ("Quillfeather", "zoe-1a2b", "zq@"))
    issue.refresh_from_db()
    assert issue.assignee_id == imported.pk
    assert set(User.objects.filter(pk__in=[imported.pk, became.pk]).values_list("named_address", "became")) == {
        ("", None)
    }


@pytest.mark.parametrize("delete", [False, True])
def test_whom_only_an_import_names_is_erased_too(team, now, delete):
    imported = UserFactory(
        email="q@shop.imported.invalid", named_address=EMAIL, full_name=NAME, is_active=False, is_placeholder=True
    )
    if delete:
        UserFactory(email=EMAIL).delete()
    else:
        erase_person(EMAIL, now=now)

    assert found_in_database([EMAIL, NAME]) == {}
    imported.refresh_from_db()
    assert (imported.full_name, imported.is_active) == ("", False)


def connection_dump():
    """Everything in the database, as text."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            yield from map(str, cursor.fetchall())


def test_a_pseudonym_keeps_the_work_together_and_can_do_nothing(person, team, now):
    erase_person(EMAIL, now=now)

    person.refresh_from_db()
    assert person.email.startswith("erased-")
    assert (person.full_name, person.is_active, person.has_usable_password()) == ("", False, False)
    assert not person.memberships.exists()
    assert person.assigned_issues.count() == 1


def test_models_that_may_have_learned_the_name_are_removed_and_asked_for_anew(person, team, now):
    model = ModelTrainer().train_effort_prediction_model(team.id, now=now)

    erase_person(EMAIL, now=now)

    assert get_object_store().list("ml_models") == get_object_store().list("ml_datasets") == []
    model = MLModel.objects.get(pk=model.pk)
    assert (model.is_active, model.s3_key, model.refusal) == (False, "", "Its artefacts were removed by an erasure.")
    assert TrainingRun.objects.get().project_id == team.id


def test_what_was_worked_out_of_the_past_goes_with_whoever_made_it(person, team, now):
    KeptPast.objects.create(project=team, part=KeptPast.Part.SPRINTS, last_edit=now, rest="", data=b"")

    erase_person(EMAIL, now=now)

    assert not KeptPast.objects.exists()


def test_a_single_short_name_is_no_reason_to_change_other_words(team, now):
    user = UserFactory(email="ann@example.com", full_name="Ann")
    issue = IssueFactory(project=team, title="The annual report")

    erase_person("ann@example.com", now=now)

    issue.refresh_from_db()
    user.refresh_from_db()
    assert issue.title == "The annual report"
    assert user.full_name == ""


def test_whom_only_texts_name_is_erased_too(team, now):
    issue = IssueFactory(project=team, description="Write to nobody@example.com.")

    erase_person("nobody@example.com", now=now)

    issue.refresh_from_db()
    assert "nobody@example.com" not in issue.description


def test_deleting_an_account_erases_what_others_wrote_of_it(person, team):
    person.delete()

    assert found_in_database([EMAIL, NAME]) == {}
    assert ErasureRecord.objects.get().kind == "person"


def test_who_is_unknown_is_said(db, now):
    with pytest.raises(NobodyFound):
        erase_person("ghost@example.com", now=now)
    with pytest.raises(CommandError):
        call_command("erase_project", "NONE")


def test_an_erased_project_is_in_no_table_and_no_object(trained, team, now, capsys):
    key, project_id = team.key, str(team.id)
    everyone = ModelTrainer().train_effort_prediction_model(None, now=now + timedelta(minutes=1))

    call_command("erase_project", key)

    assert "The search finds nothing any more." in capsys.readouterr().out
    assert get_object_store().list("ml_models") == get_object_store().list("ml_datasets") == []
    assert not any(project_id in line or project_id.replace("-", "") in line for line in connection_dump())
    assert MLModel.objects.get().pk == everyone.pk
    assert not MLModel.objects.get().is_active


@pytest.mark.parametrize("way", ["erase", "delete"])
def test_what_the_administration_logged_of_a_project_goes_with_it(team, way):
    other, issue = IssueFactory(), Issue.objects.filter(project=team).first()
    member = TeamMemberFactory(project=team)
    rows = (team, issue, team.sprints.first() or SprintFactory(project=team), member, other, other.project)
    for row in rows:
        for text in ("[]", f'[{{"added": {{"name": "{row}"}}}}]'):
            LogEntry.objects.create(
                user=UserFactory(), content_type=ContentType.objects.get_for_model(row), object_id=str(row.pk),
                object_repr=str(row), action_flag=2, change_message=text,
            )  # fmt: skip
    member.delete()

    if way == "erase":
        call_command("erase_project", team.key)
    else:
        delete_project(team)

    assert set(LogEntry.objects.values_list("object_id", flat=True)) == {str(other.pk), str(other.project_id)}
    assert not any(str(team.pk) in line for line in connection_dump())


def test_the_record_says_when_to_whoever_names_the_person_and_nothing_else(person, now, settings):
    record = erase_person(EMAIL, now=now)

    assert list(was_erased("person", EMAIL.lower())) == [record]
    assert not was_erased("person", "other@example.com").exists()
    assert EMAIL.lower() not in str(record.__dict__).lower()
    settings.ML_SIGNING_KEYS = ["new", *settings.ML_SIGNING_KEYS]
    assert verify_record(ErasureRecord.objects.get())


@pytest.mark.parametrize("change", [{"counts": {}}, {"kind": "project"}, {"erased_at": None}])
def test_a_changed_record_is_known_as_such(person, now, change):
    record = erase_person(EMAIL, now=now)

    for name, value in change.items():
        setattr(record, name, value or now + timedelta(days=1) if name == "erased_at" else value)

    assert not verify_record(record)


def test_staff_and_their_administration_log_go_too(db, now):
    user = User.objects.create_superuser("root@example.com", "p")

    erase_person("root@example.com", now=now)

    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser) == (False, False)


@pytest.mark.parametrize(
    "spelling",
    ["zoë  quillfeather", "Zoë\nQuillfeather", "Zoë\u00a0Quillfeather", "Zoe\u0308 Quillfeather", EMAIL.upper()],
)
def test_a_name_is_found_however_it_is_spelled(team, now, spelling):
    TeamMemberFactory(project=team, user=UserFactory(email=EMAIL, full_name=NAME))
    issue = IssueFactory(project=team, title="Ask", description=f"see {spelling} first", labels=[spelling])

    erase_person(EMAIL, now=now)

    issue.refresh_from_db()
    assert spelling not in issue.description
    assert spelling not in issue.labels


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "cp1252"])
def test_a_file_that_waits_is_let_go_whatever_its_encoding(team, now, encoding):
    TeamMemberFactory(project=team, user=UserFactory(email=EMAIL, full_name=NAME))
    run = ImportRun.objects.create(project=team, upload=f"id,assignee\n1,{NAME.upper()}".encode(encoding))

    erase_person(EMAIL, now=now)

    run.refresh_from_db()
    assert run.upload is None


@pytest.mark.parametrize("delete", [False, True])
def test_what_is_remembered_of_issues_that_name_the_person_is_told_anew(person, team, now, delete):
    """What processes remember of issues goes by when these were touched."""
    other, past, text = IssueFactory.create_batch(3, project=team)
    models.QuerySet(IssueChange).bulk_create(
        [
            IssueChange(
                issue=past, project=team, field="assignee", old_value=str(person.pk), new_value="", changed_at=now
            )
        ]
    )
    Issue.objects.filter(pk=text.pk).update(description=f"As {NAME} said")
    Issue.objects.update(updated_at=now - timedelta(days=900))

    if delete:
        person.delete()
    else:
        erase_person(EMAIL, now=now)

    touched = set(Issue.objects.filter(updated_at__gt=now - timedelta(days=900)).values_list("pk", flat=True))
    assert touched == {past.pk, text.pk, team.issues.get(title__startswith="Ask").pk}
    assert other.pk not in touched
