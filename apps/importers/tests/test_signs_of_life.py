"""While an import goes on, no other message of its queue is read: it shows itself that its worker is there."""

import pytest
from django.utils import timezone

from apps.importers.models import ImportRun
from apps.importers.tasks import note_import_worker
from apps.ml.selectors.workers import IMPORTS, MISSING_AFTER, missing_workers
from apps.projects.tests.factories import ProjectFactory


@pytest.mark.django_db
def test_an_import_that_goes_on_shows_that_its_worker_is_there(now):
    assert missing_workers(now, [IMPORTS])
    ImportRun.objects.create(project=ProjectFactory(), status=ImportRun.Status.RUNNING, seen_at=now)

    assert missing_workers(now + MISSING_AFTER, [IMPORTS]) == ""


@pytest.mark.django_db
def test_the_worker_of_imports_shows_itself(now):
    assert missing_workers(now, [IMPORTS])

    note_import_worker()

    assert missing_workers(timezone.now(), [IMPORTS]) == ""
