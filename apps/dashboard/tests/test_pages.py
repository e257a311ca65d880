"""Pages answer with what the API says, in a constant number of queries, to whoever may see the project."""

import csv
import html
import io
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.tests.factories import UserFactory
from apps.common.charts.numbers import day, percent
from apps.dashboard import memory
from apps.dashboard.tests.conftest import Team
from apps.dashboard.views.scope import NAVIGATION
from apps.importers.connections import connect
from apps.importers.sources.registry import place_of
from apps.ml.core.forecasts.drops import TARGET_PROBABILITY
from apps.ml.models import PredictionHistory
from apps.ml.selectors.forecasts import expendable_first, unfinished
from apps.ml.selectors.trust import open_anomalies
from apps.ml.selectors.workers import IMPORTS, LONG, SHORT
from apps.ml.services.forecasts.service import ForecastService, Scenario
from apps.ml.services.model_loader import ModelLoader
from apps.ml.services.predictions.recent_outcomes import EFFORT_OUTCOMES, POINTS_OUTCOMES
from apps.ml.services.predictions.switch import TERMS
from apps.ml.services.project_summary import ProjectSummaryService
from apps.ml.services.similar.finished_work import FINISHED_WORK
from apps.ml.services.similar.issue_texts import ISSUE_TEXTS
from apps.ml.services.sprints.outcome import SprintOutcomeService
from apps.ml.services.sprints.overview import sprint_overview
from apps.ml.services.upkeep.installation import note_worker
from apps.projects.links.services import link_issues
from apps.projects.models import Issue, Project
from apps.projects.services import update_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from conftest import NOW

pytestmark = pytest.mark.django_db
#: A page with all that is loaded for it; sheets and script are the same for all pages.
MOST_BYTES = 120_000
#: Of a page that remembers nothing; most of them are those of two forecasts, links included.
MOST_QUERIES = 54
SHARED_FILES = ("dashboard/site.css", "common/charts.css", "django_htmx/htmx-4.min.js", "dashboard/icon.svg")
PAGES = ("/projects/", "/projects/DEMO/", "/projects/DEMO/sprints/52/", "/projects/DEMO/sprints/?all")
PAGES_OF_A_PROJECT = ("/projects/DEMO/", "/projects/DEMO/sprints/", "/projects/DEMO/sprints/52/",
                      "/projects/DEMO/sprints/52/plan.csv", "/projects/DEMO/files/weekly.svg",
                      "/projects/DEMO/share/", "/projects/DEMO/issues/DEMO-1/", "/projects/DEMO/chance/")  # fmt: skip


def text_of(client: Client, address: str, **query: object) -> str:
    answer = client.get(address, query)
    assert answer.status_code == 200, address
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).replace("\xa0", " ").split())


def number_of(demo: Team) -> str:
    return demo.running.name.removeprefix("Sprint ")


@pytest.fixture
def sprint(demo: Team) -> str:
    return f"/projects/DEMO/sprints/{number_of(demo)}/"


@pytest.mark.parametrize("address", ["/", "/projects/", "/projects/DEMO/"])
def test_nobody_sees_a_page_without_logging_in(demo: Team, client: Client, address: str):
    answer = client.get(address, follow=True)

    assert answer.redirect_chain[-1][0].startswith("/login/?next=/projects/")
    assert b"Password" in answer.content


def test_an_open_page_whose_session_has_ended_is_led_to_the_log_in_whole(demo: Team, client: Client, sprint: str):
    answer = client.get(f"{sprint}plan/", {"plan": 1}, headers={"HX-Request": "true"})

    assert (answer["HX-Redirect"], answer.content) == ("/login/", b"")


@pytest.mark.parametrize("address", PAGES_OF_A_PROJECT)
def test_a_project_of_others_is_one_that_does_not_exist(demo: Team, client: Client, address: str):
    client.force_login(UserFactory())

    foreign = client.get(address.replace("52", number_of(demo)))
    missing = client.get(address.replace("DEMO", "NONE", 1))

    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert b"There is nothing here" in foreign.content


def test_links_are_made_by_leads_alone(demo: Team, client: Client):
    client.force_login(TeamMemberFactory(project=demo.project, role="member").user)

    assert client.get("/projects/DEMO/share/").status_code == 403
    assert client.post("/projects/DEMO/share/new/", {"what": "project", "days": 14}).status_code == 403
    assert "Share" not in text_of(client, "/projects/DEMO/")


def test_viewers_say_nothing_of_anomalies(demo: Team, client: Client):
    client.force_login(TeamMemberFactory(project=demo.project, role="viewer").user)
    anomaly = open_anomalies(demo.project.pk).first()

    answer = client.post(f"/projects/DEMO/anomalies/{anomaly.id}/", {"status": "resolved"})

    assert answer.status_code == 403
    assert "False alarm" not in text_of(client, "/projects/DEMO/")


def test_every_entry_of_the_navigation_leads_to_a_page(demo: Team, lead: Client):
    shown = lead.get("/projects/DEMO/").content.decode()
    nav = re.search(r"<nav.*?</nav>", shown, re.DOTALL)

    addresses = re.findall(r'href="([^"]+)"', nav.group())

    assert len(addresses) == len(NAVIGATION)
    assert {address: lead.get(address, follow=True).status_code for address in addresses} == dict.fromkeys(
        addresses, 200
    )


def test_the_sprint_page_says_what_the_api_says(demo: Team, lead: Client, sprint: str):
    told = SprintOutcomeService().predict(demo.running.id, now=NOW)

    shown = text_of(lead, sprint)

    chance = percent(told["probability_all"]).replace("\xa0", " ")
    assert f"All done by {demo.running.end_date:%a %-d %b} {chance}" in shown
    found = re.search(r"Likely to deliver ([\d.]+) of ([\d.]+) points", shown)
    assert [float(each) for each in found.groups()] == pytest.approx(
        [told["typical_delivered"], told["scope"]], abs=0.1
    )


def test_the_project_page_says_what_the_api_says(demo: Team, lead: Client):
    told = ForecastService().forecast_work(demo.project.id, unfinished(demo.project.id), now=NOW)["when"]
    summary = ProjectSummaryService().summarise_project(demo.project.id, now=NOW)
    days = {each["percent"]: day(date.fromisoformat(each["date"])) for each in told["percentiles"]}

    shown = text_of(lead, "/projects/DEMO/")

    assert f"finished around {days[50]} , with 85 % certainty by {days[85]}" in shown
    assert summary["in_words"] in shown


def test_a_file_holds_what_the_page_shows(demo: Team, lead: Client, sprint: str):
    told = ForecastService().what_if(demo.running.id, Scenario(), now=NOW)["most_helpful_drops"]

    rows = list(csv.reader(io.StringIO(lead.get(f"{sprint}plan.csv").content.decode())))

    assert [(row[0], row[-1]) for row in rows[1:4]] == [
        (drop["key"], percent(drop["probability_after"])) for drop in told[:3]
    ]


def test_a_plan_is_answered_on_the_page_as_the_api_answers_it(demo: Team, lead: Client, sprint: str):
    first, *kept = expendable_first(demo.running)
    told = ForecastService().what_if(demo.running.id, Scenario(drop_issues=(first,)), now=NOW)
    chance = percent(told["scenario"]["probability_in_time"]).replace("\xa0", " ")

    assert f"→ {chance} without 1 issue" in text_of(lead, f"{sprint}plan/", plan=1, keep=kept)
    assert f"→ {chance} without 1 issue" in text_of(lead, sprint, plan=1, keep=kept)


def test_a_completed_sprint_shows_its_report_and_foresees_nothing(demo: Team, lead: Client):
    shown = text_of(lead, f"/projects/DEMO/sprints/{demo.closed.name.removeprefix('Sprint ')}/")

    assert "kept at the close" in shown
    assert "What if" not in shown


def test_an_issue_tells_its_past_in_names(demo: Team, lead: Client):
    issue = Issue.objects.filter(sprint=demo.running, assignee__isnull=False, status__category="in_progress").first()

    shown = text_of(lead, f"/projects/DEMO/issues/{issue.external_id}/")

    assert f"Assignee – {issue.assignee.full_name}" in shown
    assert demo.running.name in shown
    assert str(demo.running.pk) not in shown


def test_an_id_in_a_title_tells_whose_it_is_to_nobody(demo: Team, lead: Client):
    stranger = UserFactory(full_name="Ida Stranger")
    issue = IssueFactory(project=demo.project, title=str(stranger.pk))
    update_issue(issue, by=None, now=timezone.now(), title="Paint the door")

    shown = text_of(lead, f"/projects/DEMO/issues/{issue.pk}/")

    assert str(stranger.pk) in shown
    assert stranger.full_name not in shown


def test_a_prediction_of_an_open_issue_is_offered_where_it_is_read_and_of_no_other(demo: Team, lead: Client):
    issues = Issue.objects.filter(project=demo.project)
    running, finished = issues.filter(sprint=demo.running, resolved_at=None)[0], issues.exclude(resolved_at=None)[0]

    pages = [lead.get(f"/projects/DEMO/issues/{each.external_id}/").content.decode() for each in (running, finished)]

    assert f"/backlog/{running.pk}/" in pages[0]
    assert f"/backlog/{finished.pk}/" not in pages[1]


def test_every_issue_that_a_sprint_had_better_lose_is_marked(demo: Team, lead: Client):
    path = sprint_overview(demo.running, now=NOW).path
    assert path[-1].probability_after >= TARGET_PROBABILITY

    shown = lead.get(f"/projects/DEMO/sprints/{number_of(demo)}/").content.decode()

    assert shown.count("take out</b>") == len(path)


def test_an_issue_leads_to_its_tracker_where_one_is_connected(demo: Team, lead: Client, settings: Any):
    settings.CONNECTION_KEYS = ["a key"]
    issue = Issue.objects.filter(sprint=demo.running).first()
    address = f"/projects/DEMO/issues/{issue.external_id}/"
    assert "in the tracker" not in text_of(lead, address)

    place = place_of("jira", "https://shop.example.org", "SHOP")
    Issue.objects.filter(pk=issue.pk).update(source=connect(demo.project, place, "t", by=demo.lead, now=NOW).source)

    link = f'<a href="https://shop.example.org/browse/{issue.external_id}" rel="noreferrer">in the tracker</a>'
    assert link in lead.get(address).content.decode()


def test_the_key_of_a_project_is_found_however_it_is_typed(demo: Team, lead: Client):
    answer = lead.get("/projects/demo/sprints/?all=1")

    assert (answer.status_code, answer["Location"]) == (302, "/projects/DEMO/sprints/?all=1")


def test_the_start_page_sums_up_each_project(demo: Team, lead: Client):
    shown = text_of(lead, "/projects/")

    assert "Demonstration shop DEMO" in shown
    assert "trusted" in shown
    assert f"{open_anomalies(demo.project.pk).count()}" in shown
    assert f"by {demo.running.end_date:%a %-d %b}" in text_of(lead, "/projects/DEMO/chance/")


def test_who_is_in_no_project_finds_three_doors(db: None, client: Client):
    client.force_login(UserFactory())

    shown = text_of(client, "/projects/")

    assert [door in shown for door in ("demonstration", "Connect a tracker", "upload a file")] == [True] * 3


def test_a_project_of_ones_own_is_made_by_name_and_key(db: None, client: Client):
    client.force_login(UserFactory())

    made = client.post("/projects/new/", {"name": "Web shop", "key": "web"}, follow=True)
    again = client.post("/projects/new/", {"name": "Other", "key": "WEB"}, follow=True)

    assert made.redirect_chain[-1][0] == "/projects/WEB/"
    assert "Upload a file" in made.content.decode()
    assert "already exists" in again.content.decode()


def test_the_demonstration_is_made_once(demo: Team, client: Client):
    client.force_login(UserFactory())

    answer = client.post("/projects/new/demonstration/", follow=True)

    assert "here already" in answer.content.decode()


def test_an_empty_project_says_how_work_comes_in(db: None, client: Client):
    member = TeamMemberFactory(project__key="EMPTY", role="lead")
    client.force_login(member.user)

    assert "bring some" in text_of(client, "/projects/EMPTY/")
    assert "This project has no sprints" in text_of(client, "/projects/EMPTY/sprints/")


def test_a_project_with_little_history_says_so(db: None, client: Client):
    member = TeamMemberFactory(project=ProjectFactory(key="YOUNG"), role="lead")
    IssueFactory(project=member.project)
    client.force_login(member.user)

    assert "cannot be told yet" in text_of(client, "/projects/YOUNG/")


def test_a_look_at_a_page_records_no_question(demo: Team, lead: Client, sprint: str):
    before = PredictionHistory.objects.count()

    for address in ("/projects/", "/projects/DEMO/", sprint):
        lead.get(address)

    assert PredictionHistory.objects.count() == before


def test_an_anomaly_is_closed_in_place(demo: Team, lead: Client):
    anomaly = open_anomalies(demo.project.pk).first()
    address = f"/projects/DEMO/anomalies/{anomaly.id}/"

    seen = lead.post(address, {"status": "investigating"}, headers={"HX-Request": "true"})
    closed = lead.post(address, {"status": "resolved"}, follow=True)

    assert "seen" in seen.content.decode()
    assert "<html" not in seen.content.decode()
    assert anomaly.description not in closed.content.decode()
    assert lead.post(address, {"status": "nonsense"}).status_code == 404


def test_a_figure_follows_the_work_at_once(demo: Team, lead: Client, sprint: str, monkeypatch: pytest.MonkeyPatch):
    before = text_of(lead, sprint)
    monkeypatch.setattr(timezone, "now", lambda: NOW + timedelta(seconds=1))
    issue = Issue.objects.filter(sprint=demo.running, status__category="to_do").first()
    issue.sprint = None
    issue.save()

    assert text_of(lead, sprint) != before


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_a_constant_number_of_questions(demo: Team, lead: Client, page: str):
    page = page.replace("52", number_of(demo))
    first = queries_of(lead, page)
    template = Issue.objects.filter(sprint=demo.running).first()
    for number in range(5):
        IssueFactory(project=demo.project, sprint=demo.running, issue_type=template.issue_type, status=template.status,
                     external_id=f"NEW-{number}", story_points=2)  # fmt: skip
    other = Project.objects.create(key="OTHER", name="Other")
    TeamMemberFactory(project=other, user=demo.lead, role="lead")

    # Fewer where numbers of the past are remembered by now.
    assert queries_of(lead, page) <= first
    assert first <= MOST_QUERIES


def queries_of(client: Client, page: str) -> int:
    """As a new process asks them."""
    memory.forget()
    ModelLoader().clear_cache()
    for kept in (FINISHED_WORK, ISSUE_TEXTS, EFFORT_OUTCOMES, POINTS_OUTCOMES, TERMS):
        kept.clear()
    with CaptureQueriesContext(connection) as asked:
        client.get(page)
    return len(asked)


def test_what_is_remembered_spares_the_simulation(demo: Team, lead: Client, sprint: str):
    whole = queries_of(lead, "/projects/DEMO/")
    with CaptureQueriesContext(connection) as asked:
        lead.get("/projects/DEMO/")

    assert len(asked) < whole


@pytest.mark.parametrize("page", PAGES)
def test_a_page_weighs_little_with_all_that_belongs_to_it(demo: Team, lead: Client, page: str):

    files = sum(Path(finders.find(name)).stat().st_size for name in SHARED_FILES)

    assert len(lead.get(page.replace("52", number_of(demo))).content) + files <= MOST_BYTES


def test_no_worker_is_said_until_one_was_there(demo: Team, lead: Client):
    assert "No worker has been seen" in text_of(lead, "/projects/")
    for queue in (SHORT, LONG, IMPORTS):
        note_worker(queue, NOW)
    assert "No worker has been seen" not in text_of(lead, "/projects/")


def test_an_issue_shows_what_it_waits_for(demo: Team, lead: Client):
    waits, first = (IssueFactory(project=demo.project, title=title) for title in ("Paint the door", "Buy a door"))
    link_issues(first, waits, now=timezone.now())

    assert "Buy a door" in text_of(lead, f"/projects/DEMO/issues/{waits.pk}/")
