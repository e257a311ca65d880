"""People edit beside an import, which may take hours: what it changes behind them is recorded behind them."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from apps.importers import services as importing
from apps.importers import syncing
from apps.importers.models import ImportRun
from apps.importers.records import ImportedIssue
from apps.importers.runs import undo
from apps.importers.services import import_issues
from apps.importers.sources.csv.columns import SYNONYMS
from apps.importers.syncing import import_told
from apps.importers.tracked import Change, Stage, TrackedIssue, in_order, with_life
from apps.projects import services
from apps.projects.models import Sprint
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory
from conftest import NOW

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 2, 2, 9, tzinfo=UTC)
N_ISSUES = 6


def table(status, points, *, n=N_ISSUES, sprint=""):
    head = "Issue key,Summary,Issue Type,Status,Story Points,Created,Sprint\n"
    return head + "".join(f"A-{k},title,Story,{status},{points},2026-02-02,{sprint}\n" for k in range(n))


def lines(status, points, *, n=N_ISSUES):
    told = {"issue_type": "story", "status": status, "story_points": points, "created_at": "2026-02-02T09:00:00Z"}
    return "".join(json.dumps({"key": f"A-{k}", "title": "title", **told}) + "\n" for k in range(n))


@pytest.fixture
def project(db):
    return ProjectFactory(key="SHOP")


@pytest.fixture(params=["csv", "jsonl"])
def bring(request, project, tmp_path, monkeypatch):
    """Imports in batches of two, as the command does; with something that happens behind the first of these."""
    monkeypatch.setattr(importing, "BATCH_ROWS", 2)
    monkeypatch.setattr(syncing, "BATCH_ISSUES", 2)

    def bring(status, points, *more, meanwhile=lambda: None, **told):
        file = tmp_path / f"export.{request.param}"
        file.write_text((table if request.param == "csv" else lines)(status, points, **told))
        acts = iter([meanwhile])
        for each in (importing, syncing):
            monkeypatch.setattr(each, "shown", lambda *_: next(acts, lambda: None)())
        call_command("import_issues", str(file), "--project", project.key, *more, stdout=StringIO())

    return bring


def chain(issue, field):
    held = issue.changes.filter(field=field).order_by("changed_at", "id")
    return list(held.values_list("old_value", "new_value"))


def edited(project, key, status, points):
    issue, status = project.issues.get(external_id=key), project.statuses.get(name=status)
    return services.update_issue(issue, by=None, now=timezone.now, status=status, story_points=points)


def test_what_an_import_changes_behind_a_persons_edit_is_recorded_behind_it(project, bring):
    bring("To do", 1)

    bring("In progress", 2, meanwhile=lambda: edited(project, "A-5", "Done", 8.0))

    issue = project.issues.get(external_id="A-5")
    assert chain(issue, "status") == [("To do", "Done"), ("Done", "In progress")]
    assert chain(issue, "story_points") == [("1", "8"), ("8", "2")]


def test_what_it_changes_after_a_sprint_was_closed_beside_it_came_after_its_end(project, bring):
    lead = TeamMemberFactory(project=project, role="lead")
    bring("To do", 1)
    sprint = SprintFactory(project=project, active=True)
    issue = project.issues.get(external_id="A-5")
    services.update_issue(issue, by=None, now=NOW, sprint=sprint)

    bring("In progress", 2, meanwhile=lambda: services.close_sprint(sprint, by=lead.user, now=timezone.now))

    changed_at = issue.changes.get(field="story_points").changed_at
    assert changed_at > Sprint.objects.get(pk=sprint.pk).completed_at


@pytest.mark.parametrize("bring", ["csv"], indirect=True)
def test_what_is_missing_and_was_edited_beside_it_is_closed_behind_that(project, bring):
    bring("To do", 1)

    bring("To do", 1, "--mark-missing", n=4, meanwhile=lambda: edited(project, "A-5", "In progress", 8.0))

    issue = project.issues.get(external_id="A-5")
    assert chain(issue, "status") == [("To do", "In progress"), ("In progress", "Removed")]
    assert issue.started_at < issue.dropped_at == issue.changes.filter(field="status").last().changed_at


def test_what_comes_first_without_a_time_came_with_its_batch(project, monkeypatch):
    """Not as early as the import began: it would be planned work of a sprint that somebody started meanwhile."""
    sprint = SprintFactory(project=project)
    acts = iter([lambda: services.start_sprint(sprint, now=timezone.now)])
    monkeypatch.setattr(importing, "BATCH_ROWS", 2)
    monkeypatch.setattr(importing, "shown", lambda *_: next(acts, lambda: None)())
    rows = [ImportedIssue(line=1, external_id=f"A-{k}", title="x") for k in range(N_ISSUES)]

    import_issues(rows, project_key=project.key, mapped=frozenset(SYNONYMS), now=timezone.now)

    came = [issue.created_at > sprint.started_at for issue in project.issues.order_by("external_id")]
    assert came == [False] * 2 + [True] * (N_ISSUES - 2)


@pytest.mark.parametrize("told", [[], [("To do", "In progress")]], ids=["nothing", "what was before"])
def test_what_a_tracker_tells_goes_before_what_was_changed_here_and_its_history_ends_with_it(project, told):
    """The tracker's status is taken, which its own history does not tell as the last: the person's edit came later."""

    def brought(moves, *, now):
        stages = {"To do": Stage("To do", "to_do"), "In progress": Stage("In progress", "in_progress")}
        changes = [Change("status", stages[old], stages[new], MONDAY + timedelta(days=1)) for old, new in moves]
        name = moves[-1][1] if moves else "To do"
        record = TrackedIssue(
            line=1, external_id="A-1", source_id="1", title="x", created_at=MONDAY, issue_type="story", level=0,
            status=name, status_category=stages[name].category, recorded=frozenset({"status"}),
            changes=in_order(changes),
        )  # fmt: skip
        import_told([with_life(record)], project=project, source="jira", fields={"title", "status"}, now=now)

    brought([], now=NOW)
    issue = project.issues.get()
    services.update_issue(issue, by=None, now=NOW + timedelta(days=1), status=project.statuses.get(name="Done"))

    for _ in range(2):
        brought(told, now=NOW + timedelta(days=2))

    issue.refresh_from_db()
    ends = list(issue.changes.filter(field="status").order_by("changed_at", "id").values_list("new_value", flat=True))
    assert ends == [*(new for _, new in told), "Done", issue.status.name]
    assert chain(issue, "status")[-1] == ("Done", issue.status.name)


def test_a_given_moment_is_recorded_as_it_is_given(project, now):
    row = {"line": 1, "external_id": "A-1", "title": "x", "created_at": MONDAY, "status": "To do"}
    for points in (1.0, 2.0):
        told = [ImportedIssue(**row, story_points=points)]
        import_issues(told, project_key=project.key, mapped=frozenset(SYNONYMS), now=now)

    assert project.issues.get().changes.get().changed_at == now


@pytest.mark.parametrize(("ahead", "is_slip"), [(timedelta(seconds=50), False), (timedelta(days=1), True)])
def test_what_taking_an_import_back_records_comes_behind_what_is_recorded(project, monkeypatch, ahead, is_slip):
    """Whose issue it was has left the team: it is emptied, and that is told last."""
    member = TeamMemberFactory(project=project)
    issue = IssueFactory(project=project, external_id="A-1", source="csv", assignee=member.user)
    now = NOW + timedelta(days=1)
    issue.changes.create(field="assignee", old_value="", new_value=str(member.user.pk), changed_at=now + ahead)
    row = ImportedIssue(line=1, external_id="A-1", title=issue.title, created_at=issue.created_at, status="To do")
    report = import_issues([row], project_key=project.key, mapped=frozenset(SYNONYMS), now=NOW)
    member.delete()
    monkeypatch.setattr(timezone, "now", lambda: now)

    undo(ImportRun.objects.get(pk=report.import_id))

    emptied = issue.changes.order_by("id").last()
    assert (emptied.field, emptied.new_value, emptied.changed_at) == ("assignee", "", now if is_slip else now + ahead)
