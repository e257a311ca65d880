"""An issue of more history than people make comes in, with the newest of it; every field that is told is known."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from apps.importers import syncing, tracked
from apps.importers.sources import azure, github, gitlab, jira, jira_rows, jsonlines, linear, reading
from apps.importers.sources.budget import Budget, BudgetSpent
from apps.importers.sources.lines.mapping import TOLD, mapping_of
from apps.importers.syncing import import_told
from apps.importers.tracked import TOUCHED, Change, Stage, TrackedIssue, cuts_in, gaps_in, with_life
from apps.projects.models import Issue, IssueChange

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
TODO, DOING = Stage("Open", "to_do"), Stage("Doing", "in_progress")


def at(minute):
    return BEGIN + timedelta(minutes=minute)


def moves(n):
    return tuple(Change("status", *((TODO, DOING) if i % 2 == 0 else (DOING, TODO)), at(i)) for i in range(n))


def issue_of(changes, *, key="A-1", recorded=("status", "title"), **more):
    return TrackedIssue(
        line=1, external_id=key, title="x", status="Open", status_category="to_do", created_at=BEGIN, changes=changes,
        recorded=frozenset(recorded), **more,
    )  # fmt: skip


def test_the_newest_changes_of_an_issue_are_kept_and_the_others_told(monkeypatch):
    monkeypatch.setattr(tracked, "MOST_CHANGES", 10)
    kept = with_life(issue_of(moves(12)))

    assert kept.changes == moves(12)[-10:]
    assert (kept.recorded, kept.cut) == ({"title"}, {"status"})
    assert kept.started_at == BEGIN, "told by all of them"
    (gap,) = gaps_in(kept)
    assert (gap.what, gap.seen_at) == ("the history of status is too long: only the newest of it is kept", ("A-1",))
    assert with_life(issue_of(moves(10))).recorded == {"status", "title"}


@pytest.mark.parametrize("of", ["github", "gitlab"])
def test_labels_are_told_until_they_tell_too_much(of, monkeypatch):
    monkeypatch.setattr(reading, "MOST_LABEL_TEXT", 100)
    times = [f"{at(i):%Y-%m-%dT%H:%M:%SZ}" for i in range(9)]
    row = {"id": 1, "number": 1, "iid": 1, "title": "x", "state": "open", "labels": [], "created_at": times[0]}
    events = [{"event": "unlabeled", "action": "remove", "label": {"name": f"l{i}"}, "created_at": each}
              for i, each in enumerate(times)]  # fmt: skip
    issue = (
        github.read_issue(1, row, events)
        if of == "github"
        else gitlab.read_issue(1, row, gitlab.Story({"state": [], "label": events}))
    )

    told = [(change.old, change.new) for change in issue.changes if change.field == "labels"]
    assert told == [(("l8", "l7"), ("l8",)), (("l8",), ())]
    assert issue.recorded >= {"status"}
    assert [gap.what for gap in cuts_in(issue)] == ["the history of labels is too long: only the newest of it is kept"]


def test_a_part_takes_over_the_newest_sprints_of_its_parent(monkeypatch):
    monkeypatch.setattr(jira, "MOST_INHERITED", 2)
    fields = jira_rows.Fields("customfield_1")
    reader = jira.Reader(fields, {}, {}, fields.told_of)
    histories = [
        {"created": f"{at(i):%Y-%m-%dT%H:%M:%SZ}",
         "items": [{"fieldId": "customfield_1", "from": str(i), "to": str(i + 1)}]} for i in range(1, 4)
    ]  # fmt: skip
    whole = {"summary": "x", "created": f"{BEGIN:%Y-%m-%dT%H:%M:%SZ}", "status": {"id": "1", "name": "Open"}}
    reader.read(1, {"id": "1", "key": "A-1", "fields": whole}, histories)
    part, late = (
        reader.read(1, {"id": "2", "key": "A-2", "fields": whole | {
            "issuetype": {"name": "Sub", "subtask": True}, "parent": {"id": "1"}, "created": created,
        }}, []) for created in (whole["created"], f"{at(1):%Y-%m-%dT%H:%M:%SZ}")
    )  # fmt: skip

    assert [(change.old, change.new) for change in part.changes] == [("2", "3"), ("3", "4")]
    assert "sprint" in part.cut
    assert "sprint" not in part.recorded
    assert late.changes == part.changes
    assert "sprint" in late.recorded


@pytest.mark.parametrize("told", [
    TOLD, azure.RECORDED, linear.RECORDED, {"status", "labels", "assignee", "title"},
    {"status", "labels", "story_points", "sprint"},
    jira.Reader((fields := jira_rows.Fields("s", ("p",))), {}, {}, (*fields.asked, "resolution"))._recorded(),
])  # fmt: skip
def test_of_every_field_that_may_be_recorded_it_is_known_what_leans_on_it(told):
    assert set(told) <= TOUCHED.keys()
    assert TOUCHED.keys() == TOLD


@pytest.mark.parametrize("field", sorted(TOLD))
def test_a_hole_in_the_history_of_any_field_is_told_and_costs_no_issue(field):
    values = {"status": ("Open", "Done"), "labels": (["a"], ["b"]), "priority": ("high", "low")}
    old, new = values.get(field, (("1", "2") if field not in ("title", "component") else ("one", "two")))
    row = {"id": "A-1", "title": "x", "status": "Doing", "created_at": BEGIN.isoformat(), "recorded": [field],
           "changes": [{"field": field, "from": old, "to": new, "at": at(1).isoformat()}]}  # fmt: skip
    issue, gap = jsonlines.read_line(1, json.dumps(row).encode(), mapping_of({}))

    assert issue.recorded == {field}
    assert gap.what.endswith("has holes")
    assert gap.touches


@pytest.mark.django_db
def test_an_issue_of_too_long_a_history_comes_in_with_the_others(project, monkeypatch):
    monkeypatch.setattr(tracked, "MOST_CHANGES", 10)
    long = with_life(issue_of(moves(40)))
    told = [long, *cuts_in(long), with_life(issue_of(moves(2), key="A-2"))]
    report = import_told(told, project=project, source="x", fields=(), now=at(10_000))

    assert report.new == 2
    assert IssueChange.objects.filter(issue__external_id="A-1").count() == 10
    assert [line.sentence() for line in report.ledger] == [
        "the history of status is too long: only the newest of it is kept (1 issue: A-1); "
        "touches throughput, forecasts, training, burndown"
    ]


@pytest.mark.django_db
def test_a_batch_holds_no_more_changes_than_it_may(project, monkeypatch):
    monkeypatch.setattr(syncing, "BATCH_WEIGHT", 10)
    sizes, write = [], syncing.TrackedWriter.write

    def counted(writer, batch):
        sizes.append([len(issue.changes) for issue in batch])
        return write(writer, batch)

    monkeypatch.setattr(syncing.TrackedWriter, "write", counted)
    labelled = issue_of((Change("labels", ("a", "b", "c", "d"), ("e", "f", "g", "h"), at(1)),), key="A-9")
    issues = [with_life(issue_of(moves(4), key=f"A-{i}")) for i in range(5)]
    import_told([*issues, labelled, labelled], project=project, source="x", fields=(), now=at(10_000))

    assert sizes == [[4, 4, 4], [4, 4, 1], [1]]
    assert Issue.objects.filter(project=project).count() == 6


def test_memory_is_measured_between_issues_and_not_at_requests_alone():
    budget = Budget()
    assert list(budget.watching([1, 2])) == [1, 2]
    budget.memory_mib, budget._peak_before_mib = 1.0, 0.5
    heard = []
    with pytest.raises(BudgetSpent, match="needs more memory than an import may"):
        heard.extend(budget.watching([1, 2]))
    assert heard == []
