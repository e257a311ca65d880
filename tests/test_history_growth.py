"""Reading an answer of a tracker takes time and memory in proportion to it, and so is what is kept of it.

Two lengths of each hostile history are compared, as in `test_text_growth.py` in the processor's time; what is held at
the peak and what the tables would hold are counted. A walk that looks at all that came before at each event, or copies
what is held there, takes 256 times as much for sixteen times the events.
"""

import gc
import json
import tracemalloc
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from apps.importers.sources import (
    azure,
    github,
    github_projects,
    gitlab,
    jira,
    jira_cloud,
    jira_rows,
    jsonlines,
    linear,
)
from apps.importers.sources.csv import file as csv_file
from apps.importers.sources.csv.columns import detect_columns
from apps.importers.sources.csv.reading import Reading
from apps.importers.sources.kept import KeptFile
from apps.importers.sources.lines.mapping import TOLD, mapping_of
from apps.importers.tracked import Stage, TrackedIssue
from apps.projects.history.writing import as_history_text
from tests.test_text_growth import FACTOR, LIMIT, seconds

SHORT = 100
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)


def iso(minutes):
    return f"{BEGIN + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%S.000+0000}"


def long(n):
    """A text as long as the history, which each of its events has to do with."""
    return "in progress and more " * n


# --- GitHub -----------------------------------------------------------------------------------------------------------
def of_github(n, event, *, held=(), column="", **more):
    row = {"id": 1, "number": 1, "title": "x", "state": "open", "created_at": iso(0), **more}
    row |= {"labels": [{"name": name} for name in held], "assignees": []}
    events = [{"created_at": iso(i), "actor": {"login": "ada"}, **event(i)} for i in range(n)]
    return lambda: [github.read_issue(1, row, events, github_projects.Placed(column=column))]


def label_event(kind, name):
    return lambda i: {"event": kind, "label": {"name": name.format(i)}}


GITHUB = {
    "labels taken off": lambda n: of_github(n, label_event("unlabeled", "label {}")),
    "labels put on": lambda n: of_github(n, label_event("labeled", "l{}"), held=[f"l{i}" for i in range(n)]),
    "labels of a closed one": lambda n: of_github(n, label_event("unlabeled", "l{}"), state="closed"),
    "labels of progress": lambda n: of_github(n, label_event("unlabeled", "status: {} - doing")),
    "labels beside many others": lambda n: of_github(
        n, label_event("labeled", "new"), held=[f"label {i}" for i in range(n)]
    ),
    "reopenings": lambda n: of_github(n, lambda i: {"event": "reopened" if i % 2 else "closed"}),
    "reopenings after one closing": lambda n: of_github(n, lambda i: {"event": "reopened" if i else "closed"}),
    "a long reason": lambda n: of_github(n, label_event("labeled", "x"), state="closed", state_reason=long(n)),
    "assignees that leave": lambda n: of_github(
        n, lambda i: {"event": "unassigned", "assignee": {"login": f"person {i}"}}
    ),
    "assignees that come": lambda n: of_github(
        2 * n, lambda i: {"event": "assigned" if i < n else "unassigned", "assignee": {"login": f"person {i % n}"}}
    ),
    "titles": lambda n: of_github(n, lambda i: {"event": "renamed", "rename": {"from": f"{i}", "to": f"{i + 1}"}}),
    "columns": lambda n: of_github(n, lambda i: {"event": "moved", "from": "Todo" if i % 2 else "In Progress"}),
    "a long column": lambda n: of_github(n, label_event("labeled", "x"), column=long(n)),
}


# --- GitLab -----------------------------------------------------------------------------------------------------------
def of_gitlab(n, kind, event, *, held=()):
    row = {"id": 1, "iid": 1, "title": "x", "state": "opened", "created_at": iso(0), "labels": list(held)}
    events = {"state": [], "label": [], kind: [{"created_at": iso(i), **event(i)} for i in range(n)]}
    return lambda: [*gitlab.sprints_in(row, gitlab.Story(events)), gitlab.read_issue(1, row, gitlab.Story(events))]


def gitlab_label(action, name):
    return lambda i: {"action": action, "label": {"name": name.format(i)}}


def placed(kind):
    return lambda i: {"action": "add", kind: {"id": i + 1, "title": f"{i}", "start_date": "2026-01-01",
                                              "due_date": "2026-01-10"}}  # fmt: skip


GITLAB = {
    "labels taken off": lambda n: of_gitlab(n, "label", gitlab_label("remove", "label {}")),
    "labels put on": lambda n: of_gitlab(n, "label", gitlab_label("add", "l{}"), held=[f"l{i}" for i in range(n)]),
    "labels of progress": lambda n: of_gitlab(n, "label", gitlab_label("remove", "workflow::{} - doing")),
    "reopenings": lambda n: of_gitlab(n, "state", lambda i: {"state": "reopened" if i % 2 else "closed"}),
    "weights": lambda n: of_gitlab(n, "weight", lambda i: {"weight": i % 7}),
    "milestones": lambda n: of_gitlab(n, "milestone", placed("milestone")),
    "iterations": lambda n: of_gitlab(n, "iteration", placed("iteration")),
}


# --- Jira -------------------------------------------------------------------------------------------------------------
FIELDS = jira_rows.Fields("customfield_1", ("customfield_2",))
STAGES = jira_rows.stages_of(
    {"id": str(key), "name": name, "statusCategory": {"key": kind}}
    for key, name, kind in ((1, "Open", "new"), (3, "Doing", "indeterminate"), (9, "Done", "done"))
)


def jira_row(key=1, **fields):
    said = {"summary": "x", "created": iso(0), "status": {"id": "1", "name": "Open"}, "issuetype": {"name": "Story"}}
    return {"id": str(key), "key": f"A-{key}", "fields": said | fields}


def jira_histories(n, field, value):
    return [
        {"created": iso(i), "author": {"accountId": "ada"}, "items": [
            {"field": name, "fieldId": name, "from": value(i), "to": value(i + 1), "fromString": value(i),
             "toString": value(i + 1)} for name in (field if isinstance(field, tuple) else (field,))
        ]} for i in range(n)
    ]  # fmt: skip


def of_jira(n, field, value, **said):
    row, histories = jira_row(**said), jira_histories(n, field, value)

    def read():
        reader = jira.Reader(FIELDS, STAGES, {}, FIELDS.told_of)
        return [*reader.sprints_in(row, histories), reader.read(1, row, histories)]

    return read


def parts_of_one(n):
    parent, histories = jira_row(), jira_histories(n, "customfield_1", str)
    parts = [
        jira_row(i + 2, issuetype={"name": "Sub", "subtask": True}, parent={"id": "1", "key": "A-1"})
        for i in range(n // 4)
    ]

    def read():
        reader = jira.Reader(FIELDS, STAGES, {}, FIELDS.told_of)
        return [reader.read(1, parent, histories), *(reader.read(1, row, []) for row in parts)]

    return read


def pages_of_cloud(rows, log):
    """A whole import of a site of one page of issues, whose histories come in one."""
    answers = {
        "search/jql": {"issues": rows}, "changelog/bulkfetch": {"issueChangeLogs": [log]},
        "field": [{"id": "summary"}], "status": [{"id": "1"}], "board": {"values": []},
    }  # fmt: skip

    def say(path, *_, **__):
        return SimpleNamespace(data=next(data for end, data in answers.items() if path.endswith(end)))

    return lambda: list(jira_cloud.pull(SimpleNamespace(get=say, post=say), "A", None))


JIRA = {
    "moves": lambda n: of_jira(n, "status", lambda i: "13"[i % 2]),
    "moves of unknown names": lambda n: of_jira(n, "status", lambda i: f"status {i}"),
    "moves that end": lambda n: of_jira(n, ("status", "resolution"), lambda i: "19"[i % 2]),
    "moves after a long end": lambda n: of_jira(
        n, "status", lambda i: "19"[i % 2], resolution={"name": long(n)}, status={"id": "1", "name": long(n)}
    ),
    "moves of one moment": lambda n: of_jira(1, tuple("status" for _ in range(n)), str),
    "ends": lambda n: of_jira(n, "resolution", lambda i: ("", "Fixed")[i % 2], status={"id": "8", "name": long(n)}),
    "sprints": lambda n: of_jira(n, "customfield_1", str),
    "sprints of today": lambda n: of_jira(
        n, "customfield_1", str, customfield_1=[{"id": i, "state": "closed"} for i in range(n)]
    ),
    "sizes": lambda n: of_jira(n, "customfield_2", lambda i: str(i % 9)),
    "assignees": lambda n: of_jira(n, "assignee", lambda i: f"person {i}", assignee={"displayName": long(n)}),
    "types": lambda n: of_jira(n, "issuetype", lambda i: f"{i}", issuetype={"id": "1", "name": long(n)}),
    "labels": lambda n: of_jira(n, "labels", lambda i: f"{i}", labels=[f"label {i}" for i in range(n)]),
    "parts of one issue": parts_of_one,
    "one issue again and again": lambda n: pages_of_cloud(
        [jira_row()] * n, {"issueId": "1", "changeHistories": jira_histories(n, "status", str)}
    ),
    "issues without an id": lambda n: pages_of_cloud(
        [{"fields": {}}] * n, {"changeHistories": jira_histories(n, "status", str)}
    ),
}


# --- Azure DevOps, Linear, files --------------------------------------------------------------------------------------
def of_azure(n, update, **first):
    begin = {"System.Rev": 1, "System.CreatedDate": iso(0), "System.ChangedDate": iso(0), "System.Id": 1, **first}
    told = [begin, *({"System.Rev": i + 2, "System.ChangedDate": iso(i), **update(i)} for i in range(n))]
    updates = [
        {"id": i, "fields": {name: {"newValue": value} for name, value in fields.items()}}
        for i, fields in enumerate(told)
    ]

    def read():
        site, revisions = azure.Site(), azure.revisions_of_updates(updates)
        return [*azure.sprints_in(revisions, site), azure.read_issue(1, "1", revisions, site)]

    return read


def tree_of(node):
    def read():
        site = azure.Site()
        azure.read_tree(site, node)
        return [*site.sprints.values(), *site.paths, *site.holders]

    return read


AZURE = {
    "new fields": lambda n: of_azure(n, lambda i: {f"Custom.{i}": i}),
    "long tags beside moves": lambda n: of_azure(
        n, lambda i: {"System.State": f"{i}"}, **{"System.Tags": "; ".join(f"tag {i}" for i in range(n))}
    ),
    "long texts beside moves": lambda n: of_azure(
        n,
        lambda i: {"System.State": "Active"},
        **dict.fromkeys(("System.Title", "System.Reason", "System.IterationPath", "System.AreaPath"), long(n)),
        **{"System.AssignedTo": {"displayName": long(n)}, "System.ChangedBy": {"displayName": long(n)}},
    ),
    "iterations": lambda n: of_azure(n, lambda i: {"System.IterationPath": f"P\\{i}"}),
    "sizes": lambda n: of_azure(n, lambda i: {azure.POINT_FIELDS[1]: i % 9}),
    "a tree below a long name": lambda n: tree_of(
        {"id": 1, "name": "P", "children": [
            {"id": 2, "name": long(n), "children": [{"id": i, "name": f"{i}"} for i in range(3, n)]}]}
    ),
}  # fmt: skip


def of_linear(n, entry):
    row = {"id": "i1", "identifier": "T-1", "title": "x", "createdAt": iso(0), "state": {"name": "Todo",
           "type": "unstarted"}}  # fmt: skip
    history = [{"createdAt": iso(i), "actor": {"id": "ada"}, **entry(i)} for i in range(n)]
    return lambda: [*linear.sprints_in(row, history), linear.read_issue(1, row, history)]


LINEAR = {
    "moves": lambda n: of_linear(n, lambda i: {
        "fromState": {"name": f"{i}", "type": "started"}, "toState": {"name": f"{i + 1}", "type": "completed"}}),
    "cycles": lambda n: of_linear(n, lambda i: {"fromCycle": {"id": f"{i}"}, "toCycle": {"id": f"{i + 1}"}}),
    "sizes and people": lambda n: of_linear(n, lambda i: {
        "fromEstimate": i, "toEstimate": i + 1, "fromAssignee": {"id": f"{i}"}, "toAssignee": {"id": f"{i + 1}"}}),
}  # fmt: skip


def of_lines(n, change):
    row = {"id": "A-1", "title": "x", "created_at": iso(0), "recorded": sorted(TOLD)}
    row["changes"] = [{"at": iso(i), **change(i)} for i in range(n)]
    line, shape = json.dumps(row).encode(), mapping_of({})
    return lambda: list(jsonlines.read_line(1, line, shape))


def of_table(n, header, row):
    content = "\n".join([header(n), *(row(i) for i in range(n))]).encode()

    def read():
        shape = csv_file.inspect_file(KeptFile("a.csv", content), encoding="utf-8")
        columns = detect_columns(shape.header)
        return list(csv_file.read_issues(shape, Reading(columns), now=datetime.now(UTC)))

    return read


FILES = {
    "a line of moves": lambda n: of_lines(n, lambda i: {"field": "status", "from": f"{i}", "to": f"{i + 1}"}),
    "a line of sprints": lambda n: of_lines(n, lambda i: {"field": "sprint", "from": f"{i}", "to": f"{i + 1}"}),
    "a line of one moment": lambda n: of_lines(
        n, lambda i: {"field": "title", "from": f"{i}", "to": f"{i + 1}", "at": iso(0)}
    ),
    "rows below a long header": lambda n: of_table(
        n, lambda n: f'id,title,"Sprint{" " * 100 * n}"', lambda i: f"{i},x,Sprint 1"
    ),
    "a cell of sprints": lambda n: of_table(
        1, lambda _: "id,title,sprint", lambda _: f'1,x,"{"; ".join(map("Sprint {}".format, range(n)))}"'
    ),
}
CASES = {
    f"{of}: {name}": case
    for of, cases in (("GitHub", GITHUB), ("GitLab", GITLAB), ("Jira", JIRA), ("Azure", AZURE), ("Linear", LINEAR),
                      ("file", FILES))
    for name, case in cases.items()
}  # fmt: skip


@pytest.fixture(autouse=True)
def _nobody_collects():
    """What the collector goes through is all that this process holds, and no part of the reading."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("name", CASES)
def test_a_history_sixteen_times_as_long_takes_no_256_times_as_much(name):
    few, many = (CASES[name](length) for length in (SHORT, SHORT * FACTOR))

    # A second look sees what only waited.
    assert any(time_taken(many) / time_taken(few) < LIMIT for _ in range(2))
    assert peak_bytes(many) / peak_bytes(few) < LIMIT
    assert kept_characters(many()) / max(kept_characters(few()), 1) < LIMIT


def time_taken(read):
    return seconds(lambda _: read(), None, 1)


def peak_bytes(read):
    tracemalloc.start()
    try:
        read()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def kept_characters(told):
    """Of the rows that the histories would be written as."""
    changes = (change for each in told if isinstance(each, TrackedIssue) for change in each.changes)
    return sum(100 + len(_text(change.old)) + len(_text(change.new)) for change in changes)


def _text(value):
    shown = {Stage: lambda: value.name, tuple: lambda: as_history_text(list(value))}
    return shown.get(type(value), lambda: str(value))()
