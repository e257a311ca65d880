"""However heavy a question is, one person cannot make others wait: through endpoints, pages and tools."""

import threading

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.access.keys import create_key
from apps.accounts.log_ins import access_token
from apps.accounts.scopes import Scope
from apps.common.api import busy
from apps.common.api.busy import turns_of
from apps.common.texts import searching
from apps.common.turns import Piece
from apps.ml.core.forecasts.forecaster import WorkForecaster
from apps.ml.services import heavy
from apps.ml.tests.forecasts.teams import a_running_sprint, a_team
from apps.projects.links.services import link_issues
from apps.projects.tests.factories import IssueFactory, TeamMemberFactory
from tests.at_once import at_once

pytestmark = pytest.mark.django_db
PATIENCE_SECONDS = 60.0
PART = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _heavy(monkeypatch):
    """Any link is many, in a process of four threads that nobody has asked anything."""
    monkeypatch.setattr(heavy, "HEAVY_LINKS", 0)
    monkeypatch.setattr(busy, "TURNS", turns_of(4))


@pytest.fixture
def lead():
    """Of a project with a sprint whose issues wait for each other."""
    now = timezone.now()
    member = TeamMemberFactory(project=a_team(now), role="lead")
    one, two = a_running_sprint(member.project, now, n=2).issues.all()
    link_issues(one, two, now=now)
    return member


def client_of(user) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access_token(user, now=timezone.now())}")
    return client


def browser_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def hold_places_of(user) -> Piece:
    """As questions do that are worked out: the tests' own transaction waits for none of them."""
    return busy.TURNS.take(str(user.pk))


def forecast(client, project):
    return client.post(f"/api/v1/ml/projects/{project.pk}/forecast/", {})


def test_a_second_heavy_question_is_refused_with_a_problem_that_says_what_to_do(lead):
    held = hold_places_of(lead.user)

    answer = forecast(client_of(lead.user), lead.project)

    assert (answer.status_code, answer["Content-Type"], answer["Retry-After"]) == (429, "application/problem+json", "3")
    assert answer.json()["code"] == "too_many_at_once"
    assert "Ask one after the other" in answer.json()["detail"]
    busy.TURNS.give_back(held)
    assert forecast(client_of(lead.user), lead.project).status_code == 200
    assert not busy.TURNS.line.there


def test_one_after_the_other_all_are_answered(lead):
    sprint, client = lead.project.sprints.get(status="active"), client_of(lead.user)

    answers = [
        forecast(client, lead.project),
        client.post(f"/api/v1/ml/sprints/{sprint.pk}/what-if/", {"extra_days": 2}),
        client.get(f"/api/v1/ml/{sprint.pk}/sprint-risk/"),
        client.get(f"/api/v1/ml/projects/{lead.project.pk}/parts/?by=component"),
        forecast(client, lead.project),
    ]

    assert {answer.status_code for answer in answers} == {200}
    assert not busy.TURNS.line.there


def test_keys_log_ins_and_sessions_of_a_person_are_one_asker(lead):
    _, secret = create_key(lead.user, name="script", scopes=[Scope.PREDICT], project=None, days=1, now=timezone.now())
    with_key = APIClient()
    with_key.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    hold_places_of(lead.user)

    assert forecast(with_key, lead.project).status_code == 429
    assert browser_of(lead.user).get(f"/projects/{lead.project.key}/").status_code == 429
    other = TeamMemberFactory(project=lead.project).user
    assert forecast(client_of(other), lead.project).status_code == 200


def test_places_of_all_are_taken_for_a_moment(lead):
    for person in ("ann", "bea"):
        busy.TURNS.take(person)

    answer = forecast(client_of(lead.user), lead.project)

    assert (answer.status_code, answer["Retry-After"], answer.json()["code"]) == (503, "3", "busy")


def test_a_tool_says_the_same(lead):
    hold_places_of(lead.user)
    call = {"name": "forecast_project", "arguments": {"project": lead.project.key}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}

    answer = client_of(lead.user).post("/mcp", message, headers={"Accept": "application/json"}).json()

    assert answer["result"]["isError"]
    assert "Ask one after the other" in str(answer["result"])


@pytest.mark.parametrize(
    ("language", "sentence", "again"),
    [
        ("en", "Try again in a few seconds.", "Try again"),
        ("de", "Versuchen Sie es in einigen Sekunden erneut.", "Erneut versuchen"),
        ("es", "Inténtelo de nuevo en unos segundos.", "Intentar de nuevo"),
    ],
)
def test_a_page_says_it_in_a_sentence_with_a_link(lead, language, sentence, again):
    hold_places_of(lead.user)
    address = f"/projects/{lead.project.key}/moved/"

    page = browser_of(lead.user).get(address, headers={"Accept-Language": language})
    part = browser_of(lead.user).get(address, headers={"Accept-Language": language, **PART})

    assert (page.status_code, page["Retry-After"]) == (429, "3")
    assert sentence in page.content.decode()
    assert f'<a class="btn" href="{address}">{again}</a>' in page.content.decode()
    # Inside an open page it asks again by itself, in the place of the figure.
    told = part.content.decode()
    assert (part.status_code, "<html" in told) == (429, False)
    assert f'hx-get="{address}" hx-trigger="load delay:3s" hx-swap="outerHTML"' in told
    assert f'<a href="{address}">{again}</a>' in told


def test_who_logs_in_while_too_many_do_sees_a_page(client, monkeypatch):
    from apps.accounts.hashers import TooManyLogIns

    def too_many(*_, **__):
        raise TooManyLogIns

    monkeypatch.setattr("django.contrib.auth.hashers.MD5PasswordHasher.encode", too_many)

    answer = client.post("/login/", {"username": "nobody@example.com", "password": "a password"})

    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert "Try again in a few seconds." in answer.content.decode()


def test_what_is_light_asks_for_no_turn(lead, monkeypatch):
    monkeypatch.setattr(heavy, "HEAVY_LINKS", 50)
    hold_places_of(lead.user)
    client, browser = client_of(lead.user), browser_of(lead.user)

    assert client.get(f"/api/v1/projects/{lead.project.pk}/issues/").status_code == 200
    assert forecast(client, lead.project).status_code == 200
    assert {browser.get(f"/projects/{lead.project.key}/{page}").status_code for page in ("", "backlog/", "moved/")} == {
        200
    }


def test_texts_that_are_indexed_anew_for_a_team_without_a_model_are_heavy_too(lead, monkeypatch):
    asked = {"project_id": str(lead.project_id), "title": "Change the login", "issue_type": "bug"}
    client = client_of(lead.user)
    monkeypatch.setattr(heavy, "HEAVY_TEXTS", 1)
    held = hold_places_of(lead.user)

    assert client.post("/api/v1/ml/predict-effort/", asked).status_code == 429
    busy.TURNS.give_back(held)
    assert client.post("/api/v1/ml/predict-effort/", asked).status_code == 200
    # It is there now: what is asked next is light.
    hold_places_of(lead.user)
    assert client.post("/api/v1/ml/predict-effort/", asked).status_code == 200


@pytest.mark.parametrize(
    ("name", "address"),
    [("HEAVY_ISSUES", "parts/"), ("HEAVY_ISSUES", "backlog.csv"), ("HEAVY_ISSUES", "moved/"), ("HEAVY_DAYS", "flow/")],
)
def test_many_issues_and_many_days_are_heavy_too(lead, monkeypatch, name, address):
    IssueFactory(project=lead.project)
    monkeypatch.setattr(heavy, "HEAVY_LINKS", 50)
    monkeypatch.setattr(heavy, name, 1)
    hold_places_of(lead.user)

    assert browser_of(lead.user).get(f"/projects/{lead.project.key}/{address}").status_code == 429


@pytest.mark.django_db(transaction=True)
def test_a_question_with_a_key_waits_for_its_turn_like_any_other(lead, monkeypatch):
    def give_back_when_somebody_waits():
        with busy.TURNS._changed:
            assert busy.TURNS._changed.wait_for(lambda: len(busy.TURNS.line.there) > 1, PATIENCE_SECONDS)
        busy.TURNS.give_back(held)

    monkeypatch.setattr(busy, "PATIENCE_SECONDS", PATIENCE_SECONDS)
    held = hold_places_of(lead.user)
    other = threading.Thread(target=give_back_when_somebody_waits)
    other.start()

    client = client_of(lead.user)
    answers = [
        client.post(f"/api/v1/ml/projects/{lead.project.pk}/forecast/", {}, headers={"Idempotency-Key": "one"})
        for _ in range(2)
    ]

    other.join(PATIENCE_SECONDS)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert not busy.TURNS.line.there


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite's tests have one connection; PostgreSQL has these")
def test_many_heavy_questions_of_one_at_once_keep_nobody_waiting(lead, monkeypatch):
    """The first stays at work until everybody else was answered."""
    at_work, may_go, ask = threading.Event(), threading.Event(), WorkForecaster.ask
    other = TeamMemberFactory(project=lead.project).user

    def slowly(self, *args, **how):
        if threading.current_thread().name == "first":
            at_work.set()
            assert may_go.wait(PATIENCE_SECONDS)
        return ask(self, *args, **how)

    monkeypatch.setattr(WorkForecaster, "ask", slowly)
    monkeypatch.setattr(busy, "PATIENCE_SECONDS", 0.0)
    first_answer = []
    first = threading.Thread(
        target=lambda: first_answer.extend(
            at_once(lambda: _named("first", lambda: forecast(client_of(lead.user), lead.project).status_code))
        )
    )
    first.start()
    assert at_work.wait(PATIENCE_SECONDS)

    own = at_once(*[lambda: forecast(client_of(lead.user), lead.project) for _ in range(6)])
    others = at_once(
        lambda: forecast(client_of(other), lead.project),
        lambda: client_of(other).get(f"/api/v1/projects/{lead.project.pk}/issues/"),
    )
    may_go.set()
    first.join(PATIENCE_SECONDS)

    assert {answer.status_code for answer in own} == {429}
    assert {answer.status_code for answer in others} == {200}
    assert first_answer == [200]
    assert not busy.TURNS.line.there


def _named(name, act):
    threading.current_thread().name = name
    return act()


def test_a_search_that_reads_much_waits_for_its_turn(lead, monkeypatch):
    ways = [
        lambda: client_of(lead.user).get(f"/api/v1/projects/{lead.project.pk}/issues/", {"search": "a needle"}),
        lambda: browser_of(lead.user).get(f"/projects/{lead.project.key}/backlog/", {"q": "a needle"}),
        lambda: browser_of(lead.user).get(f"/projects/{lead.project.key}/settings/", {"q": "a needle"}),
    ]
    held = hold_places_of(lead.user)
    assert [ask().status_code for ask in ways] == [200] * len(ways)
    monkeypatch.setattr(searching, "HEAVY_LETTERS", 0)

    assert [ask().status_code for ask in ways] == [429] * len(ways)

    busy.TURNS.give_back(held)
    assert [ask().status_code for ask in ways] == [200] * len(ways)
