"""JSON lines: what is written reads back the same, foreign shapes by a mapping, what is wrong in words."""

import json
from dataclasses import fields
from datetime import UTC, date, datetime
from io import StringIO

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from apps.common.hours import LEAST_POINTS
from apps.importers.records import ImportRefused, Person, RowError
from apps.importers.report import UNREAD_CELLS
from apps.importers.sources import jira_cloud
from apps.importers.sources.csv.rows import PRIORITY_UNKNOWN
from apps.importers.sources.jsonlines import fields_in, read, read_line
from apps.importers.sources.lines.mapping import mapping_of
from apps.importers.sources.lines.writing import line_of, saved
from apps.importers.tests.trackers import jira_site
from apps.importers.tests.trackers.server import client_of, tracker
from apps.importers.tracked import Change, Gap, Stage, TrackedIssue, TrackedSprint, in_order, with_life

PLAIN = mapping_of({})
STAGES = [Stage("To do", "to_do"), Stage("Doing", "in_progress"), Stage("Done", "done"), Stage("Won't do", "dropped")]


def at(day):
    return datetime(2026, 3, day, 9, tzinfo=UTC)


def lines(*rows, mapping=PLAIN):
    return [told for n, row in enumerate(rows, 1) for told in read_line(n, json.dumps(row).encode(), mapping)]


def test_a_line_is_an_issue_with_its_history():
    issue, = lines({
        "id": "A-7", "source_id": 7, "title": "Search", "status": "Done",
        "assignee": "Ada <ada@example.org>", "sprint": "s1",
        "story_points": 5, "created_at": "2026-03-01T09:00:00Z", "due_date": "2026-04-01",
        "changes": [
            {"field": "status", "from": "Doing", "to": "Done", "at": "2026-03-09T09:00:00Z"},
            {"field": "status", "from": "To do", "to": "Doing", "at": "2026-03-03T09:00:00Z"},
            {"field": "story_points", "from": 3, "to": 5, "at": "2026-03-04T09:00:00Z", "by": "Bob"},
        ],
        "recorded": ["status", "story_points"],
    })  # fmt: skip
    assert (issue.started_at, issue.resolved_at, issue.due_date) == (at(3), at(9), date(2026, 4, 1))
    assert issue.changes[1] == Change("story_points", 3.0, 5.0, at(4), Person("Bob"))
    assert issue.assignee == Person("Ada", "ada@example.org")


class Counted(str):
    """A value that counts how often it is compared."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other):
        Counted.compared += 1
        return str.__eq__(self, other)


def test_many_changes_of_a_field_at_one_moment_take_time_in_proportion_to_their_number():
    n = 1_000
    ring = [Change("title", Counted(f"t{i}"), Counted(f"t{(i + 1) % n}"), at(1)) for i in range(n)]

    merged = in_order([*ring[1:], Change("title", Counted("t0"), Counted("new"), at(1)), ring[0]])

    assert [(change.old, change.new) for change in merged] == [("t0", "new")]
    assert Counted.compared < 20 * n


def test_a_mapping_says_where_fields_stand_what_statuses_mean_and_the_unit_of_hours():
    mapping = mapping_of({
        "fields": {"external_id": "ref", "title": "texts.name", "actual_hours": "spent"},
        "statuses": {"in der Prüfung": "in_progress"},
        "hours_in": "seconds",
    })  # fmt: skip
    row = {"ref": "X", "texts": {"name": "Suche"}, "status": "In der Prüfung", "spent": 5_400}
    (issue,) = lines(row, mapping=mapping)
    assert (issue.external_id, issue.title, issue.status_category, issue.actual_hours) == (
        "X",
        "Suche",
        "in_progress",
        1.5,
    )


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([], "an object with fields, statuses, hours_in"),
        ({"feilds": {}}, "not feilds"),
        ({"fields": {"titel": "x"}}, "no field of an issue: titel"),
        ({"statuses": {"X": "open"}}, "not open"),
        ({"hours_in": "days"}, "hours, minutes, seconds"),
        ({"hours_in": []}, "hours, minutes, seconds"),
        ({"fields": {"title": 7}}, "object of texts"),
    ],
)
def test_a_mapping_that_is_wrong_says_what_would_be_right(data, told):
    with pytest.raises(ImportRefused, match=told):
        mapping_of(data)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"title": "x"}, "no id"),
        ({"id": 1, "created_at": "yesterday"}, "no time"),
        ({"id": 1, "changes": [{"field": "mood", "at": "2026-03-01"}]}, "not 'mood'"),
        ({"id": 1, "changes": [{"field": "status"}]}, "a change has no time"),
        ({"sprint": {"name": "One"}}, "a sprint has no id"),
        (["a"], "no id"),
        ({"id": 1, "labels": "web, api"}, "'labels' is a list"),
        ({"id": 1, "labels": {"nodes": []}}, "'labels' is a list"),
        ({"id": 1, "assignee": {"displayName": "Bob"}}, "'assignee' is a text, or has name"),
        ({"id": 1, "reporter": ["Bob", "Eve"]}, "'reporter' is a text"),
        ({"id": 1, "assignee": True}, "'assignee' is a text"),
        ({"id": 1, "status": {"name": "Doing"}}, "'status' is a text or a number: a mapping"),
        ({"id": 1, "component": ["a", "b"]}, "'component' is a text"),
        ({"id": {"$oid": "abc"}}, "'id' is a text"),
        ({"id": True}, "'id' is a text"),
        ({"id": 1, "labels": [{"title": "web"}]}, "'labels' is a list of texts"),
        ({"id": 1, "labels": [["web"]]}, "'labels' is a list of texts"),
        ({"id": 1, "blocked_by": [{"key": "A-2"}]}, "'blocked_by' is a list of texts"),
        ({"id": 1, "untold": [["status"]]}, "'untold' is a list of texts"),
        ({"id": 1, "changes": [{"field": "title", "at": "2026-03-01", "to": {"text": "x"}}]}, "'title, to' is a text"),
        ({"id": 1, "changes": [{"field": "labels", "at": "2026-03-01", "from": "a"}]}, "'labels, from' is a list"),
        ({"id": 1, "changes": [{"field": "status", "at": "2026-03-01", "to": {"id": 3}}]}, "'status, to' is a text"),
        ({"id": 1, "changes": [{"field": "title", "at": "2026-03-01", "by": ["Bob"]}]}, "'title, by' is a text"),
        ({"id": 1, "assignee": {"name": {"first": "Bob"}}}, "'assignee' is a text, or has name"),
        ({"id": 1, "reporter": {"name": "Bob", "email": ["bob@example.org"]}}, "'reporter' is a text"),
        ({"id": 1, "labels": [{"name": {"text": "web"}}]}, "'labels' is a list of texts"),
        ({"id": 1, "changes": [{"field": "title", "at": "2026-03-01", "by": {"name": ["Bob"]}}]}, "'title, by' is"),
        ({"id": 1, "changes": [{"field": "status", "at": "2026-03-01", "to": {"name": {"x": 1}}}]}, "'status, to' is"),
        ({"sprint": {"id": {"$oid": "abc"}}}, "'sprint.id' is a text"),
        ({"sprint": {"id": 1, "name": {"text": "One"}}}, "'sprint.name' is a text"),
    ],
)
def test_a_line_that_cannot_be_read_is_an_error_in_words(row, told):
    (error,) = lines(row)
    assert isinstance(error, RowError)
    assert told in error.reason


def test_what_is_empty_in_a_list_is_no_issue():
    (issue,) = lines({"id": 1, "title": "x", "blocked_by": [None, "", 3], "blocks": [None]})
    assert (issue.blocked_by, issue.blocks) == (("3",), ())


NO_NUMBERS = ["x", "three", "8 SP", "1,5", "-1", -1, 1e9, False]


@pytest.mark.parametrize("field", ["story_points", "estimated_hours", "actual_hours"])
@pytest.mark.parametrize("value", NO_NUMBERS)
def test_what_is_no_number_costs_itself_and_is_told(field, value):
    (issue,) = lines({"id": 1, "title": "x", field: value})
    assert getattr(issue, field) is None
    assert issue.unread == (f"{field.replace('_', ' ')} cannot be read: {str(value)!r}",)


@pytest.mark.parametrize("field", ["story_points", "estimated_hours", "actual_hours", "priority", "level"])
@pytest.mark.parametrize("value", [None, "", " ", "n/a", [], {}])
def test_where_nothing_is_said_nothing_is_told(field, value):
    (issue,) = lines({"id": 1, "title": "x", field: value})
    assert (getattr(issue, field), issue.unread, issue.remarks) == (None, (), ())


@pytest.mark.parametrize(
    ("said", "told", "remarks"),
    [
        ({"level": "1"}, ("level cannot be read: '1'",), ()),
        ({"level": 1.5}, ("level cannot be read: '1.5'",), ()),
        ({"priority": -1}, ("priority is out of range: -1",), ()),
        ({"priority": "Showstopper"}, (), (PRIORITY_UNKNOWN,)),
    ],
)
def test_other_numbers_are_told_likewise(said, told, remarks):
    (issue,) = lines({"id": 1, "title": "x", **said})
    assert (issue.unread, issue.remarks) == (told, remarks)


def test_of_a_history_each_is_told_once():
    changes = [
        {"field": "story_points", "at": f"2026-03-0{day}", "from": before, "to": after}
        for day, before, after in ((1, "S", "M"), (2, "M", "S"), (3, "S", 3))
    ]
    (issue,) = lines({"id": 1, "title": "x", "story_points": 3, "changes": changes})
    assert issue.unread == ("story points cannot be read: 'S'", "story points cannot be read: 'M'")


@pytest.mark.django_db
def test_the_report_tells_line_and_value(tmp_path):
    path = tmp_path / "issues.jsonl"
    path.write_text('{"id": 1, "title": "x", "story_points": "x"}\n{"id": 2, "title": "y", "actual_hours": "three"}\n')
    out = StringIO()
    call_command("import_issues", str(path), create_project="", json=True, stdout=out)
    report = json.loads(out.getvalue())
    assert (report["new"], report["error_count"], report["remarks"][UNREAD_CELLS]) == (2, 0, 2)
    assert report["unread_cells"] == [
        "line 1: story points cannot be read: 'x' (left empty)",
        "line 2: actual hours cannot be read: 'three' (left empty)",
    ]


def test_an_issue_may_be_named_as_our_own_lists_name_it():
    [issue] = lines({"key": "A-1", "title": "x"})
    assert issue.external_id == "A-1"


def test_fields_that_no_line_has_are_not_taken_for_empty(tmp_path):
    path = tmp_path / "issues.jsonl"
    path.write_text('{"id": 1, "title": "x"}\nbroken\n{"id": 2, "story_points": 3, "sprint": "s"}\n')
    assert fields_in(path, PLAIN) == {"external_id", "title", "story_points", "sprint_id", "sprint"}


@pytest.mark.parametrize("line", [b"{", b"\xff", b"[" * 200_000, b"[" + b"{}," * 1_000_000 + b"{}]"])
def test_what_is_no_json_is_an_error_and_no_crash(line):
    assert [type(told) for told in read_line(1, line, PLAIN)] == [RowError]


def test_what_a_tracker_told_reads_back_the_same(tmp_path):
    path = tmp_path / "told.jsonl"
    with tracker(jira_site.cloud) as served:
        pulled = saved(jira_cloud.pull(client_of(served), "A", None), path, {"title"})
        told = [each for each in pulled if not isinstance(each, Gap)]
    again = [each for each in read(path, PLAIN) if not isinstance(each, Gap)]
    assert _without_lines(again) == _without_lines(told)


def _without_lines(told):
    return [line_of(each) for each in told]


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20).map(
    lambda text: " ".join(text.split())
)
people = st.builds(Person, texts.filter(bool), st.just(""), texts)
values = {
    "status": st.sampled_from(STAGES), "sprint": st.sampled_from(["", "s1", "s2"]), "assignee": st.none() | people,
    "story_points": st.none() | st.just(0.0) | st.floats(LEAST_POINTS, 100), "title": texts.filter(bool),
    "labels": st.lists(texts.filter(bool), unique=True).map(tuple),
    "priority": st.none() | st.integers(0, 5), "actual_hours": st.none() | st.floats(1, 100),
}  # fmt: skip


keys, names = st.none() | st.lists(texts.filter(bool)).map(tuple), st.frozensets(st.sampled_from(sorted(values)))
moments = st.none() | st.integers(1, 28).map(at)
stages = st.sampled_from(STAGES)
#: Field → what a tracker may tell of it.
TOLD_BY_TRACKERS = {
    "external_id": texts.filter(bool), "source_id": texts, "title": values["title"], "description": texts,
    "issue_type": texts, "parent": texts, "blocked_by": keys, "blocks": keys,
    "status": stages.map(lambda stage: stage.name), "status_category": stages.map(lambda stage: stage.category),
    "priority": values["priority"], "component": texts, "labels": values["labels"],
    "reporter": values["assignee"], "assignee": values["assignee"], "sprint_id": values["sprint"],
    "story_points": values["story_points"], "estimated_hours": values["actual_hours"],
    "actual_hours": values["actual_hours"],
    "created_at": moments, "started_at": moments, "resolved_at": moments, "dropped_at": moments,
    "last_moved_at": moments, "due_date": st.none() | st.dates(date(2000, 1, 1), date(2040, 1, 1)),
    "level": st.none() | st.integers(-1, 1), "recorded": names, "cut": names, "untold": names, "told_sprints": texts,
    "changes": st.lists(
        st.sampled_from(sorted(values)).flatmap(
            lambda name: st.builds(
                Change, st.just(name), values[name], values[name], st.integers(2, 28).map(at), st.none() | people
            )
        ),
        max_size=6,
    ).map(in_order),
}  # fmt: skip
#: What rows of a table alone tell; a tracker tells it by ids, and by changes.
OF_ROWS = {
    "line", "sprint", "sprint_starts_on", "sprint_ends_on", "earlier_sprints", "status_meaning", "resolution",
    "last_touched_at", "remarks", "unread",
}  # fmt: skip


def test_each_field_is_tried():
    assert {each.name for each in fields(TrackedIssue)} == TOLD_BY_TRACKERS.keys() | OF_ROWS


@given(said=st.fixed_dictionaries(TOLD_BY_TRACKERS))
def test_import_of_an_export_is_what_was_exported(said):
    issue = with_life(TrackedIssue(line=1, **said | {"recorded": said["recorded"] - said["cut"]}))
    told = [each for each in read_line(1, line_of(issue).encode(), PLAIN) if isinstance(each, TrackedIssue)]
    assert told == [issue]


def test_what_a_tracker_could_not_tell_of_one_issue_stays_though_the_file_tells_it_of_others(tmp_path):
    path = tmp_path / "told.jsonl"
    told = [
        TrackedIssue(line=1, external_id="#1", title="x", story_points=5.0),
        TrackedIssue(line=2, external_id="#2", title="x", untold=frozenset({"story_points", "sprint"})),
    ]
    list(saved(told, path, {"story_points"}))

    again = [each for each in read(path, PLAIN) if isinstance(each, TrackedIssue)]

    assert "story_points" in fields_in(path, PLAIN)
    assert [each.untold for each in again] == [frozenset(), {"story_points", "sprint"}]


@given(days=st.lists(st.integers(1, 28), min_size=2, max_size=2).map(sorted), state=st.sampled_from(["", "active"]))
def test_import_of_an_exported_sprint_is_the_sprint(days, state):
    sprint = TrackedSprint(
        external_id="s", name="One", state=state, started_at=at(days[0]), ends_on=date(2026, 3, days[1])
    )
    assert list(read_line(1, line_of(sprint).encode(), PLAIN)) == [sprint]


def test_of_two_lines_for_one_issue_the_later_one_counts_and_the_first_is_told(tmp_path):
    path = tmp_path / "issues.jsonl"
    rows = [{"id": "7"}, {"id": "A-1", "source_id": "7"}, {"id": "A-2", "source_id": 7}, {"id": "7"}]
    path.write_text("\n".join(map(json.dumps, rows)))

    told = list(read(path, PLAIN))

    assert [each.line for each in told if isinstance(each, TrackedIssue)] == [1, 2, 3, 4]
    assert [(each.line, each.reason) for each in told if isinstance(each, RowError)] == [
        (2, "the issue stands in line 3 again, which counts"),
        (1, "the issue stands in line 4 again, which counts"),
    ]


@pytest.mark.parametrize("name", ["recorded", "cut", "untold"])
def test_what_an_issue_says_of_its_fields_reads_back_the_same(name):
    issue = TrackedIssue(line=1, external_id="A-1", title="x", status="Open", status_category="to_do",
                         **{name: frozenset({"story_points", "sprint"})})  # fmt: skip
    (read_back,) = (each for each in read_line(1, line_of(issue).encode(), PLAIN) if isinstance(each, TrackedIssue))
    assert read_back == issue
