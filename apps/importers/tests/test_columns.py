"""Which column says what, for the headers trackers really write."""

import pytest

from apps.importers.records import ImportRefused
from apps.importers.sources.csv.columns import detect_columns, normal_form, unit_by_name
from apps.importers.sources.csv.survey import SAMPLED_CELLS
from apps.importers.tests.files import issues

JIRA = [
    "Summary", "Issue key", "Issue id", "Issue Type", "Status", "Project key", "Project name", "Priority", "Resolution",
    "Assignee", "Reporter", "Creator", "Created", "Updated", "Last Viewed", "Resolved", "Component/s", "Due Date",
    "Description", "Original Estimate", "Remaining Estimate", "Time Spent", "Work Ratio", "Σ Time Spent", "Labels",
    "Labels", "Sprint", "Sprint", "Custom field (Story Points)", "Comment", "Comment",
]  # fmt: skip
GITLAB = [
    "Title", "Description", "Issue ID", "URL", "State", "Author", "Author Username", "Assignee", "Assignee Username",
    "Due Date", "Created At (UTC)", "Closed At (UTC)", "Milestone", "Weight", "Labels", "Time Estimate", "Time Spent",
]  # fmt: skip
LINEAR = [
    "ID", "Team", "Title", "Description", "Status", "Estimate", "Priority", "Project", "Creator", "Assignee", "Labels",
    "Cycle Number", "Cycle Name", "Created", "Updated", "Started", "Completed", "Canceled",
]  # fmt: skip
AZURE = [
    "ID", "Work Item Type", "Title", "Assigned To", "State", "Tags", "Priority", "Effort", "Area Path",
    "Iteration Path", "Created Date", "Created By", "Activated Date", "Closed Date", "Original Estimate",
    "Completed Work",
]  # fmt: skip


def test_a_jira_export_is_read_with_its_repeated_headers():
    columns = detect_columns(JIRA)

    assert columns.names()["external_id"] == "Issue key"
    assert columns.names()["story_points"] == "Custom field (Story Points)"
    assert columns.names()["actual_hours"] == "Time Spent"
    assert columns.names()["component"] == "Component/s"
    assert columns.positions["labels"] == (24, 25)
    assert columns.positions["sprint"] == (26, 27)


def test_a_gitlab_export_is_read():
    columns = detect_columns(GITLAB)

    assert columns.names()["story_points"] == "Weight"
    assert columns.names()["created_at"] == "Created At (UTC)"
    assert columns.names()["resolved_at"] == "Closed At (UTC)"


def test_a_linear_export_gives_its_estimate_as_points_and_its_project_as_component():
    columns = detect_columns(LINEAR)

    assert columns.names()["story_points"] == "Estimate"
    assert columns.names()["component"] == "Project"
    assert columns.names()["sprint"] == "Cycle Name"
    assert columns.names()["resolved_at"] == "Completed"


def test_an_azure_export_is_read():
    columns = detect_columns(AZURE)

    assert columns.names()["issue_type"] == "Work Item Type"
    assert columns.names()["actual_hours"] == "Completed Work"
    assert columns.names()["started_at"] == "Activated Date"


def test_a_github_table_is_read():
    columns = detect_columns(
        ["number", "title", "body", "state", "labels", "user", "assignees", "created_at", "closed_at"]
    )

    assert columns.names() == {
        "external_id": "number", "title": "title", "description": "body", "status": "state", "labels": "labels",
        "reporter": "user", "assignee": "assignees", "created_at": "created_at", "resolved_at": "closed_at",
    }  # fmt: skip


@pytest.mark.parametrize("header", ["Story Points", "story_points", "STORYPOINTS", " Story  Points "])
def test_headers_are_compared_without_case_blanks_and_underscores(header):
    assert normal_form(header) == "storypoints"


def test_calendar_time_is_never_taken_for_hours_of_work_and_the_user_is_told_why():
    columns = detect_columns(["title", "in_progress_minutes", "timespent_minutes"])

    assert columns.names()["actual_hours"] == "timespent_minutes"
    assert any("in_progress_minutes is left out: calendar time" in note for note in columns.notes)


def test_a_file_that_does_not_say_when_work_ended_is_read_with_a_warning():
    assert detect_columns(["title", "resolved"]).notes == ()
    assert "nothing can be learned" in detect_columns(["title", "hours"]).notes[0]


@pytest.mark.parametrize(
    ("header", "unit"),
    [(JIRA, ("", "seconds")), (GITLAB, ("", "seconds")), (AZURE, ("", "hours")), (["Title"], ("", ""))],
)
def test_the_unit_of_a_time_without_one_in_its_name_is_that_of_its_tracker(header, unit):
    assert unit_by_name("Time Spent", header) == unit


@pytest.mark.parametrize(
    ("column", "unit"), [("timespent_minutes", "minutes"), ("Time Spent Seconds", "seconds"), ("hours", "hours")]
)
def test_a_unit_in_the_name_of_a_column_goes_before_its_tracker(column, unit):
    assert unit_by_name(column, JIRA) == (unit, "")


def test_the_user_names_columns_and_units():
    columns = detect_columns(["What", "Took"], {"title": "what", "actual_hours": "Took:minutes"})

    assert columns.positions == {"title": (0,), "actual_hours": (1,)}
    assert columns.hours_factor == {"actual_hours": 1 / 60}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [({"titel": "What"}, "no field 'titel'"), ({"title": "Titel"}, "no column 'Titel'. Columns: What, Took")],
)
def test_a_bad_mapping_is_refused_with_the_names_there_are(overrides, message):
    with pytest.raises(ImportRefused, match=message):
        detect_columns(["What", "Took"], overrides)


def test_a_file_without_titles_is_refused_with_its_columns():
    with pytest.raises(ImportRefused, match=r"No column holds titles. The file has: key, points"):
        detect_columns(["key", "points"])


def test_a_german_export_is_read_by_its_own_names():
    german = {
        "external_id": "Schlüssel", "title": "Titel", "description": "Beschreibung", "issue_type": "Vorgangstyp",
        "created_at": "Erstellt", "started_at": "Begonnen", "resolved_at": "Erledigt", "actual_hours": "Aufwand (h)",
        "assignee": "Bearbeiter", "labels": "Stichwörter",
    }  # fmt: skip

    assert detect_columns(list(german.values())).names() == german


@pytest.mark.parametrize("header", ["Done on", "done_at", "Date done", "Finished on", "Completed Date"])
def test_the_end_of_work_is_found_under_many_names(header):
    assert detect_columns(["title", header]).names()["resolved_at"] == header


def test_what_is_read_explained_or_unread_covers_every_column():
    columns = detect_columns(["title", "Size", "in_progress_minutes", "Mood", ""], unreadable={1: "story_points"})

    assert set(columns.positions) == {"title"}
    assert columns.unread == ("Mood",)
    assert columns.notes[1].startswith("in_progress_minutes is left out")
    assert columns.notes[0].startswith("Column Size holds no numbers")


@pytest.mark.parametrize(
    ("header", "field", "unit"),
    [
        ("Time Spent (h)", "actual_hours", "hours"),
        ("time spent [min]", "actual_hours", "minutes"),
        ("Hours (h)", "actual_hours", "hours"),
        ("Original Estimate (sec.)", "estimated_hours", "seconds"),
        ("Estimate (h)", "estimated_hours", "hours"),
        ("Aufwand (h)", "actual_hours", "hours"),
    ],
)
def test_a_unit_behind_a_name_is_the_columns(header, field, unit):
    columns = detect_columns(["Title", header])

    assert columns.names()[field] == header
    assert unit_by_name(header, ["Title", header]) == (unit, "")
    assert columns.unread == ()


def test_what_stands_behind_other_names_stays():
    assert detect_columns(["Title", "Room (h)"]).unread == ("Room (h)",)
    assert normal_form("Component (s)") == "components"


@pytest.mark.parametrize("none", ["0000-00-00 00:00:00", "1970-01-01", "9999-12-31", "0"])
def test_a_column_of_ends_is_read_however_many_of_the_first_are_none(write, none):
    open_ones = "".join(f"A-{n},x,Open,{none}\n" for n in range(SAMPLED_CELLS + 10))
    path = write(f"Key,Title,Status,Resolved\n{open_ones}B-0,x,Done,2026-01-05 10:00:00\n")

    assert [issue.resolved_at is not None for issue in issues(path)][-1]
