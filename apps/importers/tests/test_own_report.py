"""One page about a team's own issues: told whole or told why not, and nothing stays."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.importers.models import ImportRun
from apps.importers.telling import own_report
from apps.importers.telling.own_report import report_on
from apps.projects.models import Issue, IssueChange, Project
from apps.projects.tests.factories import IssueFactory, ProjectFactory

pytestmark = pytest.mark.django_db
FIRST = datetime(2024, 1, 1, 9, tzinfo=UTC)


@pytest.fixture
def file(tmp_path):
    """Thirty weeks of one finished issue each, two years ago, and two that stayed open."""
    rows = ["key,title,status,type,created,resolved,estimated_hours,actual_hours"]
    for n in range(30):
        day = FIRST + timedelta(weeks=n)
        rows.append(f"SHOP-{n},Title {n},Done,bug,{day:%Y-%m-%d},{day + timedelta(days=2):%Y-%m-%d},2,3")
    rows += [f'SHOP-{n},"<script>alert(1)</script>",<i>Open</i>,bug,2024-07-20,,1,' for n in (98, 99)]
    path = tmp_path / "export.csv"
    path.write_text("\n".join(rows))
    return path


@pytest.fixture
def page(file, tmp_path):
    IssueFactory(project=ProjectFactory(key="SHOP"), source="csv", external_id="SHOP-1", title="Of another time")
    out = StringIO()
    call_command("report", str(file), html=tmp_path / "out.html", stdout=out, stderr=StringIO())
    assert out.getvalue() == f"SHOP: 32 issues told in {tmp_path / 'out.html'}.\n"
    return (tmp_path / "out.html").read_text()


def test_the_page_tells_each_thing_or_why_not_as_of_the_end_of_the_file(page):
    assert "The file ends on 2024-07-24: everything is told as of that day." in page
    assert "the typical one took 1.50 h for each hour estimated" in page
    assert "Hours: 50 completed issues with hours are needed, 30 are there." in page
    assert "<td>yes</td><td>30</td><td>5</td><td>weeks with finished work in the last two years</td>" in page
    assert page.count('<tr><th scope="row">85</th><td>2024-') == 1
    assert "32 issues, 0 sprints, 0 people." in page


def test_the_page_runs_and_fetches_nothing_and_shows_texts_as_texts(page):
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert "&lt;i&gt;Open&lt;/i&gt;" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


def test_nothing_of_it_stays_and_what_is_there_is_not_mixed_in(page):
    assert Issue.objects.get().title == "Of another time"
    assert (Project.objects.count(), ImportRun.objects.count(), IssueChange.objects.count()) == (1, 0, 0)


def test_a_tracker_or_a_folder_that_is_not_there_is_told_at_once(tmp_path):
    with pytest.raises(CommandError, match="report reads a file"):
        call_command("report", "github:a/b", html=tmp_path / "out.html")
    with pytest.raises(CommandError, match="there is no folder"):
        call_command("report", "a.csv", html=tmp_path / "absent" / "out.html")
    for name in ("absent.csv", "x" * 300):
        with pytest.raises(CommandError, match="There is no file"):
            call_command("report", str(tmp_path / name), html=tmp_path / "out.html", stderr=StringIO())


def test_a_recent_file_is_told_as_of_now(file, tmp_path):
    found = report_on(str(file), now=FIRST + timedelta(weeks=30), say=lambda text: None)
    assert (found.is_stale, found.as_of) == (False, FIRST + timedelta(weeks=30))


def test_replays_are_asked_of_no_more_than_a_few_models(monkeypatch):
    class Plan:
        def __init__(self, months):
            self.months = range(months)

    asked = []

    def planned(project_id, kind, *, newest):
        asked.append(newest)
        return Plan(newest // 20)

    monkeypatch.setattr(own_report, "plan_replay", planned)
    plan = own_report._bounded(Project(), "effort_prediction")
    assert len(plan.months) <= own_report.MOST_MODELS
    assert asked[0] == own_report.MOST_ASKED
