"""A file that a pull was saved to tells what could not be had, too: nothing is closed for it, nor emptied."""

import json
import os
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.importers.records import RowError
from apps.importers.sources.client import TrackerRefused
from apps.importers.sources.jsonlines import read_line
from apps.importers.sources.lines.mapping import mapping_of
from apps.importers.sources.lines.writing import BROKEN_OFF, line_of, saved
from apps.importers.sources.registry import place_of
from apps.importers.tests.trackers import jira_site
from apps.importers.tests.trackers.server import Reply
from apps.importers.tracked import EVERYTHING, Gap, TrackedIssue
from apps.projects.models import Issue
from apps.projects.tests.factories import IssueFactory
from conftest import NOW

ISSUE = TrackedIssue(line=1, external_id="A-1", title="One", status_category="to_do", created_at=NOW)
TOLD = frozenset({"title", "status", "created_at"})
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
    assert len(list(saved([ISSUE, *([lack] if lack else [])], path, TOLD))) == 1 + bool(lack)
    assert all(json.loads(line) for line in path.read_text().splitlines())

    call_command("import_issues", str(path), project=project.key, source="github", mark_missing=True)

    assert (Issue.objects.get(external_id="A-3").dropped_at is not None) == is_closed


# --- A pull that breaks off -------------------------------------------------------------------------------------------
def broken_off(fault):
    yield ISSUE
    raise fault


@pytest.mark.parametrize("stood", [None, "a whole pull"])
@pytest.mark.parametrize("fault", [TrackerRefused("403"), KeyboardInterrupt(), GeneratorExit()], ids=repr)
def test_what_stood_under_the_name_stays_until_a_pull_reached_its_end(tmp_path, stood, fault):
    path = tmp_path / "pull.jsonl"
    if stood:
        path.write_text(stood)

    told = saved(broken_off(fault), path, TOLD)
    assert next(told) == ISSUE
    # As a killed process leaves it.
    assert os.listdir(tmp_path) == (["pull.jsonl"] if stood else [])
    with pytest.raises(type(fault)):
        next(told)

    assert os.listdir(tmp_path) == (["pull.jsonl"] if stood else [])
    assert not stood or path.read_text() == stood


def test_a_link_and_the_rights_of_a_file_stay(tmp_path):
    path, link = tmp_path / "pull.jsonl", tmp_path / "link"
    path.write_text("before")
    path.chmod(0o664)
    link.symlink_to(path)

    list(saved([ISSUE], link, TOLD))

    assert link.is_symlink()
    assert (path.stat().st_mode & 0o777, "A-1" in path.read_text()) == (0o664, True)


@pytest.mark.parametrize("is_whole", [True, False])
def test_what_goes_through_a_pipe_says_at_its_end_that_it_broke_off(is_whole):
    reading, writing = os.pipe()
    try:
        list(saved([ISSUE] if is_whole else broken_off(TrackerRefused("403")), Path(f"/dev/fd/{writing}"), TOLD))
    except TrackerRefused:
        assert not is_whole
    os.close(writing)
    with os.fdopen(reading) as lines:
        told = [each for line in lines for each in read_line(1, line.encode(), mapping_of({}))]
    assert ([each for each in told if isinstance(each, Gap)] == [BROKEN_OFF]) != is_whole


@pytest.mark.django_db
def test_half_of_a_list_does_not_take_the_place_of_the_whole_one(project, jira, tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKER_TOKEN", "ada@example.org:secret-token")
    place = place_of("jira", jira.url, "SHOP")
    monkeypatch.setattr("apps.importers.management.commands.import_issues.place_in", lambda text: place)
    path = tmp_path / "pull.jsonl"
    call_command("import_issues", "jira:SHOP", project=project.key, save_as=path)
    whole = path.read_text()

    jira.answer = lambda request: Reply({}, 403) if "bulkfetch" in request.path else jira_site.cloud(request)
    with pytest.raises(CommandError):
        call_command("import_issues", "jira:SHOP", project=project.key, save_as=path)

    assert path.read_text() == whole
