"""Who writes beside an import waits for it, and it for them, and never both: PostgreSQL has several writers."""

from datetime import UTC, datetime

import pytest
from django.db import connection

from apps.importers.records import ImportedIssue
from apps.importers.services import import_issues
from apps.importers.sources.csv.columns import SYNONYMS
from apps.importers.syncing import import_told
from apps.importers.tracked import TrackedIssue, with_life
from apps.projects.models import Issue, Project
from apps.projects.services import create_issue
from apps.projects.tests.factories import ProjectFactory
from conftest import NOW
from tests.at_once import in_the_midst_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer; the PostgreSQL run has these"),
]
THEN = datetime(2026, 2, 2, 9, tzinfo=UTC)


def by_file(project: Project, title: str) -> None:
    row = ImportedIssue(line=1, external_id="A-1", title=title, created_at=THEN, assignee=None)
    import_issues([row], project_key=project.key, mapped=frozenset(SYNONYMS), now=NOW)


def by_tracker(project: Project, title: str) -> None:
    told = {"external_id": "A-1", "source_id": "1", "created_at": THEN, "issue_type": "story", "level": 0}
    record = TrackedIssue(line=1, title=title, status="To do", status_category="to_do", **told)
    import_told([with_life(record)], project=project, source="jira", fields={"title", "status"}, now=NOW)


@pytest.mark.parametrize("bring", [by_file, by_tracker])
def test_a_part_that_is_made_while_its_parent_is_imported_again_puts_off_neither(bring):
    project = ProjectFactory(key="SHOP")
    bring(project, "as it was")
    parent, kind = Issue.objects.get(), project.issue_types.get(name="story")

    in_the_midst_of(
        lambda: create_issue(project, title="part", issue_type=kind, parent=parent, by=None, now=NOW),
        lambda: bring(project, "as it is"),
    )

    assert sorted(project.issues.values_list("title", flat=True)) == ["as it is", "part"]
