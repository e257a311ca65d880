"""The backlog tells of each open issue what the API tells, in a constant number of queries."""

import csv
import io
import re
from collections.abc import Iterator
from html import unescape
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.common.charts.numbers import number
from apps.dashboard import memory
from apps.dashboard.tests.conftest import Team
from apps.ml.models import PredictionHistory
from apps.ml.services import RecommendationService
from apps.ml.services.model_loader import ModelLoader
from apps.ml.services.models.memory import memory_stats
from apps.ml.services.predictions.switch import TERMS
from apps.ml.services.similar.finished_work import FINISHED_WORK
from apps.ml.services.similar.issue_texts import ISSUE_TEXTS
from apps.projects.links.services import link_issues
from apps.projects.models import Issue, WorkflowStatus
from apps.projects.tests.factories import IssueFactory, ProjectFactory
from conftest import NOW

pytestmark = pytest.mark.django_db
BACKLOG = "/projects/DEMO/backlog/"
MOST_BYTES = 120_000


def open_issues(demo: Team) -> Any:
    ended = (WorkflowStatus.Category.DONE, WorkflowStatus.Category.DROPPED)
    return Issue.objects.filter(project=demo.project).exclude(status__category__in=ended)


def text_of(client: Client, address: str, **query: object) -> str:
    answer = client.get(address, query)
    assert answer.status_code == 200, address
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).replace("\xa0", " ").split())


def rows_of(client: Client, **query: object) -> list[dict[str, str]]:
    content = client.get("/projects/DEMO/backlog.csv", query).content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(content)))


@pytest.fixture
def issue(demo: Team) -> Issue:
    found: Issue = open_issues(demo).order_by("external_id").first()
    return found


#: Of the API's answer, the column of the file, and how the page writes it.
FIGURES = [
    ("predict-effort", "predicted_hours", "predicted_hours", "{} h"),
    ("predict-effort", "confidence", "hours_confidence", None),
    ("recommend-story-points", "recommended_points", "recommended_points", "{} points"),
    ("recommend-story-points", "confidence", "points_confidence", None),
]


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure[2])
def test_page_api_and_file_tell_one_figure(
    demo: Team, lead: Client, issue: Issue, figure: tuple[str, str, str, str | None]
):
    endpoint, field, column, written = figure
    api = APIClient()
    api.force_authenticate(demo.lead)
    asked = {"project_id": str(demo.project.id), "issue_id": str(issue.id)}

    told = api.post(f"/api/v1/ml/{endpoint}/", asked).json()[field]

    [row] = rows_of(lead, q=issue.external_id)
    assert float(row[column]) == told
    if written:
        assert written.format(number(told)) in text_of(lead, f"{BACKLOG}{issue.id}/")


def test_the_list_shows_the_figures_of_the_reasons(demo: Team, lead: Client, issue: Issue):
    [row] = rows_of(lead, q=issue.external_id)

    listed = text_of(lead, BACKLOG, q=issue.external_id)

    low, typical, high = (number(float(row[name])) for name in ("hours_low", "predicted_hours", "hours_high"))
    assert f"{typical} {low}–{high} h" in listed


@pytest.fixture(autouse=True)
def _new_process() -> Iterator[None]:
    """What one test added is rolled back, and is not to be remembered."""
    _forget()
    yield
    _forget()


def _forget() -> None:
    FINISHED_WORK.clear()
    ISSUE_TEXTS.clear()
    TERMS.clear()
    ModelLoader().clear_cache()
    memory.forget()


def queries_of_a_new_process(client: Client) -> int:
    """Of the list, with nothing in memory."""
    _forget()
    with CaptureQueriesContext(connection) as found:
        client.get(BACKLOG)
    return len(found)


@pytest.mark.usefixtures("standing_clocks")
def test_a_list_of_any_length_costs_the_same_queries(demo: Team, lead: Client):
    open_issues(demo).exclude(id__in=open_issues(demo).values("id")[:3]).delete()
    lead.get(BACKLOG)
    few = queries_of_a_new_process(lead)
    IssueFactory.create_batch(30, project=demo.project)

    assert queries_of_a_new_process(lead) == few


def test_the_people_of_a_list_are_those_suggested_for_each_issue(demo: Team):
    issues = list(open_issues(demo).select_related("issue_type", "status").order_by("id")[:12])
    service = RecommendationService()

    listed = service.likely_people(issues, demo.project.id, 3, now=NOW)

    for issue in issues:
        asked = service.suggest_assignment(issue.id, demo.project.id, 3, now=NOW)["suggestions"]
        assert [str(person.id) for person in listed[issue.pk]] == [each["user_id"] for each in asked]


def test_the_page_is_light(demo: Team, lead: Client):
    assert len(lead.get(BACKLOG).content) < MOST_BYTES


def test_lists_are_searched_narrowed_and_ordered(demo: Team, lead: Client):
    IssueFactory(project=demo.project, title="Zebra crossing", story_points=None, external_id="DEMO-9001", source="csv")
    pointed = IssueFactory(project=demo.project, title="Zebra stripes", story_points=99.0)

    assert {row["title"] for row in rows_of(lead, q="zebra")} == {"Zebra crossing", "Zebra stripes"}
    assert {row["title"] for row in rows_of(lead, q="demo-9001")} == {"Zebra crossing"}
    assert {row["title"] for row in rows_of(lead, q="zebra", lacking="points")} == {"Zebra crossing"}
    assert rows_of(lead, order="points")[0]["title"] == pointed.title
    assert "No open issue fits." in text_of(lead, BACKLOG, q="no such words")


@pytest.mark.parametrize("order", ["hours", "unsure"])
def test_a_list_is_ordered_by_what_is_predicted_on_the_page_as_in_the_file(demo: Team, lead: Client, order: str):
    def key(row: dict[str, str]) -> float:
        low, high = float(row["hours_low"]), float(row["hours_high"])
        return float(row["predicted_hours"]) if order == "hours" else high / low

    rows = rows_of(lead, order=order)

    # Figures of the file are rounded, so that neighbours may be a hair apart.
    assert all(key(earlier) >= 0.95 * key(later) for earlier, later in pairwise(rows))
    assert key(rows[0]) > key(rows[-1])
    page = text_of(lead, BACKLOG, order=order)
    shown = [page.index(f"{row['key']} {row['title']}") for row in rows[:5]]
    assert shown == sorted(shown)


def test_a_list_is_cut_into_pages(demo: Team, lead: Client):
    for count in range(26):
        IssueFactory(project=demo.project, title=f"Xylophone {count}")

    first, second = (text_of(lead, BACKLOG, q="xylophone", page=page) for page in (1, 2))

    assert first.count("Xylophone") == 25
    assert second.count("Xylophone") == 1
    assert "Page 2 of 2" in second


def test_no_cell_of_a_file_is_a_formula(demo: Team, lead: Client):
    IssueFactory(project=demo.project, title='=HYPERLINK("http://evil")')

    assert [row["title"] for row in rows_of(lead, q="HYPERLINK")] == ['\'=HYPERLINK("http://evil")']


def test_what_is_typed_is_estimated_compared_and_not_stored(demo: Team, lead: Client, issue: Issue):
    asked = PredictionHistory.objects.count()

    told = text_of(lead, f"{BACKLOG}estimate/", title=issue.title)

    assert re.search(r"[\d.]+ points .* [\d.]+ h", told)
    assert issue.external_id in told.split("Is it one of these?")[1]
    assert PredictionHistory.objects.count() == asked


def test_too_short_a_title_is_not_estimated(demo: Team, lead: Client):
    assert "nothing is stored" in text_of(lead, f"{BACKLOG}estimate/", title="abc")


def test_the_reasons_add_up_name_what_is_like_it_and_who_could_do_it(demo: Team, lead: Client, issue: Issue):
    told = text_of(lead, f"{BACKLOG}{issue.id}/")

    assert "Finished issues most like it" in told
    assert "Who could do it" in told
    kinds = PredictionHistory.objects.filter(issue=issue).values_list("prediction_type", flat=True)
    assert set(kinds) == {"effort_prediction", "story_points", "task_assignment"}


def test_an_issue_that_is_finished_or_of_others_has_no_reasons(demo: Team, lead: Client):
    done = IssueFactory(project=demo.project, completed=True)

    assert lead.get(f"{BACKLOG}{done.id}/").status_code == 404
    assert lead.get(f"{BACKLOG}{IssueFactory().id}/").status_code == 404


def test_inside_the_list_the_reasons_come_without_a_frame(demo: Team, lead: Client, issue: Issue):
    part = lead.get(f"{BACKLOG}{issue.id}/", HTTP_HX_REQUEST="true").content.decode()

    assert "<html" not in part
    assert "<svg" in part


def test_what_an_issue_waits_for_stands_beside_it_and_on_its_page(demo: Team, lead: Client, issue: Issue):
    blocker = open_issues(demo).exclude(pk=issue.pk).order_by("external_id").last()
    hidden = IssueFactory(project=ProjectFactory(key="HIDDEN"), external_id="HIDDEN-1")
    for each in (blocker, hidden):
        link_issues(each, issue, now=NOW)

    page = text_of(lead, f"/projects/DEMO/issues/{issue.external_id}/")
    listed = text_of(lead, BACKLOG, q=issue.external_id)

    assert f"Blocked by {blocker.external_id} {blocker.title}"[:60] in page
    assert f"blocked by {blocker.external_id}" in listed
    assert f"Blocks {issue.external_id}" in text_of(lead, f"/projects/DEMO/issues/{blocker.external_id}/")
    assert "HIDDEN-1" not in page + listed


def test_what_is_typed_into_an_address_stays_in_no_memory(demo: Team, lead: Client) -> None:
    """It may be a name, and erasures reach no memory's keys."""
    for name in ("component", "type", "q", "lacking", "order"):
        assert lead.get(BACKLOG, {name: "Annabel Smithson"}).status_code == 200

    kept = repr(memory_stats()["cached_keys"])
    assert "backlog" in kept
    assert "Annabel" not in kept
