"""What stands in the columns of a file, found before a row is read."""

import pytest

from apps.importers.records import ImportRefused
from apps.importers.tests.files import issues, only, read, reading


def test_a_time_column_of_unknown_unit_is_left_out_with_a_question_rather_than_guessed(write):
    found = reading(write("title,Time Spent\nFix,100\nMend,300\n"))

    assert "actual_hours" not in found.columns.positions
    assert any("--map actual_hours='Time Spent:hours'" in note for note in found.columns.notes)


@pytest.mark.parametrize(
    ("header", "cells", "hours"),
    [
        ("Issue key,Summary,Time Spent", "5400", 1.5),
        ("Title,Weight,Time Spent", "5400", 1.5),
        ("Work Item Type,Title,Completed Work", "1.5", 1.5),
        ("Key,Title,timespent_minutes", "90", 1.5),
    ],
)
def test_hours_are_in_the_unit_of_the_tracker_or_of_the_name(write, header, cells, hours):
    # The first two cells are an id or a type, a title or a weight.
    assert only(write(f"{header}\n1,2,{cells}\n")).actual_hours == hours


def test_a_unit_that_the_values_contradict_is_asked_for(write):
    path = write("Issue key,Summary,Time Spent\nA-1,Fix,6.5\nA-2,Mend,2.25\n")

    with pytest.raises(ImportRefused, match=r"look like hours.* --map actual_hours='Time Spent:hours'"):
        read(path)
    assert [row.actual_hours for row in issues(path, actual_hours="Time Spent:hours")] == [6.5, 2.25]


@pytest.mark.parametrize("cells", ["1831,1130,707", "34831.5,1830.25,7207.5", "100,300,90"])
@pytest.mark.parametrize("header", ["Took", "Benötigte Zeit", "Custom field (Took)"])
def test_a_column_that_somebody_chose_is_in_hours_only_where_its_values_may_be(write, header, cells):
    rows = "".join(f"{cell},Fix {cell}\n" for cell in cells.split(","))
    path = write(f"{header},title\n{rows}")

    found = reading(path, actual_hours=header)
    assert "actual_hours" not in found.columns.positions
    assert any(f"--map actual_hours='{header}:hours'" in note for note in found.columns.notes)
    seconds = float(cells.split(",")[0])
    assert issues(path, actual_hours=f"{header}:seconds")[0].actual_hours == pytest.approx(seconds / 3600)
    assert issues(write(f"{header},title\n6.5,Fix\n12,Mend\n"), actual_hours=header)[0].actual_hours == 6.5


def test_seconds_beyond_any_hours_are_read_as_such_in_a_column_that_somebody_chose(write):
    path = write("Dauer,title\n34831,Fix\n7207,Mend\n")

    assert issues(path, actual_hours="Dauer")[0].actual_hours == pytest.approx(34831 / 3600)


@pytest.mark.parametrize("header", ["Aufwand in Stunden", "Hours of work", "Heures passées", "Horas (total)"])
def test_a_unit_within_the_name_of_a_chosen_column_counts(write, header):
    assert issues(write(f"title,{header}\nFix,300\n"), actual_hours=header)[0].actual_hours == 300.0


def test_whole_minutes_in_thousands_are_seconds_without_any_tracker_said(write):
    assert [row.actual_hours for row in issues(write("title,Time Spent\nFix,3600\nMend,9000\n"))] == [1.0, 2.5]


def test_durations_say_their_units_themselves(write):
    path = write('title,Time Spent\nFix,1w 2d\nMend,1d\nPaint,1:30\nWash,2 hours\nDry,"1,5 h"\n')

    # A day of 8 hours, a week of 5 days.
    assert [row.actual_hours for row in issues(path)] == [56.0, 8.0, 1.5, 2.0, 1.5]


def test_a_dot_parts_thousands_where_a_comma_parts_fractions(write):
    path = write("Key;Title;Estimated Hours\n1;Fix;1.200\n2;Mend;0,5\n3;Paint;16\n")

    assert [row.estimated_hours for row in issues(path)] == [1200.0, 0.5, 16.0]


def test_thousands_or_fractions_is_asked_where_nothing_tells(write):
    path = write("Key;Title;Estimated Hours\n1;Fix;1.200\n2;Mend;8\n")

    with pytest.raises(ImportRefused, match="--decimal comma"):
        read(path)
    assert issues(path, decimal=",")[0].estimated_hours == 1200.0
    assert issues(path, decimal=".")[0].estimated_hours == 1.2


def test_points_are_read_as_people_write_them(write):
    path = write("Key,Title,Story Points\n1,a,½\n2,b,8 SP\n3,c,?\n4,d,1½\n5,e,3 pts\n6,f,\n")

    assert [row.story_points for row in issues(path)] == [0.5, 8.0, None, 1.5, 3.0, None]


def test_of_two_columns_of_points_the_one_that_says_something_counts_row_by_row(write):
    path = write("Key,Title,Story Points,Story point estimate\n1,a,,5\n2,b,3,\n3,c,?,8\n")

    assert [row.story_points for row in issues(path)] == [5.0, 3.0, 8.0]


def test_years_of_two_digits_in_front_are_found_where_no_other_order_can_be(write):
    # 25/12/30 is a day with its year in front or with its day in front; only the first has happened by March 2026.
    path = write("Key,Title,Created\n1,a,26/02/03\n2,b,25/12/30\n")

    assert [f"{row.created_at:%Y-%m-%d}" for row in issues(path)] == ["2026-02-03", "2025-12-30"]


def test_an_order_that_the_user_says_is_used(write):
    path = write("Key,Title,Created\n1,a,12/02/03\n")

    with pytest.raises(ImportRefused, match="--date-format year-first"):
        read(path)
    assert f"{only(path, dates='year-first').created_at:%Y-%m-%d}" == "2012-02-03"


def test_planned_starts_are_no_starts(write):
    # Now is 2 March 2026.
    path = write("Key,Title,Start Date\n1,a,2026-02-01\n2,b,2026-06-01\n")

    assert [row.started_at for row in issues(path)] == [None, None]
    assert any("Column Start Date holds plans" in note for note in reading(path).columns.notes)


def test_a_start_date_on_work_that_has_not_begun_is_a_plan_and_a_start_is_not(write):
    rows = "1,a,New,2026-02-01\n2,b,In Progress,2026-02-03\n"

    planned = issues(write("Key,Title,Status,Start date\n" + rows))
    begun = issues(write("Key,Title,Status,Started\n" + rows))

    assert [row.started_at for row in planned] == [None, None]
    assert [row.started_at.day for row in begun] == [1, 3]


def test_a_finish_date_of_open_work_is_when_it_is_due(write):
    rows = "1,a,Closed,2026-02-01\n2,b,In Progress,2026-02-20\n"

    planned, delivered = (
        issues(write(f"Key,Title,Status,{header}\n" + rows)) for header in ("Finish date", "Finished")
    )

    assert [(row.resolved_at, row.due_date.day) for row in planned] == [(None, 1), (None, 20)]
    assert [(row.resolved_at.day, row.due_date) for row in delivered] == [(1, None), (20, None)]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_a_status_of_the_team_is_judged_by_all_its_rows(write, order):
    rows = ["1,a,Baked,2025-01-03", "2,b,Baked,2025-01-04", "3,c,Baked,"]
    path = write("Key,Title,Status,Resolved\n" + "\n".join(rows[at] for at in order) + "\n")

    found = reading(path)

    assert found.statuses == {"baked": "done"}
    assert any("Baked (3 rows, 2 with an end): done" in note for note in found.columns.notes)
