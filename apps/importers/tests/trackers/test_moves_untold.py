"""A status that no move led to: the tracker's own end counts, the ledger tells of it, and what is known stays."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from apps.importers.keeping import begun, failing
from apps.importers.sources import gitlab, jira, jira_rows, jsonlines, linear
from apps.importers.sources.lines.mapping import mapping_of
from apps.importers.syncing import import_told
from apps.importers.tests.trackers import jira_site, test_gitlab, test_linear
from apps.importers.tracked import AT_ONCE, Change, Stage, TrackedIssue, gaps_in, with_life
from apps.projects.models import Issue

UNTOLD = "when work began, or ended, is not told"
TO_DO, DOING = Stage("To Do", "to_do"), Stage("Doing", "in_progress")
MADE, ENDED = datetime(2026, 3, 1, 8, 1, tzinfo=UTC), datetime(2026, 3, 10, 10, tzinfo=UTC)
ENDS = Change("status", TO_DO, Stage("Done", "done"), ENDED)


def of_jira(number, **said):
    row = jira_site.ISSUES[number]
    fields = jira_rows.fields_of(jira_site.FIELDS)
    reader = jira.Reader(fields, jira_rows.stages_of(jira_site.STATUSES), {}, fields.told_of)
    return reader.read(1, row | {"fields": row["fields"] | said}, [])


def of_gitlab(**said):
    return gitlab.read_issue(1, test_gitlab.row(**said), gitlab.Story({kind: [] for kind in gitlab.EVENTS}))


def seen(issue):
    """When it began, ended, and whether its moves are told to be missing."""
    gaps = [gap.what for gap in gaps_in(issue)]
    assert ("status" in issue.recorded) == (UNTOLD not in gaps)
    return issue.started_at, issue.resolved_at or issue.dropped_at, UNTOLD in gaps


def test_an_issue_of_jira_that_was_imported_there_has_the_end_that_jira_tells():
    assert seen(of_jira(0)) == (None, ENDED, True)
    dropped = of_jira(2, resolutiondate="2026-03-10T10:00:00.000+0000")
    assert (dropped.status_category, *seen(dropped)) == ("dropped", None, ENDED, True)


def test_an_issue_of_gitlab_that_was_closed_without_an_event_has_the_end_that_gitlab_tells():
    assert seen(of_gitlab()) == (None, test_gitlab.at(10), True)
    moved = of_gitlab(moved_to_id=9)
    assert (moved.status, *seen(moved)) == ("Moved", None, test_gitlab.at(10), True)
    assert seen(of_gitlab(state="opened", closed_at=None, labels=["doing"])) == (None, None, True)
    assert seen(of_gitlab(state="opened", closed_at=None)) == (None, None, False)


def test_an_issue_of_linear_that_came_from_elsewhere_has_the_end_that_linear_tells():
    issue = linear.read_issue(1, test_linear.ISSUE, [])
    assert seen(issue) == (None, datetime(2026, 9, 16, 9, tzinfo=UTC), True)


def test_work_of_jira_whose_status_changed_without_an_entry_has_not_begun_with_its_creation():
    changed = "2026-03-04T09:00:00.000+0000"
    assert seen(of_jira(1, statuscategorychangedate=changed)) == (None, None, True)
    issue = of_jira(1)
    assert seen(issue) == (issue.created_at, None, False)


def test_what_ended_as_it_was_made_needs_no_move():
    """As an automation makes it; and a server tells no moment of its own."""
    at = (MADE + AT_ONCE).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    assert seen(of_jira(0, resolutiondate=at)) == (None, MADE, False)
    assert seen(of_jira(0, resolutiondate=None)) == (None, MADE, False)


def test_a_line_of_a_file_whose_moves_are_missing_tells_it():
    row = {"id": "A-1", "title": "x", "status": "Done", "created_at": MADE.isoformat(), "recorded": ["status"],
           "resolved_at": ENDED.isoformat()}  # fmt: skip
    line = json.dumps(row).encode()
    issue, gap = jsonlines.read_line(1, line, mapping_of({}))
    assert (issue.resolved_at, issue.recorded, gap.what) == (ENDED, frozenset(), UNTOLD)


@pytest.mark.django_db
@pytest.mark.parametrize("moves_of_now", [[], [ENDS]], ids=["no moves", "none that began it"])
def test_a_beginning_that_is_known_stays_where_it_is_not_told_any_more(project, moves_of_now):
    """Whose label is deleted, or that was taken off its board, has a history without it."""
    moves = [Change("status", TO_DO, DOING, MADE + timedelta(days=1)), replace(ENDS, old=DOING)]

    for told in (moves, moves_of_now):
        done = TrackedIssue(
            line=1, external_id="A-1", source_id="1", title="One", created_at=MADE, issue_type="Story", level=0,
            status="Done", status_category="done", resolved_at=ENDED, recorded=frozenset({"status"}),
            changes=tuple(told),
        )  # fmt: skip
        run = begun(project, "jira", now=ENDED)
        with failing(run):
            import_told([with_life(done)], project=project, source="jira", fields={"status"}, now=ENDED, run=run)

    (issue,) = Issue.objects.all()
    assert (issue.started_at, issue.resolved_at) == (MADE + timedelta(days=1), ENDED)
    assert issue.last_moved_at == ENDED


@pytest.mark.django_db
def test_a_beginning_after_the_end_that_is_told_is_of_another_time(project):
    """It had begun anew after its end, of which the history tells no more."""
    later = Change("status", Stage("Done", "done"), DOING, ENDED + timedelta(days=2))
    again = replace(ENDS, old=DOING, at=ENDED + timedelta(days=5))

    for moves, resolved_at in (((ENDS, later, again), again.at), ((ENDS,), ENDED)):
        done = TrackedIssue(
            line=1, external_id="A-1", source_id="1", title="One", created_at=MADE, issue_type="Story", level=0,
            status="Done", status_category="done", resolved_at=resolved_at, recorded=frozenset({"status"}),
            changes=moves,
        )  # fmt: skip
        run = begun(project, "jira", now=ENDED)
        with failing(run):
            import_told([with_life(done)], project=project, source="jira", fields={"status"}, now=ENDED, run=run)

    (issue,) = Issue.objects.all()
    assert (issue.started_at, issue.resolved_at) == (None, ENDED)
