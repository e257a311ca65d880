"""A file that a pull was saved to tells what could not be had, too: nothing is closed for it."""

import json

import pytest
from django.core.management import call_command

from apps.importers.records import RowError
from apps.importers.sources.jsonlines import line_of, mapping_of, read_line, saved
from apps.importers.sources.paging import EVERYTHING
from apps.importers.tracked import Gap, TrackedIssue
from apps.projects.models import Issue
from apps.projects.tests.factories import IssueFactory
from conftest import NOW

ISSUE = TrackedIssue(line=1, external_id="A-1", title="One", status_category="to_do", created_at=NOW)
LACKS = [
    Gap("pages of issues lead back to earlier ones", EVERYTHING),
    Gap("the history has holes", ("training",), ("A-1",)),
    RowError(1, "A-3", "it is too large to be read"),
    RowError(1, "", "it cannot be read"),
]


@pytest.mark.parametrize("lack", LACKS)
def test_what_could_not_be_had_reads_back_the_same(lack):
    assert list(read_line(1, line_of(lack).encode(), mapping_of({}))) == [lack]


@pytest.mark.django_db
@pytest.mark.parametrize(("lack", "is_closed"), [(None, True), (LACKS[0], False), (LACKS[2], False), (LACKS[3], False)])
def test_an_issue_that_could_not_be_read_is_not_closed_as_missing(project, tmp_path, lack, is_closed):
    IssueFactory(project=project, source="github", external_id="A-3")
    path = tmp_path / "saved.jsonl"
    assert len(list(saved([ISSUE, *([lack] if lack else [])], path))) == 1 + bool(lack)
    assert all(json.loads(line) for line in path.read_text().splitlines())

    call_command("import_issues", str(path), project=project.key, source="github", mark_missing=True)

    assert (Issue.objects.get(external_id="A-3").dropped_at is not None) == is_closed
