"""An upload for which the folder of temporary files has no room: nobody's fault, and worth a try later."""

import errno
import os
import tempfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from apps.importers.models import ImportRun
from apps.projects.tests.factories import TeamMemberFactory

pytestmark = pytest.mark.django_db
#: More than is held in memory.
ROWS = b"id,title,status\n" + b"A-1,Change the label,Done\n" * 120_000


@pytest.fixture
def lead():
    return TeamMemberFactory(role="lead")


@pytest.fixture(params=["rollover", "write"])
def full(request, monkeypatch):
    def no_room(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, request.param, no_room)


def test_a_program_is_told_to_come_again(lead, full):
    client = APIClient()
    client.force_authenticate(lead.user)

    answer = client.post(
        "/api/v1/imports/",
        {"project": str(lead.project.pk), "file": SimpleUploadedFile("a.csv", ROWS)},
        format="multipart",
    )

    assert (answer.status_code, answer.json()["code"]) == (503, "no_room")
    assert int(answer["Retry-After"]) > 0
    assert not ImportRun.objects.exists()


@pytest.mark.parametrize("language", ["en", "de", "es"])
@pytest.mark.parametrize("enforce_csrf_checks", [False, True])
def test_a_page_says_it(lead, full, language, enforce_csrf_checks):
    """Whoever looks for the form's token reads the form."""
    client = Client(raise_request_exception=False, headers={"Accept-Language": language})
    client.force_login(lead.user)
    client.handler.enforce_csrf_checks = enforce_csrf_checks
    client.cookies["csrftoken"] = "a" * 32

    answer = client.post(f"/projects/{lead.project.key}/import/upload/", {"file": SimpleUploadedFile("a.csv", ROWS)})

    told = {"en": "There is no room", "de": "Für diese Datei ist", "es": "No hay sitio"}[language]
    assert (answer.status_code, told in answer.content.decode()) == (503, True)
    assert int(answer["Retry-After"]) > 0
    assert not ImportRun.objects.exists()
