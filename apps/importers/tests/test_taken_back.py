"""An uploaded file, taken back: what it made goes, what it changed becomes what it was."""

from datetime import UTC, datetime

import pytest

from apps.importers.models import ImportRun
from apps.importers.runs import ask_upload, execute, undo
from apps.projects.models import Issue, IssueChange, Project, Sprint
from apps.projects.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
HEAD = "Key,Title,Status,Created,Resolved,Sprint,Sprint\n"
#: A-1 was carried over from one sprint into the next.
FIRST = HEAD + "A-1,Fix the door,Done,2026-01-02,2026-01-28,S1 2026-01-05 2026-01-16,S2 2026-01-19 2026-01-30\n"
SECOND = FIRST.replace("Fix the door", "Mend the door") + "A-2,Paint it,Open,2026-01-03,,,\n"


@pytest.fixture
def project() -> Project:
    return ProjectFactory()


def imported(project: Project, text: str) -> ImportRun:
    asked = ask_upload(project, name="board.csv", content=text.encode(), by=None, now=NOW)
    done = execute(asked.pk, now=NOW)
    assert done is not None
    assert done.status == "completed", done.error
    return done


def test_a_file_that_is_taken_back_leaves_nothing(project):
    run = imported(project, FIRST)
    assert IssueChange.objects.filter(issue__project=project, field="sprint").exists()

    assert undo(run) == 0

    assert not Issue.objects.filter(project=project).exists()
    assert not Sprint.objects.filter(project=project).exists()


def test_what_a_file_changed_becomes_what_it_was(project):
    imported(project, FIRST)
    run = imported(project, SECOND)

    undo(run)

    assert list(Issue.objects.filter(project=project).values_list("external_id", "title")) == [("A-1", "Fix the door")]
    assert Sprint.objects.filter(project=project).count() == 2
