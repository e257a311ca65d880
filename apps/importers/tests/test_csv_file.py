"""A file into issues and explained errors, without a database."""

import csv
import io
from datetime import UTC, date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.common.plausible import LONGEST_TEXT
from apps.common.tables import as_csv, bare
from apps.importers.records import ImportedIssue, ImportRefused, Person, RowError
from apps.importers.sources.csv import file as csv_file
from apps.importers.sources.csv import records as csv_records
from apps.importers.sources.csv.file import inspect_file
from apps.importers.tests.files import only, read, reasons


def test_a_row_says_everything_the_domain_knows_of_an_issue(write):
    path = write(
        "key,title,description,type,status,priority,component,labels,reporter,assignee,sprint,points,estimated_hours,"
        "actual_hours,created,started,resolved,due date\n"
        'A-1,Fix it,"Two\nlines",bug,Done,High,shop,"a, b",Ada,Bob <bob@example.org>,Sprint 7,3,4,5.5,2025-01-02,'
        "2025-01-03 10:00:00,2025-01-04T12:00:00Z,2025-02-01\n"
    )

    assert only(path) == ImportedIssue(
        line=2,
        external_id="A-1",
        title="Fix it",
        description="Two\nlines",
        issue_type="bug",
        status="Done",
        priority=2,
        component="shop",
        labels=("a", "b"),
        reporter=Person("Ada"),
        assignee=Person("Bob", "bob@example.org"),
        sprint="Sprint 7",
        story_points=3.0,
        estimated_hours=4.0,
        actual_hours=5.5,
        created_at=datetime(2025, 1, 2, tzinfo=UTC),
        started_at=datetime(2025, 1, 3, 10, tzinfo=UTC),
        resolved_at=datetime(2025, 1, 4, 12, tzinfo=UTC),
        due_date=date(2025, 2, 1),
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found(write, delimiter):
    path = write(delimiter.join(["id", "title", "hours"]) + "\n" + delimiter.join(["1", "Fix", '"7,5"']) + "\n")

    assert only(path).actual_hours == 7.5


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("utf-8", "utf-8-sig"), ("utf-8-sig", "utf-8-sig"), ("latin-1", "cp1252"), ("utf-16", "utf-16")],
)
def test_the_encoding_is_found_and_a_fallback_announced(write, encoding, name):
    path = write("id,title\n1,Prüfen\n".encode(encoding))

    shape = inspect_file(path)

    assert (shape.encoding, only(path).title) == (name, "Prüfen")
    assert bool(shape.notes) == (name == "cp1252")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04rest", "workbook"),
        (b"\x89PNG\x00\x01\nmore", "not a CSV"),
        (b'{"title": "x"}\n', "JSON"),
        (b"<html>\n", "HTML"),
        (b"\xff\xfei\x00d", "UTF-16"),
        (b"\xff\xfei\x00d\x00\n\x00\x00\xd8", "UTF-16"),
        (b"id,title" + b"," * 2_000_000 + b"x" * 2_000_000, "first line cannot be read"),
    ],
)
def test_what_is_no_csv_is_refused(write, content, message):
    with pytest.raises(ImportRefused, match=message):
        inspect_file(write(content))


def test_a_table_of_endless_columns_is_refused(write):
    wide = "Summary," + "," * csv_file.MOST_COLUMNS + "\nx\n"

    with pytest.raises(ImportRefused, match="at most 2000"):
        inspect_file(write(wide))


def test_a_separator_with_nothing_behind_it_has_no_columns(write):
    assert inspect_file(write("sep=;\n")).header == ()


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ImportRefused, match="There is no file"):
        inspect_file(tmp_path / "missing.csv")
    with pytest.raises(ImportRefused, match="is not a file"):
        inspect_file(tmp_path)


def test_a_file_cut_off_within_a_letter_is_read_to_its_end(write):
    path = write("id,title\n1,Prü".encode()[:-1])

    assert only(path).title == "PrÃ"


def test_blank_lines_before_the_header_are_passed_over(write):
    assert only(write("\n\nid,title\n1,Fix\n")).line == 4


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.sampled_from([b"id,title,hours,created\n", b"\xff\xfe", b"title;resolved\n"]))
def test_no_bytes_make_the_reading_fail_unexplained(write, rest, start):
    path = write(start + rest)

    try:
        rows = read(path)
    except ImportRefused:
        return
    assert all(isinstance(row, ImportedIssue | RowError) and row.line > 1 for row in rows)


def test_bad_rows_and_bad_cells_are_reported_and_the_rest_is_read(write):
    path = write(
        "id,title,hours,points,created,resolved,priority\n"
        "1,good,1,1,2020-01-01,2020-01-02,1\n"
        "2,no number,many,1,2020-01-01,2020-01-02,1\n"
        '3,"over\ntwo lines",-1,1,2020-01-01,2020-01-02,1\n'
        "4,backwards,1,1,2020-01-02,2020-01-01,1\n"
        "5,too short,1\n"
        "6,too,long,1,2020-01-01,2020-01-02,1,extra\n"
        "\n"
        "1,again,1,1,2020-01-01,2020-01-02,1\n"
        ",no id,1,1,2020-01-01,2020-01-02,1\n"
        "7,nul\0l,1,1,2020-01-01,2020-01-02,1\n"
        "8,infinite,1,inf,2020-01-01,2020-01-02,1\n"
        "9,tomorrow's world,1,1,2020-01-01,2036-01-02,1\n"
        f"{'x' * 201},long id,1,1,2020-01-01,2020-01-02,1\n"
        "10,ancient,1,1,1901-01-01,2020-01-02,1\n"
        "11,good again,1,1,2020-01-01,2020-01-02,1,\n"
    )

    rows = read(path)

    good = {row.external_id: row for row in rows if isinstance(row, ImportedIssue)}
    assert [*good] == ["1", "2", "3", "8", "10", "11"]
    assert {key: row.unread for key, row in good.items() if row.unread} == {
        "2": ("actual hours is not a number: 'many'",),
        "3": ("actual hours is negative: -1",),
        "8": ("story points is not a finite number: 'inf'",),
        "10": ("created lies in the year 1901: 1901-01-01",),
    }
    assert reasons(path) == {
        6: "resolved (2020-01-01 00:00) before created (2020-01-02 00:00)",
        7: "has 3 cells where the header has 7",
        8: "has 8 cells where the header has 7",
        10: "the id stands in line 2 already",
        11: "the row has no id",
        12: "title holds a null byte",
        14: "resolved in the future: 2036-01-02",
        15: "the id has 201 characters (at most 200)",
    }


def test_an_open_quote_costs_a_bounded_part_of_the_file(write, monkeypatch):
    monkeypatch.setattr(csv_records, "LONGEST_CELL", 1_000)
    rows = "".join(f"{number},title {number}\n" for number in range(200))
    path = write('id,title\nA,fine\nB,"never closed\n' + rows)

    found = read(path)

    assert isinstance(found[1], RowError)
    assert "a quote is left open" in found[1].reason
    assert [row.external_id for row in found[2:]] == ["B", *map(str, range(200))]


def test_work_begun_before_it_was_written_down_is_kept_because_teams_do_that(write):
    issue = only(write("id,title,created,started,resolved\n1,Fix,2020-01-05,2020-01-03,2020-01-05\n"))

    assert issue.started_at < issue.created_at


def test_a_day_of_resolution_is_not_before_the_hour_of_creation_on_that_day(write):
    issue = only(write("id,title,created,resolved\n1,Fix,2020-01-05 10:00:00,2020-01-05\n"))

    assert issue.resolved_at == datetime(2020, 1, 5, tzinfo=UTC)


def test_a_row_without_a_title_is_an_issue_called_by_its_id(write):
    issue = only(write("issue_key,title\nDM-1,\n"))

    assert (issue.title, len(issue.remarks)) == ("DM-1", 1)


def test_a_file_without_ids_knows_its_rows_again_by_title_and_creation(write):
    text = "title,created,status\nFix,2020-01-01,{}\nFix,2020-01-02,Open\n"

    first, other = read(write(text.format("Open")))
    again, _ = read(write(text.format("Done")))

    assert first.external_id == again.external_id != other.external_id


def test_dates_in_doubt_are_settled_by_the_rest_of_the_file(write):
    path = write("id,title,created\n1,a,03/04/2020\n2,b,25/04/2020\n")

    assert [row.created_at.month for row in read(path)] == [4, 4]


@pytest.mark.parametrize("rows", ["1,a,03/04/2020\n", "1,a,03/04/2020\n2,b,25/04/2020\n3,c,04/25/2020\n"])
def test_dates_that_stay_in_doubt_need_the_user(write, rows):
    path = write(f"id,title,created\n{rows}")

    with pytest.raises(ImportRefused, match="--date-format day-first, --date-format month-first"):
        read(path)
    first = read(path, dates="month-first")[0]
    assert first.created_at == datetime(2020, 3, 4, tzinfo=UTC)


def test_of_several_sprints_the_last_counts_and_labels_come_from_all_columns(write):
    issue = only(write("id,title,Sprint,Sprint,Sprint,Labels,Labels,Tags\n1,a,S 1,S 2,,x,y,z;x\n"))

    assert (issue.sprint, issue.labels) == ("S 2", ("x", "y", "z"))


def test_the_dates_of_a_linear_cycle_are_those_of_the_sprint_and_its_end_is_the_next_ones_start(write):
    path = write(
        "ID,Title,Cycle Name,Cycle Start,Cycle End\nA,a,C 1,2025-01-06,2025-01-20\nB,b,C 2,2025-01-20,2025-01-07\n"
    )

    first = read(path)[0]
    assert (first.sprint_starts_on, first.sprint_ends_on) == (date(2025, 1, 6), date(2025, 1, 19))
    assert reasons(path) == {3: "the sprint ends (2025-01-06) before it starts (2025-01-20)"}


def test_a_quote_that_protects_spreadsheets_is_taken_off(write):
    assert only(write("id,title\n1,'=not a formula\n")).title == "=not a formula"
    assert only(write("id,title\n1,'tis a title\n")).title == "'tis a title"


def test_what_we_export_is_imported_as_it_was(write):
    said = "x;=cmd|' /C calc'!A0;y\n- item (one)\n'=quoted"

    issue = only(write(as_csv(("id", "title", "description"), [("1", "'=a", said)])))

    assert (issue.title, issue.description) == ("'=a", said)


def test_of_several_assignees_the_first_counts_but_a_comma_in_a_name_is_no_list(write):
    assert only(write('number,title,assignees\n1,a,"ada, bob"\n')).assignee == Person("ada")
    assert only(write('number,title,assignee\n1,a,"Lovelace, Ada"\n')).assignee == Person("Lovelace, Ada")


@pytest.mark.parametrize("pattern", ["european", "%Q", "%d.%", "%d%d", "%x%d"])
def test_a_date_format_that_is_none_is_refused(write, pattern):
    with pytest.raises(ImportRefused, match="say day-first, month-first or a pattern"):
        read(write("id,title,created\n1,a,2020-01-01\n"), dates=pattern)


def test_a_date_format_is_used_where_it_fits(write):
    path = write("id,title,created\n1,a,20/13/12\n2,b,2020-12-14\n")

    assert [row.created_at.day for row in read(path, dates="%y/%d/%m")] == [13, 14]


def test_a_description_is_as_long_as_one_may_be(write):
    assert only(write(f"id,title,description\n1,a,{'x' * (LONGEST_TEXT + 9)}\n")).description == "x" * LONGEST_TEXT


def test_points_in_a_label_are_points(write):
    assert only(write('number,title,labels\n1,a,"bug, estimate: 3"\n')).story_points == 3.0


def test_cells_that_shifted_into_the_wrong_column_are_noticed(write):
    path = write(f"id,title,type\n1,a,{'words ' * 20}\n")

    assert reasons(path) == {2: "issue type has 119 characters (at most 64): have the columns shifted?"}


@given(
    st.lists(
        st.tuples(st.integers(0, 10**9), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=80)),
        max_size=20,
        unique_by=lambda row: row[0],
    )
)
def test_whatever_a_csv_writer_writes_is_read_back(tmp_path_factory, rows):
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([("id", "title"), *rows])
    path = tmp_path_factory.mktemp("written") / "issues.csv"
    path.write_bytes(buffer.getvalue().encode())

    found = read(path)

    assert [row.external_id for row in found] == [str(number) for number, _ in rows]
    for row, (number, text) in zip(found, rows, strict=True):
        assert row.title == (" ".join(bare(text).split()) or str(number))
