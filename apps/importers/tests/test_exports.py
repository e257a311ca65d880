"""All columns that trackers export: each name is its field's or none's, in every language that we know."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict

import pytest

from apps.importers.sources.csv import languages
from apps.importers.sources.csv.columns import SYNONYMS, detect_columns, normal_form
from apps.importers.tests.exports import AZURE, EXPORTS, REDMINE
from apps.importers.tests.files import issues, reading
from apps.importers.writing.workflow import category_of


def _names(row: str) -> list[str]:
    return [name.strip() for name in row.split(",")]


def _fields(header: str) -> set[str]:
    return {field for field, names in SYNONYMS.items() if normal_form(header) in names}


def _csv(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _facts(path) -> list[dict]:
    """What the issues of a file are, with what its statuses mean in place of them."""
    return [asdict(issue) | {"status": category_of(issue.status)} for issue in issues(path)]


@pytest.mark.parametrize("tracker", EXPORTS)
def test_each_column_of_a_tracker_is_its_fields_or_nobodys(tracker):
    told = {name: field for field, row in EXPORTS[tracker].items() for name in _names(row)}

    assert {
        name: field for name, field in told.items() if (field not in _fields(name) if field else _fields(name))
    } == {}


@pytest.mark.parametrize("tracker", EXPORTS)
def test_a_whole_export_gives_each_field_its_column(tracker):
    rows = EXPORTS[tracker]
    # Those that are nobody's stand in front.
    header = [name for field in sorted(rows) for name in _names(rows[field])]

    found = detect_columns(header).names()

    assert found.keys() - {"source_id"} == {field for field in rows if field} - {"source_id"}
    assert {
        field for field, name in found.items() if not set(_names(name)) <= set(_names(rows.get(field, name)))
    } == set()


@pytest.mark.parametrize("language", REDMINE)
def test_all_columns_of_redmine_give_the_facts_of_the_english_ones(write, language):
    english = _facts(write(_redmine("English"), "english.csv"))
    assert [fact["status"] for fact in english] == ["to_do", "in_progress", "done", "done", "dropped"]
    assert [fact["priority"] for fact in english] == [4, 3, 2, 1, 1]
    assert [fact["resolved_at"] and fact["resolved_at"].day for fact in english] == [None, None, 23, 24, 25]
    assert [fact["started_at"] and fact["started_at"].day for fact in english] == [None, 2, 3, 4, 5]
    assert (english[4]["actual_hours"], english[4]["estimated_hours"], english[4]["parent"]) == (4.5, 9.0, "1")

    path = write(_redmine(language))
    assert _facts(path) == english
    assert reading(path).columns.notes == ()


def _redmine(language: str) -> str:
    """Five issues with all columns, as Redmine writes them in a language."""
    names, statuses, priorities = map(_names, REDMINE[language])
    rows = [
        [n, "Shop", "Bug", 1 if n > 1 else "", "First", status, priority, f"Fix {n}", "Ada", "Bo",
         f"2026-02-{n:02} 10:00", "Web", "1.0", f"2026-01-{n:02}" if n > 1 else "", f"2026-02-{n + 9:02}",
         4.0 + n, 40.0 + n, n - 0.5, 10.0 * n, 25 * (n - 1),
         f"2026-01-{n:02} 09:00", f"2026-02-{20 + n} 10:00" if n > 2 else "", "Ada", "", "", "No", "Text"]
        for n, (status, priority) in enumerate(zip(statuses, priorities, strict=True), 1)
    ]  # fmt: skip
    return _csv([names, *rows])


@pytest.mark.parametrize("language", AZURE)
def test_columns_of_azure_devops_give_the_facts_of_the_english_ones(write, language):
    rows = [["Bug", f"Fix {n}", "Bo", "Done", "web", n, 16, 80, 5, "2026-01-02", f"2026-02-0{n}"] for n in (1, 2, 3)]

    found, english = (
        _facts(write(_csv([_names(AZURE[each]), *rows]), f"{each}.csv")) for each in (language, "English")
    )

    assert found == english
    assert (found[0]["actual_hours"], found[0]["estimated_hours"]) == (80.0, 16.0)
    assert found[0]["resolved_at"].day == 1


ALL_NAMES = sorted({
    *(name for row in languages.HEADERS.values() for name in _names(row)),
    *languages.HEADERS,
    *(name for rows in EXPORTS.values() for field, row in rows.items() if field for name in _names(row)),
} - {"#"})  # fmt: skip


@pytest.mark.parametrize("shape", ["% {}", "{} %", "{} (%)", "{}％", "∑ {}", "{} (€)", "{} ($)", "± {}", "Σ {}"])
def test_a_share_a_sum_or_a_price_of_something_is_not_the_thing(shape):
    assert [name for name in ALL_NAMES if _fields(shape.format(name))] == []


def test_a_name_in_another_language_is_the_field_of_its_english_name():
    told = [(english, name) for english, row in languages.HEADERS.items() for name in _names(row)]

    assert [name for english, name in told if _fields(name) != _fields(english)] == []


@pytest.mark.parametrize(
    "cells", ["0,1", "100,90", "yes,no", "1,1", "1.0.2,1.0.3", "45321,45322", "0001-01-01,0001-01-01"]
)
@pytest.mark.parametrize(
    ("header", "next_one"), [("Resolved", "Closed Date"), ("Erledigt", "Geschlossen"), ("Voltooid", "Gesloten")]
)
def test_a_column_of_ends_without_a_date_leaves_them_to_the_next_one(write, header, next_one, cells):
    rows = [[f"A-{n}", "x", cell, f"2026-02-0{n}"] for n, cell in enumerate(cells.split(","), 1)]
    path = write(_csv([["Key", "Title", header, next_one], *rows]))

    assert [issue.resolved_at.day for issue in issues(path)] == [1, 2]
    assert [note for note in reading(path).columns.notes if note.startswith(f"Column {header} holds no dates")]


@pytest.mark.parametrize(
    ("field", "headers"),
    [("created_at", "Created,Opened"), ("started_at", "Started,Activated Date"), ("due_date", "Due,Due on"),
     ("last_touched_at", "Updated,Modified"), ("dropped_at", "Canceled,Dropped"),
     ("last_moved_at", "Status changed,State Change Date"), ("sprint_starts_on", "Sprint start,Cycle Start"),
     ("sprint_ends_on", "Sprint end,Cycle End")],
)  # fmt: skip
def test_each_field_of_dates_is_left_to_the_next_column(write, field, headers):
    first, second = headers.split(",")
    path = write(_csv([["Key", "Title", "Sprint", first, second], ["A-1", "x", "S", 1, "2026-02-03"]]))

    assert reading(path).columns.names()[field] == second


@pytest.mark.parametrize("cells", ["S,M", "50%,20%", "01.02.2026,02.02.2026", "1.0.2,1.0.3", "yes,no"])
@pytest.mark.parametrize(
    ("field", "headers"),
    [("estimated_hours", "Estimated hours,Planned hours"), ("actual_hours", "Actual hours,Hours spent"),
     ("story_points", "Story Points,Weight")],
)  # fmt: skip
def test_each_field_of_numbers_is_left_to_the_next_column(write, field, headers, cells):
    first, second = headers.split(",")
    rows = [[f"A-{n}", "x", cell, n] for n, cell in enumerate(cells.split(","), 1)]
    path = write(_csv([["Key", "Title", first, second], *rows]))

    assert reading(path).columns.names()[field] == second
    assert [getattr(issue, field) for issue in issues(path)] == [1.0, 2.0]


@pytest.mark.parametrize("cells", ["Ja,Nein", "yes,no", "true,false", "Oui,Non", "да,нет", "はい,いいえ"])
@pytest.mark.parametrize("header", ["Blockiert", "Blocks", "Blocked by", "Parent"])
def test_whether_an_issue_is_blocked_is_no_link(write, header, cells):
    path = write(_csv([["Key", "Title", header], *(["A-1", "x", cell] for cell in cells.split(","))]))

    assert not {"blocks", "blocked_by", "parent"} & reading(path).columns.names().keys()


def test_how_work_ended_may_be_when_it_did_beside_a_column_of_flags(write):
    path = write(_csv([["Key", "Title", "Résolution", "Résolu"], ["A-1", "x", "2026-02-03", 1]]))

    assert issues(path)[0].resolved_at.day == 3


def test_a_column_whose_dates_are_of_a_shape_that_is_told_stays(write):
    path = write(_csv([["Key", "Title", "Resolved", "Closed"], ["A-1", "x", "20260203", "2026-02-05"]]))

    assert issues(path, dates="%Y%m%d")[0].resolved_at.day == 3
    assert any("--date-format" in note for note in reading(path).columns.notes)
