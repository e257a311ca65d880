"""JSON lines: which of them are issues, and which issue one is about that cannot be read."""

import json
from io import StringIO

import pytest
from django.core.management import call_command

from apps.importers.sources.jsonlines import fields_in, read
from apps.importers.sources.lines.mapping import mapping_of
from apps.importers.tests.trackers.test_jsonlines import PLAIN, lines
from apps.importers.tracked import TrackedIssue


@pytest.mark.parametrize("key", ["sprint", "lack", "told"])
def test_an_issue_that_has_more_than_the_key_of_another_kind_of_line_is_an_issue(tmp_path, key):
    held = ["title"] if key == "told" else {"id": "s1", "name": "One"}
    row = {"ref": "A-1", "title": "x", key: held}
    mapping = mapping_of({"fields": {"external_id": "ref", "sprint_id": "sprint.id"}})
    path = tmp_path / "issues.jsonl"
    path.write_text(json.dumps(row))

    (issue,) = read(path, mapping)

    sprint_id = "s1" if key == "sprint" else ""
    assert (type(issue), issue.external_id, issue.sprint_id) == (TrackedIssue, "A-1", sprint_id)
    assert {"external_id", "title"} <= fields_in(path, mapping)
    assert ("sprint" in fields_in(path, mapping)) == bool(sprint_id)


@pytest.mark.parametrize("key", ["sprint", "lack", "told"])
@pytest.mark.parametrize("held", ["x", 7, None])
def test_a_line_with_one_such_key_that_holds_something_else_is_told(tmp_path, key, held):
    (error,) = lines({key: held})
    assert "no id" in error.reason


@pytest.mark.django_db
def test_no_issue_with_an_object_for_a_sprint_is_missing(tmp_path, project):
    shape, path = tmp_path / "mapping.json", tmp_path / "issues.jsonl"
    shape.write_text(json.dumps({"fields": {"external_id": "ref", "sprint_id": "sprint.id"}}))
    options = {"project": project.key, "mapping": shape, "mark_missing": True, "json": True}
    for sprint in ({}, {"sprint": {"id": "s1", "name": "One"}}):
        path.write_text(
            "\n".join(json.dumps({"ref": f"A-{n}", "title": "x", **(sprint if n else {})}) for n in range(3))
        )
        call_command("import_issues", str(path), **options, stdout=(out := StringIO()))

    report = json.loads(out.getvalue())
    assert (report["changed"], report["missing"], report["removed"]) == (2, 0, 0)


BY_REF = mapping_of({"fields": {"external_id": "own.ref"}})


@pytest.mark.parametrize(
    ("row", "mapping", "named"),
    [
        ({"id": "A-1"}, PLAIN, "A-1"),
        ({"key": "A-1"}, PLAIN, "A-1"),
        ({"id": 101, "own": {"ref": "A-1"}}, BY_REF, "A-1"),
        ({"id": 101, "key": "A-1"}, BY_REF, "A-1"),
        ({"id": 101}, BY_REF, ""),
        ({"id": 101, "own": {"ref": ["A-1"]}}, BY_REF, ""),
        ({"id": True}, PLAIN, ""),
    ],
)
def test_a_line_that_cannot_be_read_is_named_by_what_names_its_issue(row, mapping, named):
    (error,) = lines(row | {"labels": "x, y"}, mapping=mapping)
    assert error.external_id == named


@pytest.mark.django_db
def test_an_issue_whose_line_cannot_be_read_is_not_missing(tmp_path, project):
    shape, path = tmp_path / "mapping.json", tmp_path / "issues.jsonl"
    shape.write_text(json.dumps({"fields": {"external_id": "ref"}}))
    options = {"project": project.key, "mapping": shape, "mark_missing": True, "json": True}
    rows = [{"id": 100 + n, "ref": f"A-{n}", "title": "x"} for n in range(1, 4)]
    for wrong in ({}, {"labels": "x, y"}):
        rows[0] |= wrong
        path.write_text("\n".join(map(json.dumps, rows)))
        call_command("import_issues", str(path), **options, stdout=(out := StringIO()))

    report = json.loads(out.getvalue())
    assert (report["error_count"], report["missing"], report["removed"]) == (1, 0, 0)


def test_a_change_of_a_status_may_tell_what_it_means_alone():
    change = {"field": "status", "from": {"category": "to_do"}, "to": {"category": "done"}, "at": "2026-03-02T09:00Z"}
    (issue,) = lines({"id": "A-1", "title": "x", "changes": [change]})

    assert [(each.old.category, each.new.category) for each in issue.changes] == [("to_do", "done")]
