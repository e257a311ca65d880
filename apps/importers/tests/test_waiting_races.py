"""Several people ask for imports in one moment, on a database that has several writers."""

import pytest
from django.db import connection

from apps.accounts.tests.factories import UserFactory
from apps.common.exceptions import Conflict
from apps.importers import runs, waiting
from apps.importers.models import ImportRun
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
