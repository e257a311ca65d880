"""Imports that are asked for, written and taken back in one moment, on a database that has several writers."""

from datetime import timedelta

import pytest
from django.db import connection

from apps.accounts.tests.factories import UserFactory
from apps.common.exceptions import Conflict
from apps.importers import runs, waiting
from apps.importers.models import ImportRun
from apps.importers.records import ImportedIssue
from apps.importers.services import import_issues
from apps.projects import services
from apps.projects.tests.factories import ProjectFactory
from tests.at_once import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer; the PostgreSQL run has these"),
]


@pytest.fixture
def asking(now):
    """Somebody's word for a file of 50 bytes."""

    def asking(**more):
        project, person = ProjectFactory(), UserFactory()
        return lambda: runs.ask_upload(project, name="a.csv", content=b"x" * 50, by=person, now=now, **more)

    return asking


@pytest.mark.parametrize("attempt", range(3))
def test_several_people_at_once_keep_no_more_than_all_may_together(attempt, asking, monkeypatch):
    monkeypatch.setattr(waiting, "MOST_KEPT_BYTES_OF_ALL", 100)

    answers = at_once(*(asking() for _ in range(6)))

    assert [isinstance(answer, Conflict) for answer in answers].count(False) == 2
    assert ImportRun.objects.filter(upload__isnull=False).count() == 2


@pytest.mark.parametrize("attempt", range(3))
def test_whoever_asks_again_for_a_file_that_another_lets_go_waits_for_nobody_in_a_circle(
    attempt, asking, now, monkeypatch
):
    monkeypatch.setattr(waiting, "MOST_KEPT_BYTES_OF_ALL", 100)
    tried = [asking(is_dry_run=True)() for _ in range(2)]
    ImportRun.objects.update(status="completed")

    answers = at_once(
        *(lambda run=run: runs.ask_again(run, by=run.created_by, now=now) for run in tried),
        *(asking() for _ in range(4)),
    )

    assert all(isinstance(answer, ImportRun | Conflict) for answer in answers)
    assert ImportRun.objects.filter(upload__isnull=False).count() <= 2


@pytest.mark.parametrize("attempt", range(3))
def test_of_two_words_for_one_file_at_once_one_is_taken(attempt, asking, now):
    tried = asking(is_dry_run=True)()
    ImportRun.objects.update(status="completed")
    # As two requests have read it.
    read = [ImportRun.objects.get(pk=tried.pk) for _ in range(2)]

    answers = at_once(*(lambda run=run: runs.ask_again(run, by=tried.created_by, now=now) for run in read))

    assert sorted(isinstance(answer, Conflict) for answer in answers) == [False, True]
    assert sorted(ImportRun.objects.values_list("status", "upload")) == [("completed", None), ("queued", b"x" * 50)]


@pytest.fixture
def imported(now):
    """An import of one issue of a type of its own, in a sprint of its own."""
    project = ProjectFactory(key="SHOP")
    row = ImportedIssue(line=2, external_id="A-1", title="One", issue_type="odd", sprint="One", created_at=now)
    report = import_issues([row], project_key=project.key, mapped={"title", "issue_type", "sprint"}, now=now)
    return ImportRun.objects.get(pk=report.import_id)


@pytest.mark.parametrize("attempt", range(3))
def test_an_import_is_taken_back_once(attempt, imported):
    answers = at_once(*(lambda: runs.undo(ImportRun.objects.get(pk=imported.pk)) for _ in range(3)))

    assert sorted(isinstance(answer, Conflict) for answer in answers) == [False, True, True]
    assert not imported.project.issues.exists()


@pytest.mark.parametrize("attempt", range(5))
def test_whoever_uses_meanwhile_what_an_import_made_keeps_it_or_is_told(attempt, imported, now):
    odd, sprint = imported.project.issue_types.get(name="odd"), imported.project.sprints.get()
    common = {"by": None, "now": now, "title": "Mine"}

    answers = at_once(
        lambda: runs.undo(ImportRun.objects.get(pk=imported.pk)),
        lambda: services.create_issue(imported.project, issue_type=odd, sprint=sprint, **common),
    )

    made = answers[1]
    assert not isinstance(made, Conflict) or not imported.project.issues.filter(title="Mine").exists()
    if not isinstance(made, Conflict):
        kept = imported.project.issues.get(title="Mine")
        assert (kept.issue_type, kept.sprint) == (odd, sprint)


@pytest.mark.parametrize("attempt", range(5))
def test_whoever_makes_an_issue_in_a_sprint_that_an_import_is_dating_waits_for_it_in_no_circle(attempt, imported, now):
    odd, sprint, day = imported.project.issue_types.get(name="odd"), imported.project.sprints.get(), now.date()
    common = {"by": None, "now": now, "title": "Mine"}
    rows = [
        ImportedIssue(
            line=2, external_id=f"A-{n}", title="One", sprint="One", created_at=now, sprint_starts_on=day,
            sprint_ends_on=day + timedelta(days=n),
        )
        for n in range(1, 5)
    ]  # fmt: skip
    mapped = {"title", "sprint", "sprint_starts_on", "sprint_ends_on"}

    at_once(
        lambda: import_issues(rows, project_key="SHOP", mapped=mapped, now=now),
        *(lambda: services.create_issue(imported.project, issue_type=odd, sprint=sprint, **common) for _ in range(3)),
    )

    assert imported.project.issues.filter(title="Mine").count() == 3
    assert imported.project.sprints.get().end_date == day + timedelta(days=4)
