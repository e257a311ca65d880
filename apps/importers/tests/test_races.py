"""Who writes beside an import waits for it, and it for them, and never both: PostgreSQL has several writers."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Event
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from apps.common.exceptions import Conflict
from apps.importers import connections, runs
from apps.importers.boxes import opened
from apps.importers.keeping import begun
from apps.importers.models import Connection, ImportRun
from apps.importers.records import ImportedIssue
from apps.importers.report import ImportReport
from apps.importers.services import import_issues
from apps.importers.sources.csv.columns import SYNONYMS
from apps.importers.sources.registry import place_of
from apps.importers.syncing import import_told
from apps.importers.tracked import TrackedIssue, TrackedSprint, with_life
from apps.importers.undoing import batches
from apps.importers.undoing.rows_back import take_rows_back
from apps.importers.writing.identities import Identities
from apps.importers.writing.kinds import hold_project
from apps.importers.writing.tracked import TrackedWriter
from apps.projects.links.services import link_issues
from apps.projects.models import Issue, IssueLink, Project
from apps.projects.rows import IDS_PER_QUERY, lock_issues
from apps.projects.services import create_issue, delete_issue, update_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory
from conftest import NOW
from tests.at_once import at_once, begun_beside, in_the_midst_of

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


def row(key: str, **said: Any) -> ImportedIssue:
    return ImportedIssue(external_id=key, **({"line": 1, "title": key, "created_at": THEN, "status": "To do"} | said))


def loaded(project: Project, *rows: ImportedIssue) -> ImportRun:
    report = import_issues(rows, project_key=project.key, mapped=frozenset(SYNONYMS), now=NOW)
    return ImportRun.objects.get(pk=report.import_id)


@pytest.mark.parametrize("field", ["status", "issue_type"])
def test_who_enters_a_status_or_type_while_the_import_that_brought_it_is_taken_back_waits_and_is_told(
    field, monkeypatch
):
    """The issues are held by then: who held the status and waited for one of them ended the taking back (503)."""
    project = ProjectFactory(key="SHOP")
    loaded(project, row("A-1"), row("A-2"))
    second = loaded(project, row("A-1", **{field: "Odd"}), row("A-2", **{field: "Odd"}))
    odd = project.statuses.get(name="Odd") if field == "status" else project.issue_types.get(name="Odd")
    issue = Issue.objects.get(external_id="A-2")
    Issue.objects.filter(pk=issue.pk).update(**{field: odd})

    with ThreadPoolExecutor(1) as pool:
        answers = []

        def between(*args: Any) -> int | None:
            if not answers:
                answers.append(begun_beside(pool, lambda: update_issue(issue, by=None, now=NOW, **{field: odd})))
            return take_rows_back(*args)

        monkeypatch.setattr(batches, "PHASES", (*batches.PHASES[:-1], between))
        assert runs.undo(second) == 0

    assert isinstance(answers[0].result(), Conflict)
    assert not type(odd).objects.filter(pk=odd.pk).exists()


def test_who_deletes_an_issue_beside_a_batch_that_holds_the_project_waits_without_it():
    project = ProjectFactory(key="SHOP")
    loaded(project, row("A-1"))
    issue = Issue.objects.get()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            hold_project(project.pk)
            answer = begun_beside(pool, lambda: delete_issue(issue))
            assert lock_issues([issue.pk]) == {issue.pk}
        assert answer.result() is None

    assert not Issue.objects.exists()


def test_who_moves_an_issue_into_a_sprint_while_an_import_dates_it_waits_without_the_issue(monkeypatch):
    """An import holds sprints before issues, as everybody does."""
    project = ProjectFactory(key="SHOP")
    loaded(project, row("A-1", sprint="One"), row("A-2"))
    sprint, issue = project.sprints.get(), Issue.objects.get(external_id="A-2")
    there = Identities.sort_out

    with ThreadPoolExecutor(1) as pool:
        answers = []

        def between(self: Any, batch: Any) -> Any:
            found = there(self, batch)
            answers.append(begun_beside(pool, lambda: update_issue(issue, by=None, now=NOW, sprint=sprint)))
            return found

        monkeypatch.setattr(Identities, "sort_out", between)
        dates = {"sprint_starts_on": THEN.date(), "sprint_ends_on": NOW.date() + timedelta(days=7)}
        loaded(project, row("A-1", sprint="One", **dates), row("A-2", title="New"))

    assert answers[0].result() == issue
    assert list(project.issues.values_list("sprint", flat=True)) == [sprint.pk] * 2


def test_who_begins_to_import_beside_one_that_began_a_moment_later_waits_for_it_in_no_circle():
    project = ProjectFactory(key="SHOP")
    later = begun(project, "csv", now=NOW + timedelta(milliseconds=1))

    made = in_the_midst_of(
        lambda: import_issues([row("A-1")], project_key="SHOP", mapped={"title"}, now=NOW, run=later),
        lambda: begun(project, "csv", now=NOW),
        before="FOR NO KEY UPDATE",
    )

    assert (made.created_at, made.started_at) > (later.created_at, later.started_at)
    assert project.issues.exists()


def lines(project: Project, ends_on: date) -> ImportReport:
    told = [
        TrackedSprint(external_id="1", name="One", starts_on=THEN.date(), ends_on=ends_on),
        TrackedIssue(line=1, title="A", external_id="A-1", created_at=THEN, status="To do", status_category="to_do"),
    ]
    run = begun(project, "x", now=NOW)
    return import_told(told, project=project, source="x", fields={"title", "sprint"}, now=NOW, run=run)


@pytest.mark.parametrize("by_last_step", [TrackedWriter.settle_sprints, TrackedWriter.settle_missing])
def test_an_import_that_dates_a_sprint_beside_the_last_steps_of_another_waits_for_it_in_no_circle(
    monkeypatch, by_last_step
):
    """An import holds its project before all else, and not only what it knows of it, at its end."""
    project, days = ProjectFactory(key="SHOP"), [NOW.date() + timedelta(days=n) for n in range(3)]
    lines(project, days[0])
    answers: list[Any] = []

    with ThreadPoolExecutor(1) as pool:

        def between(self: Any, *args: Any, **more: Any) -> Any:
            found = by_last_step(self, *args, **more)
            if not answers:
                answers.append(begun_beside(pool, lambda: lines(project, days[2])))
            return found

        monkeypatch.setattr(TrackedWriter, by_last_step.__name__, between)
        lines(project, days[1])

    assert answers[0].result().sprints_added == 0
    assert project.sprints.get().end_date == days[2]


def test_issues_of_a_large_batch_are_held_by_id_whatever_their_order_in_the_file():
    """Whoever ties or moves some of them at that moment holds them so."""
    project = ProjectFactory(key="SHOP")
    loaded(project, *(row(f"A-{n}") for n in range(IDS_PER_QUERY + 1)))
    last_first = list(project.issues.order_by("-pk").values_list("pk", "external_id"))
    several = [last_first[0][0], last_first[-1][0]]

    held = in_the_midst_of(
        lambda: loaded(project, *(row(key, title="new") for _, key in last_first)),
        lambda: transaction.atomic(lock_issues)(several),
        before='"external_id" IN (%s))',
    )

    assert held == set(several)
    assert project.issues.filter(title="new").count() == IDS_PER_QUERY + 1


def test_links_that_are_made_both_ways_at_once_end_neither():
    one, other = IssueFactory.create_batch(2, project=ProjectFactory())

    answers = at_once(
        *([lambda: link_issues(one, other, now=NOW), lambda: link_issues(other, one, now=NOW)] * 3),
        answers=(Conflict, ValidationError),
    )

    assert [isinstance(answer, Exception) for answer in answers].count(False) == 2
    assert IssueLink.objects.count() == 2


def test_who_deletes_a_connection_or_gives_a_token_beside_the_end_of_its_import_waits_and_is_not_undone(settings):
    settings.CONNECTION_KEYS = ["first key"]
    place = place_of("jira", "https://acme.atlassian.net", "SHOP")

    def ended_beside(act: Callable[[Connection], Any]) -> None:
        made = connections.connect(ProjectFactory(), place, "old", by=None, now=NOW)
        run = begun(made.project, made.source, now=NOW, connection=made)
        in_the_midst_of(
            lambda: connections._note_end(made, run, set(), began=NOW), lambda: act(Connection.objects.get(pk=made.pk))
        )

    ended_beside(lambda read: connections.change(read, token="new"))
    left = Connection.objects.get()
    assert (opened(left.sealed_token), left.synced_until) == ("new", NOW)

    ended_beside(lambda read: read.delete())
    assert Connection.objects.get() == left


def test_of_two_who_begin_to_write_figures_by_a_connection_in_one_moment_one_does(settings):
    settings.CONNECTION_KEYS = ["first key"]
    place = place_of("jira", "https://acme.atlassian.net", "SHOP")
    made, refused = connections.connect(ProjectFactory(), place, "token", by=None, now=NOW), Event()

    def write() -> bool:
        try:
            with connections.alone_at(made):
                return refused.wait(10)
        except Conflict:
            refused.set()
            raise

    answers = at_once(write, write)

    assert sorted(isinstance(each, Conflict) for each in answers) == [False, True]
    assert True in answers
    assert Connection.objects.get().writing_since is None
