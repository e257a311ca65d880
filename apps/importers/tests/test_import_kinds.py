"""Files of trackers into sprints and books: small inputs of each kind that once gave silently wrong figures."""

from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.importers.sources.csv.dates import zone_of
from apps.projects.history.snapshots import books_of
from apps.projects.models import Issue, IssueChange, Project, Sprint

pytestmark = pytest.mark.django_db


@pytest.fixture
def load(write):
    """Imports a text and returns what was printed."""

    def load(text: str, *options: str) -> str:
        out = StringIO()
        call_command("import_issues", write(text), "--project", "SHOP", "--create-project", *options, stdout=out)
        return out.getvalue()

    return load


def amounts(name: str, *figures: str) -> list[float]:
    """Points of a sprint's report."""
    sprint = Sprint.objects.select_related("project", "snapshot").get(name=name)
    report = books_of([sprint], now=timezone.now())[str(sprint.pk)].report
    return [report.amount(figure).points for figure in figures]


HEADER = "Key,Title,Status,Points,Created,Resolved,Sprint,Sprint Start,Sprint End\n"


def row(key: str, *, sprint: str = "S 1", resolved: str = "2025-03-05", points: int = 5, days: str = "") -> str:
    status = "Done" if resolved else "To Do"
    return f"{key},Title {key},{status},{points},2025-02-01,{resolved},{sprint},{days or '2025-03-03,2025-03-16'}\n"


@pytest.mark.parametrize("first", ["sep=;\n", "Report of the team\n", "sep=;\r\n"])
def test_what_stands_before_the_header_is_passed_over(load, first):
    load(f"{first}Key;Title\n1;Fix\n2;Mend\n")

    assert set(Issue.objects.values_list("external_id", "title")) == {("1", "Fix"), ("2", "Mend")}


@pytest.mark.parametrize("text", ['[\n  {"title": "Fix"}\n]\n', '{\n  "issues": []\n}\n'])
def test_json_is_called_json(load, text):
    with pytest.raises(CommandError, match="it is JSON"):
        load(text)


def test_work_that_moved_on_counts_where_it_was_committed_by_the_columns_of_sprints(load):
    header = "Key,Title,Status,Points,Created,Resolved,Sprint,Sprint,Sprint Start,Sprint End\n"
    load(
        header
        + "A,a,Done,5,2025-02-01,2025-03-05,S 1,,2025-03-03,2025-03-16\n"
        + "B,b,Done,8,2025-02-01,2025-03-20,S 1,S 2,2025-03-17,2025-03-30\n"
    )

    # B was committed in S 1 and done in S 2.
    assert amounts("S 1", "committed", "completed", "carried_over") == [13.0, 5.0, 8.0]
    assert amounts("S 2", "committed", "completed", "carried_over") == [8.0, 8.0, 0.0]


@pytest.mark.parametrize(
    "cell",
    [
        "S 1; S 2",
        "com.atlassian.greenhopper.service.sprint.Sprint@1f[id=1,state=CLOSED,name=S 1,goal=];"
        "com.atlassian.greenhopper.service.sprint.Sprint@2a[id=2,state=CLOSED,name=S 2,goal=]",
    ],
)
def test_work_that_moved_on_counts_where_it_was_committed_by_the_list_in_a_cell(load, cell):
    load(
        HEADER + row("A") + row("B", sprint=f'"{cell}"', resolved="2025-03-20", points=8, days="2025-03-17,2025-03-30")
    )

    assert set(Sprint.objects.values_list("name", flat=True)) == {"S 1", "S 2"}
    assert amounts("S 1", "committed", "completed", "carried_over") == [13.0, 5.0, 8.0]


def test_what_old_servers_print_of_sprints_tells_their_days_and_what_was_carried_over(load):
    first, second = (
        f"com.atlassian.greenhopper.service.sprint.Sprint@{number}f[id={number},state=CLOSED,name=S {number},"
        f"startDate={start}T09:00:00.000-07:00,endDate={end}T20:30:00.000-07:00,completeDate=<null>,sequence={number}]"
        for number, start, end in ((1, "2025-03-03", "2025-03-14"), (2, "2025-03-17", "2025-03-28"))
    )
    header = "Key,Title,Status,Points,Created,Resolved,Sprint\n"
    load(
        f'{header}A,a,Done,5,2025-02-01,2025-03-05,"{first}"\n'
        f'B,b,Done,8,2025-02-01,2025-03-20,"{first};{second}"\n'
    )  # fmt: skip

    assert list(Sprint.objects.order_by("name").values_list("external_id", "start_date", "end_date", "status")) == [
        ("1", date(2025, 3, 3), date(2025, 3, 14), "completed"),
        ("2", date(2025, 3, 17), date(2025, 3, 28), "completed"),
    ]
    assert amounts("S 1", "committed", "completed", "carried_over") == [13.0, 5.0, 8.0]
    assert amounts("S 2", "committed", "completed") == [8.0, 8.0]


def test_a_name_that_comes_again_a_year_later_is_another_sprint(load):
    load(HEADER + row("A") + row("B", resolved="2026-03-05", points=8, days="2026-03-02,2026-03-15"))

    found = Sprint.objects.order_by("start_date").values_list("name", "start_date", "issues__story_points")
    assert list(found) == [("S 1", date(2025, 3, 3), 5.0), ("S 1", date(2026, 3, 2), 8.0)]


def test_dates_that_a_later_file_changes_are_taken_over(load):
    load(HEADER + row("A") + row("B", resolved="2025-03-20", points=8))
    load(
        HEADER
        + row("A", days="2025-03-03,2025-03-21")
        + row("B", resolved="2025-03-20", points=8, days="2025-03-03,2025-03-21")
    )

    assert Sprint.objects.get().end_date == date(2025, 3, 21)
    assert amounts("S 1", "completed") == [13.0]


def test_a_sprint_without_dates_is_completed_when_a_later_file_ends_all_its_work(load):
    header = "Key,Title,Status,Points,Created,Resolved,Sprint\n"
    load(header + "A,a,Done,5,2025-02-01,2025-03-05,S 1\nB,b,To Do,8,2025-02-01,,S 1\n")
    assert Sprint.objects.get().status == Sprint.Status.PLANNED

    load(header + "A,a,Done,5,2025-02-01,2025-03-05,S 1\nB,b,Done,8,2025-02-01,2025-03-07,S 1\n")

    assert Sprint.objects.get().status == Sprint.Status.COMPLETED
    assert amounts("S 1", "completed") == [13.0]


def test_an_issue_that_moved_is_known_by_the_trackers_own_id(load):
    load("Issue key,Issue id,Summary\nA-1,1001,Fix\nA-2,1002,Mend\n")
    load("Issue key,Issue id,Summary\nOPS-7,1001,Fix\nA-2,1002,Mend\n")

    assert set(Issue.objects.values_list("source_id", "external_id")) == {("1001", "OPS-7"), ("1002", "A-2")}


def test_the_root_of_a_tree_of_iterations_is_no_sprint(load):
    load("ID,Work Item Type,Title,State,Iteration Path\n1,User Story,a,New,Shop\n2,User Story,b,New,Shop\\Sprint 1\n")

    assert list(Sprint.objects.values_list("name", "issues__external_id")) == [("Sprint 1", "2")]


def test_a_cycle_of_linear_ends_on_the_day_before_the_next_and_may_have_no_name(load):
    load(
        "ID,Title,Status,Estimate,Created,Completed,Cycle Number,Cycle Name,Cycle Start,Cycle End\n"
        "A,a,Done,5,2025-02-01,2025-03-05,1,,2025-03-03T00:00:00Z,2025-03-10T00:00:00Z\n"
        "B,b,Done,8,2025-02-01,2025-03-11,2,Second,2025-03-10T00:00:00Z,2025-03-17T00:00:00Z\n"
    )

    assert list(Sprint.objects.order_by("start_date").values_list("name", "start_date", "end_date")) == [
        ("Cycle 1", date(2025, 3, 3), date(2025, 3, 9)),
        ("Second", date(2025, 3, 10), date(2025, 3, 16)),
    ]


ROWS = (
    row("A"),
    row("B", resolved="2025-03-20", points=8, sprint='"S 1; S 2"', days="2025-03-17,2025-03-30"),
    row("C", resolved="", points=3, sprint="S 2", days="2025-03-17,2025-03-30"),
    row("D").replace("Done", "Baked"),
    row("E", resolved="", sprint="S 3", days=",").replace("To Do", "Baked"),
    row("F", sprint="S 3", days=",").replace("Done", "Baked"),
)


def _facts() -> tuple[list[object], ...]:
    return (
        list(
            Issue.objects.order_by("external_id").values_list(
                "external_id", "status__name", "status__category", "sprint__name", "resolved_at", "story_points"
            )
        ),
        list(Sprint.objects.order_by("name", "start_date").values_list("name", "status", "start_date", "end_date")),
        [amounts(name, "committed", "completed", "carried_over") for name in ("S 1", "S 2")],
        sorted(IssueChange.objects.values_list("issue__external_id", "field", "changed_at")),
    )


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(ROWS))
def test_the_order_of_rows_never_matters_and_a_second_import_changes_nothing(load, rows):
    Issue.objects.all().delete()
    Sprint.objects.all().delete()
    load(HEADER + "".join(ROWS))
    wanted = _facts()
    Issue.objects.all().delete()
    Sprint.objects.all().delete()

    load(HEADER + "".join(rows))
    assert _facts() == wanted

    assert "SHOP: 0 new, 6 unchanged." in load(HEADER + "".join(rows))
    assert _facts() == wanted


def test_what_is_finished_on_the_last_evening_of_the_projects_day_is_completed(load):
    text = HEADER + row("A", resolved="2025-03-16T20:00:00-07:00")

    load(text, "--time-zone", "UTC")
    assert amounts("S 1", "completed", "carried_over") == [0.0, 5.0]
    Project.objects.all().delete()

    load(text)
    assert Project.objects.get().time_zone == "Etc/GMT+7"
    assert amounts("S 1", "completed", "carried_over") == [5.0, 0.0]


def test_a_time_zone_that_does_not_exist_is_refused(load):
    with pytest.raises(CommandError, match="Europe/Berlin"):
        load(HEADER + row("A"), "--time-zone", "Mars/Olympus")


def test_a_file_that_names_one_offset_tells_the_zone_of_a_new_project():
    assert zone_of(["2026-09-08T10:00:00-07:00", "2026-09-11T17:30:00-07:00"]) == "Etc/GMT+7"
    assert zone_of(["Mon Sep 07 2026 07:00:00 GMT+0200 (CEST)"]) == "Etc/GMT-2"
    assert zone_of(["2026-09-08T10:00:00-07:00", "2026-12-08T10:00:00-08:00"]) == ""
    assert zone_of(["2026-09-08T10:00:00+00:00", "2026-09-08"]) == ""
