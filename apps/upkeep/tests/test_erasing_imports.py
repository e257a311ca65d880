"""An import is taken back after an erasure: what it kept is put back as far as rows take it, and things keep names."""

import json
from datetime import timedelta

import pytest

from apps.accounts.tests.factories import UserFactory
from apps.importers import runs
from apps.importers.models import ImportRun
from apps.importers.records import ImportedIssue
from apps.importers.services import import_issues
from apps.importers.sources.csv.columns import SYNONYMS
from apps.projects.models import Issue, IssueType, Project, Sprint, WorkflowStatus
from apps.projects.tests.factories import ProjectFactory, TeamMemberFactory
from apps.upkeep.erasing import erase_person
from apps.upkeep.pseudonyms import pseudonym_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_training_begins")]
EMAIL, NAME = "ann@example.com", "Ann Smith"


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


@pytest.fixture(params=["erase", "delete"])
def erase(request, project, now, django_capture_on_commit_callbacks):
    ann = TeamMemberFactory(project=project, user=UserFactory(email=EMAIL, full_name=NAME)).user

    def erase():
        with django_capture_on_commit_callbacks(execute=True):
            ann.delete() if request.param == "delete" else erase_person(EMAIL, now=now)

    return erase


@pytest.fixture
def imported(project, now):
    """An issue imported as often as something is said of it; the last import."""

    def imported(*told):
        for day, said in enumerate(told):
            values = {"external_id": "A-1", "title": "Label", "created_at": now - timedelta(days=9)} | said
            row = ImportedIssue(line=2, source_id="1001", **values)
            at = now - timedelta(days=len(told) - day)
            report = import_issues([row], project_key=project.key, mapped=frozenset(SYNONYMS), now=at)
        return ImportRun.objects.get(pk=report.import_id)

    return imported


def test_a_sprints_old_name_that_a_pseudonym_made_too_long_is_cut(erase, project, now):
    long = "x" * (199 - len(NAME))
    for day, name in enumerate([f"{long} {NAME}", "Two"]):
        rows = [{"sprint": {"id": "7", "name": name}}, {"id": "A-1", "title": "Label", "sprint": "7"}]
        content, at = "\n".join(map(json.dumps, rows)).encode(), now - timedelta(days=2 - day)
        second = runs.ask_upload(project, name="a.jsonl", content=content, by=None, now=at)
        assert runs.execute(second.pk, now=at).status == "completed"
    second.refresh_from_db()
    erase()

    assert runs.undo(second) == 0

    kept = pseudonym_of(EMAIL)
    assert Sprint.objects.get().name == f"{long[: 200 - len(kept) - 1]} {kept}"


def test_a_sprint_whose_name_a_pseudonym_made_too_long_is_as_its_import_left_it(erase, project, now):
    rows = [{"sprint": {"id": "7", "name": f"{'x' * (199 - len(NAME))} {NAME}"}}]
    run = runs.ask_upload(project, name="a.jsonl", content=json.dumps(rows[0]).encode(), by=None, now=now)
    assert runs.execute(run.pk, now=now).status == "completed"
    run.refresh_from_db()
    erase()
    assert Sprint.objects.get().name.endswith(pseudonym_of(EMAIL))

    assert runs.undo(run) == 0

    assert not Sprint.objects.exists()


@pytest.mark.parametrize("field", ["title", "component"])
def test_an_issues_text_that_a_pseudonym_made_too_long_keeps_it_whole(erase, imported, field):
    most = Issue._meta.get_field(field).max_length
    second = imported({field: f"{'x' * (most - 1 - len(NAME))} {NAME}"}, {field: "Two"})
    erase()

    assert runs.undo(second) == 0

    kept = pseudonym_of(EMAIL)
    assert getattr(Issue.objects.get(), field) == f"{'x' * (most - len(kept) - 1)} {kept}"


def test_types_and_states_that_an_import_made_go_with_it(erase, imported, project):
    IssueType.objects.create(project=project, name="Other")
    run = imported({"issue_type": f"{NAME}'s", "status": f"As {NAME} says", "status_category": "to_do"})
    erase()
    assert IssueType.objects.filter(name=f"{NAME}'s").exists()

    assert runs.undo(run) == 0

    assert not IssueType.objects.filter(name__contains=NAME).exists()
    assert not WorkflowStatus.objects.filter(name__contains=NAME).exists()


def test_what_could_not_be_told_of_a_source_stays_its_own(erase, imported, project):
    kept = {f"Board of {NAME}": ["statuses"]}
    run = imported({})
    assert run.traces.filter(table="projects.Project").update(before={"unknown_past": kept}) == 1
    erase()

    runs.undo(run)

    assert Project.objects.get(pk=project.pk).unknown_past == kept


def test_the_id_by_which_its_source_knows_an_issue_is_put_back_and_its_texts_name_nobody(erase, imported):
    second = imported(
        {"external_id": f"{NAME} 1", "title": f"Ask {NAME}"}, {"external_id": "B-1", "title": "Ask somebody"}
    )
    erase()

    assert runs.undo(second) == 0

    issue = Issue.objects.get()
    assert issue.external_id == f"{NAME} 1"
    assert issue.title.startswith("Ask erased-")


def test_an_address_goes_from_things_too_and_the_import_is_taken_back(erase, imported):
    run = imported({"issue_type": EMAIL, "status": f"Of {EMAIL}", "status_category": "to_do"})
    erase()

    assert runs.undo(run) == 0

    assert not IssueType.objects.filter(name__contains="erased-").exists()
    assert not WorkflowStatus.objects.filter(name__contains="erased-").exists()
