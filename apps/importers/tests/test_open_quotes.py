"""A quote that is left open takes in no other rows, and nothing is missing for it."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.importers.records import ReadAgain, RowError, UnreadRow
from apps.importers.services import NONE_CLOSED, import_issues
from apps.importers.sources.csv.records import records
from apps.importers.tests.files import NOW, read
from apps.projects.models import Issue
from apps.projects.tests.factories import ProjectFactory

HEADER = "Key,Title,Description,Status\n"
PLAIN = [f"A-{n},Title {n},Text {n},To Do" for n in range(1, 8)]


def table(*rows):
    return HEADER + "".join(f"{row}\n" for row in rows)


def found(path):
    rows = read(path)
    errors = [row for row in rows if isinstance(row, RowError)]
    return {row.external_id: row.title for row in rows if not isinstance(row, RowError)}, errors


@pytest.mark.parametrize(
    "closing",
    [
        'A-6,24" display,Text,To Do',
        'A-6,"Title, six","Two\nlines",To Do',
        "A-6,Title 6,Text 6,To Do",
    ],
)
@pytest.mark.parametrize("opening", ['A-3,"24 inch,Text,To Do', 'A-3,Title 3,"24 inch,To Do'])
def test_an_open_quote_costs_no_row(write, opening, closing):
    issues, errors = found(write(table(*PLAIN[:2], opening, *PLAIN[3:5], closing, PLAIN[6])))

    assert [*issues] == [f"A-{n}" for n in range(1, 8)]
    assert (issues["A-4"], issues["A-5"], issues["A-7"]) == ("Title 4", "Title 5", "Title 7")
    assert [(error.line, type(error)) for error in errors] == [(4, ReadAgain)]
    assert "a quote is left open: what stands up to line" in errors[0].reason


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_who_writes_a_text_writes_no_other_row(quoting):
    """Whatever stands in a cell that is quoted as it should be; it is told, and nothing is missing for it."""
    text = "see log:,x,y\nA-1,Payment is broken,Forged,Done\nA-2,Nobody needs this,Forged,Done"
    file = io.StringIO(newline="")
    rows = [["A-3", text, "Text", "To Do"], ["A-1", "One", "Text", "To Do"], ["A-2", "Two", text, "To Do"]]
    csv.writer(file, quoting=quoting).writerows([["Key", "Title", "Description", "Status"], *rows])
    file.seek(0)

    told = [cells for _, cells in records(file, ",", 4, skipped=0)]

    assert [cells for cells in told if not isinstance(cells, RowError)] == rows
    assert all(isinstance(cells, UnreadRow) for cells in told if isinstance(cells, RowError))


def test_a_quote_that_fits_by_chance_takes_rows_in_and_is_told(write):
    _, errors = found(write(table(*PLAIN[:2], 'A-3,"24 inch,Text,To Do', *PLAIN[3:5], 'A-6,24",Text,To Do', PLAIN[6])))

    assert [(error.line, type(error)) for error in errors] == [(4, UnreadRow)]


def test_a_line_that_is_no_row_by_itself_is_told(write):
    issues, errors = found(write(table(PLAIN[0], 'A-2,"24 inch,Text', *PLAIN[2:5], 'A-6,24" display,Text,To Do')))

    assert [*issues] == ["A-1", "A-3", "A-4", "A-5", "A-6"]
    assert [(error.line, type(error)) for error in errors] == [(3, ReadAgain), (3, UnreadRow)]


def test_two_open_quotes_are_two_errors(write):
    torn = ['A-2,"24 inch,Text,To Do', PLAIN[2], 'A-4,"30 inch,Text,To Do', *PLAIN[4:], 'A-8,3" wide,Text,To Do']
    rows = [PLAIN[0], *torn]

    issues, errors = found(write(table(*rows)))

    assert [*issues] == [f"A-{n}" for n in range(1, 9)]
    assert [error.line for error in errors] == [3, 5]


@pytest.mark.parametrize(
    "text",
    [
        "Two\nlines",
        'Say "yes"\nand "no"',
        "As in the file:\nKey,Title,Description,Status\nA-1,One,Text,Done\nA-2,Two,Text,Done",
        "A-1, A-2, A-3\nA-4, A-5, A-6",
        "a,b,c\nd,e,f",
        "\n\n",
    ],
)
def test_a_text_of_several_lines_is_a_text(text):
    file = io.StringIO(newline="")
    rows = [["A-1", "One", text, "To Do"], ["A-2", "Two", "Text", "To Do"], ["A-3", text, text, "To Do"]]
    csv.writer(file).writerows([["Key", "Title", "Description", "Status"], *rows])
    file.seek(0)

    assert [cells for _, cells in records(file, ",", 4, skipped=0)] == rows


@given(st.lists(st.text('a1,"\n', max_size=30), min_size=1, max_size=20))
def test_texts_of_any_signs_are_read_as_they_were_written(texts):
    file = io.StringIO(newline="")
    rows = [[f"SHOP-{n}", text, "Done", "3", "x"] for n, text in enumerate(texts)]
    csv.writer(file).writerows([["key", "text", "status", "points", "more"], *rows])
    file.seek(0)

    assert [cells for _, cells in records(file, ",", 5, skipped=0)] == rows


@given(st.lists(st.lists(st.text("a \n", max_size=3), min_size=1, max_size=6), max_size=5))
def test_breaks_in_any_cell_also_beyond_the_header_end_no_reading(rows):
    file = io.StringIO(newline="")
    csv.writer(file).writerows([["id", "title", "status"], *rows])
    file.seek(0)

    assert all(isinstance(cells, list | RowError) for _, cells in records(file, ",", 3, skipped=0))


@given(st.lists(st.text('A-1,"x\n', max_size=12), max_size=12))
def test_any_quotes_cost_time_in_proportion_to_the_file(pieces):
    """Each line is given to a reader thrice at most, and told once at most beside the errors."""
    lines = "\n".join(pieces).splitlines(keepends=True)
    told = [line for line, cells in records(iter(lines), ",", 3, skipped=0) if not isinstance(cells, RowError)]

    assert told == sorted(set(told))
    assert len(told) <= len(lines)


class Counted:
    """Lines of which each counts how often it was read."""

    def __init__(self, monkeypatch):
        from apps.importers.sources.csv import records as module

        self.count, whole = 0, module._Lines.__next__

        def counted(lines):
            self.count += 1
            return whole(lines)

        monkeypatch.setattr(module._Lines, "__next__", counted)


def test_lines_that_open_a_quote_each_are_read_thrice_at_most(monkeypatch):
    counted = Counted(monkeypatch)
    lines = ["key,title,x\n"] + ['A"1,"x,y\n'] * 500

    assert sum(1 for _ in records(iter(lines), ",", 3, skipped=0)) >= 500
    assert counted.count <= 3 * len(lines)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("torn", "removed"),
    [('A-2,"24 inch,Text,To Do', ["A-7"]), ('A-2,"24 inch,Text', []), ("A-2,One,cell,too,many", [])],
)
def test_nothing_is_closed_as_removed_where_a_row_may_be_of_it(write, torn, removed):
    project = ProjectFactory(key="QUO")

    def imported(rows):
        told = read(write(table(*rows)))
        return import_issues(
            told, project_key="QUO", mapped={"external_id", "title", "description", "status"}, now=NOW,
            mark_missing=True,
        )  # fmt: skip

    imported(PLAIN)
    report = imported([PLAIN[0], torn, *PLAIN[2:5], 'A-6,24" display,Text,To Do'])

    closed = Issue.objects.filter(project=project, dropped_at__isnull=False)
    assert list(closed.values_list("external_id", flat=True)) == removed
    assert report.removed == len(removed)
    assert bool(report.remarks[NONE_CLOSED]) == (not removed)
