"""Links between issues come with imports, by file and by tracker, and go when their source tells them no more."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from apps.importers import runs
from apps.importers.models import ImportRun
from apps.importers.records import ImportedIssue
from apps.importers.services import import_issues
from apps.importers.sources import github, gitlab, jira_rows
from apps.importers.sources.csv.file import inspect_file, read_issues
from apps.importers.sources.csv.survey import reading_of
from apps.importers.tests.trackers import jira_site
from apps.importers.tests.trackers.server import client_of, needs_recorded, recorded, tracker
from apps.importers.tracked import TrackedIssue
from apps.importers.writing.links import END_IS_GONE, Links
from apps.importers.writing.workflow import category_of
from apps.projects.links.services import link_issues
from apps.projects.models import Issue, IssueLink
from apps.projects.services import delete_issue
from apps.projects.tests.factories import ProjectFactory

MONDAY = datetime(2026, 2, 2, 9, tzinfo=UTC)


def record(key, **said):
    return ImportedIssue(line=2, external_id=key, title=f"Title {key}", created_at=MONDAY, status="To do", **said)


@pytest.fixture
def load(db, now):
    ProjectFactory(key="SHOP")

    def load(*rows, later=timedelta(0)):
        return import_issues(rows, project_key="SHOP", mapped={"blocked_by"}, now=now + later)

    return load


def pairs():
    return sorted(IssueLink.objects.values_list("blocker__external_id", "blocked__external_id", "source"))


def test_a_blocker_may_come_later_in_the_file_than_what_it_blocks(load):
    load(record("A-1", blocked_by=("A-2", "A-9")), record("A-2", blocks=("A-3",)), record("A-3"))

    # What names no issue of the project links nothing.
    assert pairs() == [("A-2", "A-1", "csv"), ("A-2", "A-3", "csv")]


def test_both_sides_of_a_link_are_one_link(load):
    load(record("A-1", blocked_by=("A-2",)), record("A-2", blocks=("A-1",)))
    load(record("A-1", blocked_by=("A-2",)), record("A-2", blocks=("A-1",)))

    assert pairs() == [("A-2", "A-1", "csv")]


def test_a_link_goes_when_its_source_tells_the_issue_without_it_and_ones_own_stays(load, now):
    load(record("A-1", blocked_by=("A-2",)), record("A-2"), record("A-3"))
    issues = {issue.external_id: issue for issue in Issue.objects.all()}
    link_issues(issues["A-3"], issues["A-1"], now=now)

    load(record("A-2"), record("A-3"))
    assert len(pairs()) == 2
    load(record("A-1", blocked_by=()))

    assert pairs() == [("A-3", "A-1", "")]


def test_an_import_taken_back_takes_its_links_along(load):
    load(record("A-1"), record("A-2"))
    report = load(record("A-1", blocked_by=("A-2",)), record("A-3"), later=timedelta(hours=1))

    runs.undo(ImportRun.objects.get(pk=report.import_id))

    assert (pairs(), Issue.objects.count()) == ([], 2)


def test_a_file_links_by_the_columns_of_jiras_export_and_by_plain_ones(tmp_path, now):
    path = tmp_path / "issues.csv"
    path.write_text(
        "Issue key,Summary,Inward issue link (Blocks),Inward issue link (Blocks),Outward issue link (Blocks)\n"
        'A-1,Cart,A-2,A-3,\nA-2,Login,,,"A-1, A-4"\n'
    )
    shape = inspect_file(path, encoding="")
    rows = list(read_issues(shape, reading_of(shape, {}, now=now, meaning=category_of), now=now))

    assert [(row.blocked_by, row.blocks) for row in rows] == [(("A-2", "A-3"), ()), ((), ("A-1", "A-4"))]


def test_jira_says_by_the_words_of_a_links_type_which_comes_first():
    told = [row["fields"].get("issuelinks") for row in jira_site.ISSUES]

    assert [jira_rows.linked_by(links) for links in told] == [
        (None, None), ((), ("A-4",)), (None, None), (("A-2",), ())
    ]  # fmt: skip


@needs_recorded
def test_of_the_link_types_of_a_large_public_server_those_that_order_work_are_known():
    told = set()
    for kind in recorded("jira_dc/gojira_all_issuelinktypes"):
        waits_for, holds_up = jira_rows.linked_by(
            [{"type": kind, "inwardIssue": {"key": "A"}}, {"type": kind, "outwardIssue": {"key": "B"}}]
        )
        if waits_for or holds_up:
            told.add((kind["name"], waits_for, holds_up))

    # "Blocked" and "Dependency" have the same word on both sides there: nobody can tell which comes first.
    assert {("Blocker", ("A",), ("B",))} <= told
    assert not {"Blocked", "Dependency", "Duplicate"} & {name for name, _, _ in told}


def test_github_is_asked_for_what_blocks_an_issue_where_its_row_counts_any():
    issues = [
        {"id": 1_000 + number, "number": number, "title": "T", "state": "open", "labels": [], "assignees": [],
         "created_at": "2026-03-01T09:00:00Z", "repository_url": "here",
         "issue_dependencies_summary": {"total_blocked_by": count}}
        for number, count in ((1, 2), (2, 0))
    ]  # fmt: skip
    asked = []

    def site(request):
        if request.path.endswith("/issues"):
            return issues
        if "dependencies" in request.path:
            asked.append(request.path)
            return [{"id": 9, "number": 2, "repository_url": "here"}, {"id": 8, "number": 7, "repository_url": "there"}]
        none = {"nodes": [], "pageInfo": {"hasNextPage": False}}
        return {"data": {"repository": {"projectsV2": none}}} if request.path.endswith("/graphql") else []

    with tracker(site) as served:
        told = [each for each in github.pull(client_of(served), "a/b", MONDAY) if isinstance(each, TrackedIssue)]

    assert [issue.blocked_by for issue in told] == [("#2",), ()]
    assert asked == ["/repos/a/b/issues/1/dependencies/blocked_by"]


@needs_recorded
def test_gitlab_is_asked_for_what_an_issue_blocks_where_its_row_counts_any():
    [link] = recorded("gitlab/narkoz_project_issue_links")
    row = {"id": 77, "iid": 7, "project_id": 4, "title": "T", "state": "opened", "created_at": "2026-03-01T09:00:00Z"}
    issues = [row | {"blocking_issues_count": 1}, row | {"id": 78, "iid": 8, "blocking_issues_count": 0},
              row | {"id": 79, "iid": 9}]  # fmt: skip

    def site(request):
        if request.path.endswith("/links"):
            return [link | {"link_type": "blocks"}, link | {"id": 85, "iid": 15, "link_type": "relates_to"}]
        return issues if request.path.endswith("/issues") else []

    with tracker(site) as served:
        told = gitlab.pull(client_of(served), "group/project", None)
        found = [each.blocks for each in told if isinstance(each, TrackedIssue)]

    assert found == [("#14",), (), None]


# --- What somebody does while links are written -------------------------------------------------------------------
def meanwhile(monkeypatch, act):
    """Somebody acts once, when the links that are there are known and none is written yet."""
    present, acts = Links._present, iter([act])

    def then(self):
        found = list(present(self))
        for each in acts:
            each()
        return found

    monkeypatch.setattr(Links, "_present", then)


def test_a_link_of_an_issue_that_is_deleted_while_links_are_written_is_left_out_and_told(load, monkeypatch):
    load(record("A-1"), record("A-2"), record("A-3"))
    meanwhile(monkeypatch, lambda: delete_issue(Issue.objects.get(external_id="A-2")))

    report = load(record("A-1", blocked_by=("A-2", "A-3")), record("A-3", blocked_by=("A-2",)))

    # What the database defers to the end of a transaction is refused here.
    connection.check_constraints()
    assert pairs() == [("A-3", "A-1", "csv")]
    assert report.remarks[END_IS_GONE] == 2


def test_a_link_that_somebody_makes_while_links_are_written_is_theirs(load, now, monkeypatch):
    load(record("A-1"), record("A-2"))
    one, other = (Issue.objects.get(external_id=key) for key in ("A-2", "A-1"))
    meanwhile(monkeypatch, lambda: link_issues(one, other, now=now))

    report = load(record("A-1", blocked_by=("A-2",)))

    assert pairs() == [("A-2", "A-1", "")]
    assert report.remarks[END_IS_GONE] == 0
