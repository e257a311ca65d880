"""`Idempotency-Key`: a request that is sent twice is done once. Over every POST: `tests/test_every_answer.py`."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from apps.access.keys import create_key
from apps.common.api import idempotency
from apps.common.api.idempotency import CLAIMED_FOR, HEADER, KEPT_FOR, REPLAYED, forget_old_answers
from apps.common.models import FirstAnswer
from apps.ml.models import PredictionHistory
from apps.ml.services import prediction_service
from apps.ml.services.effort.answering import answer_effort
from apps.ml.services.predictions.switch import TERMS
from apps.notifications.models import Webhook
from apps.projects import viewsets
from apps.projects.models import Issue, Project, TeamMember
from apps.projects.tests.factories import TeamMemberFactory
from conftest import NOW
from tests.at_once import at_once

pytestmark = pytest.mark.django_db
BUG = {"title": "Change the login", "issue_type": "bug"}


@pytest.fixture(autouse=True)
def clock(monkeypatch) -> list[Any]:
    """Its only element is the time."""
    clock = [NOW]
    monkeypatch.setattr(timezone, "now", lambda: clock[0])
    return clock


@pytest.fixture
def lead() -> TeamMember:
    return TeamMemberFactory(role="lead")


def client_of(member: TeamMember) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(member.user)
    return client


def create(lead: TeamMember, key: str | None = "one", body: Any = BUG, *, client: APIClient | None = None) -> Any:
    address = f"/api/v1/projects/{lead.project.key}/issues/"
    return (client or client_of(lead)).post(address, body, headers={HEADER: key} if key is not None else {})


def predict_effort(lead: TeamMember) -> Any:
    asked = {**BUG, "project_id": lead.project_id}
    return client_of(lead).post("/api/v1/ml/predict-effort/", asked, headers={HEADER: "one"})


def wrapped(monkeypatch: Any, around: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Put something around what creates an issue."""
    monkeypatch.setattr(viewsets.services, "create_issue", around(viewsets.services.create_issue))


def test_the_second_request_is_answered_as_the_first_and_changes_nothing(lead):
    first, second, third = create(lead), create(lead), create(lead, "another")

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content != third.content
    assert second[REPLAYED] == "true"
    assert REPLAYED not in first
    assert Issue.objects.count() == 2


def test_a_body_that_means_the_same_is_the_same(lead):
    first = create(lead)

    again = client_of(lead).post(
        f"/api/v1/projects/{lead.project.key}/issues/",
        '{ "issue_type": "bug",\n "title": "Change the login" }',
        content_type="application/json",
        headers={HEADER: "one"},
    )

    assert again.content == first.content


def test_a_file_that_is_sent_again_is_the_same_however_the_form_is_parted(lead):
    def upload(text: str, name: str = "issues.csv") -> Any:
        file = SimpleUploadedFile(name, text.encode(), content_type="text/csv")
        form = {"project": lead.project.key, "file": file, "dry_run": "true"}
        return client_of(lead).post("/api/v1/imports/", form, format="multipart", headers={HEADER: "one"})

    first, again, other = upload("Title\nA\n"), upload("Title\nA\n"), upload("Title\nB\n")
    assert (first.status_code, other.status_code) == (202, 422)
    assert upload("Title\nA\n", "issues.jsonl").status_code == 422
    assert (again.json()["id"], again["Location"]) == (first.json()["id"], first["Location"])


@pytest.mark.parametrize(("nothing", "kind"), [
    ("--x--", "multipart/form-data; boundary=x"), ("", "application/x-www-form-urlencoded"),
    ("null", "application/json"), ("{}", "text/plain"),
])  # fmt: skip
def test_no_body_is_none_in_whatever_form_where_none_is_taken(lead, nothing, kind):
    address = f"/api/v1/notifications/{lead.project_id}/read/"

    def ask(body: str, content_type: str) -> Any:
        return client_of(lead).generic("POST", address, body, content_type=content_type, headers={HEADER: "one"})

    first, again = ask(nothing, kind), ask("{}", "application/json")

    assert (first.status_code, again.status_code, again.headers.get(REPLAYED)) == (404, 404, "true")


def test_a_key_stands_for_one_request(lead):
    create(lead)

    other_body = create(lead, body={**BUG, "title": "Change the log-out"})
    other_address = client_of(lead).post("/api/v1/projects/", {"key": "NEW", "name": "New"}, headers={HEADER: "one"})

    for answer in (other_body, other_address):
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert Issue.objects.count() == 1


def test_each_person_and_each_api_key_has_keys_of_its_own(lead):
    _, text = create_key(lead.user, name="CI", scopes=["write"], project=None, days=1, now=NOW)
    program = APIClient()
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    colleague = TeamMemberFactory(project=lead.project, role="lead")

    answers = [create(lead), create(colleague), create(lead, client=program)]

    assert all(REPLAYED not in answer for answer in answers)
    assert Issue.objects.count() == 3


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "ümlaut"])
def test_what_is_no_key_is_refused(lead, key):
    answer = create(lead, key)

    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{HEADER}"]


def test_a_refusal_is_an_answer(lead):
    first, again = create(lead, body={"title": ""}), create(lead, body={"title": ""})

    assert (first.status_code, again.content, again[REPLAYED]) == (400, first.content, "true")
    assert again["Content-Type"] == first["Content-Type"] == "application/problem+json"


def test_a_fault_of_ours_is_no_answer_and_leaves_nothing(lead, monkeypatch):
    def failing(make: Callable[..., Any]) -> Callable[..., Any]:
        def make_and_fail(*args: Any, **kwargs: Any) -> None:
            make(*args, **kwargs)
            raise DatabaseError("The disk is full.")

        return make_and_fail

    with monkeypatch.context() as patch:
        wrapped(patch, failing)
        failed = create(lead)
    issues_then = Issue.objects.count()
    again = create(lead)

    assert (failed.status_code, issues_then) == (500, 0)
    assert (again.status_code, REPLAYED in again) == (201, False)


def test_while_the_first_is_worked_on_the_second_is_told_to_wait(lead):
    create(lead)
    FirstAnswer.objects.update(answer=None)

    second = create(lead)

    assert (second.status_code, second.json()["code"]) == (409, "idempotency_key_in_use")
    assert second["Retry-After"] == "1"


def test_the_claim_of_a_process_that_died_is_taken_over(lead, clock):
    create(lead)
    # As SIGKILL leaves it: claimed, and nothing written.
    FirstAnswer.objects.update(answer=None)
    Issue.objects.all().delete()
    clock[0] += CLAIMED_FOR + timedelta(seconds=1)

    answer = create(lead)

    assert (answer.status_code, REPLAYED in answer) == (201, False)
    assert Issue.objects.count() == 1


def test_the_claim_of_a_clock_that_was_ahead_is_taken_over_and_its_answer_holds(lead, clock):
    clock[0] += timedelta(hours=1)
    create(lead, "answered")
    create(lead, "died")
    FirstAnswer.objects.filter(pk=FirstAnswer.objects.latest("claimed_at").pk).update(answer=None)
    clock[0] -= timedelta(hours=1)

    assert [create(lead, key).status_code for key in ("answered", "died")] == [201, 201]
    assert Issue.objects.count() == 3
    assert forget_old_answers(now=clock[0]) == 0


def test_an_answer_of_a_clock_that_was_days_ahead_is_kept_no_longer(lead, clock):
    clock[0] += 3 * KEPT_FOR
    create(lead)
    clock[0] -= 3 * KEPT_FOR

    assert forget_old_answers(now=clock[0]) == 1


def test_who_was_only_slow_takes_back_what_it_wrote(lead, clock, monkeypatch):
    def slow(make: Callable[..., Any]) -> Callable[..., Any]:
        def make_late(*args: Any, **kwargs: Any) -> Any:
            monkeypatch.undo()
            monkeypatch.setattr(timezone, "now", lambda: NOW + CLAIMED_FOR + timedelta(seconds=1))
            overtaking.append(create(lead))
            return make(*args, **kwargs)

        return make_late

    overtaking: list[Any] = []
    wrapped(monkeypatch, slow)

    answer = create(lead)

    assert (overtaking[0].status_code, answer.status_code) == (201, 409)
    # What the other wrote inside our transaction, which a test has only one of, went with it.
    assert Issue.objects.count() == 0


def test_answers_are_kept_for_a_day(lead, clock):
    create(lead)
    clock[0] += KEPT_FOR + timedelta(seconds=1)

    answer = create(lead)

    assert REPLAYED not in answer
    assert Issue.objects.count() == 2


def test_the_clock_removes_old_answers_and_the_oldest_of_a_caller_with_too_many(lead, clock, monkeypatch):
    monkeypatch.setattr(idempotency, "MOST_KEPT", 2)
    create(lead, "yesterday's")
    clock[0] += KEPT_FOR
    for key in ("a", "b", "c"):
        clock[0] += timedelta(seconds=1)
        create(lead, key)
    create(TeamMemberFactory(role="lead"))

    assert forget_old_answers(now=clock[0]) == 2
    assert [REPLAYED in create(lead, key) for key in ("c", "b", "a")] == [True, True, False]
    assert FirstAnswer.objects.exclude(caller=f"user:{lead.user.pk}").count() == 1


def test_an_answer_that_shows_a_secret_is_closed_to_who_reads_the_table(lead):
    answer = client_of(lead).post(
        "/api/v1/auth/keys/", {"name": "CI", "scopes": ["read"]}, headers={HEADER: "my-own-key"}
    )

    assert answer.status_code == 201
    [row] = FirstAnswer.objects.values()
    readable = f"{row} {bytes(row['answer'])!r}"
    assert answer.json()["key"] not in readable
    assert "my-own-key" not in readable


def test_no_password_is_guessed_uncounted_with_a_key(lead, settings, monkeypatch):
    settings.AXES_ENABLED = True
    # Failures are counted by the real clock.
    monkeypatch.undo()

    def guess(number: int) -> int:
        guessed = {"old_password": "wrong", "new_password": "another-long-one"}
        return client_of(lead).post("/api/v1/auth/password/", guessed, headers={HEADER: f"guess-{number}"}).status_code

    statuses = [guess(number) for number in range(settings.AXES_FAILURE_LIMIT + 1)]

    assert statuses[-1] == 429
    # Nor in the table: what is kept of a request is not a digest that whoever reads it can try passwords on.
    assert len(set(FirstAnswer.objects.values_list("question", flat=True))) == statuses.count(400) > 1


def test_what_works_first_leaves_nothing_where_its_answer_is_not_kept(lead, monkeypatch):
    def add() -> Any:
        address = f"/api/v1/projects/{lead.project.key}/webhooks/"
        return client_of(lead).post(address, {"url": "https://93.184.216.34/hook"}, headers={HEADER: "one"})

    def die(*_: Any) -> None:
        raise DatabaseError

    with monkeypatch.context() as dying:
        dying.setattr(idempotency, "_keep", die)
        assert add().status_code >= 500
    assert not Webhook.objects.exists()

    first, second = add(), add()

    assert (first.status_code, second.content) == (201, first.content)
    assert Webhook.objects.count() == 1


def test_without_the_header_no_query_is_added(lead):
    with CaptureQueriesContext(connection) as asked:
        create(lead, None)

    assert len(asked) > 0
    assert not [query for query in asked.captured_queries if FirstAnswer._meta.db_table in query["sql"]]


@pytest.mark.django_db(transaction=True)
def test_a_question_is_worked_out_outside_of_any_transaction(lead, monkeypatch):
    def predict(*args: Any, **kwargs: Any) -> Any:
        in_transactions.append(connection.in_atomic_block)
        return answer_effort(*args, **kwargs)

    in_transactions: list[bool] = []
    monkeypatch.setattr(prediction_service, "answer_effort", predict)

    answer = predict_effort(lead)

    assert (answer.status_code, in_transactions) == (200, [False])
    assert str(PredictionHistory.objects.get().pk) == answer.json()["prediction_id"]


def test_of_a_question_the_answer_and_its_record_are_kept_or_neither(lead, monkeypatch):
    def die(*_: Any) -> None:
        raise DatabaseError

    with monkeypatch.context() as dying:
        dying.setattr(idempotency, "_keep", die)
        assert predict_effort(lead).status_code >= 500
    assert not PredictionHistory.objects.exists()

    assert predict_effort(lead).content == predict_effort(lead).content
    assert PredictionHistory.objects.count() == 1


def test_what_is_switched_off_meanwhile_refuses_a_question_with_a_key(lead, monkeypatch):
    def switch_off(*args: Any, **kwargs: Any) -> Any:
        Project.objects.filter(pk=lead.project_id).update(predictions_enabled=False)
        # Seconds later.
        TERMS.clear()
        return answer_effort(*args, **kwargs)

    monkeypatch.setattr(prediction_service, "answer_effort", switch_off)

    first, second = predict_effort(lead), predict_effort(lead)

    assert (first.status_code, first.json()["code"]) == (409, "predictions_off")
    assert second.content == first.content
    assert not PredictionHistory.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer; the PostgreSQL run has these")
def test_of_two_at_once_one_acts(lead, monkeypatch):
    def meanwhile(make: Callable[..., Any]) -> Callable[..., Any]:
        """While the first is in the middle of it, the second comes."""

        def make_and_be_asked(*args: Any, **kwargs: Any) -> Any:
            made = make(*args, **kwargs)
            with ThreadPoolExecutor(1) as pool:
                second.append(pool.submit(asked_by_another).result(timeout=30))
            return made

        return make_and_be_asked

    def asked_by_another() -> Any:
        try:
            return create(lead)
        finally:
            connections.close_all()

    second: list[Any] = []
    wrapped(monkeypatch, meanwhile)

    first, third = create(lead), create(lead)

    assert (first.status_code, second[0].status_code) == (201, 409)
    assert (third.content, third[REPLAYED]) == (first.content, "true")
    assert Issue.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer; the PostgreSQL run has these")
@pytest.mark.parametrize("attempt", range(3))
def test_however_two_race_there_is_one_issue(lead, attempt):
    answers = at_once(lambda: create(lead), lambda: create(lead))

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert Issue.objects.count() == 1
